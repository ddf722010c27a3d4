"""Approvals that need a second one: asked of the brand, or of somebody with a higher limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    delete,
    insert,
    select,
    true,
    update,
)

from domain.states import CaseState
from storage.models import (
    CaseRow,
    FeedbackRow,
    PresenceRow,
    ProposalRow,
)
from storage.session import SCOPE, dicts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from storage.cases import Decision, ToDraft


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
    "two_step": "브랜드 승인",
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


STILL_WAITS: Sequence[ColumnElement[bool]] = (
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
        .where(CaseRow.brand.in_(sorted(brands)), one, *STILL_WAITS)
        .order_by(CaseRow.severity_rank, CaseRow.due_at, ProposalRow.id.desc())
    )
    newest: dict[int, dict[str, Any]] = {}
    for row in dicts(rows):
        newest.setdefault(row["case_id"], row)
    return list(newest.values())


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
        CaseRow.brand.in_(SCOPE),
        # The case itself is then the agency's again.
        _newest.c.reason != "rewrite",
    )
)


def asked_for(connection: Connection, brands: Collection[str]) -> set[int]:
    """Give the cases of which the brand, or somebody with a higher limit, was asked last."""
    rows = connection.execute(_ASKED, {"brands": sorted(brands)})
    # What happened since, such as a refusal by the channel, the case says instead.
    return {row.case_id for row in rows if row.note == asks(row.proposed_by, row.reason)}
