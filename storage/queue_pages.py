"""The queue, a page at a time: tabs, filters, orders, saved views, what is before and after a case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    delete,
    insert,
    literal,
    null,
    select,
    tuple_,
)

from domain.states import CaseState, PublicationState
from domain.types import Severity
from storage.cases import REJECTION
from storage.feedback import SEVERITY_RANK
from storage.models import (
    AccountRow,
    CaseRow,
    DecisionRow,
    FeedbackRow,
    PersonRow,
    ProposalRow,
    PublicationRow,
    SavedViewRow,
)
from storage.proposals import STILL_WAITS, WAITS_FOR, asked
from storage.search import search_feedback
from storage.session import dicts, records

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from domain.brands import Brand


VIEWS: Mapping[str, CaseState | None] = {
    "todo": CaseState.DRAFTED,
    "asked": CaseState.DRAFTED,
    "drafting": CaseState.OPENED,
    "approved": CaseState.APPROVED,
    "closed": None,
}
"""The queue's tabs: the state of their cases, None for every state that is an end.

Of those that wait for a decision ``asked`` holds what somebody above or the brand was asked about,
and ``todo`` the others: whoever works through these is not led back to what they asked for.
"""
NOBODY = 0
"""Stands for the owner of a case that has none; no person has this id."""


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What a person wants to see of the queue.

    Attributes:
        brands: Slugs; already narrowed to what the person may see.
        view: Key of ``VIEWS``.
        due_before: Only cases due before this instant.
        stars: 1-5, or None for any.
        owner: A person's id, or ``NOBODY``; None for any.
        sort: ``urgent`` (severity, then deadline), ``due``, ``oldest``, ``newest``, ``stars``
            (fewest first, then deadline), ``reach`` (widest first, then deadline) or, for what is
            closed, ``closed`` (last closed first).
        words: Text to look for; every word must occur. Words of one character are ignored.
        own: As ``proposals.asked`` takes it.
    """

    brands: frozenset[str]
    view: str = "todo"
    channel: str = ""
    category: str = ""
    severity: str = ""
    kind: str = ""
    due_before: datetime | None = None
    stars: int | None = None
    owner: int | None = None
    sort: str = "urgent"
    words: str = ""
    own: tuple[Brand, ...] | None = None


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One line of the queue."""

    case_id: int
    feedback_id: int
    brand: str
    channel: str
    kind: str
    state: str
    severity: str
    severity_rank: int
    stars_rank: int
    reach_rank: int
    owner: str | None
    category: str | None
    due_at: datetime
    opened_at: datetime
    closed_at: datetime | None
    note: str
    draft_number: int
    title: str
    text: str
    rating: int | None
    product_name: str
    author: str
    written_at: datetime
    reach: int | None
    abusive: bool
    revision: int
    analysis: Mapping[str, Any]


_SORTS: Mapping[str, tuple[Any, ...]] = {
    "urgent": (CaseRow.severity_rank, CaseRow.due_at, CaseRow.id),
    "due": (CaseRow.due_at, CaseRow.id),
    "oldest": (CaseRow.opened_at, CaseRow.id),
    "newest": (CaseRow.opened_at, CaseRow.id),
    "stars": (CaseRow.stars_rank, CaseRow.due_at, CaseRow.id),
    "reach": (CaseRow.reach_rank, CaseRow.due_at, CaseRow.id),
    "closed": (CaseRow.closed_at, CaseRow.id),
}
_DESCENDING = {"newest", "closed"}
SORTS: Mapping[str, int] = {sort: len(columns) for sort, columns in _SORTS.items()}
"""Each order, and how many values name a place in it: at the end an instant and the case's id."""


def queue(
    connection: Connection,
    wanted: QueueFilter,
    *,
    after: Sequence[Any] = (),
    limit: int = 50,
    backwards: bool = False,
) -> list[QueueItem]:
    """Give a page of the queue.

    Args:
        connection: For reading.
        wanted: Filter and order.
        after: ``place`` of the last case of the page before; empty for the first page.
        limit: Most lines.
        backwards: Give what comes before ``after`` instead, nearest first.
    """
    ids = _queued(connection, wanted, after=after, limit=limit, backwards=backwards)
    rows = connection.execute(
        select(
            CaseRow.id.label("case_id"),
            CaseRow.feedback_id,
            CaseRow.brand,
            CaseRow.channel,
            CaseRow.kind,
            CaseRow.state,
            CaseRow.severity,
            CaseRow.severity_rank,
            CaseRow.stars_rank,
            CaseRow.reach_rank,
            PersonRow.name.label("owner"),
            CaseRow.category,
            CaseRow.due_at,
            CaseRow.opened_at,
            CaseRow.closed_at,
            CaseRow.note,
            CaseRow.draft_number,
            FeedbackRow.title,
            FeedbackRow.text,
            FeedbackRow.rating,
            FeedbackRow.product_name,
            FeedbackRow.author,
            FeedbackRow.written_at,
            FeedbackRow.reach,
            FeedbackRow.abusive,
            FeedbackRow.revision,
            FeedbackRow.analysis,
        )
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .outerjoin(PersonRow, PersonRow.id == CaseRow.owner_id)
        .where(CaseRow.id.in_(ids))
    )
    found = {item.case_id: item for item in records(QueueItem, rows)}
    return [found[case_id] for case_id in ids if case_id in found]


