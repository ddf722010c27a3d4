"""Cases: drafting, a person's decision, undo, and what takes a case off the desk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from domain.errors import DecisionRefusedError
from domain.korea import KST
from domain.messages import Message
from domain.states import OPEN_CASE_STATES, CaseState, PublicationState
from domain.types import NEEDS_CONFIRM, ReplyAction, Severity
from storage import moves, outbox, proposals
from storage.models import (
    CaseRow,
    DecisionRow,
    DraftRow,
    FeedbackRevisionRow,
    FeedbackRow,
    PublicationRow,
)
from storage.moves import move, remember
from storage.session import ConflictError, dicts, records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from domain.types import DraftReply

APPROVAL = "approval"
REJECTION = "rejection"

_TWO_STEPS = "two approvals"
"""What the database says when one is missing (migration 0005)."""
_REMINDED_BEFORE = {
    "due_soon": ("",),
    "overdue": ("", "due_soon"),
    "escalated": ("overdue",),
}
"""What a case's last reminder may be before the next one."""

CLOSED_STATES = (
    CaseState.ANSWERED,
    CaseState.REJECTED,
    CaseState.ANSWERED_ELSEWHERE,
    CaseState.GONE,
)

CLOSED_BY_CHANNEL: Mapping[str, str] = {
    CaseState.GONE: "이 글은 채널에서 삭제되었습니다.",
    CaseState.ANSWERED_ELSEWHERE: "이 글에는 채널에 이미 다른 답변이 있습니다.",
}
"""Why nobody decides about a case that the channel closed."""

EDITED = "고객이 글을 수정했습니다."
"""What a case says that is decided again because of it."""


def withdraw(
    connection: Connection,
    feedback_ids: Sequence[int],
    target: CaseState,
    *,
    at: datetime,
    why: str,
    note: str = "",
) -> None:
    """Take undecided cases, and approved ones that have not left yet, to ``target``.

    A reply that may already be on its way is left alone: its publication settles the case.

    Args:
        connection: The caller's transaction.
        feedback_ids: Whose cases.
        target: ``opened`` to draft again, or a closed state.
        at: Now.
        why: Reason for the history.
        note: Korean line shown on a case that is opened again.
    """
    if not feedback_ids:
        return
    unsent = connection.execute(
        select(PublicationRow.id, PublicationRow.state, PublicationRow.case_id).where(
            PublicationRow.feedback_id.in_(feedback_ids),
            PublicationRow.state.in_([PublicationState.QUEUED, PublicationState.HANDED_OFF]),
        )
    ).all()
    stopped: set[int] = set()
    for state in (PublicationState.QUEUED, PublicationState.HANDED_OFF):
        ids = {row.id: row.case_id for row in unsent if row.state == state}
        moved = move(connection, list(ids), state, PublicationState.CANCELLED, at=at, why=why)
        stopped.update(ids[moved_id] for moved_id in moved)
    # Locked, so that a draft or an outcome that is stored meanwhile is seen and taken along.
    rows = connection.execute(
        select(CaseRow.id, CaseRow.state)
        .where(CaseRow.feedback_id.in_(feedback_ids))
        .order_by(CaseRow.id)
        .with_for_update()
    ).all()
    values: dict[str, Any] = {
        "lease_until": None,
        "lease_token": None,
        "note": note,
        "asked_id": None,
    }
    if target in CLOSED_STATES:
        values["closed_at"] = at
    for source in (CaseState.OPENED, CaseState.DRAFTED, CaseState.APPROVED):
        ids_here = [
            row.id
            for row in rows
            if row.state == source and (source is not CaseState.APPROVED or row.id in stopped)
        ]
        if source is target:
            # Whoever drafts it now drafts an old text: take the lease away.
            connection.execute(update(CaseRow).where(CaseRow.id.in_(ids_here)).values(**values))
        else:
            # Whoever was told of the deadline of an approved one thinks it is answered.
            untold: dict[str, Any] = {"reminder": ""} if source is CaseState.APPROVED else {}
            move(connection, ids_here, source, target, at=at, why=why, **values, **untold)


def last_edit() -> ColumnElement[datetime | None]:
    """Give, in a query of feedback, when its last edit was seen; NULL where there was none."""
    replaced_at = (
        select(func.max(FeedbackRevisionRow.replaced_at))
        .where(FeedbackRevisionRow.feedback_id == FeedbackRow.id)
        .correlate(FeedbackRow)
        .scalar_subquery()
    )
    return case((FeedbackRow.revision > 1, replaced_at))


