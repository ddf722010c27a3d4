"""The numbers an operator asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, case, func, select

from domain.states import OPEN_CASE_STATES, CaseState
from storage.accounts import IS_BEHIND
from storage.models import (
    AccountRow,
    CaseRow,
    DraftRow,
    FeedbackRow,
    OutboxRow,
    PublicationRow,
    QuarantineRow,
)

if TYPE_CHECKING:
    from datetime import datetime


def clock_of(connection: Connection) -> datetime:
    """Tell what time PostgreSQL's machine has."""
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def totals(connection: Connection) -> dict[str, int]:
    """Count what the pipeline holds, for the demo's summary and the benchmarks."""
    feedback = connection.execute(
        select(
            func.count(FeedbackRow.id),
            func.count(FeedbackRow.id).filter(FeedbackRow.state == "collected"),
            func.count(FeedbackRow.id).filter(FeedbackRow.sentiment == "negative"),
            func.count(FeedbackRow.id).filter(
                FeedbackRow.kind == "inquiry",
                FeedbackRow.sentiment.is_distinct_from("negative"),
            ),
        )
    ).one()
    by_state = select(CaseRow.state, func.count(CaseRow.id)).group_by(CaseRow.state)
    cases = {row[0]: row[1] for row in connection.execute(by_state)}
    by_state = select(PublicationRow.state, func.count(PublicationRow.id)).group_by(
        PublicationRow.state
    )
    publications = {row[0]: row[1] for row in connection.execute(by_state)}
    verified = connection.execute(
        select(func.count(PublicationRow.id)).where(PublicationRow.verified_at.is_not(None))
    ).scalar_one()
    counted = {
        "collected": feedback[0],
        "unread": feedback[1],
        "negative": feedback[2],
        "inquiries": feedback[3],
        "cases": sum(cases.values()),
        "drafts": connection.execute(
            select(func.count(func.distinct(DraftRow.case_id)))
        ).scalar_one(),
        "undrafted": cases.get("opened", 0),
        "undecided": cases.get("drafted", 0),
        "approved_open": cases.get("approved", 0),
        "answered": cases.get("answered", 0),
        "published": publications.get("published", 0),
        "verified": verified,
        "outbox": connection.execute(select(func.count(OutboxRow.id))).scalar_one(),
        "quarantined": connection.execute(
            select(func.count(QuarantineRow.id)).where(QuarantineRow.resolved_at.is_(None))
        ).scalar_one(),
    }
    return {name: int(number) for name, number in counted.items()}


def is_first_collection_over(connection: Connection) -> bool:
    """Tell whether there are accounts and each was read once up to the present."""
    known, behind = connection.execute(
        select(func.count(AccountRow.id), func.count(AccountRow.id).filter(IS_BEHIND)).where(
            AccountRow.removed_at.is_(None)
        )
    ).one()
    return known > 0 and behind == 0


def count_written(connection: Connection, brand: str, *, since: datetime) -> dict[str, Any]:
    """Count what was written about a brand since an instant.

    Returns:
        ``collected``, ``negative`` and ``categories`` as (name, number), most first.
    """
    is_negative = FeedbackRow.sentiment == "negative"
    written = (FeedbackRow.brand == brand, FeedbackRow.written_at >= since)
    collected, negative = connection.execute(
        select(func.count(FeedbackRow.id), func.count(FeedbackRow.id).filter(is_negative)).where(
            *written
        )
    ).one()
    categories = connection.execute(
        select(FeedbackRow.category, func.count(FeedbackRow.id))
        .where(*written, is_negative, FeedbackRow.category.is_not(None))
        .group_by(FeedbackRow.category)
        .order_by(func.count(FeedbackRow.id).desc())
    )
    return {
        "collected": collected,
        "negative": negative,
        "categories": [(row[0], row[1]) for row in categories],
    }


@dataclass(frozen=True, slots=True)
class Replies:
    """Replies that reached their channel in a stretch of time.

    Attributes:
        in_time: Of the ``answered``, before the deadline.
        typical: How long half of their writers waited at most; None without a reply.
    """

    answered: int
    in_time: int
    typical: timedelta | None


WAITS_SINCE = case(
    (FeedbackRow.is_backfill, FeedbackRow.first_seen_at), else_=FeedbackRow.written_at
).label("waits_since")
"""When the wait for a reply begins: to feedback of a first collection, when we saw it."""