def _queued(
    connection: Connection,
    wanted: QueueFilter,
    *,
    after: Sequence[Any],
    limit: int,
    backwards: bool = False,
) -> list[int]:
    """Give the ids of a page; the feedback's table is only read where the filter needs it."""
    is_descending = (wanted.sort in _DESCENDING) != backwards
    columns = _SORTS[wanted.sort]
    found = search_feedback(connection, wanted.words)
    conditions = [*_conditions(wanted), *found.conditions]
    if VIEWS[wanted.view] is CaseState.DRAFTED:
        is_asked = CaseRow.id.in_(asked(sorted(wanted.brands), wanted.own))
        conditions.append(is_asked if wanted.view == "asked" else ~is_asked)
    if after:
        place = tuple_(*columns)
        last = tuple_(
            *(literal(value, key.type) for value, key in zip(after, columns, strict=True))
        )
        conditions.append(place < last if is_descending else place > last)
    order = [key.desc() for key in columns] if is_descending else list(columns)
    query = select(CaseRow.id).with_hint(CaseRow, _hint(found.index or _index(wanted)), "sqlite")
    if found.reads_texts:
        query = query.join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
    rows = connection.execute(query.where(*conditions).order_by(*order).limit(limit))
    return list(rows.scalars())


def _conditions(wanted: QueueFilter) -> list[ColumnElement[bool]]:
    state = VIEWS[wanted.view]
    conditions: list[ColumnElement[bool]] = [column == value for column, value in _asked(wanted)]
    if len(wanted.brands) != 1:
        conditions.append(CaseRow.brand.in_(sorted(wanted.brands)))
    if state is None:
        conditions.append(CaseRow.closed_at.is_not(None))
    else:
        # The second says nothing new, but the indexes hold open cases only.
        conditions += [CaseRow.state == state, CaseRow.closed_at.is_(None)]
    if wanted.due_before is not None:
        conditions.append(CaseRow.due_at < wanted.due_before)
    return conditions


def _asked(wanted: QueueFilter) -> list[tuple[Any, Any]]:
    """Give the columns that must have one value, most telling first."""
    owner = null() if wanted.owner == NOBODY else wanted.owner
    only_brand = next(iter(wanted.brands)) if len(wanted.brands) == 1 else None
    asked = [
        (CaseRow.owner_id, owner),
        (
            CaseRow.severity_rank,
            SEVERITY_RANK[Severity(wanted.severity)] if wanted.severity else None,
        ),
        (CaseRow.category, wanted.category or None),
        (CaseRow.brand, only_brand),
        (CaseRow.stars_rank, wanted.stars),
        (CaseRow.channel, wanted.channel or None),
        (CaseRow.kind, wanted.kind or None),
    ]
    return [(column, value) for column, value in asked if value is not None]


def _hint(index: str) -> str:
    return f"INDEXED BY {index}" if index else "NOT INDEXED"


def _index(wanted: QueueFilter) -> str:
    """Choose the index for SQLite, which has no statistics to choose by; empty for their ids."""
    if wanted.view == "asked":
        return ""
    if VIEWS[wanted.view] is not None:
        return "ix_cases_" + {"oldest": "opened", "newest": "opened"}.get(wanted.sort, wanted.sort)
    # Nearly everything is of normal severity.
    asked = [column.key for column, _ in _asked(replace(wanted, severity=""))]
    is_severe = wanted.severity not in {"", Severity.NORMAL}
    facet = CaseRow.severity_rank.key if is_severe else next(iter(asked), "")
    return f"ix_cases_closed_{facet}" if facet else "ix_cases_closed"


def place_of(connection: Connection, case_id: int, sort: str) -> tuple[Any, ...]:
    """Give where a case stands in an order, for ``queue``'s ``after``; empty when unknown."""
    row = connection.execute(select(*_SORTS[sort]).where(CaseRow.id == case_id)).one_or_none()
    return () if row is None or None in tuple(row) else tuple(row)


