"""Feedback: storing pages, edits, disappearances."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    false,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from domain.states import LIVE_PUBLICATION_STATES, CaseState, FeedbackState, PublicationState
from domain.types import (
    NEEDS_CONFIRM,
    FeedbackKind,
    Severity,
    is_left_of,
    same_reply,
)
from storage import alerts, cases, reopening
from storage.models import (
    NO_STARS,
    CaseRow,
    DecisionRow,
    FeedbackRevisionRow,
    FeedbackRow,
    PublicationRow,
)
from storage.moves import lock, move, remember
from storage.session import insert_ignoring, paged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import InstrumentedAttribute

    from domain.types import CollectedFeedback
    from storage.accounts import Run

SEVERITY_RANK = {Severity.CRITICAL: 0, Severity.HIGH: 1, Severity.NORMAL: 2}


@dataclass(frozen=True, slots=True)
class MaskedFeedback:
    """Collected feedback after masking, ready to be stored.

    Attributes:
        content_fingerprint: Keyed hash of the unmasked content; another value is an edit. A row
            without one, erased before a change of keys, is never edited.
        retired_fingerprints: Such hashes of the same content under keys that are retired.
        sealed_original: The whole original, encrypted; empty, like title and text, where the
            content was found stored.
        replies: Texts of the shop's replies standing on the channel.
    """

    kind: FeedbackKind
    native_id: str
    content_fingerprint: str
    sealed_original: bytes
    title: str
    text: str
    rating: int | None
    author: str
    author_fingerprint: str
    order_fingerprint: str
    product_id: str
    product_name: str
    url: str
    reach: int | None
    extra: Mapping[str, str]
    written_at: datetime
    written_at_is_exact: bool
    edited_at: datetime | None
    deadline_at: datetime | None
    replies: tuple[str, ...] = ()
    retired_fingerprints: tuple[str, ...] = ()


_COLUMNS = {
    part.name: FeedbackRow.__table__.columns[part.name].type
    for part in fields(MaskedFeedback)
    if part.name in FeedbackRow.__table__.columns
}
_WORDS = {name: kind.length for name, kind in _COLUMNS.items() if isinstance(kind, String)}
"""Most characters of each column of text; None where any number may be stored."""
_NUMBERS = tuple(name for name, kind in _COLUMNS.items() if isinstance(kind, Integer))
_LARGEST = 2**31 - 1
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def find_unstorable(item: MaskedFeedback) -> tuple[str, str] | None:
    """Find what a column cannot take: PostgreSQL would refuse the whole page for it.

    SQLite would take most of it; what is stored must not depend on the database.

    Returns:
        The field and what is wrong with it, without its value; None when there is nothing.
    """
    words = {name: getattr(item, name) for name in _WORDS}
    for name, longest in _WORDS.items():
        if longest and len(words[name]) > longest:
            return name, f"{len(words[name])} characters, more than {longest}"
    for name in _NUMBERS:
        if abs(getattr(item, name) or 0) > _LARGEST:
            return name, f"a number above {_LARGEST}"
    words["extra"] = "".join(item.extra.values())
    # Nearly always all is well: one look at everything tells.
    if _UNSTORABLE.search("".join(words.values())):
        name = next(name for name, value in words.items() if _UNSTORABLE.search(value))
        return name, "a character that cannot be stored (NUL or half a surrogate pair)"
    return None


Key = tuple[str, str]
"""Kind and native id, which name an item of an account."""


def key_of(item: CollectedFeedback | MaskedFeedback) -> Key:
    """Give an item's key."""
    return str(item.kind), item.native_id


@dataclass(slots=True)
class StoredPage:
    """What a page brought.

    Attributes:
        fresh: New or edited feedback that may alert.
        backlog: New feedback of a first backfill, older than the alerting limit.
        changed: How many of these were edits.
    """

    fresh: list[int] = field(default_factory=list)
    backlog: list[int] = field(default_factory=list)
    changed: int = 0

    @property
    def new(self) -> int:
        """Count the feedback seen for the first time."""
        return len(self.fresh) + len(self.backlog) - self.changed


