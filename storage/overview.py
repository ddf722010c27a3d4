"""What the console counts and lists besides the queue.

Weeks, response times, hand-offs, alerts, incidents, accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
    text,
)

from domain.korea import KST
from domain.states import AlertState, CaseState, PublicationState
from storage import health
from storage.accounts import SLACK, slack_room
from storage.alerts import TO_MAIL
from storage.doubts import odd
from storage.models import (
    AccountRow,
    AlertRow,
    CaseRow,
    DecisionRow,
    FeedbackRow,
    IncidentRow,
    PublicationRow,
    QuarantineRow,
)
from storage.moves import unsettled
from storage.proposals import asked, count_waiting
from storage.queue_pages import VIEWS
from storage.session import SCOPE, dicts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Select

    from domain.brands import Brand


MOST_COUNTED = 10_000
"""Where counting ends: more would cost every page, and tell nobody more."""


@dataclass(frozen=True, slots=True)
class BrandWeek:
    """A brand's seven days for its owner.

    Attributes:
        feedback: Written in the seven days.
        negative: Of these.
        negative_before: Negative ones of the seven days before.
        replies: Those of the seven days.
        waiting: Cases open now.
        overdue: Of these, past their deadline.
        severe: The newest critical and high cases of the seven days.
        categories: ``(category, negative now, negative before)``, most first.
    """

    feedback: int
    negative: int
    negative_before: int
    replies: health.Replies
    waiting: int
    overdue: int
    severe: list[dict[str, Any]]
    categories: list[tuple[str, int, int]]


def brand_week(connection: Connection, brand: str, *, now: datetime) -> BrandWeek:
    """Count what happened to a brand in seven days and what was done."""
    week, before = now - timedelta(days=7), now - timedelta(days=14)
    is_negative = FeedbackRow.sentiment == "negative"
    written = FeedbackRow.written_at >= week
    feedback = connection.execute(
        select(
            func.count(FeedbackRow.id).filter(written),
            func.count(FeedbackRow.id).filter(written, is_negative),
            func.count(FeedbackRow.id).filter(FeedbackRow.written_at < week, is_negative),
        ).where(FeedbackRow.brand == brand, FeedbackRow.written_at >= before)
    ).one()
    waiting, overdue = health.open_cases(connection, brand, now=now)
    # One expression, so that PostgreSQL sees that it is the one grouped by.
    category = func.coalesce(FeedbackRow.category, "other")
    categories = connection.execute(
        select(
            category,
            func.count(FeedbackRow.id).filter(written).label("now"),
            func.count(FeedbackRow.id).filter(FeedbackRow.written_at < week),
        )
        .where(FeedbackRow.brand == brand, FeedbackRow.written_at >= before, is_negative)
        .group_by(category)
        .order_by(text("now DESC"))
    ).all()
    severe = connection.execute(
        select(
            CaseRow.id,
            CaseRow.severity,
            CaseRow.state,
            CaseRow.due_at,
            FeedbackRow.title,
            FeedbackRow.text,
            FeedbackRow.analysis,
            FeedbackRow.written_at,
        )
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .where(
            FeedbackRow.brand == brand, CaseRow.severity_rank < 2, FeedbackRow.written_at >= week
        )
        # Of two ways SQLite would take the one through every case of the brand.
        .with_hint(FeedbackRow, "INDEXED BY ix_feedback_brand_written_at", "sqlite")
        .order_by(CaseRow.severity_rank, FeedbackRow.written_at.desc())
        .limit(10)
    )
    return BrandWeek(
        feedback=feedback[0],
        negative=feedback[1],
        negative_before=feedback[2],
        replies=health.replies(connection, brand, since=week),
        waiting=waiting,
        overdue=overdue,
        severe=dicts(severe),
        categories=[(row[0], row[1], row[2]) for row in categories],
    )


def _unfinished(
    query: Select[*tuple[Any, ...]], state: PublicationState
) -> Select[*tuple[Any, ...]]:
    """Keep the publications that wait in a state."""
    return (
        unsettled(query, PublicationRow)
        .join(CaseRow, CaseRow.id == PublicationRow.case_id)
        .where(PublicationRow.state == state, CaseRow.brand.in_(SCOPE))
    )


_COUNTED: Mapping[str, Select[*tuple[Any, ...]]] = {
    **{
        view: select(CaseRow.state).where(CaseRow.state == state, CaseRow.brand.in_(SCOPE))
        for view, state in VIEWS.items()
        if state is not None and view not in {"todo", "asked"}
    },
    "todo": select(CaseRow.state).where(
        CaseRow.state == CaseState.DRAFTED,
        CaseRow.brand.in_(SCOPE),
        CaseRow.id.not_in(asked(SCOPE)),
    ),
    "asked": asked(SCOPE),
    "handoffs": _unfinished(select(PublicationRow.state), PublicationState.HANDED_OFF),
    "attention": _unfinished(select(PublicationRow.state), PublicationState.ATTENTION),
    "looks": odd(select(FeedbackRow.brand)),
}
_COUNT = {
    name: select(func.count()).select_from(query.limit(bindparam("most")).subquery())
    for name, query in _COUNTED.items()
}
_COUNTS = select(*(query.scalar_subquery().label(name) for name, query in _COUNT.items()))


def count(
    connection: Connection, brands: Collection[str], own: Collection[Brand] | None = None
) -> dict[str, int]:
    """Count what waits for a person, up to ``MOST_COUNTED`` and one more.

    Args:
        connection: For reading.
        brands: Slugs of the brands the person may see.
        own: As ``proposals.asked`` takes it.

    Returns:
        By tab of the queue but the closed one, which only grows; besides ``handoffs``, replies
        nobody is sure of (``attention``) and odd feedback (``looks``).
    """
    row = connection.execute(_COUNTS, {"brands": sorted(brands), "most": MOST_COUNTED + 1}).one()
    counted = dict(row._mapping)  # noqa: SLF001
    if own is not None:
        counted["asked"] = count_waiting(connection, own, most=MOST_COUNTED + 1)
    return counted


def count_one(connection: Connection, name: str, brands: Collection[str]) -> int:
    """Count, up to ``MOST_COUNTED`` and one more, what ``count`` gives under one name."""
    asked_for = {"brands": sorted(brands), "most": MOST_COUNTED + 1}
    return connection.execute(_COUNT[name], asked_for).scalar_one()


def waiting_publications(
    connection: Connection, state: PublicationState, brands: Collection[str], *, limit: int = 200
) -> list[dict[str, Any]]:
    """Give replies that wait for a person (``handed_off`` or ``attention``), oldest first."""
    return dicts(
        connection.execute(
            _unfinished(
                select(
                    PublicationRow.id,
                    PublicationRow.case_id,
                    PublicationRow.queued_at,
                    PublicationRow.sent_at,
                    PublicationRow.attempts,
                    PublicationRow.problem,
                    DecisionRow.text.label("reply"),
                    DecisionRow.action,
                    DecisionRow.decided_by,
                    DecisionRow.decided_at,
                    CaseRow.brand,
                    CaseRow.channel,
                    CaseRow.kind,
                    CaseRow.due_at,
                    CaseRow.severity,
                    FeedbackRow.title,
                    FeedbackRow.text,
                    FeedbackRow.rating,
                    FeedbackRow.url,
                    FeedbackRow.product_name,
                    FeedbackRow.native_id,
                    FeedbackRow.author,
                    FeedbackRow.analysis,
                    FeedbackRow.written_at,
                ),
                state,
            )
            .join(DecisionRow, DecisionRow.id == PublicationRow.decision_id)
            .join(FeedbackRow, FeedbackRow.id == PublicationRow.feedback_id)
            .order_by(CaseRow.due_at, PublicationRow.id)
            .limit(limit),
            {"brands": sorted(brands)},
        )
    )


def alerts(
    connection: Connection, brands: Collection[str], *, limit: int = 100
) -> list[dict[str, Any]]:
    """Give the newest alerts, with the feedback they speak of.

    First come those of which a person must say whether they arrived, however old they are.
    """
    # Each brand's by its index, and then only these: SQLite would read and sort them all.
    newest = [
        row_id
        for brand in sorted(brands)
        for row_id in connection.execute(
            select(AlertRow.id)
            .where(AlertRow.brand == brand)
            .order_by(AlertRow.made_at.desc(), AlertRow.id.desc())
            .limit(limit)
        ).scalars()
    ]
    is_unsure = and_(AlertRow.state == AlertState.UNCERTAIN, TO_MAIL)
    unsure = connection.execute(
        unsettled(select(AlertRow.id), AlertRow)
        .where(is_unsure, AlertRow.brand.in_(sorted(brands)))
        .order_by(AlertRow.id.desc())
        .limit(limit)
    ).scalars()
    return dicts(
        connection.execute(
            select(
                AlertRow.id,
                AlertRow.rule,
                AlertRow.brand,
                AlertRow.destination,
                AlertRow.state,
                AlertRow.urgent,
                AlertRow.made_at,
                AlertRow.sent_at,
                AlertRow.problem,
                AlertRow.payload,
                FeedbackRow.title,
                FeedbackRow.text,
                FeedbackRow.severity,
                FeedbackRow.category,
                FeedbackRow.analysis,
                CaseRow.id.label("case_id"),
            )
            .outerjoin(FeedbackRow, FeedbackRow.id == AlertRow.feedback_id)
            .outerjoin(CaseRow, CaseRow.feedback_id == AlertRow.feedback_id)
            .where(AlertRow.id.in_({*sorted(newest)[-limit:], *unsure}))
            .order_by(case((is_unsure, 0), else_=1), AlertRow.id.desc())
        )
    )


def incidents(connection: Connection, brands: Collection[str]) -> list[dict[str, Any]]:
    """Give open incidents of the brands' accounts, newest first, without the pages."""
    of_brands = (
        IncidentRow.subject.startswith(f"{brand}/", autoescape=True) for brand in sorted(brands)
    )
    return _open_incidents(connection, or_(false(), *of_brands))


