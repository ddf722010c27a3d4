"""Publications: an approved reply on its way to its channel, and the proof that it is there.

The rules that keep a reply from being sent twice:

* ``sending`` is committed before the request leaves; whoever finds it later does not know.
* an unknown outcome is ``uncertain``; only reading the channel settles it.
* absent means absent on two reads, both made after the request can no longer take effect.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, or_, select, update

from domain.messages import Message
from domain.states import CaseState, PublicationState
from domain.types import FeedbackKind, ReplyAction, ReplyTarget
from storage import alerts, cases, outbox
from storage.models import (
    AccountRow,
    CaseRow,
    DecisionRow,
    FeedbackRow,
    HistoryRow,
    PublicationRow,
)
from storage.moves import claim, expired, move
from storage.moves import take_lost as take_lost_rows

if TYPE_CHECKING:
    from datetime import datetime

    from domain.brands import Source
    from domain.types import ChannelReply

READS_TO_PROVE_ABSENCE = 2
READABLE_STATES = (
    PublicationState.POSTED,
    PublicationState.PENDING,
    PublicationState.UNCERTAIN,
)
"""States that a read-back settles."""


@dataclass(frozen=True, slots=True)
class PublicationJob:
    """One publication as a worker needs it.

    Attributes:
        source: The place that the feedback was read from, as `storage.accounts.Origin` has it.
        is_left: Whether the account was taken out, or reads another place by now.
        text: Exactly what was approved; empty for a confirmation.
        sent_at: When the request may have left; None before the first attempt.
    """

    id: int
    case_id: int
    feedback_id: int
    account_key: str
    brand: str
    channel: str
    source: Source | None
    is_left: bool
    target: ReplyTarget
    text: str
    action: ReplyAction
    state: PublicationState
    attempts: int
    sent_at: datetime | None
    absent_reads: int
    failed_reads: int


def load(connection: Connection, publication_id: int) -> PublicationJob | None:
    """Read one publication with what its publisher needs."""
    row = connection.execute(
        select(
            PublicationRow.id,
            PublicationRow.case_id,
            PublicationRow.feedback_id,
            PublicationRow.state,
            PublicationRow.attempts,
            PublicationRow.sent_at,
            PublicationRow.absent_reads,
            PublicationRow.failed_reads,
            DecisionRow.text,
            DecisionRow.action,
            AccountRow.key.label("account_key"),
            AccountRow.source,
            # Until places had rows of their own, an account took its row to another channel.
            or_(
                AccountRow.removed_at.is_not(None), AccountRow.channel != FeedbackRow.channel
            ).label("is_left"),
            FeedbackRow.brand,
            FeedbackRow.channel,
            FeedbackRow.kind,
            FeedbackRow.native_id,
            FeedbackRow.extra,
        )
        .join(DecisionRow, DecisionRow.id == PublicationRow.decision_id)
        .join(FeedbackRow, FeedbackRow.id == PublicationRow.feedback_id)
        .join(AccountRow, AccountRow.id == FeedbackRow.account_id)
        .where(PublicationRow.id == publication_id)
    ).one_or_none()
    if row is None:
        return None
    return PublicationJob(
        id=row.id,
        case_id=row.case_id,
        feedback_id=row.feedback_id,
        account_key=row.account_key,
        brand=row.brand,
        channel=row.channel,
        source=row.source,
        is_left=row.is_left,
        target=ReplyTarget(native_id=row.native_id, kind=FeedbackKind(row.kind), extra=row.extra),
        text=row.text,
        action=ReplyAction(row.action),
        state=PublicationState(row.state),
        attempts=row.attempts,
        sent_at=row.sent_at,
        absent_reads=row.absent_reads,
        failed_reads=row.failed_reads,
    )


def begin_sending(
    connection: Connection, publication_id: int, *, now: datetime, lease_until: datetime
) -> str | None:
    """Claim a due publication: from here on the request may have left.

    Returns:
        The lease's token, or None when it is not due, not queued, somebody else's, or answers
        what the customer no longer says; then it was withdrawn.
    """
    if _withdraw_outdated(connection, publication_id, PublicationState.QUEUED, now=now):
        return None
    token = secrets.token_hex(8)
    moved = move(
        connection,
        [publication_id],
        PublicationState.QUEUED,
        PublicationState.SENDING,
        at=now,
        why="claimed",
        where=(PublicationRow.available_at <= now,),
        lease_until=lease_until,
        lease_token=token,
        sent_at=now,
        attempts=PublicationRow.attempts + 1,
        absent_reads=0,
        failed_reads=0,
    )
    return token if moved else None


def _withdraw_outdated(
    connection: Connection, publication_id: int, state: PublicationState, *, now: datetime
) -> bool:
    """Withdraw a reply, or its case, whose feedback changed while an attempt was on its way.

    Such a change finds the publication on its way and leaves it and its case alone. The
    feedback's row is locked first, as a change does, so that the two cannot cross.

    Args:
        connection: The caller's transaction.
        publication_id: Which.
        state: In which it is back in our hands; in another one nothing happens.
        now: Instant.
    """
    row = connection.execute(
        select(
            FeedbackRow.id,
            FeedbackRow.revision,
            FeedbackRow.gone_at,
            FeedbackRow.replied_elsewhere_at,
            DecisionRow.feedback_revision,
        )
        .join(PublicationRow, PublicationRow.feedback_id == FeedbackRow.id)
        .join(DecisionRow, DecisionRow.id == PublicationRow.decision_id)
        .where(PublicationRow.id == publication_id, PublicationRow.state == state)
        .with_for_update(of=FeedbackRow, key_share=True)
    ).one_or_none()
    if row is None:
        return False
    note = ""
    if row.gone_at is not None:
        target, why = CaseState.GONE, "gone from the channel while it was being sent"
    elif row.replied_elsewhere_at is not None:
        target, why = CaseState.ANSWERED_ELSEWHERE, "answered elsewhere while it was being sent"
    elif row.revision != row.feedback_revision:
        target, why = CaseState.OPENED, "edited by its writer while it was being sent"
        note = cases.EDITED
    else:
        return False
    cases.withdraw(connection, [row.id], target, at=now, why=why, note=note)
    if target is CaseState.OPENED:
        # Read meanwhile, it waits for a look as if it had been edited after its reply.
        connection.execute(
            update(FeedbackRow)
            .where(FeedbackRow.id == row.id, FeedbackRow.needs_look)
            .values(needs_look=False)
        )
        alerts.outdate(connection, [row.id])
    return True


def claim_reading(
    connection: Connection,
    publication_id: int,
    state: PublicationState,
    *,
    now: datetime,
    lease_until: datetime,
) -> str | None:
    """Lease a publication in ``state`` for a read-back; None when somebody else reads."""
    token, claimed = claim(
        connection, PublicationRow, [publication_id], state, now=now, until=lease_until
    )
    return token if claimed else None


def settle(
    connection: Connection,
    job: PublicationJob,
    token: str,
    source: PublicationState,
    target: PublicationState,
    *,
    now: datetime,
    why: str,
    check_at: datetime | None = None,
    **values: Any,  # noqa: ANN401 - column values
) -> bool:
    """Record the outcome of an attempt or a read, and what follows for the case.

    Args:
        connection: The caller's transaction.
        job: Which publication.
        token: The caller's lease.
        source: State the caller left it in.
        target: What it became.
        now: Instant of the outcome.
        why: Reason for the history and, where a person must act, for the case's note.
        check_at: When the next message about it is due; None when nothing follows.
        **values: Further columns.

    Returns:
        False when the lease was lost meanwhile; nothing was written.
    """
    comes_back = target in {PublicationState.REFUSED, PublicationState.HANDED_OFF}
    if comes_back:
        _lock_feedback(connection, job.id)
    moved = move(
        connection,
        [job.id],
        source,
        target,
        at=now,
        why=why,
        where=(PublicationRow.lease_token == token,),
        lease_until=None,
        lease_token=None,
        queued_at=check_at or now,
        **values,
    )
    if not moved:
        return False
    if target is PublicationState.PUBLISHED:
        _move_case(connection, job, CaseState.ANSWERED, now=now, why=why, closed_at=now)
    elif target is PublicationState.REFUSED:
        note = f"답변이 게시되지 않았습니다. {why}"
        # Told again of the deadline: whoever was told thinks it is answered.
        _move_case(connection, job, CaseState.DRAFTED, now=now, why=why, note=note, reminder="")
        # Also where the message in Slack never said that it was approved: it must say this.
        alerts.outdate(connection, [job.feedback_id])
    elif target in {PublicationState.QUEUED, PublicationState.HANDED_OFF}:
        _remind_again(connection, job)
    if comes_back:
        _withdraw_outdated(connection, job.id, target, now=now)
    if check_at is not None:
        sends = target is PublicationState.QUEUED
        message = Message.PUBLICATION_PUBLISH if sends else Message.PUBLICATION_VERIFY
        outbox.add(connection, message, [job.id], available_at=check_at)
    return True


def _move_case(
    connection: Connection,
    job: PublicationJob,
    target: CaseState,
    *,
    now: datetime,
    why: str,
    **values: Any,  # noqa: ANN401 - column values
) -> None:
    move(connection, [job.case_id], CaseState.APPROVED, target, at=now, why=why, **values)


def settle_found(
    connection: Connection,
    job: PublicationJob,
    token: str,
    reply: ChannelReply,
    *,
    now: datetime,
    check_at: datetime,
) -> bool:
    """Record that our reply was read on the channel: published, or pending its moderation."""
    if reply.state == "pending":
        if job.state is PublicationState.PENDING:
            # Only failures in a row say that it cannot be read.
            return keep_waiting(connection, job, token, check_at=check_at, failed_reads=0)
        return settle(
            connection,
            job,
            token,
            job.state,
            PublicationState.PENDING,
            now=now,
            why="waits for the channel's moderation",
            check_at=check_at,
            receipt=reply.receipt,
            failed_reads=0,
        )
    return settle(
        connection,
        job,
        token,
        job.state,
        PublicationState.PUBLISHED,
        now=now,
        why="read back on the channel",
        receipt=reply.receipt,
        published_at=func.coalesce(PublicationRow.published_at, now),
        verified_at=now,
    )


def times_absent(connection: Connection, job: PublicationJob) -> int:
    """Count the attempts that left and never arrived; others were refused, and may be any number."""
    return connection.execute(
        select(func.count(HistoryRow.id)).where(
            HistoryRow.feedback_id == job.feedback_id,
            HistoryRow.entity == PublicationRow.__tablename__,
            HistoryRow.entity_id == job.id,
            HistoryRow.source == PublicationState.UNCERTAIN,
            HistoryRow.target == PublicationState.QUEUED,
        )
    ).scalar_one()


def settle_answered_elsewhere(
    connection: Connection, job: PublicationJob, token: str, *, now: datetime
) -> bool:
    """Record that somebody else's answer took the place of ours."""
    why = "another answer stands on the channel"
    return _end(connection, job, token, CaseState.ANSWERED_ELSEWHERE, now=now, why=why)