@dataclass(frozen=True, slots=True)
class ToDraft:
    """What drafting needs of one case; ``seen_edited_at`` is its last edit's, if there was one."""

    case_id: int
    feedback_id: int
    feedback_revision: int
    brand: str
    channel: str
    account_id: int
    kind: str
    native_id: str
    title: str
    text: str
    product_name: str
    rating: int | None
    written_at: datetime
    seen_edited_at: datetime | None
    first_seen_at: datetime
    is_backfill: bool
    url: str
    author: str
    due_at: datetime
    sentiment: str | None
    score: float | None
    severity: str
    abusive: bool
    intent: str
    analysis: Mapping[str, Any]
    model_version: str
    draft_number: int
    extra: Mapping[str, str]
    deadline_at: datetime | None
    replied_elsewhere_at: datetime | None


def load_for_drafting(connection: Connection, case_ids: Sequence[int]) -> list[ToDraft]:
    """Read cases with their feedback, in the order of their ids."""
    rows = connection.execute(
        select(
            CaseRow.id.label("case_id"),
            CaseRow.feedback_id,
            FeedbackRow.revision.label("feedback_revision"),
            CaseRow.brand,
            CaseRow.channel,
            FeedbackRow.account_id,
            CaseRow.kind,
            FeedbackRow.native_id,
            FeedbackRow.title,
            FeedbackRow.text,
            FeedbackRow.product_name,
            FeedbackRow.rating,
            FeedbackRow.written_at,
            last_edit().label("seen_edited_at"),
            FeedbackRow.first_seen_at,
            FeedbackRow.is_backfill,
            FeedbackRow.url,
            FeedbackRow.author,
            CaseRow.due_at,
            FeedbackRow.sentiment,
            FeedbackRow.score,
            CaseRow.severity,
            FeedbackRow.abusive,
            FeedbackRow.intent,
            FeedbackRow.analysis,
            FeedbackRow.model_version,
            CaseRow.draft_number,
            FeedbackRow.extra,
            FeedbackRow.deadline_at,
            FeedbackRow.replied_elsewhere_at,
        )
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .where(CaseRow.id.in_(case_ids))
        .order_by(CaseRow.id)
    )
    return records(ToDraft, rows)


def claim(
    connection: Connection, case_ids: Sequence[int], *, now: datetime, until: datetime
) -> tuple[str, list[ToDraft]]:
    """Lease opened cases that nobody drafts and read them.

    Returns:
        The lease's token and the cases that are ours.
    """
    token, claimed = moves.claim(
        connection, CaseRow, case_ids, CaseState.OPENED, now=now, until=until
    )
    return token, load_for_drafting(connection, claimed) if claimed else []


DRAFT_PAGE = 256
URGENT_PAGE = 20
"""Few ids a message, so that nobody urgent waits for many others: drafting one takes a millisecond."""


def queue_drafts(
    connection: Connection, urgent: Sequence[int], normal: Sequence[int], *, now: datetime
) -> None:
    """Ask for drafts of cases; what is severe has a queue of its own."""
    for message, ids, page_size in (
        (Message.CASE_DRAFT_URGENT, urgent, URGENT_PAGE),
        (Message.CASE_DRAFT, normal, DRAFT_PAGE),
    ):
        outbox.add_pages(connection, message, ids, page_size=page_size, available_at=now)


