"""Wiring the console: what it may use, and nothing of the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.app import ConsoleContext, create_app

from privacy.masking import find

if TYPE_CHECKING:
    from fastapi import FastAPI

    from workers.runtime import Runtime


def build_console(runtime: Runtime, *, is_demo: bool) -> FastAPI:
    """Make the web application on this process's tools."""
    return create_app(
        ConsoleContext(
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
        )
    )
