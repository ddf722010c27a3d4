"""What the console asks of the database, and what it keeps there besides decisions.

Lists and counts take the brands the person may see; what is asked by a number is asked after the
brand behind it was found among them. Decisions are ``storage.cases`` and
``storage.publications``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    delete,
    false,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    table,
    text,
    true,
    tuple_,
    union,
    update,
)
from sqlalchemy.dialects import postgresql

from domain.korea import KST
from domain.mail import MAIL
from domain.messages import Message
from domain.states import AlertState, CaseState, FeedbackState, PublicationState
from domain.types import Severity
from storage import health, outbox, owners
from storage.accounts import SLACK, slack_room
from storage.alerts import outdate
from storage.feedback import EDITED_AFTER_REPLY, SEVERITY_RANK, queue_ranks
from storage.lessons import LOOKED_AT, LOOKED_AT_EDIT, OPENED_BY_PERSON
from storage.models import (
    AccountRow,
    AlertRow,
    CaseRow,
    DecisionRow,
    DraftRow,
    FeedbackRevisionRow,
    FeedbackRow,
    HistoryRow,
    IncidentRow,
    PersonRow,
    PresenceRow,
    ProposalRow,
    PublicationRow,
    QuarantineRow,
    SavedViewRow,
)
from storage.moves import remember, unsettled
from storage.session import insert_ignoring, records

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from storage.cases import Decision, ToDraft

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
MOST_COUNTED = 10_000
"""Where counting ends: more would cost every page, and tell nobody more."""


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
    found = _search(connection, wanted.words)
    conditions = [*_conditions(wanted), *found.conditions]
    if VIEWS[wanted.view] is CaseState.DRAFTED:
        asked = asked_for(connection, wanted.brands)
        is_asked = CaseRow.id.in_(sorted(asked))
        conditions.append(is_asked if wanted.view == "asked" else ~is_asked)
    if after:
        place = tuple_(*columns)
        last = tuple_(
            *(literal(value, key.type) for value, key in zip(after, columns, strict=True))
        )
        conditions.append(place < last if is_descending else place > last)
    order = [key.desc() for key in columns] if is_descending else list(columns)
    query = select(CaseRow.id).with_hint(
        CaseRow, f"INDEXED BY {found.index or _index(wanted)}", "sqlite"
    )
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


def _index(wanted: QueueFilter) -> str:
    """Choose the index for SQLite, which has no statistics to choose by."""
    if VIEWS[wanted.view] is not None:
        return "ix_cases_" + {"oldest": "opened", "newest": "opened"}.get(wanted.sort, wanted.sort)
    # Nearly everything is of normal severity.
    asked = [column.key for column, _ in _asked(replace(wanted, severity=""))]
    is_severe = wanted.severity not in {"", Severity.NORMAL}
    facet = CaseRow.severity_rank.key if is_severe else next(iter(asked), "")
    return f"ix_cases_closed_{facet}" if facet else "ix_cases_closed"


_MOST_WORDS = 6
_LONGEST_WORD = 40
_SPACES = re.compile("[ \\n\\r\\t]+")


def _ascii_lower(text_: str) -> str:
    # What both databases do alike, whatever their locale.
    return "".join(character.lower() if character.isascii() else character for character in text_)


def searchable(words: str) -> list[str]:
    """Give the words of a query that can be looked for: two characters and more."""
    cleaned = _ascii_lower(words).replace("\0", "")
    found = [word[:_LONGEST_WORD] for word in _SPACES.split(cleaned) if len(word) > 1]
    return list(dict.fromkeys(found))[:_MOST_WORDS]


@dataclass(frozen=True, slots=True)
class _Found:
    """How the cases of a search are found.

    Attributes:
        conditions: What they meet.
        reads_texts: Whether a condition is about the feedback's own row.
        index: The one SQLite takes; empty for the one of the filter.
    """

    conditions: Sequence[ColumnElement[bool]] = ()
    reads_texts: bool = False
    index: str = ""


_FEW = 2000
"""Of so many finds each is looked at; of more, the queue is read until a page is full."""


def _search(connection: Connection, query: str) -> _Found:
    """Find texts by pairs of characters, then make sure that each word really occurs.

    Spaces count neither in the query's words nor in the text: Korean is spaced freely.
    """
    words = searchable(query)
    if not words:
        return _Found()
    # A pair in the index is a pair in the text; longer words could be put together from others'.
    unsure = [word for word in words if len(word) > 2 or not word.isalnum()]
    grams = sorted({word[at : at + 2] for word in words for at in range(len(word) - 1)})
    if connection.dialect.name == "postgresql":
        return _search_postgresql(connection, words, unsure, grams)
    squashed: ColumnElement[str] = func.lower(_SEARCHED)
    for character in (" ", "\n", "\r", "\t"):
        squashed = func.replace(squashed, character, "")
    occurs = [func.instr(squashed, word) > 0 for word in unsure]
    # Signs are no part of the index's words.
    readable = [gram for gram in grams if gram.isalnum()]
    if not readable:
        return _Found(occurs, reads_texts=True)
    query_text = " AND ".join(f'"{gram}"' for gram in readable)
    hits = (
        select(column("rowid", Integer))
        .select_from(table("feedback_search"))
        .where(text("feedback_search MATCH :grams").bindparams(grams=query_text))
    )
    few = list(connection.execute(hits.limit(_FEW + 1)).scalars())
    if len(few) <= _FEW:
        # SQLite's own index of the unique column.
        found = CaseRow.feedback_id.in_(few)
        return _Found([found, *occurs], bool(occurs), "sqlite_autoindex_cases_1")
    return _Found([CaseRow.feedback_id.in_(hits), *occurs], bool(occurs))


_SEARCHED = FeedbackRow.title + " " + FeedbackRow.text + " " + FeedbackRow.product_name


_IS_COMMON = text(
    "SELECT 1 FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs) "
    "AS common (gram, share) "
    "WHERE tablename = 'ix_feedback_grams' AND gram = :gram AND share > 0.01"
)


def _search_postgresql(
    connection: Connection, words: Sequence[str], unsure: Sequence[str], grams: Sequence[str]
) -> _Found:
    # The very expression that is indexed.
    indexed: ColumnElement[list[str]] = literal_column(
        "pyeongpan_grams(feedback.title || ' ' || feedback.text || ' ' || feedback.product_name)"
    )
    has_grams = indexed.op("@>")(cast(grams, postgresql.ARRAY(Text)))
    squashed: ColumnElement[str] = func.translate(func.lower(_SEARCHED), " \n\r\t", "")
    some = select(literal(1)).select_from(FeedbackRow).where(has_grams).limit(_FEW + 1)
    count_some = select(func.count()).select_from(some.subquery())
    # Of one common pair the statistics know it; for more, the index alone counts.
    if (
        len(grams) == 1 and connection.execute(_IS_COMMON, {"gram": grams[0]}).first()
    ) or connection.execute(count_some).scalar_one() > _FEW:
        # Making a text's pairs takes a hundred times as long as looking for the words in it.
        return _Found([func.strpos(squashed, word) > 0 for word in words], reads_texts=True)
    hits = (
        select(FeedbackRow.id)
        .where(has_grams, *(func.strpos(squashed, word) > 0 for word in unsure))
        .cte("hits")
        .prefix_with("MATERIALIZED")
    )
    return _Found([CaseRow.feedback_id.in_(select(hits.c.id))])


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
    return _dicts(
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


PRESENCE_LASTS = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Company:
    """Who else has a case on the screen.

    Attributes:
        others: Names, who came first first.
        is_held: Whether one of them came before: a soft lock.
    """

    others: list[str]
    is_held: bool


def be_present(connection: Connection, case_id: int, who: str, *, now: datetime) -> Company:
    """Note that somebody has a case on the screen, and tell who else has."""
    # Whoever goes on has left the case before: nobody comes in their way there.
    has_left = and_(PresenceRow.who == who, PresenceRow.case_id != case_id)
    connection.execute(
        delete(PresenceRow).where(or_(PresenceRow.seen_at <= now - PRESENCE_LASTS, has_left))
    )
    connection.execute(
        insert_ignoring(connection, PresenceRow),
        [{"case_id": case_id, "who": who, "came_at": now, "seen_at": now}],
    )
    connection.execute(
        update(PresenceRow)
        .where(PresenceRow.case_id == case_id, PresenceRow.who == who)
        .values(seen_at=now)
    )
    rows = connection.execute(
        select(PresenceRow.who)
        .where(PresenceRow.case_id == case_id)
        .order_by(PresenceRow.came_at, PresenceRow.who)
    ).scalars()
    names = list(rows)
    others = [name for name in names if name != who]
    return Company(others, is_held=names[0] != who)


def propose(connection: Connection, decision: Decision, reason: str, *, now: datetime) -> None:
    """Keep a reply that one person found good and another must approve.

    Args:
        connection: The caller's transaction.
        decision: What the person would have approved.
        reason: Key of ``WAITS_FOR``.
        now: Instant of the proposal.
    """
    connection.execute(
        insert(ProposalRow),
        [
            {
                "case_id": decision.case_id,
                "draft_number": decision.draft_number,
                "feedback_revision": decision.feedback_revision,
                "text": decision.text,
                "reason": reason,
                "proposed_by": decision.decided_by,
                "proposed_at": now,
            }
        ],
    )
    connection.execute(
        update(CaseRow)
        .where(CaseRow.id == decision.case_id)
        .values(note=asks(decision.decided_by, reason))
    )
    # Whoever asked is done with it, and comes in nobody's way.
    connection.execute(
        delete(PresenceRow).where(
            PresenceRow.case_id == decision.case_id, PresenceRow.who == decision.decided_by
        )
    )


WAITS_FOR: Mapping[str, str] = {
    "two_step": "두 번째 승인",
    "compensation": "보상 한도를 넘는 승인",
    "rewrite": "고친 답변의 승인",
}
"""What a proposal waits for: the brand after the agency; somebody with a higher limit; the agency
once more, because the brand changed its words."""


def asks(who: str, reason: str) -> str:
    """Say in Korean who asks for which approval."""
    return f"{who} 님이 {WAITS_FOR[reason]}을 요청했습니다."


@dataclass(frozen=True, slots=True)
class Proposal:
    """A reply that waits for a second person."""

    id: int
    text: str
    reason: str
    proposed_by: str
    proposed_at: datetime

    @property
    def asks(self) -> str:
        """What the case says of it."""
        return asks(self.proposed_by, self.reason)


def proposal(
    connection: Connection, case_id: int, *, draft_number: int, feedback_revision: int
) -> Proposal | None:
    """Give the newest proposal about exactly this draft of exactly this text."""
    row = connection.execute(
        select(
            ProposalRow.id,
            ProposalRow.text,
            ProposalRow.reason,
            ProposalRow.proposed_by,
            ProposalRow.proposed_at,
        )
        .where(
            ProposalRow.case_id == case_id,
            ProposalRow.draft_number == draft_number,
            ProposalRow.feedback_revision == feedback_revision,
        )
        .order_by(ProposalRow.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Proposal(**row._mapping)  # noqa: SLF001


def proposal_of(connection: Connection, about: ToDraft | Decision) -> Proposal | None:
    """Give the newest proposal about the draft that a case, or a decision, is about."""
    return proposal(
        connection,
        about.case_id,
        draft_number=about.draft_number,
        feedback_revision=about.feedback_revision,
    )


_STILL_WAITS: Sequence[ColumnElement[bool]] = (
    CaseRow.state == CaseState.DRAFTED,
    CaseRow.draft_number == ProposalRow.draft_number,
    FeedbackRow.revision == ProposalRow.feedback_revision,
)
"""What a proposal meets that is about the present draft of the present text."""


def waiting_proposals(
    connection: Connection, brands: Collection[str], *, case_id: int | None = None
) -> list[dict[str, Any]]:
    """Give the replies that wait for a second person, most urgent first, one line a case.

    With ``case_id`` that of one case only.
    """
    one = true() if case_id is None else ProposalRow.case_id == case_id
    rows = connection.execute(
        select(
            ProposalRow.case_id,
            ProposalRow.reason,
            ProposalRow.text.label("reply"),
            ProposalRow.proposed_by,
            ProposalRow.proposed_at,
            CaseRow.brand,
            CaseRow.severity,
            CaseRow.due_at,
            FeedbackRow.title,
            FeedbackRow.text,
            FeedbackRow.analysis,
        )
        .join(CaseRow, CaseRow.id == ProposalRow.case_id)
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .where(CaseRow.brand.in_(sorted(brands)), one, *_STILL_WAITS)
        .order_by(CaseRow.severity_rank, CaseRow.due_at, ProposalRow.id.desc())
    )
    newest: dict[int, dict[str, Any]] = {}
    for row in _dicts(rows):
        newest.setdefault(row["case_id"], row)
    return list(newest.values())


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
        severe=_dicts(severe),
        categories=[(row[0], row[1], row[2]) for row in categories],
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision somebody has just made, and whether it can still be taken back.

    Attributes:
        asked_for: What a proposal waits for, Korean; empty for a decision.
    """

    case_id: int
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
    if row is None or row.case_state == CaseState.DRAFTED:
        return _proposed(connection, case_id, brands, who)
    waits = row.state == PublicationState.QUEUED and row.attempts == 0
    return Decided(case_id, row.kind, row.action, row.available_at, waits)


