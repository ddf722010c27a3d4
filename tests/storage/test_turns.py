"""One message at a time to a destination, however many want to speak."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, select

from domain.states import AlertState
from storage import alerts, outbox, turns
from storage.models import OutboxRow
from tests.storage.rows import LEASE, NOW
from tests.storage.test_alerts import add, all_jobs, notice

if TYPE_CHECKING:
    from datetime import datetime

    from storage.alerts import AlertJob
    from storage.session import Database
    from storage.turns import Turn

SECOND = timedelta(seconds=1)


def take(database: Database, job: AlertJob, *, now: datetime = NOW) -> Turn | None:
    with database.unit_of_work() as connection:
        return turns.take(connection, job, now=now, lease_until=now + LEASE)


def give_back(
    database: Database,
    turn: Turn,
    *,
    now: datetime = NOW,
    free_at: datetime = NOW + SECOND,
    failed: bool = False,
) -> None:
    """Settle a post as the worker does."""
    with database.unit_of_work() as connection:
        turns.give_back(
            connection, turn.job.destination, turn.token, now=now, free_at=free_at, failed=failed
        )
        alerts.settle(
            connection,
            turn.job,
            turn.token,
            AlertState.SENDING,
            AlertState.QUEUED if failed else AlertState.SENT,
            now=now,
            why="test",
            retry_at=free_at if failed else None,
        )


def forget_messages(database: Database) -> None:
    with database.unit_of_work() as connection:
        connection.execute(delete(OutboxRow))


def messages(database: Database) -> list[tuple[str, int, timedelta]]:
    """Give what is asked for: the actor, the alert, and after how long."""
    with database.reading() as connection:
        rows = connection.execute(select(OutboxRow.__table__).order_by(OutboxRow.id))
        return [(row.actor, row.args[0], row.available_at - NOW) for row in rows]


def test_a_turn_is_one_persons_until_it_is_given_back(database: Database) -> None:
    add(database, notice("a"), notice("b"))
    one, other = all_jobs(database)
    turn = take(database, one)
    assert turn is not None
    forget_messages(database)

    assert take(database, other, now=NOW + 60 * SECOND) is None
    assert messages(database) == []

    give_back(database, turn)
    assert messages(database) == [("alert.send", other.id, SECOND)]
    assert take(database, other) is None
    following = take(database, other, now=NOW + SECOND)
    assert following is not None
    assert following.job.id == other.id


def test_the_next_message_is_asked_for_once(database: Database) -> None:
    add(database, notice("a"))
    turn = take(database, all_jobs(database)[0])
    assert turn is not None
    give_back(database, turn)
    add(database, *[notice(key) for key in "bcd"])
    forget_messages(database)

    waiting = all_jobs(database)[1:]
    for job in waiting * 2:
        assert take(database, job) is None
    assert messages(database) == [("alert.send", waiting[0].id, SECOND)]


@pytest.mark.parametrize("urgent", [False, True])
def test_a_message_that_comes_before_its_time_is_asked_for_again(
    database: Database, *, urgent: bool
) -> None:
    add(database, notice("a", urgent=True), notice("b", urgent=urgent))
    one, other = all_jobs(database)
    turn = take(database, one)
    assert turn is not None
    forget_messages(database)
    give_back(database, turn)
    asked = messages(database)
    assert len(asked) == 1

    # Whoever handed it over has a clock that runs ahead of ours.
    early = NOW + 0.9 * SECOND

    def hand_over(_actor: str, _args: list[Any]) -> None:
        if not database.is_sqlite:
            # It comes before who handed it over has forgotten it.
            assert take(database, other, now=early) is None

    with database.unit_of_work() as connection:
        assert outbox.relay(connection, hand_over, now=NOW + SECOND) == 1
    if database.is_sqlite:
        assert take(database, other, now=early) is None
    assert messages(database) == asked
    assert take(database, other, now=early) is None
    assert messages(database) == asked


def test_what_is_urgent_overtakes_by_its_own_message(database: Database) -> None:
    add(database, notice("a"), notice("b"))
    one, normal = all_jobs(database)
    turn = take(database, one)
    assert turn is not None
    give_back(database, turn)
    add(database, notice("c", urgent=True), notice("d", urgent=True))
    urgent, later = all_jobs(database)[2:]
    forget_messages(database)

    assert take(database, urgent) is None
    assert take(database, later) is None
    assert messages(database) == [("alert.send_urgent", urgent.id, SECOND)]

    told = []
    for second in range(1, 4):
        turn = take(database, normal, now=NOW + second * SECOND)
        assert turn is not None
        told.append(turn.job.id)
        give_back(database, turn, free_at=NOW + (second + 1) * SECOND)
    assert told == [urgent.id, later.id, normal.id]


def test_destinations_do_not_wait_for_each_other(database: Database) -> None:
    add(database, notice("a"), notice("b", destination="OTHER"))
    assert all(take(database, job) for job in all_jobs(database))


def test_a_dead_holder_is_replaced_when_its_lease_ends(database: Database) -> None:
    add(database, notice("a"), notice("b"))
    one, other = all_jobs(database)
    dead = take(database, one)
    assert dead is not None
    following = take(database, other, now=NOW + LEASE)
    assert following is not None
    # Coming back, the dead one frees nothing.
    give_back(database, dead, now=NOW + LEASE)
    add(database, notice("c"))
    assert take(database, all_jobs(database)[2], now=NOW + LEASE + SECOND) is None


def test_failures_are_counted_until_one_arrives(database: Database) -> None:
    add(database, notice("a"))
    (job,) = all_jobs(database)
    counted = []
    for second in range(3):
        turn = take(database, job, now=NOW + second * SECOND)
        assert turn is not None
        counted.append(turn.failures)
        give_back(
            database,
            turn,
            now=NOW + second * SECOND,
            free_at=NOW + (second + 1) * SECOND,
            failed=second < 2,
        )
    add(database, notice("b"))
    turn = take(database, all_jobs(database)[1], now=NOW + 3 * SECOND)
    assert turn is not None
    assert [*counted, turn.failures] == [0, 1, 2, 0]


def test_of_many_at_once_one_gets_the_turn(database: Database) -> None:
    add(database, *[notice(key, urgent=key in "ace") for key in "abcdef"])
    barrier = threading.Barrier(6)
    taken: list[Turn | None] = []

    def want(job: AlertJob) -> None:
        barrier.wait(timeout=30)
        taken.append(take(database, job))

    threads = [threading.Thread(target=want, args=(job,)) for job in all_jobs(database)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    (turn,) = [turn for turn in taken if turn is not None]
    assert turn.job.dedupe_key == "a"


def test_calls_of_a_method_share_one_pace(database: Database) -> None:
    pace = turns.Pace("chat.update", SECOND, 5 * SECOND)

    def allow(calls: int, after: timedelta = timedelta(0)) -> int:
        with database.unit_of_work() as connection:
            return turns.allow(connection, pace, calls, now=NOW + after)

    assert [allow(3), allow(3), allow(3)] == [3, 2, 0]
    assert allow(3, after=SECOND) == 1
    with database.unit_of_work() as connection:
        turns.pause(connection, pace, now=NOW, until=NOW + 60 * SECOND)
    assert allow(3, after=59 * SECOND) == 0
    assert allow(3, after=60 * SECOND) == 1
    assert allow(9, after=90 * SECOND) == 5


PACE = turns.Pace("conversations.history", 3 * SECOND, 9 * SECOND)


def begin(
    database: Database, calls: int = 1, *, after: timedelta = timedelta(0)
) -> turns.Calls | None:
    now = NOW + after
    with database.unit_of_work() as connection:
        return turns.begin(connection, PACE, calls, now=now, lease_until=now + LEASE)


def end(
    database: Database,
    calls: turns.Calls,
    *,
    after: timedelta = timedelta(0),
    until: timedelta | None = None,
) -> None:
    with database.unit_of_work() as connection:
        turns.end(
            connection,
            PACE,
            calls,
            now=NOW + after,
            until=None if until is None else NOW + until,
        )


def test_calls_of_a_method_are_one_workers_until_they_end(database: Database) -> None:
    calls = begin(database, 2)
    assert calls is not None
    assert calls.number == 2
    assert begin(database, after=LEASE - SECOND) is None

    # They count from their end: so many may have been made just then.
    end(database, calls, after=20 * SECOND)
    following = begin(database, 3, after=20 * SECOND)
    assert following is not None
    assert following.number == 1
    end(database, following, after=20 * SECOND)
    assert begin(database, after=22 * SECOND) is None
    assert begin(database, after=23 * SECOND) is not None


def test_a_wait_is_known_before_the_next_call(database: Database) -> None:
    calls = begin(database)
    assert calls is not None
    end(database, calls, after=SECOND, until=31 * SECOND)
    assert begin(database, after=30 * SECOND) is None
    following = begin(database, 3, after=31 * SECOND)
    assert following is not None
    assert following.number == 1


def test_a_dead_callers_method_is_free_when_its_lease_ends(database: Database) -> None:
    dead = begin(database)
    assert dead is not None
    following = begin(database, 3, after=LEASE)
    assert following is not None
    assert following.number == 1
    # Coming back, the dead one frees nothing.
    end(database, dead, after=LEASE)
    assert begin(database, after=LEASE + 9 * SECOND) is None


def test_of_many_at_once_one_makes_its_calls(database: Database) -> None:
    barrier = threading.Barrier(6)
    begun: list[turns.Calls | None] = []

    def want() -> None:
        barrier.wait(timeout=30)
        begun.append(begin(database))

    threads = [threading.Thread(target=want) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(begun) == 6
    assert sum(calls is not None for calls in begun) == 1


def test_nobody_waiting_asks_for_nothing(database: Database) -> None:
    add(database, notice("a"))
    turn = take(database, all_jobs(database)[0])
    assert turn is not None
    forget_messages(database)
    give_back(database, turn)
    with database.reading() as connection:
        assert outbox.size(connection) == 0
