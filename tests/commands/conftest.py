"""A review room: a house, its fake Slack, and people known there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from alerts.interactions import parse_payload
from alerts.slack import SlackClient
from commands.console import console_context
from commands.slack_room import SlackRoom
from storage import cases, people
from storage.models import CaseRow
from storage.people import Role
from tests.alerts.fake_slack import FakeSlack
from tests.conftest import open_copy
from tests.fakes_runtime import BRAND, Article, FakeChannel, House, StillClock, make_brand
from workers.cards import refresh
from workers.collect import start_due

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from alerts.blocks import ActionId


@dataclass
class Room:
    """A house, its Slack, and a specialist of the brand known there as U1."""

    house: House
    slack: FakeSlack
    room: SlackRoom

    def write(self, *texts: str) -> None:
        """Let customers write, and let the house work until their cards stand in Slack."""
        house = self.house
        known = len(house.channel.articles)
        for number, text in enumerate(texts, start=known + 1):
            house.channel.articles.append(
                Article(str(number), text, house.clock() - timedelta(minutes=1))
            )
        house.clock.advance(minutes=2)
        start_due(house.runtime)
        house.run_on(timedelta(minutes=2))

    def messages(self) -> list[dict[str, Any]]:
        """Give what stands in the review room."""
        return self.slack.posted("CREVIEW")

    def click(self, ts: str, action: ActionId, user: str = "U1") -> None:
        """Press a button and let the room work."""
        self.room.handle(parse_payload(self.slack.click(ts, action, user)))

    def refresh(self) -> int:
        """Let the cards follow their cases once; gives how many were updated."""
        return refresh(self.house.runtime)

    def state(self) -> list[tuple[str, str]]:
        """Give each case's state and who decided it."""
        with self.house.database.reading() as connection:
            ids = connection.execute(CaseRow.__table__.select()).all()
            return [
                (row.state, (cases.last_decision(connection, row.id) or {}).get("decided_by", ""))
                for row in ids
            ]


@pytest.fixture
def room(sqlite_template: Path, tmp_path: Path) -> Iterator[Room]:
    clock = StillClock()
    database = open_copy(sqlite_template, tmp_path / "room.db")
    with FakeSlack(clock=lambda: clock().timestamp()) as slack:
        brand = make_brand(tmp_path, undo_window=timedelta(minutes=2))
        (tmp_path / "manual").mkdir()
        house = House(database, clock, FakeChannel(clock), brand=brand)
        house.runtime.slack = SlackClient(slack.bot_token, slack.api_url)
        with database.unit_of_work() as connection:
            for login, slack_user, role, brands in (
                ("kim", "U1", Role.SPECIALIST, (BRAND,)),
                ("lee", "U2", Role.SPECIALIST, ("otherbrand",)),
                ("park", "U3", Role.BRAND_VIEWER, (BRAND,)),
            ):
                people.add(
                    connection,
                    login=login,
                    name=login,
                    role=role,
                    now=clock(),
                    brands=brands,
                    slack_user=slack_user,
                )
        context = console_context(house.runtime, is_demo=False)
        yield Room(house, slack, SlackRoom(house.runtime, context))
        house.close()
        database.close()
