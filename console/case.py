"""The case page (케이스): feedback beside its draft, and the decision about it."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Path, Response

from console import checks, highlight
from console.access import Deciding, Reading, Visit
from console.pages import page, see
from console.queue import Choosing, Chosen
from domain.brands import Brand
from domain.errors import ConfigurationError, DecisionRefusedError
from domain.states import CaseState
from storage import cases, desk
from storage.cases import CaseView, Decision

router = APIRouter()

CaseId = Annotated[int, Path(ge=1, le=2**62)]
Number = Annotated[int, Form(ge=0, le=2**31 - 1)]
_LONGEST_REASON = 500


@router.get("/cases/{case_id}")
def case_page(visit: Reading, case_id: CaseId, choice: Choosing) -> Response:
    """Show one case."""
    return _show(visit, case_id, choice)


@router.post("/cases/{case_id}/approve")
def approve(
    visit: Deciding,
    case_id: CaseId,
    choice: Choosing,
    draft_number: Number,
    feedback_revision: Number,
    text: Annotated[str, Form()] = "",
) -> Response:
    """Approve the reply as it stands in the form, and go on to the next case."""
    brand = _brand(visit, case_id)
    reply = text.replace("\r\n", "\n").strip()
    with visit.context.database.reading() as connection:
        view = cases.load_view(connection, case_id)
    if view is None:
        raise HTTPException(404)
    if _is_fresh(view, draft_number, feedback_revision):
        try:
            findings = checks.findings(visit.context, brand, view, reply)
        except ConfigurationError:
            # The page says what is wrong with the manual; nothing is approved without it.
            return _show(visit, case_id, choice, status=422, typed=reply)
        if any(finding.is_blocking for finding in findings):
            return _show(visit, case_id, choice, status=422, typed=reply, findings=findings)
    decision = Decision(
        case_id=case_id,
        draft_number=draft_number,
        feedback_revision=feedback_revision,
        decided_by=visit.person.name,
        decided_in="console",
        text=reply,
    )
    try:
        with visit.context.database.unit_of_work() as connection:
            cases.approve(
                connection, decision, now=visit.context.clock(), undo_window=brand.undo_window
            )
    except DecisionRefusedError as refusal:
        return _refused(visit, case_id, choice, refusal, feedback_revision, typed=reply)
    visit.context.poke()
    return _go_on(visit, case_id, choice)


def _is_fresh(view: CaseView, draft_number: int, feedback_revision: int) -> bool:
    return (
        view.state is CaseState.DRAFTED
        and view.case.draft_number == draft_number
        and view.case.feedback_revision == feedback_revision
    )


@router.post("/cases/{case_id}/reject")
def reject(
    visit: Deciding,
    case_id: CaseId,
    choice: Choosing,
    draft_number: Number,
    feedback_revision: Number,
    reason: Annotated[str, Form()] = "",
    detail: Annotated[str, Form()] = "",
) -> Response:
    """Close the case without a reply, and go on to the next one."""
    _brand(visit, case_id)
    words = [" ".join(part.split()) for part in (reason, detail)]
    why = ": ".join(part for part in words if part)[:_LONGEST_REASON]
    if not why:
        return _show(visit, case_id, choice, status=422, refused="반려하는 까닭을 골라 주세요.")
    decision = Decision(
        case_id=case_id,
        draft_number=draft_number,
        feedback_revision=feedback_revision,
        decided_by=visit.person.name,
        decided_in="console",
        reason=why,
    )
    try:
        with visit.context.database.unit_of_work() as connection:
            cases.reject(connection, decision, now=visit.context.clock())
    except DecisionRefusedError as refusal:
        return _refused(visit, case_id, choice, refusal, feedback_revision)
    visit.context.poke()
    return _go_on(visit, case_id, choice)


@router.post("/cases/{case_id}/undo")
def undo(visit: Deciding, case_id: CaseId, choice: Choosing) -> Response:
    """Take an approval back while its reply has not left."""
    _brand(visit, case_id)
    try:
        with visit.context.database.unit_of_work() as connection:
            cases.undo(connection, case_id, who=visit.person.name, now=visit.context.clock())
    except DecisionRefusedError as refusal:
        return _show(visit, case_id, choice, status=409, refused=str(refusal))
    visit.context.poke()
    return see(_address(case_id, choice))


def _brand(visit: Visit, case_id: int) -> Brand:
    """Give the brand of a case the person may see; other brands' cases do not exist for them."""
    with visit.context.database.reading() as connection:
        slug = desk.brand_of_case(connection, case_id)
    if slug is None or slug not in visit.person.brands or slug not in visit.context.brands:
        raise HTTPException(404, "없는 케이스입니다.")
    return visit.context.brands[slug]


