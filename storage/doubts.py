"""Feedback that a person should look at (확인 필요).

Its stars and text disagree, its reading is in doubt, or it was edited after its reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    func,
    insert,
    select,
    text,
    tuple_,
    update,
)

from domain.messages import Message
from domain.states import CaseState, FeedbackState
from storage import outbox, owners
from storage.alerts import outdate
from storage.analyses import EDITED_AFTER_REPLY
from storage.dossier import earlier
from storage.feedback import SEVERITY_RANK, queue_ranks
from storage.lessons import LOOKED_AT, LOOKED_AT_EDIT, OPENED_BY_PERSON
from storage.models import (
    CaseRow,
    DecisionRow,
    FeedbackRevisionRow,
    FeedbackRow,
)
from storage.moves import remember
from storage.session import SCOPE, dicts

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Select


def odd(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Keep the feedback that a person should look at, by its small index."""
    return query.where(text("needs_look"), FeedbackRow.brand.in_(SCOPE)).with_hint(
        FeedbackRow, "INDEXED BY ix_feedback_needs_look", "sqlite"
    )


def looks(
    connection: Connection, brands: Collection[str], *, limit: int = 100
) -> list[dict[str, Any]]:
    """Give feedback that a person should look at, last written first.

    It has no case, or was edited after its case's reply: then ``case_id`` and ``before``, what was
    replied to.
    """
    rows = dicts(
        connection.execute(
            odd(
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
        for row in earlier(
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