def take_lost(
    connection: Connection, *, now: datetime, queued_before: datetime, limit: int
) -> tuple[list[int], list[int]]:
    """Find opened cases whose drafting message seems lost: urgent, normal."""
    ids = moves.take_lost(
        connection,
        CaseRow,
        CaseState.OPENED,
        now=now,
        queued_before=queued_before,
        limit=limit,
        first=CaseRow.severity_rank,
    )
    if not ids:
        return [], []
    urgent = set(
        connection.execute(
            select(CaseRow.id).where(CaseRow.id.in_(ids), CaseRow.severity != Severity.NORMAL)
        ).scalars()
    )
    return sorted(urgent), [case_id for case_id in ids if case_id not in urgent]


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with the draft a decision would be about; ``text`` is empty before the first."""

    case: ToDraft
    state: CaseState
    closed_at: datetime | None
    note: str
    draft_text: str
    sentences: list[dict[str, Any]]
    missing: list[str]
    cited: Mapping[str, str]


def load_view(connection: Connection, case_id: int) -> CaseView | None:
    """Read one case as it is now."""
    found = load_for_drafting(connection, [case_id])
    if not found:
        return None
    row = connection.execute(
        select(
            CaseRow.state,
            CaseRow.closed_at,
            CaseRow.note,
            DraftRow.text,
            DraftRow.sentences,
            DraftRow.missing,
            DraftRow.cited,
        )
        .outerjoin(
            DraftRow, (DraftRow.case_id == CaseRow.id) & (DraftRow.number == CaseRow.draft_number)
        )
        .where(CaseRow.id == case_id)
    ).one()
    return CaseView(
        case=found[0],
        state=CaseState(row.state),
        closed_at=row.closed_at,
        note=row.note,
        draft_text=row.text or "",
        sentences=row.sentences or [],
        missing=row.missing or [],
        cited=row.cited or {},
    )


@dataclass(frozen=True, slots=True)
class Drafted:
    """A finished draft of one case and the clauses it rests on."""

    case: ToDraft
    reply: DraftReply
    cited: Mapping[str, str]


def settle_drafts(
    connection: Connection, token: str, drafts: Sequence[Drafted], *, now: datetime
) -> list[Drafted]:
    """Store drafts and put their cases on the desk.

    Returns:
        Those whose case was still ours; the others were edited meanwhile and drafted again.
    """
    settled = set(
        move(
            connection,
            [draft.case.case_id for draft in drafts],
            CaseState.OPENED,
            CaseState.DRAFTED,
            at=now,
            why="draft ready",
            where=(CaseRow.lease_token == token,),
            lease_until=None,
            lease_token=None,
            draft_number=CaseRow.draft_number + 1,
        )
    )
    kept = [draft for draft in drafts if draft.case.case_id in settled]
    if kept:
        connection.execute(insert(DraftRow), [_draft_row(draft, now) for draft in kept])
    return kept


def _draft_row(draft: Drafted, now: datetime) -> dict[str, Any]:
    return {
        "case_id": draft.case.case_id,
        "number": draft.case.draft_number + 1,
        "feedback_revision": draft.case.feedback_revision,
        "text": draft.reply.text,
        "sentences": [
            {
                "text": sentence.text,
                "source": str(sentence.source),
                "reference": sentence.reference,
                "span": [sentence.span.start, sentence.span.end] if sentence.span else None,
            }
            for sentence in draft.reply.sentences
        ],
        "missing": list(draft.reply.missing),
        "strategy": draft.reply.strategy,
        "cited": dict(draft.cited),
        "made_at": now,
    }


def fail_drafts(
    connection: Connection, case_ids: Sequence[int], token: str, *, retry_at: datetime
) -> None:
    """Give cases back whose drafting failed; they are tried again after ``retry_at``."""
    connection.execute(
        update(CaseRow)
        .where(CaseRow.id.in_(case_ids), CaseRow.lease_token == token)
        .values(lease_until=None, lease_token=None, queued_at=retry_at)
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided, and what they were looking at.

    Attributes:
        text: The reply as approved, to the character; empty for a rejection.
        draft_number: Number of the draft on the person's screen.
        feedback_revision: Revision of the feedback on the person's screen.
        decided_in: ``console``, ``slack`` or ``command``.
        decided_as: The person's role; empty where nobody signs in.
    """

    case_id: int
    draft_number: int
    feedback_revision: int
    decided_by: str
    decided_in: str
    text: str = ""
    reason: str = ""
    decided_as: str = ""


def approve(
    connection: Connection, decision: Decision, *, now: datetime, undo_window: timedelta
) -> int:
    """Approve a reply: decision, publication, history and message in the caller's transaction.

    Args:
        connection: The caller's transaction.
        decision: Whose ``text`` will be published to the character.
        now: Instant of the decision.
        undo_window: How long the reply waits before it may leave.

    Returns:
        The publication's id.

    Raises:
        DecisionRefusedError: The case, its draft or its feedback changed since the person
            looked, or its brand publishes with two approvals and this is not the second;
            nothing was written.
    """
    case = check_fresh(connection, decision)
    if case.extra.get(NEEDS_CONFIRM):
        raise DecisionRefusedError("이 문의는 답변이 아니라 확인 처리를 받습니다.", "closed")
    draft_text = connection.execute(
        select(DraftRow.text).where(
            DraftRow.case_id == case.id, DraftRow.number == decision.draft_number
        )
    ).scalar_one()
    was_edited = draft_text != decision.text
    approved = _decide(connection, decision, APPROVAL, now=now, was_edited=was_edited)
    return _queue(connection, decision, case, approved, "approved", now=now, wait=undo_window)


