"""Wiring the console: what it may use, and nothing of the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.slack_room import SlackRoom, build_router
from console.app import create_app
from console.context import ConsoleContext
from privacy.masking import find
from workers.draft import rules_of
from workers.runtime import is_holiday

if TYPE_CHECKING:
    from fastapi import FastAPI

    from workers.runtime import Runtime


def console_context(runtime: Runtime, *, is_demo: bool) -> ConsoleContext:
    """Give the console's tools from this process's."""
    return ConsoleContext(
        database=runtime.database,
        brands=runtime.brands,
        clock=runtime.clock,
        # Looked up at every call: the daemon sets it when its relay starts.
        poke=lambda: runtime.poke(),  # noqa: PLW0108 - see above
        find_personal_data=find,
        is_demo=is_demo,
        has_slack=runtime.slack is not None,
        publish_enabled=runtime.settings.publish_enabled,
        console_url=runtime.console_url,
        rules_of=rules_of,
        is_holiday=is_holiday,
        seal=runtime.sealer.seal,
        unseal=runtime.sealer.open,
    )


def build_console(runtime: Runtime, *, is_demo: bool) -> FastAPI:
    """Make the web application on this process's tools, with Slack's route where it is set up."""
    context = console_context(runtime, is_demo=is_demo)
    secret = runtime.settings.slack_signing_secret.get_secret_value()
    if runtime.slack is None or not secret:
        return create_app(context)
    room = SlackRoom(runtime, context)
    return create_app(context, routers=[build_router(room, runtime, secret)])
