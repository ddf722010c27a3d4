"""Slack's wish to wait reaches every worker before its next call of that method leaves.

Another worker acts at the worst instant: when a call is allowed and its request has not left. It
is played by the same process, for what two workers share is the database.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from alerts.slack import SlackClient
from commands.daemon import take_up
from storage import accounts, turns
from storage.models import AlertRow
from tests.alerts.fake_slack import LOST_ANSWER, FakeSlack, limited, says
from tests.fakes_runtime import Article
from workers import alert
from workers.alert import READS
from workers.cards import UPDATES, refresh
from workers.collect import start_due

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes_runtime import FakeChannel, House, StillClock

ASKED_TO_WAIT = timedelta(seconds=40)


@pytest.fixture
def web(house: House, clock: StillClock) -> Iterator[FakeSlack]:
    """Give the Slack that the house talks to, over real HTTP."""
    with FakeSlack(clock=lambda: clock().timestamp()) as fake:
        house.runtime.slack = SlackClient(fake.bot_token, fake.api_url)
        yield fake


def write(house: House, channel: FakeChannel, *texts: str) -> None:
    """Let customers write, and the house tell it as far as Slack lets it."""
    channel.articles[:] = [
        Article(str(number), text, house.clock()) for number, text in enumerate(texts)
    ]
    house.clock.advance(seconds=1)
    start_due(house.runtime)
    house.run_on(timedelta(seconds=len(texts)))


def before_it_leaves(
    house: House, monkeypatch: pytest.MonkeyPatch, method: str, meanwhile: Callable[[], object]
) -> None:
    """Let the other worker act once, before the request of the next call leaves."""
    slack = house.runtime.slack
    call, waiting = getattr(slack, method), [meanwhile]

    def late(*args: object) -> object:
        while waiting:
            waiting.pop()()
        return call(*args)

    monkeypatch.setattr(slack, method, late)


def test_the_history_is_read_one_look_at_a_time(
    house: House, web: FakeSlack, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.script("chat.postMessage", LOST_ANSWER, LOST_ANSWER)
    write(house, channel, "벌레가 나왔어요")
    with house.database.reading() as connection:
        lost = list(
            connection.execute(select(AlertRow.id).where(AlertRow.state == "uncertain")).scalars()
        )
    assert len(lost) == 2
    house.clock.advance(minutes=1)
    web.script("conversations.history", limited(f"{ASKED_TO_WAIT.seconds}"))

    def look() -> None:
        alert.send(house.runtime, lost[1])
        # Slack's wait begins with its answer, however long the request was on its way.
        house.clock.advance(seconds=5)

    before_it_leaves(house, monkeypatch, "find_posted", look)
    alert.send(house.runtime, lost[0])
    house.clock.now += ASKED_TO_WAIT - timedelta(seconds=1)
    for alert_id in lost:
        alert.send(house.runtime, alert_id)
    assert web.calls.count("conversations.history") == 1

    house.run_on()
    assert [message["channel"] for message in web.messages] == ["CREVIEW", "CBRAND"]
    with house.database.reading() as connection:
        assert set(connection.execute(select(AlertRow.state)).scalars()) == {"sent"}
    assert web.refusals == []


def test_a_daemon_that_died_in_a_call_holds_up_nobody_after_its_start(
    house: House, web: FakeSlack, channel: FakeChannel
) -> None:
    write(house, channel, "별로예요")
    house.approve_all()
    with house.database.unit_of_work() as connection:
        now = house.clock()
        for pace in (READS, UPDATES):
            turns.begin(
                connection, pace, 1, now=now, lease_until=now + house.runtime.settings.lease
            )
    house.clock.advance(seconds=1)
    assert refresh(house.runtime) == 0
    take_up(house.runtime)
    assert refresh(house.runtime) == 1
    with house.database.unit_of_work() as connection:
        assert turns.allow(connection, READS, 1, now=house.clock()) == 1
    assert web.refusals == []


def test_messages_are_updated_by_one_scheduler_at_a_time(
    house: House, web: FakeSlack, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(house, channel, "별로예요", "또 별로예요")
    house.approve_all()
    web.script("chat.update", limited(f"{ASKED_TO_WAIT.seconds}"))
    before_it_leaves(house, monkeypatch, "update", lambda: refresh(house.runtime))

    assert refresh(house.runtime) == 0
    house.clock.now += ASKED_TO_WAIT - timedelta(seconds=1)
    assert refresh(house.runtime) == 0
    assert web.calls.count("chat.update") == 1

    house.clock.advance(seconds=1)
    assert refresh(house.runtime) == 1
    house.clock.advance(seconds=2)
    assert refresh(house.runtime) == 1
    assert web.refusals == []


def test_cards_follow_their_cases_once_a_refused_token_is_mended(
    house: House, web: FakeSlack, channel: FakeChannel
) -> None:
    write(house, channel, "별로예요")
    house.approve_all()
    web.script("chat.update", says("token_revoked"))
    assert refresh(house.runtime) == 0

    house.clock.now += house.runtime.settings.lease
    assert refresh(house.runtime) == 1
    assert "승인" in str(web.messages[0]["blocks"])


@pytest.mark.parametrize("code", ["access_denied", "ekm_access_denied", "no_permission"])
def test_a_room_that_may_not_be_used_holds_up_no_other(
    house: House, web: FakeSlack, channel: FakeChannel, code: str
) -> None:
    web.script("chat.postMessage", says(code))
    write(house, channel, "벌레가 나왔어요")
    house.run_on(timedelta(seconds=0.5))
    with house.database.reading() as connection:
        found = connection.execute(select(AlertRow.destination, AlertRow.state))
        states = {row.state: row.destination for row in found}
        (incident,) = accounts.open_incidents(connection)
    assert states.keys() == {"queued", "sent"}
    assert incident["subject"] == f"slack:{states['queued']}"
    assert code in incident["message"]
    assert [message["channel"] for message in web.messages] == [states["sent"]]
    house.run_on(timedelta(minutes=1))
    assert {message["channel"] for message in web.messages} == {"CREVIEW", "CBRAND"}
    with house.database.reading() as connection:
        assert accounts.open_incidents(connection) == []


def test_a_card_that_closes_while_its_case_opens_again_follows_it(
    house: House, web: FakeSlack, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(house, channel, "별로예요")
    known = list(channel.articles)

    def read() -> None:
        house.clock.advance(minutes=2)
        start_due(house.runtime)
        house.run()

    def come_back() -> None:
        channel.articles[:] = known
        read()

    channel.articles.clear()
    read()
    before_it_leaves(house, monkeypatch, "update", come_back)
    refresh(house.runtime)
    assert "고객이 글을 지웠습니다" in str(web.messages[0]["blocks"])

    house.clock.advance(minutes=5)
    refresh(house.runtime)
    assert "고객이 글을 지웠습니다" not in str(web.messages[0]["blocks"])