def slack_incidents(connection: Connection) -> list[dict[str, Any]]:
    """Give the open incidents of Slack and of its rooms, newest first."""
    of_rooms = IncidentRow.subject.startswith(slack_room(""), autoescape=True)
    return _open_incidents(connection, or_(IncidentRow.subject == SLACK, of_rooms))


def _open_incidents(connection: Connection, subjects: ColumnElement[bool]) -> list[dict[str, Any]]:
    return dicts(
        connection.execute(
            select(
                IncidentRow.kind,
                IncidentRow.subject,
                IncidentRow.message,
                IncidentRow.opened_at,
                IncidentRow.seen_at,
            )
            .where(IncidentRow.closed_at.is_(None), subjects)
            .order_by(IncidentRow.seen_at.desc())
        )
    )


def accounts(connection: Connection, brands: Collection[str]) -> list[dict[str, Any]]:
    """Give each account's progress and how many rows wait in quarantine."""
    quarantined = (
        select(func.count(QuarantineRow.id))
        .where(QuarantineRow.account_id == AccountRow.id, QuarantineRow.resolved_at.is_(None))
        .scalar_subquery()
    )
    return dicts(
        connection.execute(
            select(
                AccountRow.key,
                AccountRow.brand,
                AccountRow.channel,
                AccountRow.last_success_at,
                AccountRow.next_due_at,
                AccountRow.failures,
                AccountRow.last_error,
                quarantined.label("quarantined"),
            )
            .where(AccountRow.removed_at.is_(None), AccountRow.brand.in_(sorted(brands)))
            .order_by(AccountRow.key)
        )
    )


