"""What a digest counts."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from storage import health, overview
from storage.models import CaseRow, FeedbackRow, PublicationRow
from tests.storage.rows import (
    BRAND,
    NOW,
    add_account,
    analyze,
    approve,
    drafted_case,
    finish,
    masked,
    start_run,
    store,
)

if TYPE_CHECKING:
    from datetime import datetime

    from storage.session import Database

DAY = timedelta(days=1)


def collect(
    database: Database, account_id: int, at: datetime, *written: tuple[str, datetime]
) -> None:
    run = start_run(database, account_id, at)
    items = [masked(text, text, written_at=written_at) for text, written_at in written]
    page = store(database, run, items, at)
    finish(database, run, at)
    analyze(database, [*page.fresh, *page.backlog], at)


def period(database: Database, since: datetime, now: datetime) -> tuple[int, int, int]:
    with database.reading() as connection:
        counts = health.count_period(connection, BRAND, since=since, now=now)
    return counts["collected"], counts["negative"], counts["negative_before"]


def test_what_is_collected_after_the_digest_of_its_day_is_in_the_next_one(
    database: Database,
) -> None:
    account_id = add_account(database)
    # A first collection: what is old in it counts when it was written.
    collect(database, account_id, NOW, ("나빠요 1", NOW - 9 * DAY), ("나빠요 2", NOW - 300 * DAY))
    assert period(database, NOW - 7 * DAY, NOW) == (0, 0, 1)
    digests = [NOW + number * DAY for number in range(4)]
    # The export of a day is dropped in an hour after the next one's digest.
    collect(database, account_id, digests[1] + DAY / 24, ("별로예요 3", digests[1] - DAY / 2))
    found = [period(database, since, until) for since, until in pairwise(digests[1:])]
    assert found == [(1, 1, 0), (0, 0, 1)]


def test_a_period_names_what_grew_and_what_fell(database: Database) -> None:
    account_id = add_account(database)
    collect(database, account_id, NOW - 14 * DAY)
    texts = [f"별로예요 {number}" for number in range(5)]
    for text, days in zip(texts, (10, 10, 3, 2, 1), strict=True):
        collect(database, account_id, NOW - days * DAY, (text, NOW - days * DAY))
    with database.unit_of_work() as connection:
        for text, name in zip(texts, ("quality", "price", "price", "price", None), strict=True):
            row = FeedbackRow.native_id == text
            connection.execute(update(FeedbackRow).where(row).values(category=name))
        counts = health.count_period(connection, BRAND, since=NOW - 7 * DAY, now=NOW)
    # Together they are the negative ones.
    assert counts["categories"] == [("price", 2, 1), ("other", 1, 0), ("quality", 0, 1)]
    assert (counts["negative"], counts["negative_before"]) == (3, 2)


def test_replies_are_counted_with_their_wait_and_approved_cases_are_open(
    database: Database,
) -> None:
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        connection.execute(update(CaseRow).values(due_at=NOW + timedelta(hours=4)))
    approve(database, case_id)
    late = NOW + timedelta(hours=5)
    with database.unit_of_work() as connection:
        # Approved and not on its channel: as late for the customer as one that nobody read.
        assert health.open_cases(connection, BRAND, now=late) == (1, 1)
        connection.execute(
            update(PublicationRow).values(state="published", published_at=NOW + timedelta(hours=2))
        )
        found = health.replies(connection, BRAND, since=NOW)
        week = overview.brand_week(connection, BRAND, now=late)
        written_at = connection.execute(select(FeedbackRow.written_at)).scalar_one()
    assert (found.answered, found.in_time) == (1, 1)
    assert found.typical == NOW + timedelta(hours=2) - written_at == timedelta(hours=3)
    assert week.replies == found