def replies(connection: Connection, brand: str, *, since: datetime) -> Replies:
    """Count a brand's replies since an instant, and measure how long they took."""
    rows = connection.execute(
        select(PublicationRow.published_at, CaseRow.due_at, WAITS_SINCE)
        .join(CaseRow, CaseRow.id == PublicationRow.case_id)
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .where(CaseRow.brand == brand, PublicationRow.published_at >= since)
        # SQLite would take the way through every case of the brand; these are found by their ids.
        .with_hint(CaseRow, "NOT INDEXED", "sqlite")
    ).all()
    waits = [row.published_at - row.waits_since for row in rows]
    return Replies(
        answered=len(rows),
        in_time=sum(row.published_at <= row.due_at for row in rows),
        typical=max(median(waits), timedelta(0)) if waits else None,
    )


def open_cases(connection: Connection, brand: str, *, now: datetime) -> tuple[int, int]:
    """Count a brand's open cases, and those past their deadline; approved ones are open too."""
    waiting, overdue = connection.execute(
        select(func.count(CaseRow.id), func.count(CaseRow.id).filter(CaseRow.due_at < now)).where(
            CaseRow.brand == brand, CaseRow.state.in_(OPEN_CASE_STATES)
        )
    ).one()
    return waiting, overdue


_LATEST = timedelta(days=31)
"""How long after it was written a digest still counts what is collected late."""


def count_period(
    connection: Connection, brand: str, *, since: datetime, now: datetime
) -> dict[str, Any]:
    """Count what became known of a brand in a stretch of time, and what waits now.

    What is collected late, from an export dropped in at noon, belongs to no digest by when it was
    written. So all counts when it was collected, and only a first collection's when it was written:
    years of it are no news.

    Returns:
        ``collected``, ``negative``, ``inquiries`` since then; ``negative_before`` in as long a time
        before; ``replies`` since then; ``waiting`` and ``overdue`` now; ``categories`` as (name,
        negative since then, and before), most first; ``worst``: ids of the cases a person must
        look at.
    """
    before = since - (now - since)
    came_at = case(
        (FeedbackRow.is_backfill, FeedbackRow.written_at), else_=FeedbackRow.first_seen_at
    )
    is_new, is_negative = came_at >= since, FeedbackRow.sentiment == "negative"
    # One expression, so that PostgreSQL sees that it is the one grouped by.
    category = func.coalesce(FeedbackRow.category, "other")
    rows = connection.execute(
        select(
            category.label("category"),
            func.count(FeedbackRow.id).filter(is_new).label("collected"),
            func.count(FeedbackRow.id).filter(is_new, is_negative).label("negative"),
            func.count(FeedbackRow.id).filter(~is_new, is_negative).label("before"),
            func.count(FeedbackRow.id)
            .filter(is_new, FeedbackRow.kind == "inquiry")
            .label("inquiries"),
        )
        .where(
            FeedbackRow.brand == brand,
            FeedbackRow.written_at >= before - _LATEST,
            came_at >= before,
        )
        .group_by(category)
        .with_hint(FeedbackRow, "INDEXED BY ix_feedback_brand_written_at", "sqlite")
    ).all()
    categories = [(row.category, row.negative, row.before) for row in rows]
    waiting, overdue = open_cases(connection, brand, now=now)
    worst = connection.execute(
        select(CaseRow.id)
        .where(
            CaseRow.brand == brand,
            CaseRow.state.in_([CaseState.OPENED, CaseState.DRAFTED]),
            CaseRow.severity_rank < 2,
        )
        .order_by(CaseRow.severity_rank, CaseRow.due_at)
        .limit(10)
    ).scalars()
    return {
        "collected": sum(row.collected for row in rows),
        "negative": sum(row.negative for row in rows),
        "negative_before": sum(row.before for row in rows),
        "inquiries": sum(row.inquiries for row in rows),
        "replies": replies(connection, brand, since=since),
        "waiting": waiting,
        "overdue": overdue,
        "categories": sorted(
            (each for each in categories if each[1] or each[2]),
            key=lambda each: (-each[1], -each[2], each[0]),
        ),
        "worst": list(worst),
    }