def store_page(
    connection: Connection,
    run: Run,
    items: Sequence[MaskedFeedback],
    known: Mapping[Key, Any],
    *,
    now: datetime,
    fresh_after: datetime,
    is_export: bool = False,
) -> StoredPage:
    """Store a page: new rows, edits as revisions, replies made elsewhere.

    Args:
        connection: The transaction that also moves the run's cursor.
        run: Whose page it is.
        items: Where two have the same id, the later one is an edit of the earlier.
        known: What ``find_known`` found of them in the same transaction.
        now: When they were read.
        fresh_after: In a first backfill, what was written before only enters the digest.
        is_export: The page is from a file that may be read again: a text that was replaced
            before is old news unless its date of edit is newer.

    Returns:
        Ids to analyse.
    """
    stored = StoredPage()
    known = dict(known)
    lock(connection, FeedbackRow, [row.id for row in known.values()])
    current = {key: row.content_fingerprint for key, row in known.items()}
    new: dict[Key, MaskedFeedback] = {}
    edits: list[tuple[Any, MaskedFeedback]] = []
    for item in items:
        key = key_of(item)
        now_stored = current.setdefault(key, item.content_fingerprint)
        if now_stored in ("", item.content_fingerprint, *item.retired_fingerprints):
            if key not in known:
                new[key] = item
            continue
        if key in new:
            # Twice on one page with different text: the first is stored, then edited.
            _insert(connection, run, [new.pop(key)], stored, now=now, fresh_after=fresh_after)
            known.update(find_known(connection, run.account_id, [item]))
        if not (is_export and _was_replaced(connection, known[key], item)):
            edits.append((known[key], item))
            current[key] = item.content_fingerprint
    _insert(connection, run, list(new.values()), stored, now=now, fresh_after=fresh_after)
    for row, item in edits:
        _edit(connection, row, item, now=now)
        stored.fresh.append(row.id)
        stored.changed += 1
    edited = {row.id for row, _ in edits}
    unchanged = {key: row for key, row in known.items() if row.id not in edited}
    _refresh(connection, run, unchanged, items, now=now)
    seen = [row.id for row in known.values()]
    if seen:
        connection.execute(
            update(FeedbackRow)
            .where(FeedbackRow.id.in_(seen))
            .values(last_seen_run=run.run_id, gone_at=None)
        )
        reappeared = [row.id for row in known.values() if row.gone_at]
        _take_up_again(
            connection, reappeared, CaseState.GONE, why="seen on the channel again", now=now
        )
    _notice_replies(connection, run.account_id, items, now=now)
    return stored


def _was_replaced(connection: Connection, row: Any, item: MaskedFeedback) -> bool:  # noqa: ANN401 - a result row
    if item.edited_at is not None and (row.edited_at is None or item.edited_at > row.edited_at):
        return False
    earlier = select(FeedbackRevisionRow.revision).where(
        FeedbackRevisionRow.feedback_id == row.id,
        FeedbackRevisionRow.content_fingerprint.in_(
            # Of an erased text that a change of keys made unknown: any may have been it.
            ("", item.content_fingerprint, *item.retired_fingerprints)
        ),
    )
    return connection.execute(earlier).first() is not None


def _stored(
    connection: Connection,
    account_id: int,
    keys: Collection[Key],
    *columns: InstrumentedAttribute[Any],
) -> dict[Key, Any]:
    """Give columns of an account's items that are stored, by key.

    Without the kinds no index has the ids: every row of the account would be read. Ids of one kind
    may be those of another, which was not asked for.
    """
    if not keys:
        return {}
    kinds, native_ids = ({key[part] for key in keys} for part in (0, 1))
    rows = connection.execute(
        _by_key(*columns),
        {"account_id": account_id, "kinds": sorted(kinds), "native_ids": sorted(native_ids)},
    )
    found = {(row.kind, row.native_id): row for row in rows}
    return {key: row for key, row in found.items() if key in keys}


