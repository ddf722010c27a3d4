"""Cases that were closed and are decided about again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from domain.errors import DecisionRefusedError
from domain.states import CaseState, FeedbackState
from domain.types import NEEDS_CONFIRM, Severity
from storage import alerts, cases, proposals
from storage.models import CaseRow, DecisionRow, DraftRow
from storage.moves import PIPELINE, move

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

TAKEN_BACK = "rejection undone"
"""Why a case is decided about again whose rejection was a mistake; such a rejection says nothing."""


def open_again(
    connection: Connection,
    feedback_ids: Sequence[int],
    source: CaseState,
    target: CaseState = CaseState.OPENED,
    *,
    why: str,
    now: datetime,
    who: str = PIPELINE,
    note: str = "",
) -> list[int]:
    """Open cases again that were closed, and let their cards follow; gives which did."""
    if not feedback_ids:
        return []
    closed = connection.execute(
        select(CaseRow.id).where(CaseRow.feedback_id.in_(feedback_ids))
    ).scalars()
    opened = move(
        connection,
        list(closed),
        source,
        target,
        at=now,
        why=why,
        who=who,
        closed_at=None,
        queued_at=now,
        reminder="",
        note=note,
    )
    alerts.wake(connection, feedback_ids)
    return opened


def undo_rejection(
    connection: Connection, case_id: int, decision_id: int, *, who: str, now: datetime
) -> None:
    """Take a rejection back, however long ago it was: nothing has left because of it.

    The case waits with the draft that was rejected, and for whom it waited before, if for anybody.
    Where the customer edited the text since, it is drafted anew.

    Its deadline stays, even one that has passed meanwhile: the customer did not wait for our mistake
    to begin. Whoever was told of it is told again, because they think that it is closed.

    Args:
        connection: The caller's transaction.
        case_id: Whose.
        decision_id: The rejection that the person saw; a later decision refuses.
        who: The person.
        now: Instant.

    Raises:
        DecisionRefusedError: The case is open again already, was decided about since, or is no
            longer there to be answered; nothing was written.
    """
    case = cases.lock(connection, case_id)
    if case.state in {CaseState.OPENED, CaseState.DRAFTED}:
        raise DecisionRefusedError("이미 다시 열린 케이스입니다.", "decided")
    # What happens on the channel does not move a rejected case; what was decided about since does.
    over = case.state
    if case.state == CaseState.REJECTED:
        if case.gone_at is not None:
            over = CaseState.GONE
        elif case.replied_elsewhere_at is not None and not case.extra.get(NEEDS_CONFIRM):
            over = CaseState.ANSWERED_ELSEWHERE
    if over in cases.CLOSED_BY_CHANNEL:
        raise DecisionRefusedError(cases.CLOSED_BY_CHANNEL[over], "closed")
    last_id = connection.execute(
        select(DecisionRow.id)
        .where(DecisionRow.case_id == case_id)
        .order_by(DecisionRow.id.desc())
        .limit(1)
    ).scalar_one()
    if case.state != CaseState.REJECTED or last_id != decision_id:
        raise DecisionRefusedError(cases.who_decided(connection, case_id), "decided")
    drafted_about = connection.execute(
        select(DraftRow.feedback_revision).where(
            DraftRow.case_id == case_id, DraftRow.number == case.draft_number
        )
    ).scalar_one()
    is_edited = drafted_about != case.revision
    open_again(
        connection,
        [case.feedback_id],
        CaseState.REJECTED,
        CaseState.OPENED if is_edited else CaseState.DRAFTED,
        why=TAKEN_BACK,
        now=now,
        who=who,
        note=cases.EDITED if is_edited else "",
    )
    if not is_edited:
        proposals.ask_again(connection, case_id)
    elif case.feedback_state == FeedbackState.ANALYZED:
        # What is not understood yet is drafted when it is.
        is_normal = case.severity == Severity.NORMAL
        urgent, normal = ([], [case_id]) if is_normal else ([case_id], [])
        cases.queue_drafts(connection, urgent, normal, now=now)
