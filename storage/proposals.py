"""Approvals that need a second one: asked of the brand, or of somebody with a higher limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from domain.states import CaseState
from storage.models import (
    CaseRow,
    FeedbackRow,
    PresenceRow,
    ProposalRow,
)
from storage.session import dicts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from domain.brands import Brand
    from storage.cases import Decision, ToDraft
    from storage.moves import Columns


def propose(
    connection: Connection, decision: Decision, reason: str, *, now: datetime, won: int = 0
) -> None:
    """Keep a reply that one person found good and another must approve.

    Args:
        connection: The caller's transaction.
        decision: What the person would have approved.
        reason: Key of ``WAITS_FOR``.
        now: Instant of the proposal.
        won: What the reply gives beyond the customer's own money.
    """
    proposal_id = connection.execute(
        insert(ProposalRow).returning(ProposalRow.id),
        [
            {
                "case_id": decision.case_id,
                "draft_number": decision.draft_number,
                "feedback_revision": decision.feedback_revision,
                "text": decision.text,
                "reason": reason,
                "won": min(won, _MOST_WON),
                "proposed_by": decision.decided_by,
                "proposed_at": now,
            }
        ],
    ).scalar_one()
    _ask(connection, decision.case_id, proposal_id, decision.decided_by, reason)
    # Whoever asked is done with it, and comes in nobody's way.
    connection.execute(
        delete(PresenceRow).where(
            PresenceRow.case_id == decision.case_id, PresenceRow.who == decision.decided_by
        )
    )


def _ask(connection: Connection, case_id: int, proposal_id: int, who: str, reason: str) -> None:
    connection.execute(
        update(CaseRow)
        .where(CaseRow.id == case_id)
        .values(
            note=asks(who, reason),
            # What the brand says differently is the agency's case again.
            asked_id=None if reason == "rewrite" else proposal_id,
        )
    )


def ask_again(connection: Connection, case_id: int) -> None:
    """Let a case whose approval was taken back wait for whom it waited for before, if for anybody."""
    row = connection.execute(
        select(ProposalRow.id, ProposalRow.proposed_by, ProposalRow.reason)
        .join(CaseRow, CaseRow.id == ProposalRow.case_id)
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .where(CaseRow.id == case_id, *STILL_WAITS)
        .order_by(ProposalRow.id.desc())
        .limit(1)
    ).one_or_none()
    if row is not None:
        _ask(connection, case_id, row.id, row.proposed_by, row.reason)


WAITS_FOR: Mapping[str, str] = {
    "two_step": "브랜드 승인",
    "compensation": "보상 한도를 넘는 승인",
    "rewrite": "고친 답변의 승인",
}
"""What a proposal waits for: the brand after the agency; somebody with a higher limit; the agency
once more, because the brand changed its words."""


def asks(who: str, reason: str) -> str:
    """Say in Korean who asks for which approval."""
    return f"{who} 님이 {WAITS_FOR[reason]}을 요청했습니다."


STILL_WAITS: Sequence[ColumnElement[bool]] = (
    CaseRow.state == CaseState.DRAFTED,
    CaseRow.draft_number == ProposalRow.draft_number,
    FeedbackRow.revision == ProposalRow.feedback_revision,
)
"""What a proposal meets that is about the present draft of the present text."""
_MOST_WON = 2**62
"""More than a column holds can be written into a reply."""


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


def proposal_of(connection: Connection, about: ToDraft | Decision) -> Proposal | None:
    """Give the newest proposal about exactly the draft, of exactly the text, that these are about."""
    row = connection.execute(
        select(
            ProposalRow.id,
            ProposalRow.text,
            ProposalRow.reason,
            ProposalRow.proposed_by,
            ProposalRow.proposed_at,
        )
        .where(
            ProposalRow.case_id == about.case_id,
            ProposalRow.draft_number == about.draft_number,
            ProposalRow.feedback_revision == about.feedback_revision,
        )
        .order_by(ProposalRow.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Proposal(**row._mapping)  # noqa: SLF001


_asked = aliased(CaseRow)


def asked(
    brands: Collection[str] | BindParameter[list[str]], own: Collection[Brand] | None = None
) -> Select[int]:
    """Give the query of the ids of cases of which somebody was asked last and has not decided.

    Args:
        brands: Slugs of the brands to look at.
        own: Of a brand's people, their brands: what others of the agency are asked about is left
            out. None for everything.
    """
    query = select(_asked.id).where(_asked.asked_id.is_not(None), _asked.brand.in_(brands))
    return query if own is None else _of_brands(query, _asked, own)


def _of_brands(
    query: Select[*Columns], table: type[CaseRow], brands: Collection[Brand]
) -> Select[*Columns]:
    """Keep what waits for the brands themselves, not for somebody of the agency.

    Where a brand approves what the agency approved, the agency is always first; of another brand,
    what goes beyond the lead's limit is its own to decide.
    """
    theirs = (
        and_(
            table.brand == brand.slug,
            ProposalRow.reason == "two_step"
            if brand.two_step_approval
            else and_(
                ProposalRow.reason == "compensation",
                ProposalRow.won > brand.compensation_limits.lead,
            ),
        )
        for brand in brands
    )
    return query.join(ProposalRow, ProposalRow.id == table.asked_id).where(or_(false(), *theirs))


def waiting_for(
    connection: Connection, brand: Brand, *, limit: int, case_id: int | None = None
) -> list[dict[str, Any]]:
    """Give the first replies that wait for a brand itself, most urgent first; of one case if named."""
    query = select(
        CaseRow.id.label("case_id"),
        ProposalRow.reason,
        ProposalRow.proposed_by,
        CaseRow.severity,
        CaseRow.due_at,
        FeedbackRow.title,
        FeedbackRow.text,
        FeedbackRow.analysis,
    ).where(CaseRow.asked_id.is_not(None))
    if case_id is not None:
        query = query.where(CaseRow.id == case_id)
    rows = connection.execute(
        _of_brands(query, CaseRow, [brand])
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .order_by(CaseRow.severity_rank, CaseRow.due_at, CaseRow.id)
        .limit(limit)
    )
    return dicts(rows)


def count_waiting(
    connection: Connection, brands: Collection[Brand], *, most: int | None = None
) -> int:
    """Count the replies that wait for brands themselves, up to ``most``."""
    found = asked([brand.slug for brand in brands], brands).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(found)).scalar_one()