MOST_REASONS = 2000


def quarantine_reasons(connection: Connection, brands: Collection[str]) -> list[dict[str, Any]]:
    """Count unresolved quarantined rows by account and reason, most first.

    A file's reasons name the row, so that there may be as many as rows; of more than
    `MOST_REASONS` the rest is left out.
    """
    number = func.count(QuarantineRow.id).label("number")
    about = (AccountRow.key, QuarantineRow.reason, QuarantineRow.field, QuarantineRow.remedy)
    return dicts(
        connection.execute(
            select(*about, number)
            .join(AccountRow, AccountRow.id == QuarantineRow.account_id)
            .where(QuarantineRow.resolved_at.is_(None), AccountRow.brand.in_(sorted(brands)))
            .group_by(*about)
            .order_by(number.desc(), func.min(QuarantineRow.id))
            .limit(MOST_REASONS)
        )
    )


def stats(
    connection: Connection, brands: Collection[str], *, weeks: int, now: datetime
) -> dict[str, list[dict[str, Any]]]:
    """Count the feedback of the last weeks, this one included, by brand, channel, category, week.

    Returns:
        Per dimension, rows with ``name``, ``total``, ``negative``, ``cases``, ``answered``. Weeks
        are named by their Monday in Korea, ``2026-11-16``.
    """
    today = now.astimezone(KST).replace(hour=0, minute=0, second=0, microsecond=0)
    mondays = [today - timedelta(days=today.weekday(), weeks=back) for back in range(weeks)]
    # A small number sorts faster than a date that the database makes of each row's instant.
    week = case(*((FeedbackRow.written_at >= at, back) for back, at in enumerate(mondays)))
    # Read once and grouped by all four: a table for each would read the weeks four times.
    rows = connection.execute(
        select(
            FeedbackRow.brand,
            FeedbackRow.channel,
            FeedbackRow.category,
            week.label("week"),
            func.count().label("total"),
            func.count().filter(FeedbackRow.sentiment == "negative").label("negative"),
            func.count(CaseRow.id).label("cases"),
            func.count().filter(CaseRow.state == CaseState.ANSWERED).label("answered"),
        )
        .select_from(FeedbackRow)
        .outerjoin(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
        .where(FeedbackRow.brand.in_(sorted(brands)), FeedbackRow.written_at >= mondays[-1])
        .group_by(FeedbackRow.brand, FeedbackRow.channel, FeedbackRow.category, text("week"))
        # Of two ways to the case it would take the unique one, and then read its row.
        .with_hint(CaseRow, "INDEXED BY ix_cases_feedback_state", "sqlite")
    ).all()
    return {
        "brand": _summed(rows, lambda row: row.brand),
        "channel": _summed(rows, lambda row: row.channel),
        "category": _summed(rows, lambda row: row.category or ""),
        "week": sorted(
            _summed(rows, lambda row: f"{mondays[row.week]:%Y-%m-%d}"),
            key=itemgetter("name"),
            reverse=True,
        ),
    }


@dataclass(frozen=True, slots=True)
class Answered:
    """How long one case waited.

    Attributes:
        account: ``BRAND/NAME``.
        decided_at: When it was decided as it stands.
        published_at: When its reply stood on the channel; None for one that is not there.
    """

    brand: str
    channel: str
    account: str
    waits_since: datetime
    decided_at: datetime
    published_at: datetime | None


def answered(
    connection: Connection, brands: Collection[str], *, since: datetime, limit: int
) -> list[Answered]:
    """Give the cases decided since an instant, last decided first.

    Args:
        connection: For reading.
        brands: Whose.
        since: The earliest decision's instant.
        limit: Most decisions, of all brands, that are looked at.
    """
    newest = (
        select(DecisionRow.id, DecisionRow.case_id, DecisionRow.decided_at)
        .order_by(DecisionRow.id.desc())
        .limit(limit)
        .subquery()
    )
    rows = connection.execute(
        select(
            newest.c.case_id,
            CaseRow.brand,
            CaseRow.channel,
            AccountRow.key.label("account"),
            health.WAITS_SINCE,
            newest.c.decided_at,
            PublicationRow.published_at,
        )
        .join(CaseRow, CaseRow.id == newest.c.case_id)
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .join(AccountRow, AccountRow.id == FeedbackRow.account_id)
        .outerjoin(PublicationRow, PublicationRow.decision_id == newest.c.id)
        .where(
            newest.c.decided_at >= since,
            CaseRow.brand.in_(sorted(brands)),
            # What was taken back waits again.
            CaseRow.state.not_in([CaseState.OPENED, CaseState.DRAFTED]),
        )
        .order_by(newest.c.id.desc())
        .with_hint(CaseRow, "NOT INDEXED", "sqlite")
        .with_hint(FeedbackRow, "NOT INDEXED", "sqlite")
    )
    # Of a case that was decided twice the last decision holds.
    last: dict[int, Answered] = {}
    for case_id, *values in rows:
        last.setdefault(case_id, Answered(*values))
    return list(last.values())


def _summed(rows: Iterable[Any], name_of: Callable[[Any], str]) -> list[dict[str, Any]]:
    """Sum the groups' counts by one name, most first."""
    counted: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = name_of(row)
        line = counted.setdefault(
            name, {"name": name, "total": 0, "negative": 0, "cases": 0, "answered": 0}
        )
        for number in ("total", "negative", "cases", "answered"):
            line[number] += getattr(row, number)
    return sorted(counted.values(), key=itemgetter("total"), reverse=True)
