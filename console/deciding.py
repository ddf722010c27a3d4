"""One decision of one person, with everything that can stand against it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from console import checks
from domain.errors import DecisionRefusedError
from responders.compensation import compensation
from storage import cases, owners, proposals
from storage.cases import Decision
from storage.people import Role

if TYPE_CHECKING:
    from console.access import Person, Visit
    from console.context import ConsoleContext
    from domain.brands import Brand
    from responders.policy import Finding


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an approval.

    Attributes:
        findings: Why the reply may not go out like this; empty when it was taken.
        proposed_for: Empty when the reply was approved; else a key of ``proposals.WAITS_FOR``: it
            waits for a second person.
    """

    findings: tuple[Finding, ...] = ()
    proposed_for: str = ""


def decision_of(
    visit: Visit, case_id: int, draft_number: int, feedback_revision: int, *, reason: str = ""
) -> Decision:
    """Give a decision of this person about what was on the screen."""
    return Decision(
        case_id=case_id,
        draft_number=draft_number,
        feedback_revision=feedback_revision,
        decided_by=visit.person.name,
        decided_in="console",
        reason=reason,
    )


def approve(
    context: ConsoleContext, person: Person, brand: Brand, decision: Decision, reply: str
) -> Outcome:
    """Approve a reply, or hand it on where a second person must agree.

    Raises:
        DecisionRefusedError: The case, its draft or its feedback changed since the person looked.
        ConfigurationError: The brand's manual cannot be read, so nothing can be checked.
    """
    with context.database.reading() as connection:
        view = cases.load_view(connection, decision.case_id)
    if view is None:
        raise DecisionRefusedError("없는 케이스입니다.", "missing")
    decision = replace(decision, text=reply, decided_as=person.role or "")
    findings = checks.findings(context, brand, view, reply)
    now = context.clock()
    with context.database.unit_of_work() as connection:
        # Held from here on: whatever was checked above is what is decided about.
        case = cases.check_fresh(connection, decision)
        if any(finding.is_blocking for finding in findings):
            return Outcome(findings=findings)
        waiting = proposals.proposal_of(connection, decision)
        reason = _needs_second(person, brand, reply, waiting)
        if reason:
            if _is_asked(waiting, reason, reply, case.note):
                return Outcome(proposed_for=reason)
            proposals.propose(connection, decision, reason, now=now, won=compensation(reply))
            if reason == "compensation":
                owners.go_up(connection, decision.case_id, who=person.name, now=now)
            context.tell_asked(connection, decision.case_id)
            return Outcome(proposed_for=reason)
        cases.approve(connection, decision, now=now, undo_window=brand.undo_window)
    return Outcome()


def confirm(context: ConsoleContext, brand: Brand, decision: Decision) -> None:
    """Approve a confirmation. It says nothing to a customer, so nobody else must agree.

    Raises:
        DecisionRefusedError: As `approve`; or the item asks for no confirmation.
    """
    with context.database.unit_of_work() as connection:
        cases.confirm(connection, decision, now=context.clock(), undo_window=brand.undo_window)


def not_yet(person: Person, brand: Brand, waiting: proposals.Proposal | None) -> str:
    """Say in Korean why nothing this person writes can be approved yet; empty when it can.

    Args:
        person: Who would approve.
        brand: Whose case it is.
        waiting: The newest proposal about the draft.
    """
    if not brand.two_step_approval:
        return ""
    if person.role is None:
        return "이 브랜드는 두 사람의 승인이 필요합니다. 로그인을 먼저 설정해 주세요."
    # "I may not approve this" is not the agency's approval.
    is_asked = waiting is not None and waiting.reason == "two_step"
    if person.role is Role.BRAND_APPROVER and (
        not is_asked or (waiting is not None and waiting.proposed_by == person.name)
    ):
        return "에이전시의 승인이 먼저 필요합니다."
    return ""


def _is_asked(waiting: proposals.Proposal | None, reason: str, reply: str, note: str) -> bool:
    """Tell whether just this is asked already, so that a second press asks nobody twice.

    What happened since, such as a refusal by the channel, the case says instead.
    """
    return (
        waiting is not None
        and (waiting.reason, waiting.text) == (reason, reply)
        and waiting.asks == note
    )


def _needs_second(
    person: Person,
    brand: Brand,
    reply: str,
    waiting: proposals.Proposal | None,
) -> str:
    why_not = not_yet(person, brand, waiting)
    if why_not:
        raise DecisionRefusedError(why_not, "policy")
    limit = person.compensation_limit(brand)
    # Above the lead is the brand, which such a brand's second step asks anyway.
    is_last_limit = brand.two_step_approval and person.role is Role.LEAD
    if limit is not None and not is_last_limit and compensation(reply) > limit:
        return "compensation"
    if not brand.two_step_approval:
        return ""
    if person.role is not Role.BRAND_APPROVER:
        return "two_step"
    # What the brand says differently the agency has not approved: it goes back there.
    return "" if waiting is not None and waiting.text == reply else "rewrite"