def confirm(
    connection: Connection, decision: Decision, *, now: datetime, undo_window: timedelta
) -> int:
    """Approve that the channel is told "seen" (확인 처리), where an item asks for that.

    It goes the way of a reply: a decision, a publication that leaves once, and a reading that
    proves it.

    Args:
        connection: The caller's transaction.
        decision: Without a text.
        now: Instant of the decision.
        undo_window: How long it waits before it may leave.

    Returns:
        The publication's id.

    Raises:
        DecisionRefusedError: As ``approve``; or the item asks for no confirmation.
    """
    case = check_fresh(connection, decision)
    if not case.extra.get(NEEDS_CONFIRM):
        raise DecisionRefusedError("이 문의는 확인 처리를 기다리지 않습니다.", "closed")
    wordless = replace(decision, text="")
    approved = _decide(
        connection, wordless, APPROVAL, now=now, was_edited=False, action=ReplyAction.CONFIRM
    )
    why = "confirmation approved"
    return _queue(connection, decision, case, approved, why, now=now, wait=undo_window)


def _queue(
    connection: Connection,
    decision: Decision,
    case: Any,  # noqa: ANN401 - a result row
    approved: tuple[int, str],
    why: str,
    *,
    now: datetime,
    wait: timedelta,
) -> int:
    """Make the publication of an approval: its row, its history and its message."""
    decision_id, text_sha256 = approved
    _move_case(connection, decision, CaseState.APPROVED, now=now, why=why)
    available_at = now + wait
    try:
        publication = connection.execute(
            insert(PublicationRow).returning(PublicationRow.id),
            [
                {
                    "case_id": case.id,
                    "feedback_id": case.feedback_id,
                    "decision_id": decision_id,
                    "text_sha256": text_sha256,
                    "state": PublicationState.QUEUED,
                    "available_at": available_at,
                    "queued_at": available_at,
                }
            ],
        ).scalar_one()
    except ConflictError as error:
        if _TWO_STEPS in str(error.orig):
            raise DecisionRefusedError(
                "이 브랜드는 에이전시와 브랜드의 승인이 모두 필요합니다.", "policy"
            ) from None
        raise
    remember(
        connection,
        PublicationRow,
        [(publication, case.feedback_id)],
        "",
        PublicationState.QUEUED,
        at=now,
        why=why,
        who=decision.decided_by,
    )
    outbox.add(connection, Message.PUBLICATION_PUBLISH, [publication], available_at=available_at)
    return int(publication)


def reject(connection: Connection, decision: Decision, *, now: datetime) -> None:
    """Close a case without a reply, with the person's reason.

    Raises:
        DecisionRefusedError: As ``approve``.
    """
    check_fresh(connection, decision)
    _decide(connection, decision, REJECTION, now=now, was_edited=False)
    _move_case(
        connection, decision, CaseState.REJECTED, now=now, why=decision.reason, closed_at=now
    )


def undo(connection: Connection, case_id: int, *, who: str, now: datetime) -> None:
    """Take an approval back while its reply has not left.

    Raises:
        DecisionRefusedError: The reply has left, or there is nothing to undo.
    """
    waiting = list(
        connection.execute(
            select(PublicationRow.id).where(
                PublicationRow.case_id == case_id,
                PublicationRow.state == PublicationState.QUEUED,
                PublicationRow.attempts == 0,
            )
        ).scalars()
    )
    why = "undone"
    if not move(
        connection,
        waiting,
        PublicationState.QUEUED,
        PublicationState.CANCELLED,
        at=now,
        why=why,
        who=who,
    ):
        raise DecisionRefusedError("이미 게시가 시작되어 되돌릴 수 없습니다.", "decided")
    # Told again of the deadline: whoever was told thinks it is answered.
    move(
        connection,
        [case_id],
        CaseState.APPROVED,
        CaseState.DRAFTED,
        at=now,
        why=why,
        who=who,
        reminder="",
    )
    proposals.ask_again(connection, case_id)