# Asked twice a page: made once, because making it takes longer than asking.
@cache
def _by_key(*columns: InstrumentedAttribute[Any]) -> Select[*tuple[Any, ...]]:
    return select(FeedbackRow.kind, FeedbackRow.native_id, *columns).where(
        FeedbackRow.account_id == bindparam("account_id"),
        FeedbackRow.kind.in_(bindparam("kinds", expanding=True)),
        FeedbackRow.native_id.in_(bindparam("native_ids", expanding=True)),
    )


def find_known(
    connection: Connection,
    account_id: int,
    items: Sequence[CollectedFeedback] | Sequence[MaskedFeedback],
) -> dict[Key, Any]:
    """Give the rows of an account's items that are stored, by kind and native id."""
    return _stored(
        connection,
        account_id,
        {key_of(item) for item in items},
        FeedbackRow.id,
        FeedbackRow.revision,
        FeedbackRow.content_fingerprint,
        FeedbackRow.edited_at,
        FeedbackRow.gone_at,
        FeedbackRow.extra,
        FeedbackRow.deadline_at,
        FeedbackRow.last_seen_run,
    )


def _content(item: MaskedFeedback) -> dict[str, Any]:
    if not item.sealed_original:
        raise ValueError("feedback that was found stored must not be written again")
    return {
        "content_fingerprint": item.content_fingerprint,
        "sealed_original": item.sealed_original,
        "title": item.title,
        "text": item.text,
        "rating": item.rating,
        "author": item.author,
        "author_fingerprint": item.author_fingerprint,
        "order_fingerprint": item.order_fingerprint,
        "product_id": item.product_id,
        "product_name": item.product_name,
        "url": item.url,
        "reach": item.reach,
        "extra": dict(item.extra),
        "edited_at": item.edited_at,
        "deadline_at": item.deadline_at,
    }


def _insert(
    connection: Connection,
    run: Run,
    items: Sequence[MaskedFeedback],
    stored: StoredPage,
    *,
    now: datetime,
    fresh_after: datetime,
) -> None:
    if not items:
        return
    rows = [
        {
            **_content(item),
            "account_id": run.account_id,
            "brand": run.brand,
            "channel": run.channel,
            "kind": str(item.kind),
            "native_id": item.native_id,
            "written_at": item.written_at,
            "written_at_is_exact": item.written_at_is_exact,
            "first_seen_at": now,
            "last_seen_run": run.run_id,
            "is_backfill": run.is_backfill and _is_old(item, now=now, fresh_after=fresh_after),
            "state": FeedbackState.COLLECTED,
            "queued_at": now,
        }
        for item in items
    ]
    inserted = connection.execute(
        insert_ignoring(connection, FeedbackRow).returning(FeedbackRow.id, FeedbackRow.is_backfill),
        rows,
    ).all()
    for row in inserted:
        (stored.backlog if row.is_backfill else stored.fresh).append(row.id)
    remember(
        connection,
        FeedbackRow,
        [(row.id, row.id) for row in inserted],
        "",
        FeedbackState.COLLECTED,
        at=now,
        why=f"run {run.run_id}",
    )


def _is_old(item: MaskedFeedback, *, now: datetime, fresh_after: datetime) -> bool:
    """Tell whether a first collection's item only enters the digest; so do undated ones."""
    is_undated = item.written_at == now and not item.written_at_is_exact
    return is_undated or item.written_at < fresh_after


def _edit(connection: Connection, row: Any, item: MaskedFeedback, *, now: datetime) -> None:  # noqa: ANN401 - a result row
    connection.execute(
        insert(FeedbackRevisionRow).from_select(
            [
                "feedback_id",
                "revision",
                "title",
                "text",
                "rating",
                "content_fingerprint",
                "sealed_original",
                "replaced_at",
                "analysis",
            ],
            select(
                FeedbackRow.id,
                FeedbackRow.revision,
                FeedbackRow.title,
                FeedbackRow.text,
                FeedbackRow.rating,
                FeedbackRow.content_fingerprint,
                FeedbackRow.sealed_original,
                bindparam("replaced_at", now, type_=FeedbackRevisionRow.replaced_at.type),
                # While the text waits to be read, the analysis is still that of an earlier one.
                case((FeedbackRow.state == FeedbackState.ANALYZED, FeedbackRow.analysis)),
            ).where(FeedbackRow.id == row.id),
        )
    )
    read = connection.execute(
        select(FeedbackRow.abusive, FeedbackRow.analysis).where(FeedbackRow.id == row.id)
    ).one()
    connection.execute(
        update(FeedbackRow)
        .where(FeedbackRow.id == row.id)
        .values(
            **_content(item),
            **_carried_over(read, item),
            revision=FeedbackRow.revision + 1,
            queued_at=now,
            lease_until=None,
            lease_token=None,
        )
    )
    connection.execute(
        update(CaseRow)
        .where(CaseRow.feedback_id == row.id)
        .values(**queue_ranks(item.rating, item.reach))
    )
    why = "edited by its writer"
    move(connection, [row.id], FeedbackState.ANALYZED, FeedbackState.COLLECTED, at=now, why=why)
    cases.withdraw(connection, [row.id], CaseState.OPENED, at=now, why=why, note=cases.EDITED)