def _end(
    connection: Connection,
    job: PublicationJob,
    token: str,
    target: CaseState,
    *,
    now: datetime,
    why: str,
) -> bool:
    """Cancel a reply that nobody needs any more and close its case as ``target``."""
    done = settle(connection, job, token, job.state, PublicationState.CANCELLED, now=now, why=why)
    if done:
        _move_case(connection, job, target, now=now, why=why, closed_at=now)
    return done


def settle_gone(
    connection: Connection, job: PublicationJob, token: str, *, now: datetime, why: str
) -> bool:
    """Record that the channel no longer has what the reply answers.

    A collector may never tell: deletions are seen only as far back as it reads again.
    """
    _lock_feedback(connection, job.id)
    done = _end(connection, job, token, CaseState.GONE, now=now, why=why)
    if done:
        is_news = (FeedbackRow.id == job.feedback_id) & FeedbackRow.gone_at.is_(None)
        connection.execute(update(FeedbackRow).where(is_news).values(gone_at=now))
    return done


def _lock_feedback(connection: Connection, publication_id: int) -> None:
    """Lock the feedback's row before its reply's, as a change does, so that the two cannot cross."""
    connection.execute(
        select(FeedbackRow.id)
        .join(PublicationRow, PublicationRow.feedback_id == FeedbackRow.id)
        .where(PublicationRow.id == publication_id)
        .with_for_update(of=FeedbackRow, key_share=True)
    )


