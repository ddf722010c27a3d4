"""The real in-memory broker with its real worker threads, and what a restart takes up."""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from commands.daemon import take_up
from domain.messages import Message
from domain.states import CaseState, FeedbackState
from storage import analyses, outbox
from storage.models import AlertRow, CaseRow, DraftRow, FeedbackRow, PublicationRow
from storage.session import DatabaseError
from tests.backlog import add_backlog
from tests.fakes_runtime import Article, make_brand
from workers import actors, analyze, collect
from workers import sweep as sweeps
from workers.draft import draft
from workers.relay import RelayThread
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from responders.drafting import DraftInput
    from tests.fakes_runtime import FakeChannel, House, RecordingSlack, StillClock

BACKLOG = 10_000


@pytest.fixture
def backend() -> str:
    """Embedded means SQLite."""
    return "sqlite"


@pytest.fixture
def threads(make_house: Callable[..., House]) -> House:
    """Give a process with the embedded engine's threads."""
    return make_house(threaded=True)


def count(house: House, table: Any, *where: Any) -> int:  # noqa: ANN401 - mapped classes
    with house.database.reading() as connection:
        return connection.execute(
            select(func.count()).select_from(table).where(*where)
        ).scalar_one()


def test_threads_bring_many_reviews_the_whole_way_once(
    threads: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.page_size = 25
    channel.articles[:] = [
        Article(f"n{number}", f"별로 {number}", clock() - timedelta(minutes=1))
        for number in range(60)
    ]
    collect.start_due(threads.runtime)
    threads.run()
    sent = threads.approve_all()
    assert len(sent) == 60
    threads.run()
    assert sorted(channel.sent) == sorted(article.native_id for article in channel.articles)
    assert count(threads, PublicationRow, PublicationRow.state == "published") == 60


def test_repeated_messages_do_everything_once(
    threads: House, channel: FakeChannel, slack: RecordingSlack
) -> None:
    """Every message of the way is delivered five times at once."""
    send = threads.broker.enqueue

    def repeat(message: Any, *, delay: int | None = None) -> Any:  # noqa: ANN401 - dramatiq's
        for _ in range(4):
            send(message.copy(message_id=f"{message.message_id}-copy"), delay=delay)
        return send(message, delay=delay)

    threads.broker.enqueue = repeat  # type: ignore[method-assign]
    collect.start_due(threads.runtime)
    threads.run()
    threads.approve_all()
    threads.run_on()
    assert channel.sent == ["n1"]
    assert len(slack.posts) == 1
    assert (count(threads, CaseRow), count(threads, DraftRow)) == (1, 1)


def test_a_defect_is_retried_by_the_broker(threads: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for actor in threads.broker.actors.values():
        actor.options["min_backoff"] = 1
        actor.options["max_backoff"] = 1
    threads.classifier.troubles.append(ZeroDivisionError("a defect"))
    collect.start_due(threads.runtime)
    threads.run()
    threads.clock.now += threads.runtime.settings.lease
    # The retry finds the rows still leased; the sweep gives them to somebody else.
    assert count(threads, FeedbackRow, FeedbackRow.state == "collected") == 1
    threads.clock.advance(minutes=1)
    sweep(threads.runtime)
    threads.run()
    assert count(threads, CaseRow, CaseRow.state == "drafted") == 1


def test_a_lost_database_is_told_in_one_line(
    threads: House, caplog: pytest.LogCaptureFixture
) -> None:
    threads.classifier.troubles.append(DatabaseError("SELECT", {}, OSError("gone\nTry again")))
    collect.start_due(threads.runtime)
    with capture_logs() as events:
        threads.run()
    told = [event for event in events if event["event"] == "database_lost"]
    assert [(event["step"], event["error"]) for event in told] == [("feedback.analyze", "gone")]
    assert not any(record.exc_info for record in caplog.records)


def test_a_safety_complaint_overtakes_ten_thousand_normal_cases(
    threads: House, channel: FakeChannel, slack: RecordingSlack
) -> None:
    """Order, not time: it needs no thread that the backlog has, not one of whose drafts ends."""
    with threads.database.unit_of_work() as connection:
        add_backlog(connection, "saebyeok", BACKLOG, now=threads.clock())
    channel.articles[0].text = complaint = "뚜껑에서 벌레 나옴"
    stuck, reached, told, released = (threading.Event() for _ in range(4))

    def hold(case: DraftInput) -> None:
        if case.text == complaint:
            reached.set()
        else:
            stuck.set()
            released.wait(timeout=90)

    def note(_alert_id: str) -> None:
        if len(slack.posts) == 2:
            told.set()

    threads.drafter.before = hold
    slack.on_post = note
    relay = RelayThread(threads.runtime)
    threads.runtime.poke = relay.poke
    relay.start()
    try:
        assert stuck.wait(timeout=60)
        collect.start_due(threads.runtime)
        assert reached.wait(timeout=60)
        assert told.wait(timeout=60)
        assert set(threads.drafter.drafted) <= {complaint}
    finally:
        released.set()
        relay.stop()
    assert {destination for destination, _ in slack.posts} == {"CREVIEW", "CBRAND"}


def test_a_restart_takes_everything_up(
    make_house: Callable[..., House], channel: FakeChannel, tmp_path: Path
) -> None:
    """Rows in every unfinished state, and a broker that has forgotten all messages."""
    first = make_house()
    channel.articles[:] = [
        Article(name, "별로예요", first.clock()) for name in ("sent", "drafted", "collected")
    ]
    first.clock.advance(seconds=1)
    collect.collect(first.runtime, first.account_id())
    ids = sorted_ids(first, FeedbackRow)
    analyze.analyze(first.runtime, ids[:2])
    cases = sorted_ids(first, CaseRow)
    draft(first.runtime, cases[:1])
    first.approve_all()
    with first.database.unit_of_work() as connection:
        # Handed to the broker, which then died with everything in it.
        outbox.relay(connection, lambda *_: None, now=first.clock() + timedelta(days=1))
        assert outbox.size(connection) == 0
    # One row was even being worked on.
    with first.database.unit_of_work() as connection:
        until = first.clock() + timedelta(hours=1)
        analyses.claim(connection, ids[2:], now=first.clock(), until=until)
    first.close()
    second = make_house(brand=make_brand(tmp_path))
    take_up(second.runtime)
    second.run_on()
    second.approve_all()
    second.run_on()
    assert sorted(channel.sent) == ["collected", "drafted", "sent"]
    assert count(second, PublicationRow, PublicationRow.state == "published") == 3
    assert count(second, AlertRow, AlertRow.state == "sent") == 3


def test_a_restart_takes_up_more_rows_than_a_sweep_may(
    make_house: Callable[..., House], channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house()
    channel.articles[:] = [Article(f"n{number}", "별로예요", house.clock()) for number in range(10)]
    house.clock.advance(seconds=1)
    collect.collect(house.runtime, house.account_id())
    analyze.analyze(house.runtime, sorted_ids(house, FeedbackRow)[:5])
    with house.database.unit_of_work() as connection:
        outbox.relay(connection, lambda *_: None, now=house.clock() + timedelta(days=1))
    monkeypatch.setattr(sweeps, "LIMIT", 2)
    # Rounds are told apart by time, which stands still in other tests.
    house.runtime.clock = lambda: house.clock.advance(microseconds=1)
    take_up(house.runtime)
    house.run()
    assert count(house, FeedbackRow, FeedbackRow.state == FeedbackState.COLLECTED) == 0
    assert count(house, CaseRow, CaseRow.state == CaseState.DRAFTED) == 10


def sorted_ids(house: House, table: Any) -> list[int]:  # noqa: ANN401 - a mapped class
    with house.database.reading() as connection:
        return sorted(connection.execute(select(table.id)).scalars())


def test_urgent_work_has_a_queue_of_its_own_and_goes_first() -> None:
    by_queue: dict[str, set[int]] = {}
    for spec in actors.ACTORS:
        by_queue.setdefault(spec.queue, set()).add(spec.priority)
    ranks = [by_queue.pop(name) for name in ("pyeongpan.urgent", "pyeongpan.urgent_alert")]
    ranks.append({priority for queue in by_queue.values() for priority in queue})
    assert all(max(first) < min(second) for first, second in pairwise(ranks))


def test_every_message_has_exactly_one_actor() -> None:
    assert sorted(spec.message for spec in actors.ACTORS) == sorted(Message)