def _carried_over(read: Any, item: MaskedFeedback) -> dict[str, Any]:  # noqa: ANN401 - a result row
    """Give the column that stands in for the analysis of an edited text until it is read.

    Places of the old text mean nothing in the new one. Who was hostile may still be: their whole
    text is hostile until the model says otherwise.
    """
    if read.analysis is None:
        return {}
    length = len(whole_text(item.title, item.text))
    return {
        "analysis": {
            **read.analysis,
            "categories": [[name, score, None] for name, score, _ in read.analysis["categories"]],
            "severity_spans": [],
            "abuse_spans": [[0, length]] if read.abusive else [],
        }
    }


def _refresh(
    connection: Connection,
    run: Run,
    unchanged: Mapping[Key, Any],
    items: Sequence[MaskedFeedback],
    *,
    now: datetime,
) -> None:
    """Keep what a publisher and the desk need of unchanged feedback as the channel says it now.

    A run may meet an item in two lists: what either of them says counts until the next run.
    """
    facts: dict[int, tuple[dict[str, str], datetime | None]] = {}
    before = {row.id: (row.extra, row.deadline_at) for row in unchanged.values()}
    for item in items:
        row = unchanged.get(key_of(item))
        if row is None:
            continue
        is_first = row.last_seen_run < run.run_id and row.id not in facts
        extra, deadline_at = ({}, None) if is_first else facts.get(row.id, before[row.id])
        facts[row.id] = ({**extra, **item.extra}, item.deadline_at or deadline_at)
    changed = {row_id: found for row_id, found in facts.items() if found != before[row_id]}
    if not changed:
        return
    connection.execute(
        update(FeedbackRow).where(FeedbackRow.id == bindparam("row_id")),
        [
            {"row_id": row_id, "extra": extra, "deadline_at": deadline_at}
            for row_id, (extra, deadline_at) in changed.items()
        ],
    )
    follow_deadlines(connection, {row_id: found[1] for row_id, found in changed.items()})
    _note_confirmations(
        connection,
        [
            (row_id, NEEDS_CONFIRM in extra)
            for row_id, (extra, _) in changed.items()
            if (NEEDS_CONFIRM in extra) != (NEEDS_CONFIRM in before[row_id][0])
        ],
        now=now,
    )


def follow_deadlines(connection: Connection, deadlines: Mapping[int, datetime | None]) -> None:
    """Bring the cases' deadlines to the channel's, with reminders of their own.

    Where the channel sets none, a case keeps what it had. So does an answered one: what was in
    time is counted by it.
    """
    moved: list[int] = []
    for feedback_id, deadline_at in deadlines.items():
        if deadline_at is not None:
            changed = connection.execute(
                update(CaseRow)
                .where(
                    CaseRow.feedback_id == feedback_id,
                    CaseRow.state != CaseState.ANSWERED,
                    CaseRow.due_at != deadline_at,
                )
                .values(due_at=deadline_at, reminder="")
                .returning(CaseRow.feedback_id)
            )
            moved += changed.scalars()
    alerts.outdate(connection, moved)


