"""What attackers find: a console with two brands, over ASGI and on a real port, and a Slack room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.console import console_context
from commands.slack_room import SlackRoom, build_router
from console.app import create_app
from tests.commands.conftest import room
from tests.console.conftest import address, browser, desk, shelf

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.commands.conftest import Room

__all__ = ["address", "browser", "desk", "mounted", "room", "shelf"]


@pytest.fixture
def mounted(room: Room) -> FastAPI:
    """Give the console with Slack's signed route, as ``pyeongpan console`` mounts it."""
    context = console_context(room.house.runtime, is_demo=False)
    router = build_router(
        SlackRoom(room.house.runtime, context), room.house.runtime, room.slack.signing_secret
    )
    return create_app(context, routers=[router])