def check_fresh(connection: Connection, decision: Decision) -> Any:  # noqa: ANN401 - a result row
    """Give the case, locked until the transaction's end, if it is what the person looked at.

    Raises:
        DecisionRefusedError: It changed since; says what.
    """
    case = lock(connection, decision.case_id)
    if case.state in {CaseState.APPROVED, CaseState.ANSWERED, CaseState.REJECTED}:
        raise DecisionRefusedError(who_decided(connection, decision.case_id), "decided")
    if case.state in CLOSED_BY_CHANNEL:
        raise DecisionRefusedError(CLOSED_BY_CHANNEL[case.state], "closed")
    if case.revision != decision.feedback_revision:
        raise DecisionRefusedError("보고 계신 동안 고객이 글을 수정했습니다.", "revision")
    if case.state != CaseState.DRAFTED or case.draft_number != decision.draft_number:
        raise DecisionRefusedError("보고 계신 동안 초안이 새로 작성되었습니다.", "draft")
    return case


def lock(connection: Connection, case_id: int) -> Any:  # noqa: ANN401 - a result row
    """Give a case and what its feedback is now, both locked until the transaction's end.

    Raises:
        DecisionRefusedError: There is no such case.
    """
    # The feedback's row is locked first, as an edit does, so that the two cannot cross; but not its
    # key: a draft's notice refers to it after the draft has locked the case.
    feedback = connection.execute(
        select(FeedbackRow.id)
        .join(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
        .where(CaseRow.id == case_id)
        .with_for_update(of=FeedbackRow, key_share=True)
    ).one_or_none()
    if feedback is None:
        raise DecisionRefusedError("없는 케이스입니다.", "missing")
    return connection.execute(
        select(
            CaseRow.id,
            CaseRow.feedback_id,
            CaseRow.state,
            CaseRow.severity,
            CaseRow.draft_number,
            CaseRow.note,
            FeedbackRow.state.label("feedback_state"),
            FeedbackRow.revision,
            FeedbackRow.gone_at,
            FeedbackRow.replied_elsewhere_at,
            FeedbackRow.extra,
        )
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .where(CaseRow.id == case_id)
        .with_for_update(of=CaseRow)
    ).one()


def who_decided(connection: Connection, case_id: int) -> str:
    """Say in Korean who decided a case last, and when."""
    last = connection.execute(
        select(DecisionRow.decided_by, DecisionRow.kind, DecisionRow.decided_at)
        .where(DecisionRow.case_id == case_id)
        .order_by(DecisionRow.id.desc())
        .limit(1)
    ).one()
    verb = "승인" if last.kind == APPROVAL else "반려"
    at = last.decided_at.astimezone(KST)
    return f"{last.decided_by} 님이 {at.month}월 {at.day}일 {at:%H:%M}에 이미 {verb}했습니다."


def _decide(
    connection: Connection,
    decision: Decision,
    kind: str,
    *,
    now: datetime,
    was_edited: bool,
    action: ReplyAction = ReplyAction.ANSWER,
) -> tuple[int, str]:
    text_sha256 = hashlib.sha256(decision.text.encode()).hexdigest()
    decision_id = connection.execute(
        insert(DecisionRow).returning(DecisionRow.id),
        [
            {
                "case_id": decision.case_id,
                "kind": kind,
                "action": action,
                "draft_number": decision.draft_number,
                "feedback_revision": decision.feedback_revision,
                "text": decision.text,
                "text_sha256": text_sha256,
                "was_edited": was_edited,
                "reason": decision.reason,
                "decided_by": decision.decided_by,
                "decided_at": now,
                "decided_in": decision.decided_in,
                "decided_as": decision.decided_as,
            }
        ],
    ).scalar_one()
    return int(decision_id), text_sha256


def _move_case(
    connection: Connection,
    decision: Decision,
    target: CaseState,
    *,
    now: datetime,
    why: str,
    **values: Any,  # noqa: ANN401 - column values
) -> None:
    moved = move(
        connection,
        [decision.case_id],
        CaseState.DRAFTED,
        target,
        at=now,
        why=why,
        who=decision.decided_by,
        where=(CaseRow.draft_number == decision.draft_number,),
        note="",
        asked_id=None,
        **values,
    )
    if not moved:
        # Checked above under the row's lock; on SQLite the whole database was locked.
        raise DecisionRefusedError("다른 결정이 먼저 저장되었습니다.", "decided")


def last_decision(connection: Connection, case_id: int) -> dict[str, Any] | None:
    """Give the newest decision of a case."""
    row = connection.execute(
        select(
            DecisionRow.kind,
            DecisionRow.action,
            DecisionRow.text,
            DecisionRow.was_edited,
            DecisionRow.reason,
            DecisionRow.decided_by,
            DecisionRow.decided_at,
            DecisionRow.decided_in,
        )
        .where(DecisionRow.case_id == case_id)
        .order_by(DecisionRow.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else dict(row._mapping)  # noqa: SLF001


def to_decide(connection: Connection, *, limit: int) -> list[dict[str, Any]]:
    """Give undecided drafts, most severe first, as ``approve`` needs them."""
    rows = connection.execute(
        select(
            CaseRow.id.label("case_id"),
            CaseRow.brand,
            DraftRow.number.label("draft_number"),
            DraftRow.feedback_revision,
            DraftRow.text,
        )
        .join(
            DraftRow, (DraftRow.case_id == CaseRow.id) & (DraftRow.number == CaseRow.draft_number)
        )
        # The second says nothing new, but the index in this order holds open cases only.
        .where(CaseRow.state == CaseState.DRAFTED, CaseRow.closed_at.is_(None))
        .order_by(CaseRow.severity_rank, CaseRow.due_at)
        .limit(limit)
    )
    return dicts(rows)


STUCK_AFTER = 5
"""Attempts after which a reply that its channel does not take is worth a person's while."""


def _is_unsent() -> ColumnElement[bool]:
    """Give the condition of a reply that a person must help on its way.

    It is to be pasted, or to be looked for on the channel; or the channel does not take it.
    """
    stuck = and_(
        PublicationRow.state == PublicationState.QUEUED, PublicationRow.attempts >= STUCK_AFTER
    )
    by_hand = (PublicationState.HANDED_OFF, PublicationState.ATTENTION)
    return or_(PublicationRow.state.in_(by_hand), stuck)


def _waits() -> ColumnElement[bool]:
    """Give the condition of a case that waits for a person."""
    reply = select(PublicationRow.id).where(PublicationRow.case_id == CaseRow.id, _is_unsent())
    return or_(
        CaseRow.state.in_([CaseState.OPENED, CaseState.DRAFTED]),
        and_(CaseRow.state == CaseState.APPROVED, reply.exists()),
    )


def waiting(connection: Connection, case_ids: Sequence[int]) -> list[int]:
    """Give which of these cases wait for a person, in the same order."""
    rows = connection.execute(select(CaseRow.id).where(CaseRow.id.in_(case_ids), _waits()))
    found = set(rows.scalars())
    return [case_id for case_id in case_ids if case_id in found]


def unsent_state() -> ScalarSelect[str | None]:
    """Give, in a query of cases, the state of an approved one's reply that needs a person."""
    return (
        select(func.max(PublicationRow.state))
        .where(
            PublicationRow.case_id == CaseRow.id, CaseRow.state == CaseState.APPROVED, _is_unsent()
        )
        .correlate(CaseRow)
        .scalar_subquery()
    )


def unsent(connection: Connection, case_ids: Sequence[int]) -> dict[int, PublicationState]:
    """Tell which of these cases have a reply that a person must help on its way, and its state."""
    rows = connection.execute(
        select(PublicationRow.case_id, PublicationRow.state).where(
            PublicationRow.case_id.in_(case_ids), _is_unsent()
        )
    )
    return {row.case_id: PublicationState(row.state) for row in rows}


def take_due(
    connection: Connection, brand: str, reminder: str, *, before: datetime, limit: int = 500
) -> list[int]:
    """Find cases that wait for a person, due before an instant and not reminded of so far.

    Args:
        connection: The transaction that also stores the notice.
        brand: Slug.
        reminder: ``due_soon``, ``overdue`` or ``escalated``, in this order; noted on the case.
            Only what was told as ``overdue`` is escalated, so that no case passes the lead by.
        before: The deadline's limit.
        limit: Most cases at a time.

    Returns:
        Case ids, most severe and longest overdue first.
    """
    ids = list(
        connection.execute(
            select(CaseRow.id)
            .where(
                CaseRow.brand == brand,
                # Says nothing new, but without it every case the brand ever had is read.
                CaseRow.state.in_(OPEN_CASE_STATES),
                _waits(),
                CaseRow.due_at <= before,
                CaseRow.reminder.in_(_REMINDED_BEFORE[reminder]),
            )
            .order_by(CaseRow.severity_rank, CaseRow.due_at)
            .limit(limit)
            # Two schedulers look at once; what the other one holds, it tells of.
            .with_for_update(skip_locked=True)
        ).scalars()
    )
    if ids:
        connection.execute(update(CaseRow).where(CaseRow.id.in_(ids)).values(reminder=reminder))
    return ids