def _note_confirmations(
    connection: Connection, marks: Sequence[tuple[int, bool]], *, now: datetime
) -> None:
    """Close what was confirmed outside; take up what waits for a confirmation after all."""
    cases.withdraw(
        connection,
        [row_id for row_id, waits in marks if not waits],
        CaseState.ANSWERED_ELSEWHERE,
        at=now,
        why="no longer waits for a confirmation",
    )
    _take_up_again(
        connection,
        [row_id for row_id, waits in marks if waits],
        CaseState.ANSWERED_ELSEWHERE,
        why="waits for a confirmation",
        now=now,
    )


def _take_up_again(
    connection: Connection,
    feedback_ids: Sequence[int],
    source: CaseState,
    *,
    why: str,
    now: datetime,
) -> None:
    """Open cases again that were closed, and ask for their drafts."""
    opened = reopening.open_again(connection, feedback_ids, source, why=why, now=now)
    # What was edited as well is drafted when it is understood.
    to_draft = connection.execute(
        select(CaseRow.id, CaseRow.severity_rank)
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .where(CaseRow.id.in_(opened), FeedbackRow.state == FeedbackState.ANALYZED)
    ).all()
    cases.queue_drafts(connection, *by_urgency(to_draft), now=now)


def by_urgency(rows: Sequence[Any]) -> tuple[list[int], list[int]]:
    """Part rows of cases, ``id`` and ``severity_rank``, into urgent and normal ids."""
    normal = SEVERITY_RANK[Severity.NORMAL]
    return (
        [row.id for row in rows if row.severity_rank < normal],
        [row.id for row in rows if row.severity_rank == normal],
    )


def queue_ranks(rating: int | None, reach: int | None) -> dict[str, int]:
    """Give the columns of a case that the queue is sorted by, and that only its feedback knows."""
    return {"stars_rank": rating or NO_STARS, "reach_rank": -min(reach or 0, 2**31 - 1)}


def _notice_replies(
    connection: Connection, account_id: int, items: Sequence[MaskedFeedback], *, now: datetime
) -> None:
    """Close what somebody answered outside; our own reply is not "elsewhere".

    One that was given up is: it was taken for gone with what it answers, and came back with it.
    So is one that waits to be sent, in the same words: a person pasted it, or this database was
    restored from a backup that is older than the reply, or it arrived after all. Sending it would
    say it twice.
    """
    replies = {key_of(item): item.replies for item in items if item.replies}
    if not replies:
        return
    rows = _stored(connection, account_id, replies, FeedbackRow.id)
    ours: dict[int, list[str]] = {}
    for decided in connection.execute(
        select(PublicationRow.feedback_id, DecisionRow.text)
        .join(DecisionRow, DecisionRow.id == PublicationRow.decision_id)
        .where(
            PublicationRow.feedback_id.in_([row.id for row in rows.values()]),
            PublicationRow.state.in_(LIVE_PUBLICATION_STATES - {PublicationState.QUEUED}),
        )
    ):
        ours.setdefault(decided.feedback_id, []).append(decided.text)
    elsewhere = [
        row.id
        for key, row in rows.items()
        if not any(
            same_reply(reply, text) or is_left_of(reply, text)
            for reply in replies[key]
            for text in ours.get(row.id, [])
        )
    ]
    if elsewhere:
        connection.execute(
            update(FeedbackRow)
            .where(FeedbackRow.id.in_(elsewhere), FeedbackRow.replied_elsewhere_at.is_(None))
            .values(replied_elsewhere_at=now)
        )
        cases.withdraw(
            connection,
            elsewhere,
            CaseState.ANSWERED_ELSEWHERE,
            at=now,
            why="a reply that we did not send stands on the channel",
        )


