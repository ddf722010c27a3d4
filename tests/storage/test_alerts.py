from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from domain.states import AlertState
from storage import alerts, outbox, overview
from storage.alerts import AlertJob, NewAlert
from storage.models import AlertRow
from tests.storage.rows import LEASE, NOW, drafted_case, row_of

if TYPE_CHECKING:
    from storage.session import Database

SECOND = timedelta(seconds=1)


def notice(key: str, **changes: Any) -> NewAlert:  # noqa: ANN401 - the dataclass's fields
    values: dict[str, Any] = {
        "dedupe_key": key,
        "rule": "case_card",
        "brand": "saebyeok",
        "destination": "CREVIEW",
        "payload": {"case_id": 1},
    }
    return NewAlert(**{**values, **changes})


def add(database: Database, *notices: NewAlert, is_told: bool = True) -> int:
    with database.unit_of_work() as connection:
        return alerts.add(connection, notices, now=NOW, is_told=is_told)


def all_jobs(database: Database) -> list[AlertJob]:
    with database.reading() as connection:
        ids = connection.execute(select(AlertRow.id).order_by(AlertRow.id)).scalars()
        found = [alerts.load(connection, alert_id) for alert_id in list(ids)]
    return [job for job in found if job is not None]


def test_one_key_is_one_alert(database: Database) -> None:
    assert add(database, notice("a"), notice("a")) == 1
    assert add(database, notice("a", destination="OTHER")) == 0
    assert add(database, notice("b"), notice("a")) == 1
    assert len(all_jobs(database)) == 2


def test_the_console_shows_the_newest_of_the_brands_seen(database: Database) -> None:
    for number, brand in enumerate(("saebyeok", "other", "hidden", "saebyeok", "other")):
        with database.unit_of_work() as connection:
            made = notice(f"a{number}", brand=brand, payload={"case_id": number})
            alerts.add(connection, [made], now=NOW + number * SECOND, is_told=True)
    with database.reading() as connection:
        shown = overview.alerts(connection, {"saebyeok", "other", "none"}, limit=3)
        assert [row["payload"]["case_id"] for row in shown] == [4, 3, 1]
        assert overview.alerts(connection, set()) == []


def test_many_threads_make_one_alert(database: Database) -> None:
    barrier = threading.Barrier(6)
    made: list[int] = []

    def tell() -> None:
        barrier.wait(timeout=30)
        made.append(add(database, notice("a")))

    threads = [threading.Thread(target=tell) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(made) == [0, 0, 0, 0, 0, 1]


def test_batches_with_the_same_notices_do_not_wait_for_each_other(
    postgres_database: Database,
) -> None:
    digests = [notice(f"digest {number:04}") for number in range(3000)]
    barrier = threading.Barrier(2)
    made: list[int] = []

    def tell(*notices: NewAlert) -> None:
        barrier.wait(timeout=30)
        made.append(add(postgres_database, *notices, is_told=False))

    threads = [threading.Thread(target=tell, args=each) for each in (digests, digests[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(made) == [0, 3000]


def test_cards_are_told_in_the_order_they_were_made(database: Database) -> None:
    drafted_case(database)
    feedback_id = row_of(database).id
    cards = [notice(key, feedback_id=feedback_id) for key in "cba"]
    add(database, notice("digest"), *cards)
    assert [job.dedupe_key for job in all_jobs(database)] == ["c", "b", "a", "digest"]


def test_without_a_token_or_a_destination_it_is_shown(database: Database) -> None:
    add(database, notice("a"), is_told=False)
    add(database, notice("b", destination=""))
    add(database, notice("c"))
    assert [job.state for job in all_jobs(database)] == ["shown", "shown", "queued"]


def test_sending_begins_once_and_not_before_its_time(database: Database) -> None:
    add(database, notice("a", available_at=NOW + SECOND))
    (job,) = all_jobs(database)
    with database.unit_of_work() as connection:
        args: dict[str, Any] = {"lease_until": NOW + LEASE}
        assert not alerts.begin_sending(connection, job, now=NOW, **args)
        assert alerts.begin_sending(connection, job, now=NOW + SECOND, **args)
        assert not alerts.begin_sending(connection, job, now=NOW + SECOND, **args)


def test_sending_does_not_begin_in_a_room_that_the_alert_left_meanwhile(database: Database) -> None:
    add(database, notice("a"))
    (job,) = all_jobs(database)
    with database.unit_of_work() as connection:
        connection.exec_driver_sql("UPDATE alerts SET destination = 'CNEW'")
        assert not alerts.begin_sending(connection, job, now=NOW, lease_until=NOW + LEASE)
    (job,) = all_jobs(database)
    assert begin(database, job)


def begin(database: Database, job: AlertJob) -> str:
    with database.unit_of_work() as connection:
        token = alerts.begin_sending(connection, job, now=NOW, lease_until=NOW + LEASE)
    assert token is not None
    return token


def test_an_outcome_without_the_lease_is_not_written(database: Database) -> None:
    add(database, notice("a"))
    (job,) = all_jobs(database)
    token = begin(database, job)
    with database.unit_of_work() as connection:
        args: Any = (AlertState.SENDING, AlertState.SENT)
        assert not alerts.settle(connection, job, "stolen", *args, now=NOW, why="x")
        assert alerts.settle(connection, job, token, *args, now=NOW, why="x", receipt="1.0")
    assert all_jobs(database)[0].state is AlertState.SENT


def test_who_lost_the_lease_asks_for_no_further_look(database: Database) -> None:
    add(database, notice("a"))
    (job,) = all_jobs(database)
    with database.unit_of_work() as connection:
        before = outbox.size(connection)
        alerts.keep_waiting(connection, job, "stolen", check_at=NOW)
        assert outbox.size(connection) == before


def test_a_mail_is_nothing_that_stands_in_slack(database: Database) -> None:
    case_id = drafted_case(database)
    feedback_id = row_of(database).id
    for to in ("CBRAND", "mailto:owner@example.com"):
        add(database, notice(to, destination=to, rule="brand_safety", feedback_id=feedback_id))
    with database.unit_of_work() as connection:
        connection.exec_driver_sql("UPDATE alerts SET state = 'sent', is_final = TRUE")
        alerts.note_read(connection, case_id, "brand_safety", by="owner", now=NOW)
        alerts.wake(connection, [feedback_id])
        in_slack, _ = [job.id for job in all_jobs(database)]
        outdated = alerts.outdated_cards(connection, "brand_safety", now=NOW, limit=9)
    assert outdated == [in_slack]


def test_dead_senders_are_found_by_their_lease(database: Database) -> None:
    add(database, notice("a"))
    (job,) = all_jobs(database)
    token = begin(database, job)
    with database.reading() as connection:
        assert alerts.expired_sendings(connection, now=NOW) == []
        assert alerts.expired_sendings(connection, now=NOW + LEASE) == [(job.id, token)]


def test_lost_alerts_are_found_after_their_time(database: Database) -> None:
    add(database, notice("a"), notice("b", urgent=True, available_at=NOW + LEASE))
    one, _ = all_jobs(database)
    with database.unit_of_work() as connection:
        lost = alerts.take_lost(
            connection, now=NOW + SECOND, queued_before=NOW, has_slack=True, has_mail=True
        )
        again = alerts.take_lost(
            connection, now=NOW + SECOND, queued_before=NOW, has_slack=True, has_mail=True
        )
    assert (lost, again) == ([(one.id, False)], [])