def place_of_item(item: QueueItem, sort: str) -> tuple[Any, ...]:
    """Give where a line stands in an order."""
    return (*(getattr(item, key.key) for key in _SORTS[sort][:-1]), item.case_id)


def next_case(
    connection: Connection, wanted: QueueFilter, *, after: Sequence[Any], skip: int
) -> int | None:
    """Give the case that follows a place in the queue, or the queue's first; never ``skip``."""
    for place in (after, ()) if after else ((),):
        for case_id in _queued(connection, wanted, after=place, limit=2):
            if case_id != skip:
                return case_id
    return None


def saved_views(connection: Connection, who: str) -> list[dict[str, Any]]:
    """Give the filters a person keeps, by name."""
    return dicts(
        connection.execute(
            select(SavedViewRow.id, SavedViewRow.name, SavedViewRow.query)
            .where(SavedViewRow.who == who)
            .order_by(SavedViewRow.name)
        )
    )


LONGEST_VIEW = 500
"""Characters of a kept filter."""


def save_view(connection: Connection, who: str, name: str, query: str) -> None:
    """Keep a filter under a name; the name's earlier filter is replaced."""
    connection.execute(
        delete(SavedViewRow).where(SavedViewRow.who == who, SavedViewRow.name == name)
    )
    connection.execute(insert(SavedViewRow), [{"who": who, "name": name[:60], "query": query}])


def forget_view(connection: Connection, who: str, view_id: int) -> None:
    """Drop one of a person's own filters."""
    connection.execute(
        delete(SavedViewRow).where(SavedViewRow.who == who, SavedViewRow.id == view_id)
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision somebody has just made, and whether it can still be taken back.

    Attributes:
        decision_id: 0 for a proposal.
        asked_for: What a proposal waits for, Korean; empty for a decision.
    """

    case_id: int
    decision_id: int
    kind: str
    action: str
    available_at: datetime | None
    can_undo: bool
    asked_for: str = ""


def decided(
    connection: Connection, case_id: int, brands: Collection[str], who: str
) -> Decided | None:
    """Give the last decision of a case that the person may see; None when it was taken back.

    What ``who`` proposed last and still waits is one, too. Case 0 is none.
    """
    if not case_id:
        return None
    row = connection.execute(
        select(
            DecisionRow.id,
            DecisionRow.kind,
            DecisionRow.action,
            CaseRow.state.label("case_state"),
            PublicationRow.available_at,
            PublicationRow.state,
            PublicationRow.attempts,
        )
        .join(CaseRow, CaseRow.id == DecisionRow.case_id)
        .outerjoin(PublicationRow, PublicationRow.decision_id == DecisionRow.id)
        .where(DecisionRow.case_id == case_id, CaseRow.brand.in_(sorted(brands)))
        .order_by(DecisionRow.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row.case_state in {CaseState.OPENED, CaseState.DRAFTED}:
        return _proposed(connection, case_id, brands, who)
    can_undo = (
        row.case_state == CaseState.REJECTED
        if row.kind == REJECTION
        else row.state == PublicationState.QUEUED and row.attempts == 0
    )
    return Decided(case_id, row.id, row.kind, row.action, row.available_at, can_undo)


def _proposed(
    connection: Connection, case_id: int, brands: Collection[str], who: str
) -> Decided | None:
    row = connection.execute(
        select(ProposalRow.reason, ProposalRow.proposed_by)
        .join(CaseRow, CaseRow.id == ProposalRow.case_id)
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .where(CaseRow.id == case_id, CaseRow.brand.in_(sorted(brands)), *STILL_WAITS)
        .order_by(ProposalRow.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row.proposed_by != who:
        return None
    return Decided(
        case_id, 0, "proposal", "", None, can_undo=False, asked_for=WAITS_FOR[row.reason]
    )


def previous_case(
    connection: Connection, wanted: QueueFilter, *, before: Sequence[Any]
) -> int | None:
    """Give the case that comes before a place in the queue."""
    if not before:
        return None
    found = _queued(connection, wanted, after=before, limit=1, backwards=True)
    return found[0] if found else None


def channels(connection: Connection, brands: Collection[str]) -> list[str]:
    """Give the channels the brands' accounts are on."""
    return list(
        connection.execute(
            select(AccountRow.channel)
            .where(AccountRow.brand.in_(sorted(brands)))
            .distinct()
            .order_by(AccountRow.channel)
        ).scalars()
    )
