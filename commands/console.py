"""Wiring the console: what it may use, and nothing of the workers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from commands.slack_room import SlackRoom, build_router
from console.app import create_app
from console.context import ConsoleContext, OidcProvider
from console.security import refuse_open_host
from privacy.masking import find
from storage import accounts, people
from workers.draft import rules_of, tell_asked
from workers.runtime import is_holiday, two_steps

if TYPE_CHECKING:
    from fastapi import FastAPI

    from settings import Settings
    from workers.runtime import Runtime


def console_context(runtime: Runtime, *, is_demo: bool) -> ConsoleContext:
    """Give the console's tools from this process's."""
    return ConsoleContext(
        database=runtime.database,
        brands=runtime.brands,
        clock=runtime.clock,
        tell_asked=partial(tell_asked, runtime),
        # Looked up at every call: the daemon sets it when its relay starts.
        poke=lambda: runtime.poke(),  # noqa: PLW0108 - see above
        find_personal_data=find,
        is_demo=is_demo,
        has_slack=runtime.slack is not None,
        publish_enabled=runtime.settings.publish_enabled,
        console_url=runtime.console_url,
        rules_of=partial(rules_of, runtime),
        is_holiday=is_holiday,
        seal=runtime.sealer.seal,
        unseal=runtime.sealer.open,
        oidc=_oidc(runtime.settings),
    )


def _oidc(settings: Settings) -> OidcProvider | None:
    if not settings.oidc_issuer:
        return None
    return OidcProvider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        label=settings.oidc_label,
    )


def build_console(runtime: Runtime, *, is_demo: bool) -> FastAPI:
    """Make the web application on this process's tools, with Slack's route where it is set up.

    Raises:
        ConfigurationError: The console would listen beyond this machine without sign-in.
    """
    with runtime.database.unit_of_work() as connection:
        has_sign_in = people.any_exist(connection)
        accounts.require_two_steps(connection, two_steps(runtime))
    refuse_open_host(runtime.settings.console_host, has_sign_in=has_sign_in)
    context = console_context(runtime, is_demo=is_demo)
    secret = runtime.settings.slack_signing_secret.get_secret_value()
    if runtime.slack is None or not secret:
        return create_app(context)
    room = SlackRoom(runtime, context)
    return create_app(context, routers=[build_router(room, runtime, secret)])
