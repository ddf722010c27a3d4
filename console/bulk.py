"""Many cases at once, where policy allows it: plain ones, by those who know the desk."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Response

from console import checks, deciding
from console.access import Deciding, Visit, one_line
from console.pages import page
from console.queue import Choosing
from domain.errors import ConfigurationError, DecisionRefusedError
from domain.types import Severity
from storage import cases, dossier
from storage.cases import CaseView, Decision

router = APIRouter()
MOST_CASES = 50
_ASKED = "asked"
"""In place of a reason: nothing is wrong, and somebody else must approve it as well."""


@dataclass(frozen=True, slots=True)
class Left:
    """A case that was not decided with the others, and why."""

    case_id: int
    why: str


@router.post("/bulk")
def decide_many(
    visit: Deciding,
    choice: Choosing,
    picked: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies defaults
    verdict: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Decide the picked cases one by one; what is not plain is left for a person to read."""
    if not visit.person.decides_many:
        raise HTTPException(403, "한꺼번에 결정할 권한이 없습니다.")
    why = one_line(reason)
    if verdict not in {"approve", "reject"} or not picked or len(picked) > MOST_CASES:
        raise HTTPException(422, f"케이스를 {MOST_CASES}건까지 골라 주세요.")
    if verdict == "reject" and not why:
        raise HTTPException(422, "반려 사유를 골라 주세요.")
    done: list[int] = []
    asked: list[int] = []
    left: list[Left] = []
    # All are read before the first is decided: a page that cannot be read decides nothing.
    for decision in [_read(visit, entry, why if verdict == "reject" else "") for entry in picked]:
        problem = _decide(visit, decision, verdict)
        if problem == _ASKED:
            asked.append(decision.case_id)
        elif problem:
            left.append(Left(decision.case_id, problem))
        else:
            done.append(decision.case_id)
    visit.context.poke()
    return page(
        visit, "bulk.html", done=done, asked=asked, left=left, verdict=verdict, choice=choice
    )


def _read(visit: Visit, entry: str, reason: str) -> Decision:
    """Read ``case:draft:revision``, what the person saw when picking."""
    parts = entry.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise HTTPException(422)
    case_id, draft_number, revision = (int(part[:18]) for part in parts)
    return deciding.decision_of(visit, case_id, draft_number, revision, reason=reason)


def _decide(visit: Visit, decision: Decision, verdict: str) -> str:
    """Decide one case; give why not, Korean, or nothing."""
    with visit.context.database.reading() as connection:
        slug = dossier.brand_of_case(connection, decision.case_id)
        visible = slug in visit.person.brands
        view = cases.load_view(connection, decision.case_id) if visible else None
    if view is None or slug is None:
        return "없는 케이스입니다."
    problem = _not_plain(view)
    if problem:
        return problem
    try:
        if verdict == "approve":
            return _approve(visit, slug, view, decision)
        with visit.context.database.unit_of_work() as connection:
            cases.reject(connection, decision, now=visit.context.clock())
    except (DecisionRefusedError, ConfigurationError) as refusal:
        return str(refusal)
    return ""


def _not_plain(view: CaseView) -> str:
    if view.case.severity != Severity.NORMAL:
        return "심각도가 높아 한 건씩 읽어야 합니다."
    if view.case.abusive or view.case.analysis.get("rating_mismatch") or view.note:
        return "표시된 내용이 있어 한 건씩 읽어야 합니다."
    return ""


def _approve(visit: Visit, slug: str, view: CaseView, decision: Decision) -> str:
    brand = visit.context.brands[slug]
    if view.missing:
        return "매뉴얼에 없는 내용이 있습니다."
    if checks.findings(visit.context, brand, view, view.draft_text):
        return "정책 검사에 걸린 내용이 있습니다."
    outcome = deciding.approve(visit.context, visit.person, brand, decision, view.draft_text)
    if outcome.proposed_for:
        return _ASKED
    return "정책 검사에 걸린 내용이 있습니다." if outcome.findings else ""