def _proposed(
    connection: Connection, case_id: int, brands: Collection[str], who: str
) -> Decided | None:
    row = connection.execute(
        select(ProposalRow.reason, ProposalRow.proposed_by)
        .join(CaseRow, CaseRow.id == ProposalRow.case_id)
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .where(CaseRow.id == case_id, CaseRow.brand.in_(sorted(brands)), *_STILL_WAITS)
        .order_by(ProposalRow.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row.proposed_by != who:
        return None
    return Decided(case_id, "proposal", "", None, can_undo=False, asked_for=WAITS_FOR[row.reason])


def previous_case(
    connection: Connection, wanted: QueueFilter, *, before: Sequence[Any]
) -> int | None:
    """Give the case that comes before a place in the queue."""
    if not before:
        return None
    found = _queued(connection, wanted, after=before, limit=1, backwards=True)
    return found[0] if found else None


_SCOPE: BindParameter[list[str]] = bindparam("brands", expanding=True)
"""The brands a person may see, in statements that are made once and not for every page."""


def _unfinished(
    query: Select[*tuple[Any, ...]], state: PublicationState
) -> Select[*tuple[Any, ...]]:
    """Keep the publications that wait in a state."""
    return (
        unsettled(query, PublicationRow)
        .join(CaseRow, CaseRow.id == PublicationRow.case_id)
        .where(PublicationRow.state == state, CaseRow.brand.in_(_SCOPE))
    )


def _odd(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Keep the feedback that a person should look at, by its small index."""
    return query.where(text("needs_look"), FeedbackRow.brand.in_(_SCOPE)).with_hint(
        FeedbackRow, "INDEXED BY ix_feedback_needs_look", "sqlite"
    )


_NEWEST_PROPOSALS = 2000
"""So many are looked at, so that a page costs the same however many there have been. What was asked
for before them is shown among what waits for a decision."""
_newest = (
    select(
        ProposalRow.case_id, ProposalRow.draft_number, ProposalRow.reason, ProposalRow.proposed_by
    )
    .order_by(ProposalRow.id.desc())
    .limit(_NEWEST_PROPOSALS)
    .subquery()
)
_ASKED = (
    select(_newest.c.case_id, _newest.c.reason, _newest.c.proposed_by, CaseRow.note)
    .join(CaseRow, CaseRow.id == _newest.c.case_id)
    .where(
        CaseRow.state == CaseState.DRAFTED,
        CaseRow.draft_number == _newest.c.draft_number,
        CaseRow.brand.in_(_SCOPE),
        # The case itself is then the agency's again.
        _newest.c.reason != "rewrite",
    )
)


def asked_for(connection: Connection, brands: Collection[str]) -> set[int]:
    """Give the cases of which the brand, or somebody with a higher limit, was asked last."""
    rows = connection.execute(_ASKED, {"brands": sorted(brands)})
    # What happened since, such as a refusal by the channel, the case says instead.
    return {row.case_id for row in rows if row.note == asks(row.proposed_by, row.reason)}


_COUNTED: Mapping[str, Select[*tuple[Any, ...]]] = {
    **{
        view: select(CaseRow.state).where(CaseRow.state == state, CaseRow.brand.in_(_SCOPE))
        for view, state in VIEWS.items()
        if state is not None and view != "asked"
    },
    "handoffs": _unfinished(select(PublicationRow.state), PublicationState.HANDED_OFF),
    "attention": _unfinished(select(PublicationRow.state), PublicationState.ATTENTION),
    "looks": _odd(select(FeedbackRow.brand)),
}
_COUNTS = select(
    *(
        select(func.count())
        .select_from(query.limit(bindparam("most")).subquery())
        .scalar_subquery()
        .label(name)
        for name, query in _COUNTED.items()
    )
)


def count(connection: Connection, brands: Collection[str]) -> dict[str, int]:
    """Count what waits for a person, up to ``MOST_COUNTED`` and one more.

    Returns:
        By tab of the queue but the closed one, which only grows; besides ``handoffs``, replies
        nobody is sure of (``attention``) and odd feedback (``looks``).
    """
    row = connection.execute(_COUNTS, {"brands": sorted(brands), "most": MOST_COUNTED + 1}).one()
    counted = dict(row._mapping)  # noqa: SLF001
    counted["asked"] = len(asked_for(connection, brands))
    if counted["todo"] <= MOST_COUNTED:
        counted["todo"] -= counted["asked"]
    return counted


def brand_of_case(connection: Connection, case_id: int) -> str | None:
    """Tell whose case it is, before anything else of it is read."""
    return connection.execute(select(CaseRow.brand).where(CaseRow.id == case_id)).scalar()


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a case on its page.

    Attributes:
        account: ``BRAND/NAME``.
        publication: The newest publication's columns, or None.
        decisions: Newest first.
        history: Newest first; every move of the feedback, the case, its replies and alerts.
        owner_id: Who looks after the case; None for nobody.
        owner: Their name.
        owner_note: What whoever had it before leaves them.
        earlier_texts: What the writer said before editing, newest first.
        same_author: Other feedback of the same author or order, newest first.
    """

    account: str
    deadline_at: datetime | None
    reach: int | None
    product_id: str
    edited_at: datetime | None
    owner_id: int | None
    owner: str | None
    owner_note: str
    publication: dict[str, Any] | None
    decisions: list[dict[str, Any]]
    history: list[dict[str, Any]]
    earlier_texts: list[dict[str, Any]]
    same_author: list[dict[str, Any]]


_HISTORY_LIMIT = 60
_EARLIER_LIMIT = 5


def around(connection: Connection, case_id: int) -> Around:
    """Read what surrounds a case that exists."""
    feedback = connection.execute(
        select(
            FeedbackRow.id,
            FeedbackRow.brand,
            FeedbackRow.author_fingerprint,
            FeedbackRow.order_fingerprint,
            FeedbackRow.deadline_at,
            FeedbackRow.reach,
            FeedbackRow.product_id,
            FeedbackRow.edited_at,
            AccountRow.key,
            CaseRow.owner_id,
            PersonRow.name.label("owner"),
            CaseRow.owner_note,
        )
        .join(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
        .join(AccountRow, AccountRow.id == FeedbackRow.account_id)
        .outerjoin(PersonRow, PersonRow.id == CaseRow.owner_id)
        .where(CaseRow.id == case_id)
    ).one()
    publication = connection.execute(
        select(PublicationRow.__table__)
        .where(PublicationRow.case_id == case_id)
        .order_by(PublicationRow.id.desc())
        .limit(1)
    ).one_or_none()
    decisions = connection.execute(
        select(DecisionRow.__table__)
        .where(DecisionRow.case_id == case_id)
        .order_by(DecisionRow.id.desc())
    )
    history = connection.execute(
        select(HistoryRow.__table__)
        .where(HistoryRow.feedback_id == feedback.id)
        .order_by(HistoryRow.id.desc())
        .limit(_HISTORY_LIMIT)
    )
    return Around(
        account=feedback.key,
        deadline_at=feedback.deadline_at,
        reach=feedback.reach,
        product_id=feedback.product_id,
        edited_at=feedback.edited_at,
        owner_id=feedback.owner_id,
        owner=feedback.owner,
        owner_note=feedback.owner_note,
        publication=dict(publication._mapping) if publication else None,  # noqa: SLF001
        decisions=_dicts(decisions),
        history=_with_names(connection, _dicts(history)),
        earlier_texts=earlier_texts(connection, feedback.id),
        same_author=_same_author(connection, feedback),
    )


def _with_names(connection: Connection, history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put names where the history keeps people's ids."""
    changes = [row for row in history if row["entity"] == owners.OWNER]
    ids = {int(row["target"]) for row in changes if row["target"]}
    rows = connection.execute(
        select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(sorted(ids)))
    )
    names = {row.id: row.name for row in rows}
    for row in changes:
        row["target"] = names[int(row["target"])] if row["target"] else ""
    return history


def _dicts(rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in rows]  # noqa: SLF001


def earlier_texts(connection: Connection, feedback_id: int) -> list[dict[str, Any]]:
    """Give what a piece of feedback said before its writer edited it, newest first."""
    return _earlier(
        connection, FeedbackRevisionRow.feedback_id == feedback_id, limit=_EARLIER_LIMIT
    )


def _earlier(
    connection: Connection, which: ColumnElement[bool], *, limit: int | None = None
) -> list[dict[str, Any]]:
    rows = select(
        FeedbackRevisionRow.feedback_id,
        FeedbackRevisionRow.revision,
        FeedbackRevisionRow.title,
        FeedbackRevisionRow.text,
        FeedbackRevisionRow.rating,
        FeedbackRevisionRow.replaced_at,
        FeedbackRevisionRow.analysis,
    ).where(which)
    newest_first = rows.order_by(FeedbackRevisionRow.revision.desc()).limit(limit)
    return _dicts(connection.execute(newest_first))


def present_text(connection: Connection, feedback_id: int) -> dict[str, Any]:
    """Give what a piece of feedback says now, as ``earlier_texts`` gives what it said."""
    (row,) = _dicts(
        connection.execute(
            select(
                FeedbackRow.title, FeedbackRow.text, FeedbackRow.rating, FeedbackRow.analysis
            ).where(FeedbackRow.id == feedback_id)
        )
    )
    return row


def _same_author(connection: Connection, feedback: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a result row
    known = [
        # One query for each, because of two conditions at once SQLite uses one index at most.
        select(FeedbackRow.id).where(FeedbackRow.brand == feedback.brand, key == value, text(words))
        for key, value, words in (
            (
                FeedbackRow.author_fingerprint,
                feedback.author_fingerprint,
                "author_fingerprint <> ''",
            ),
            (FeedbackRow.order_fingerprint, feedback.order_fingerprint, "order_fingerprint <> ''"),
        )
        if value
    ]
    if not known:
        return []
    return _dicts(
        connection.execute(
            select(
                FeedbackRow.id,
                FeedbackRow.kind,
                FeedbackRow.channel,
                FeedbackRow.title,
                FeedbackRow.text,
                FeedbackRow.rating,
                FeedbackRow.written_at,
                FeedbackRow.abusive,
                FeedbackRow.analysis,
                CaseRow.id.label("case_id"),
                CaseRow.state,
            )
            .outerjoin(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
            .where(FeedbackRow.id.in_(union(*known)), FeedbackRow.id != feedback.id)
            .order_by(FeedbackRow.written_at.desc())
            .limit(_EARLIER_LIMIT)
        )
    )


def waiting_publications(
    connection: Connection, state: PublicationState, brands: Collection[str], *, limit: int = 200
) -> list[dict[str, Any]]:
    """Give replies that wait for a person (``handed_off`` or ``attention``), oldest first."""
    return _dicts(
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


def looks(
    connection: Connection, brands: Collection[str], *, limit: int = 100
) -> list[dict[str, Any]]:
    """Give feedback that a person should look at, last written first.

    It has no case, or was edited after its case's reply: then ``case_id`` and ``before``, what was
    replied to.
    """
    rows = _dicts(
        connection.execute(
            _odd(
                select(
                    FeedbackRow.id,
                    FeedbackRow.revision,
                    FeedbackRow.brand,
                    FeedbackRow.channel,
                    FeedbackRow.kind,
                    FeedbackRow.title,
                    FeedbackRow.text,
                    FeedbackRow.rating,
                    FeedbackRow.product_name,
                    FeedbackRow.written_at,
                    FeedbackRow.sentiment,
                    FeedbackRow.score,
                    FeedbackRow.abusive,
                    FeedbackRow.analysis,
                    FeedbackRow.url,
                    CaseRow.id.label("case_id"),
                    select(func.max(DecisionRow.feedback_revision))
                    .where(DecisionRow.case_id == CaseRow.id)
                    .scalar_subquery()
                    .label("replied_to"),
                ).outerjoin(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
            )
            .order_by(FeedbackRow.written_at.desc(), FeedbackRow.id.desc())
            .limit(limit),
            {"brands": sorted(brands)},
        )
    )
    # What was replied to elsewhere is not known: then what was there before the last edit.
    replied_to = {
        row["id"]: row["replied_to"] or row["revision"] - 1 for row in rows if row["case_id"]
    }
    before = {
        row["feedback_id"]: row
        for row in _earlier(
            connection,
            tuple_(FeedbackRevisionRow.feedback_id, FeedbackRevisionRow.revision).in_(
                list(replied_to.items())
            ),
        )
    }
    for row in rows:
        row["before"] = before.get(row["id"])
    return rows


def _looked_at(feedback_id: int, revision: int) -> ColumnElement[bool]:
    """Give what feedback meets that still waits for the look of who saw this revision."""
    return and_(
        FeedbackRow.id == feedback_id,
        FeedbackRow.revision == revision,
        FeedbackRow.needs_look,
    )


def settle_look(
    connection: Connection, feedback_id: int, revision: int, *, who: str, now: datetime
) -> bool:
    """Record that a person looked at this revision and nothing needs to be done.

    Returns:
        False when somebody else had looked before, or its writer edited it since.
    """
    changed = connection.execute(
        update(FeedbackRow).where(_looked_at(feedback_id, revision)).values(needs_look=False)
    )
    if changed.rowcount != 1:
        return False
    # What its case, if it has one, said of the edit is settled with it, in Slack too.
    outdate(connection, [feedback_id])
    of_case = connection.execute(
        update(CaseRow)
        .where(CaseRow.feedback_id == feedback_id)
        .values(note=case((CaseRow.note == EDITED_AFTER_REPLY, ""), else_=CaseRow.note))
    )
    remember(
        connection,
        FeedbackRow,
        [(feedback_id, feedback_id)],
        FeedbackState.ANALYZED,
        FeedbackState.ANALYZED,
        at=now,
        why=LOOKED_AT_EDIT if of_case.rowcount else LOOKED_AT,
        who=who,
    )
    return True


def open_case(
    connection: Connection,
    feedback_id: int,
    revision: int,
    *,
    due_at: datetime,
    who: str,
    now: datetime,
) -> int | None:
    """Open a case for feedback that a person wants answered, and have it drafted.

    Args:
        connection: The caller's transaction.
        feedback_id: Of feedback that waits for a look.
        revision: Of it, as the person saw it.
        due_at: When the reply is due where the channel sets no deadline itself.
        who: The person.
        now: Instant of the decision.

    Returns:
        The case's id; None as ``settle_look`` gives False, and where there is a case.
    """
    row = connection.execute(
        update(FeedbackRow)
        .where(
            _looked_at(feedback_id, revision),
            ~select(CaseRow.id).where(CaseRow.feedback_id == FeedbackRow.id).exists(),
        )
        .values(needs_look=False)
        .returning(
            FeedbackRow.brand,
            FeedbackRow.channel,
            FeedbackRow.kind,
            FeedbackRow.severity,
            FeedbackRow.category,
            FeedbackRow.sentiment,
            FeedbackRow.rating,
            FeedbackRow.reach,
            FeedbackRow.deadline_at,
        )
    ).one_or_none()
    if row is None:
        return None
    case_id = int(
        connection.execute(
            insert(CaseRow).returning(CaseRow.id),
            [
                {
                    "feedback_id": feedback_id,
                    "brand": row.brand,
                    "channel": row.channel,
                    "kind": row.kind,
                    "state": CaseState.OPENED,
                    "severity": row.severity,
                    "severity_rank": SEVERITY_RANK[row.severity],
                    "category": row.category,
                    "is_negative": row.sentiment == "negative",
                    "due_at": row.deadline_at or due_at,
                    "opened_at": now,
                    "queued_at": now,
                    **queue_ranks(row.rating, row.reach),
                }
            ],
        ).scalar_one()
    )
    remember(
        connection,
        CaseRow,
        [(case_id, feedback_id)],
        "",
        CaseState.OPENED,
        at=now,
        why=OPENED_BY_PERSON,
        who=who,
    )
    outbox.add(connection, Message.CASE_DRAFT_URGENT, [[case_id]], available_at=now)
    owners.assign(connection, [case_id], now=now)
    return case_id


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
    is_unsure = and_(AlertRow.state == AlertState.UNCERTAIN, AlertRow.destination.startswith(MAIL))
    unsure = connection.execute(
        unsettled(select(AlertRow.id), AlertRow)
        .where(is_unsure, AlertRow.brand.in_(sorted(brands)))
        .order_by(AlertRow.id.desc())
        .limit(limit)
    ).scalars()
    return _dicts(
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
    return _dicts(
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
    return _dicts(
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


def quarantine_reasons(connection: Connection, brands: Collection[str]) -> list[dict[str, Any]]:
    """Count unresolved quarantined rows by account and reason, most first."""
    number = func.count(QuarantineRow.id).label("number")
    return _dicts(
        connection.execute(
            select(AccountRow.key, QuarantineRow.reason, QuarantineRow.remedy, number)
            .join(AccountRow, AccountRow.id == QuarantineRow.account_id)
            .where(QuarantineRow.resolved_at.is_(None), AccountRow.brand.in_(sorted(brands)))
            .group_by(AccountRow.key, QuarantineRow.reason, QuarantineRow.remedy)
            .order_by(number.desc())
            .limit(50)
        )
    )


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


def draft_text(connection: Connection, case_id: int, number: int) -> str:
    """Give the text of one draft; empty when there is none."""
    return (
        connection.execute(
            select(DraftRow.text).where(DraftRow.case_id == case_id, DraftRow.number == number)
        ).scalar()
        or ""
    )
