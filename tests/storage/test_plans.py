"""What is asked again and again must not read all that was ever stored.

SQLite is asked for its plans: nothing gives it statistics, so they are the same over no rows at
all as over millions.
"""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.event import listen

from domain.brands import Brand
from domain.types import FeedbackKind
from storage import (
    alerts,
    cases,
    feedback,
    health,
    overview,
    owners,
    people,
    proposals,
    publications,
    queue_pages,
)
from storage.queue_pages import QueueFilter
from storage.session import Database
from tests.storage.rows import BRAND, NOW, masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from storage.session import Connection

_READS_ALL = re.compile(r"SCAN (alerts|cases(_1)?|feedback|proposals|publications)\b")
TWO_STEPS = Brand(BRAND, "새벽나무", Path(), two_step_approval=True)


@pytest.fixture
def unasked(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'copy.db')}")
    yield database
    database.close()


def assign(connection: Connection) -> object:
    people.add(
        connection,
        login="kim",
        name="김담당",
        role=people.Role.SPECIALIST,
        now=NOW,
        sees_all_brands=True,
    )
    return owners.assign(connection, range(1, 129), now=NOW)


@pytest.mark.parametrize(
    ("ask", "wanted"),
    [
        pytest.param(
            lambda connection: feedback.find_known(
                connection, 1, [masked("n1"), masked("n2", kind=FeedbackKind.INQUIRY)]
            ),
            ["SEARCH feedback .* (account_id=? AND kind=? AND native_id=?)"],
            id="known items, for each page",
        ),
        pytest.param(
            assign,
            ["SEARCH cases USING INTEGER PRIMARY KEY (rowid=?)"],
            id="owners, for each page that was read",
        ),
        pytest.param(
            lambda connection: alerts.running_burst(
                connection, BRAND, "CREVIEW", "burst", since=NOW
            ),
            [
                "SEARCH alerts USING INTEGER PRIMARY KEY (rowid=?)",
                "SEARCH alerts_1 USING INDEX ix_alerts_brand_made_at (brand=? AND made_at>?)",
            ],
            id="a running thread, for each page of drafts",
        ),
        pytest.param(
            lambda connection: alerts.waiting_cards(
                connection, BRAND, "CBRAND", "brand_asked", until=NOW
            ),
            ["USING INDEX ix_alerts_queued (destination=?)"],
            id="what waits for an opening, for each request at night",
        ),
        pytest.param(
            lambda connection: publications.take_lost(connection, now=NOW, queued_before=NOW),
            ["USING INDEX ix_publications_unfinished (state=? AND queued_at<?)"],
            id="lost replies, every five seconds",
        ),
        pytest.param(
            lambda connection: publications.expired_sendings(connection, now=NOW),
            ["USING INDEX ix_publications_unfinished (state=?)"],
            id="replies whose sender died, every five seconds",
        ),
        pytest.param(
            lambda connection: alerts.take_lost(
                connection, now=NOW, queued_before=NOW, has_slack=True, has_mail=True
            ),
            ["USING INDEX ix_alerts_unfinished (state=? AND queued_at<?)"],
            id="lost alerts, every five seconds",
        ),
        pytest.param(
            lambda connection: alerts.expired_sendings(connection, now=NOW),
            ["USING INDEX ix_alerts_unfinished (state=?)"],
            id="alerts whose sender died, every five seconds",
        ),
        pytest.param(
            lambda connection: alerts.outdated_cards(connection, "case_card", now=NOW, limit=4),
            ["USING INDEX ix_alerts_living (rule=?)"],
            id="outdated cards, every five seconds",
        ),
        pytest.param(
            lambda connection: alerts.outdated_bursts(
                connection, "burst", over_since=NOW, now=NOW, limit=4
            ),
            ["USING INDEX ix_alerts_living (rule=?)"],
            id="outdated threads, every five seconds",
        ),
        pytest.param(
            lambda connection: cases.take_due(connection, BRAND, "overdue", before=NOW),
            ["SEARCH cases USING INDEX ix_cases_brand_state (brand=? AND state=?)"],
            id="deadlines, every minute",
        ),
        pytest.param(
            lambda connection: cases.to_decide(connection, limit=50),
            ["SEARCH cases USING INDEX ix_cases_urgent (state=?)"],
            id="drafts that all are approved, for each fifty",
        ),
        pytest.param(
            lambda connection: queue_pages.queue(
                connection, QueueFilter(frozenset({BRAND, "other"}), view="asked")
            ),
            [
                "SEARCH cases USING INTEGER PRIMARY KEY (rowid=?)",
                "SEARCH cases_1 USING COVERING INDEX ix_cases_asked (brand=?)",
            ],
            id="the console's requests",
        ),
        pytest.param(
            lambda connection: queue_pages.queue(
                connection, QueueFilter(frozenset({BRAND, "other"}))
            ),
            [
                "SEARCH cases USING INDEX ix_cases_urgent (state=?)",
                "SEARCH cases_1 USING COVERING INDEX ix_cases_asked (brand=?)",
            ],
            id="the console's queue",
        ),
        pytest.param(
            lambda connection: overview.count(connection, {BRAND, "other"}),
            ["SEARCH cases_1 USING COVERING INDEX ix_cases_asked (brand=?)"],
            id="what the console counts on each page",
        ),
        pytest.param(
            lambda connection: [
                proposals.waiting_for(connection, TWO_STEPS, limit=20),
                proposals.count_waiting(connection, [TWO_STEPS]),
            ],
            [
                "SEARCH cases USING INDEX ix_cases_asked (brand=?)",
                "SEARCH cases_1 USING COVERING INDEX ix_cases_asked (brand=?)",
                "SEARCH proposals USING INTEGER PRIMARY KEY (rowid=?)",
            ],
            id="what waits for a brand",
        ),
        pytest.param(
            lambda connection: overview.alerts(connection, {BRAND, "other"}),
            [
                "SEARCH alerts USING COVERING INDEX ix_alerts_brand_made_at (brand=?)",
                "SEARCH alerts USING INTEGER PRIMARY KEY (rowid=?)",
            ],
            id="the console's alerts",
        ),
        pytest.param(
            lambda connection: overview.brand_week(connection, BRAND, now=NOW),
            ["SEARCH publications .* ix_publications_published_at (published_at>?)"],
            id="the console's page of a brand",
        ),
        pytest.param(
            lambda connection: health.count_period(
                connection, BRAND, since=NOW - timedelta(days=7), now=NOW
            ),
            [
                "ix_feedback_brand_written_at (brand=? AND written_at>?)",
                "SEARCH publications .* ix_publications_published_at (published_at>?)",
            ],
            id="digests",
        ),
        pytest.param(
            lambda connection: overview.stats(connection, {BRAND, "other"}, weeks=12, now=NOW),
            [
                "SEARCH feedback USING COVERING INDEX ix_feedback_brand_written_at",
                "SEARCH cases USING COVERING INDEX ix_cases_feedback_state (feedback_id=?)",
            ],
            id="the console's statistics",
        ),
    ],
)
def test_it_is_found_by_an_index(
    unasked: Database, ask: Callable[[Connection], object], wanted: list[str]
) -> None:
    asked: list[tuple[str, Any]] = []
    with unasked.unit_of_work() as connection:
        listen(connection, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
        ask(connection)
        plan = [
            row.detail
            for words, parameters in list(asked)
            if words.startswith(("SELECT", "UPDATE"))
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", parameters)
        ]
    assert [step for step in plan if _READS_ALL.match(step)] == []
    for index in wanted:
        pattern = re.escape(index).replace(r"\.\*", ".*")
        assert [step for step in plan if re.search(pattern, step)], plan
