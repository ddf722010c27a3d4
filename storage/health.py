"""The numbers an operator asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, or_, select

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
    is_behind = or_(
        AccountRow.watermark.is_(None), AccountRow.watermark < AccountRow.backfill_until
    )
    known, behind = connection.execute(
        select(func.count(AccountRow.id), func.count(AccountRow.id).filter(is_behind)).where(
            AccountRow.removed_at.is_(None)
        )
    ).one()
    return known > 0 and behind == 0


def count_period(
    connection: Connection, brand: str, *, since: datetime, now: datetime
) -> dict[str, Any]:
    """Count what happened to a brand in a stretch of time, and what waits now.

    Returns:
        ``collected``, ``negative``, ``inquiries``, ``answered`` since then; ``waiting`` and
        ``overdue`` now; ``categories`` as (name, number), most first; ``worst``: ids of the
        cases a person must look at.
    """
    collected, negative, inquiries = connection.execute(
        select(
            func.count(FeedbackRow.id),
            func.count(FeedbackRow.id).filter(FeedbackRow.sentiment == "negative"),
            func.count(FeedbackRow.id).filter(FeedbackRow.kind == "inquiry"),
        ).where(FeedbackRow.brand == brand, FeedbackRow.written_at >= since)
    ).one()
    categories = connection.execute(
        select(FeedbackRow.category, func.count(FeedbackRow.id))
        .where(
            FeedbackRow.brand == brand,
            FeedbackRow.written_at >= since,
            FeedbackRow.sentiment == "negative",
            FeedbackRow.category.is_not(None),
        )
        .group_by(FeedbackRow.category)
        .order_by(func.count(FeedbackRow.id).desc())
    )
    open_cases = CaseRow.state.in_(["opened", "drafted"])
    answered = connection.execute(
        select(func.count(CaseRow.id)).where(
            CaseRow.brand == brand, CaseRow.state == "answered", CaseRow.closed_at >= since
        )
    ).scalar_one()
    waiting, overdue = connection.execute(
        select(func.count(CaseRow.id), func.count(CaseRow.id).filter(CaseRow.due_at < now)).where(
            CaseRow.brand == brand, open_cases
        )
    ).one()
    worst = connection.execute(
        select(CaseRow.id)
        .where(CaseRow.brand == brand, open_cases, CaseRow.severity_rank < 2)
        .order_by(CaseRow.severity_rank, CaseRow.due_at)
        .limit(10)
    ).scalars()
    return {
        "collected": collected,
        "negative": negative,
        "inquiries": inquiries,
        "answered": answered,
        "waiting": waiting,
        "overdue": overdue,
        "categories": [(row[0], row[1]) for row in categories],
        "worst": list(worst),
    }