def mark_gone(
    connection: Connection,
    run: Run,
    covers: tuple[datetime, datetime],
    lists: Collection[str] | None = None,
    *,
    now: datetime,
    spared: Iterable[str] = (),
) -> int:
    """Mark what a complete reading of a window did not show any more.

    Args:
        connection: The caller's transaction.
        run: Which has read the window.
        covers: ``[since, until)``.
        lists: Which lists were read; None for all there are.
        now: When it was read.
        spared: Lists of which nothing is marked; see `vanished_lists`.

    Returns:
        How many were marked.
    """
    gone = (
        select(FeedbackRow.id)
        .where(
            _is_known(run, covers, lists),
            FeedbackRow.written_at_is_exact,
            FeedbackRow.last_seen_run < run.run_id,
            *(~_is_of_list(name) for name in spared),
        )
        # Locked in this order, as by everybody who changes many at once.
        .order_by(FeedbackRow.id)
        .with_for_update(key_share=True)
    )
    ids = list(connection.execute(gone).scalars())
    why = "no longer in a window that was read whole"
    for page in paged(ids):
        connection.execute(update(FeedbackRow).where(FeedbackRow.id.in_(page)).values(gone_at=now))
        cases.withdraw(connection, page, CaseState.GONE, at=now, why=why)
    return len(ids)


def whole_text(title: str, text: str) -> str:
    """Give what is analysed and what spans point into: the title's line, then the text.

    Boards often repeat the beginning of the text as the title; it is not read twice.
    """
    bare = title.rstrip(".… ")
    return f"{title}\n{text}" if bare and not text.startswith(bare) else text


def count_unseen(
    connection: Connection,
    run: Run,
    window: tuple[datetime, datetime],
    lists: Collection[str] | None = None,
) -> int:
    """Count what is known and not gone in a window ``[since, until)`` of which a run saw nothing.

    Args:
        connection: The caller's transaction.
        run: Which has read the window.
        window: ``[since, until)``.
        lists: Which lists were read; None for all there are.

    Returns:
        0 when the run saw any of it, also in a part that was stored before it was interrupted.
    """
    known, seen_run = connection.execute(
        select(func.count(FeedbackRow.id), func.max(FeedbackRow.last_seen_run)).where(
            _is_known(run, window, lists)
        )
    ).one()
    return known if known and seen_run < run.run_id else 0


def vanished_lists(
    connection: Connection,
    run: Run,
    window: tuple[datetime, datetime],
    lists: Collection[str] | None = None,
    *,
    least: int,
) -> dict[str, int]:
    """Count what is known in a window, by list, where a run saw nothing of the list.

    Args:
        connection: The caller's transaction.
        run: Which has read the window.
        window: ``[since, until)``.
        lists: Which lists were read; None for all there are.
        least: Of fewer nothing is said; they may all have been deleted.

    Returns:
        By the list's name; empty where a channel has only one and its ids no name.
    """
    within = select(FeedbackRow.native_id).where(
        _is_known(run, window, lists), FeedbackRow.written_at_is_exact
    )
    unseen = _count_by_list(connection, within.where(FeedbackRow.last_seen_run < run.run_id))
    many = {name: known for name, known in unseen.items() if known >= least}
    if not many:
        return {}
    seen = _count_by_list(connection, within.where(FeedbackRow.last_seen_run == run.run_id))
    return {name: known for name, known in many.items() if name not in seen}


def _is_known(
    run: Run, window: tuple[datetime, datetime], lists: Collection[str] | None
) -> ColumnElement[bool]:
    """Tell what a run that read these lists of a window should have met."""
    since, until = window
    return and_(
        FeedbackRow.account_id == run.account_id,
        # What the account brought before it was moved to another channel is not asked for there.
        FeedbackRow.channel == run.channel,
        FeedbackRow.written_at >= since,
        FeedbackRow.written_at < until,
        FeedbackRow.gone_at.is_(None),
        true() if lists is None else or_(false(), *map(_is_of_list, lists)),
    )


def _count_by_list(connection: Connection, ids: Select[str]) -> Counter[str]:
    return Counter(map(_list_of, connection.execute(ids).scalars()))


def _list_of(native_id: str) -> str:
    """Name the list an item stands in: ``qna`` of ``qna:7``, ``article:4`` of ``article:4:7``.

    Of ``comment:4:7:1`` it is ``comment:4``: with an article its comments go, and are no list.
    """
    return ":".join(native_id.split(":")[:-1][:2])


def _is_of_list(name: str) -> ColumnElement[bool]:
    of_name = FeedbackRow.native_id.startswith(f"{name}:", autoescape=True)
    return of_name if name else ~FeedbackRow.native_id.contains(":")