def _address(case_id: int, choice: Chosen, **changes: str) -> str:
    return f"/cases/{case_id}?{choice.query(**changes)}".rstrip("?")


def _go_on(visit: Visit, case_id: int, choice: Chosen) -> Response:
    wanted = choice.filter(visit)
    with visit.context.database.reading() as connection:
        following = desk.next_case(
            connection,
            wanted,
            after=desk.place_of(connection, case_id, wanted.sort),
            skip=case_id,
        )
    if following is None:
        return see(f"/?{choice.query(decided=str(case_id))}")
    return see(_address(following, choice, decided=str(case_id)))


def _refused(
    visit: Visit,
    case_id: int,
    choice: Chosen,
    refusal: DecisionRefusedError,
    seen_revision: int,
    *,
    typed: str = "",
) -> Response:
    """Show the case as it is now, what changed, and what the person had written."""
    changes: list[highlight.Piece] = []
    if refusal.reason == "revision":
        with visit.context.database.reading() as connection:
            view = cases.load_view(connection, case_id)
            earlier = (
                desk.earlier_texts(connection, view.case.feedback_id) if view is not None else []
            )
        seen = next((row for row in earlier if row["revision"] == seen_revision), None)
        if view is not None and seen is not None:
            changes = highlight.diff_pieces(seen["text"], view.case.text)
    return _show(
        visit, case_id, choice, status=409, typed=typed, refused=str(refusal), changes=changes
    )


def _show(
    visit: Visit,
    case_id: int,
    choice: Chosen,
    *,
    status: int = 200,
    typed: str = "",
    refused: str = "",
    **extra: Any,  # noqa: ANN401 - template values
) -> Response:
    brand = _brand(visit, case_id)
    wanted = choice.filter(visit)
    with visit.context.database.reading() as connection:
        view = cases.load_view(connection, case_id)
        if view is None:
            raise HTTPException(404)
        around = desk.around(connection, case_id)
        decided = desk.decided(connection, choice.decided, visit.person.brands)
        place = desk.place_of(connection, case_id, wanted.sort)
        following = desk.next_case(connection, wanted, after=place, skip=case_id)
    problem = ""
    passages: tuple[Any, ...] = ()
    findings = extra.get("findings", ())
    try:
        manual = checks.manual_of(brand)
        passages = checks.passages(visit.context, brand, view.case)
        if not findings and view.state is CaseState.DRAFTED:
            findings = checks.findings(visit.context, brand, view, typed or view.draft_text)
        clauses = {
            sentence["reference"]: manual.clause(sentence["reference"].partition("@")[0])
            for sentence in view.sentences
        }
    except ConfigurationError as error:
        problem, clauses = str(error), {}
    rules = visit.context.rules_of(view.case.channel)
    return page(
        visit,
        "case.html",
        status=status,
        view=view,
        case=view.case,
        brand=brand,
        around=around,
        choice=choice,
        following=following,
        following_address=_address(following, choice) if following else "",
        pieces=highlight.review_pieces(view.case.title, view.case.text, view.case.analysis),
        diffs=_diffs(view, around),
        rules=rules,
        passages=passages,
        clauses=clauses,
        manual_problem=problem,
        findings=findings,
        typed=typed,
        refused=refused,
        decided=decided if choice.decided != case_id else None,
        changes=extra.get("changes", []),
        can_decide=view.state is CaseState.DRAFTED and visit.person.decides,
    )


def _diffs(view: CaseView, around: desk.Around) -> list[dict[str, Any]]:
    """Pair each earlier text with what followed it, newest first."""
    after = view.case.text
    paired = []
    for row in around.earlier_texts:
        paired.append({**row, "pieces": highlight.diff_pieces(row["text"], after)})
        after = row["text"]
    return paired