def _remind_again(connection: Connection, job: PublicationJob) -> None:
    """Have a case told of again once its reply needs a person: who was told thinks it is answered."""
    needs_person = or_(
        PublicationRow.state == PublicationState.HANDED_OFF,
        PublicationRow.attempts == cases.STUCK_AFTER,
    )
    reply = select(PublicationRow.id).where(PublicationRow.id == job.id, needs_person)
    connection.execute(
        update(CaseRow).where(CaseRow.id == job.case_id, reply.exists()).values(reminder="")
    )


def keep_waiting(
    connection: Connection,
    job: PublicationJob,
    token: str,
    *,
    check_at: datetime,
    **values: Any,  # noqa: ANN401 - column values
) -> bool:
    """Read again later; the state stays.

    Returns:
        False when the lease was lost meanwhile.
    """
    changed = connection.execute(
        update(PublicationRow)
        .where(PublicationRow.id == job.id, PublicationRow.lease_token == token)
        .values(lease_until=None, lease_token=None, queued_at=check_at, **values)
    )
    if changed.rowcount == 1:
        outbox.add(connection, Message.PUBLICATION_VERIFY, [job.id], available_at=check_at)
    return changed.rowcount == 1


def hand_off(
    connection: Connection, job: PublicationJob, *, now: datetime, why: str, problem: str
) -> None:
    """Give a due reply to a person, who pastes it on the channel and confirms.

    Args:
        connection: The caller's transaction.
        job: Which.
        now: Instant.
        why: Reason for the history.
        problem: What the person must know, in Korean; empty where there is nothing to say.
    """
    if _withdraw_outdated(connection, job.id, PublicationState.QUEUED, now=now):
        return
    move(
        connection,
        [job.id],
        PublicationState.QUEUED,
        PublicationState.HANDED_OFF,
        at=now,
        why=why,
        where=(PublicationRow.available_at <= now,),
        queued_at=now,
        problem=problem,
    )


def confirm_hand_off(
    connection: Connection, case_id: int, publication_id: int, *, who: str, now: datetime
) -> bool:
    """Record a person's word that the reply stands on the channel.

    Args:
        connection: The caller's transaction.
        case_id: A case the person may see.
        publication_id: The reply they saw; by now another may be handed off.
        who: The person.
        now: Instant of the confirmation.

    Returns:
        False when there was no hand-off to confirm.
    """
    ids = _waiting(connection, case_id, publication_id, PublicationState.HANDED_OFF)
    why = "confirmed by a person"
    if not move(
        connection,
        ids,
        PublicationState.HANDED_OFF,
        PublicationState.PUBLISHED,
        at=now,
        why=why,
        who=who,
        published_at=now,
        receipt="confirmed by hand",
    ):
        return False
    move(
        connection,
        [case_id],
        CaseState.APPROVED,
        CaseState.ANSWERED,
        at=now,
        why=why,
        who=who,
        closed_at=now,
    )
    return True


def settle_attention(
    connection: Connection,
    case_id: int,
    publication_id: int,
    target: PublicationState,
    *,
    who: str,
    why: str,
    now: datetime,
) -> bool:
    """Record a person's decision about a publication that machines could not settle.

    Args:
        connection: The caller's transaction.
        case_id: Whose publication.
        publication_id: The one they saw; by now another may wait.
        target: ``published`` (it is there), ``queued`` (it is not, send it) or ``cancelled``.
        who: The person.
        why: What they saw.
        now: Instant of the decision.

    Returns:
        False when nothing waited for a person.
    """
    if target is PublicationState.CANCELLED:
        _lock_feedback(connection, publication_id)
    ids = _waiting(connection, case_id, publication_id, PublicationState.ATTENTION)
    values: dict[str, Any] = {"queued_at": now, "problem": ""}
    if target is PublicationState.PUBLISHED:
        values["published_at"] = now
    if target is PublicationState.QUEUED:
        values["available_at"] = now
    if not move(
        connection,
        ids,
        PublicationState.ATTENTION,
        target,
        at=now,
        why=why,
        who=who,
        **values,
    ):
        return False
    # What was told of its deadline was about this attempt: the next one, or the desk, begins anew.
    if target is PublicationState.QUEUED:
        connection.execute(update(CaseRow).where(CaseRow.id == case_id).values(reminder=""))
        outbox.add(connection, Message.PUBLICATION_PUBLISH, ids, available_at=now)
    else:
        published = target is PublicationState.PUBLISHED
        move(
            connection,
            [case_id],
            CaseState.APPROVED,
            CaseState.ANSWERED if published else CaseState.DRAFTED,
            at=now,
            why=why,
            who=who,
            closed_at=now if published else None,
            reminder="",
        )
    if target is PublicationState.CANCELLED:
        _withdraw_outdated(connection, publication_id, target, now=now)
    return True


def _waiting(
    connection: Connection, case_id: int, publication_id: int, state: PublicationState
) -> list[int]:
    return list(
        connection.execute(
            select(PublicationRow.id).where(
                PublicationRow.id == publication_id,
                PublicationRow.case_id == case_id,
                PublicationRow.state == state,
            )
        ).scalars()
    )


def expired_sendings(connection: Connection, *, now: datetime) -> list[tuple[int, str]]:
    """Find attempts whose worker died: ``(id, lease token)``."""
    return expired(connection, PublicationRow, PublicationState.SENDING, now=now)


def take_lost(
    connection: Connection, *, now: datetime, queued_before: datetime
) -> tuple[list[int], list[int]]:
    """Find publications whose message seems lost: those to send, those to read back."""
    lost = {
        state: take_lost_rows(
            connection, PublicationRow, state, now=now, queued_before=queued_before
        )
        for state in (PublicationState.QUEUED, *READABLE_STATES)
    }
    to_send = lost.pop(PublicationState.QUEUED)
    return to_send, [row_id for ids in lost.values() for row_id in ids]
