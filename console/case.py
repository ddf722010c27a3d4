"""The case page (케이스): feedback beside its draft, and the decision about it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Path, Response
from fastapi.responses import JSONResponse

from alerts.rules import AlertRule
from console import checks, deciding, highlight, wording
from console.access import Assigning, Deciding, Posting, Reading, Visit, brand_of, one_line
from console.pages import page, page_part, see
from console.queue import Choosing, Chosen
from console.work import safe_link
from domain.brands import Brand
from domain.errors import BadInputError, ConfigurationError, DecisionRefusedError
from domain.states import CaseState
from storage import alerts, cases, dossier, owners, people, proposals, queue_pages, reopening
from storage.cases import CaseView
from storage.session import Connection

router = APIRouter()

CaseId = Annotated[int, Path(ge=1, le=2**62)]
Number = Annotated[int, Form(ge=0, le=2**31 - 1)]
PersonNumber = Annotated[int, Form(ge=1, le=2**31 - 1)]
DecisionNumber = Annotated[int, Form(ge=1, le=2**62)]
_LONGEST_REASON = 500
_MOST_LOAD = 200
"""A person's load is counted no further: nobody's room is that large, and the page is quick."""


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
    brand = brand_of(visit, case_id)
    reply = text.replace("\r\n", "\n").strip()
    decision = deciding.decision_of(visit, case_id, draft_number, feedback_revision)
    try:
        outcome = deciding.approve(visit.context, visit.person, brand, decision, reply)
    except ConfigurationError:
        # The page says what is wrong with the manual; nothing is approved without it.
        return _show(visit, case_id, choice, status=422, typed=reply)
    except DecisionRefusedError as refusal:
        return _refused(visit, case_id, choice, refusal, feedback_revision, typed=reply)
    if outcome.findings:
        return _show(visit, case_id, choice, status=422, typed=reply, findings=outcome.findings)
    visit.context.poke()
    return _go_on(visit, case_id, choice)


@router.post("/cases/{case_id}/confirm")
def confirm(
    visit: Deciding,
    case_id: CaseId,
    choice: Choosing,
    draft_number: Number,
    feedback_revision: Number,
) -> Response:
    """Confirm an inquiry that takes no answer (확인 처리), and go on to the next case."""
    brand = brand_of(visit, case_id)
    decision = deciding.decision_of(visit, case_id, draft_number, feedback_revision)
    try:
        deciding.confirm(visit.context, brand, decision)
    except DecisionRefusedError as refusal:
        return _refused(visit, case_id, choice, refusal, feedback_revision)
    visit.context.poke()
    return _go_on(visit, case_id, choice)


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
    brand_of(visit, case_id)
    words = [one_line(part) for part in (reason, detail)]
    why = ": ".join(part for part in words if part)[:_LONGEST_REASON]
    if not why:
        return _show(visit, case_id, choice, status=422, refused="반려 사유를 골라 주세요.")
    decision = deciding.decision_of(visit, case_id, draft_number, feedback_revision, reason=why)
    try:
        with visit.context.database.unit_of_work() as connection:
            cases.reject(connection, decision, now=visit.context.clock())
    except DecisionRefusedError as refusal:
        kept = {"words": why, "reason": reason, "detail": detail}
        return _refused(visit, case_id, choice, refusal, feedback_revision, kept=kept)
    visit.context.poke()
    return _go_on(visit, case_id, choice)


@router.post("/cases/{case_id}/undo")
def undo(visit: Deciding, case_id: CaseId, choice: Choosing) -> Response:
    """Take an approval back while its reply has not left."""
    brand_of(visit, case_id)
    try:
        with visit.context.database.unit_of_work() as connection:
            cases.undo(connection, case_id, who=visit.person.name, now=visit.context.clock())
    except DecisionRefusedError as refusal:
        return _show(visit, case_id, choice, status=409, refused=str(refusal))
    visit.context.poke()
    return see(_address(case_id, choice))


@router.post("/cases/{case_id}/undo-rejection")
def undo_rejection(
    visit: Deciding, case_id: CaseId, choice: Choosing, decision: DecisionNumber
) -> Response:
    """Take a rejection back, so that the case is decided about again."""
    brand_of(visit, case_id)
    try:
        with visit.context.database.unit_of_work() as connection:
            reopening.undo_rejection(
                connection, case_id, decision, who=visit.person.name, now=visit.context.clock()
            )
    except DecisionRefusedError as refusal:
        return _show(visit, case_id, choice, status=409, refused=str(refusal))
    visit.context.poke()
    return see(_address(case_id, choice))


@router.post("/cases/{case_id}/owner")
def give(
    visit: Assigning,
    case_id: CaseId,
    choice: Choosing,
    person_id: PersonNumber,
    seen_owner: Number = queue_pages.NOBODY,
    note: Annotated[str, Form()] = "",
) -> Response:
    """Give the case to somebody who looks after its brand."""
    brand = brand_of(visit, case_id)
    kept = {"words": note, "person": person_id, "note": note}
    try:
        with visit.context.database.unit_of_work() as connection:
            owners.reassign(
                connection,
                case_id,
                person_id,
                seen_owner=seen_owner or None,
                note=one_line(note, _LONGEST_REASON),
                who=visit.person.name,
                now=visit.context.clock(),
            )
            visit.audit(
                connection,
                "owner_changed",
                brand=brand.slug,
                case_id=case_id,
                detail=f"{seen_owner or '-'} → {person_id}",
            )
    except BadInputError as error:
        return _show(visit, case_id, choice, status=422, refused=str(error), kept=kept)
    except DecisionRefusedError as refusal:
        return _show(visit, case_id, choice, status=409, refused=str(refusal), kept=kept)
    return see(_address(case_id, choice))


@router.post("/cases/{case_id}/card")
def card(visit: Deciding, case_id: CaseId, choice: Choosing) -> Response:
    """Put the case's own card into Slack, where a burst's thread stood for it."""
    brand_of(visit, case_id)
    with visit.context.database.unit_of_work() as connection:
        alerts.tell_after_all(
            connection,
            case_id,
            AlertRule.CASE_CARD,
            who=visit.person.name,
            now=visit.context.clock(),
        )
    visit.context.poke()
    return see(_address(case_id, choice))


@router.post("/cases/{case_id}/reveal")
def reveal(visit: Posting, case_id: CaseId, choice: Choosing) -> Response:
    """Show the hostile words once, and count that somebody had to read them."""
    brand = brand_of(visit, case_id)
    with visit.context.database.unit_of_work() as connection:
        visit.audit(connection, "abuse_revealed", brand=brand.slug, case_id=case_id)
    return _show(visit, case_id, choice, shows_abuse=True)


@router.post("/cases/{case_id}/check")
def check(visit: Posting, case_id: CaseId, text: Annotated[str, Form()] = "") -> Response:
    """Check a reply while somebody writes it; changes nothing."""
    brand = brand_of(visit, case_id)
    with visit.context.database.reading() as connection:
        view = cases.load_view(connection, case_id)
    if view is None:
        raise HTTPException(404)
    reply = text.replace("\r\n", "\n").strip()
    try:
        findings = checks.findings(visit.context, brand, view, reply)
    except ConfigurationError as error:
        return JSONResponse({"findings": [{"level": "blocking", "reason": str(error)}]})
    return JSONResponse(
        {"findings": [{"level": found.level, "reason": found.reason} for found in findings]}
    )


@router.get("/cases/{case_id}/alternatives")
def alternatives(visit: Reading, case_id: CaseId) -> Response:
    """Give drafts of other strategies, with what each cannot say."""
    brand = brand_of(visit, case_id)
    with visit.context.database.reading() as connection:
        view = cases.load_view(connection, case_id)
    if view is None:
        raise HTTPException(404)
    try:
        drafts = checks.alternatives(visit.context, brand, view.case)
    except ConfigurationError as error:
        raise HTTPException(409, f"운영 매뉴얼을 읽을 수 없습니다. {error}") from None
    others = [draft for draft in drafts if draft.text != view.draft_text]
    return page_part("alternatives.html", drafts=others)


@router.post("/cases/{case_id}/presence")
def presence(visit: Posting, case_id: CaseId) -> Response:
    """Say that this person has the case on the screen; hear who else has."""
    brand_of(visit, case_id)
    with visit.context.database.unit_of_work() as connection:
        company = dossier.be_present(
            connection, case_id, visit.person.name, now=visit.context.clock()
        )
    return JSONResponse({"others": company.others, "held": company.is_held})


def _address(case_id: int, choice: Chosen, **changes: str) -> str:
    return f"/cases/{case_id}?{choice.query(**changes)}".rstrip("?")


def _go_on(visit: Visit, case_id: int, choice: Chosen) -> Response:
    brand = brand_of(visit, case_id)
    if visit.person.is_brand_side and brand.two_step_approval and choice.view == "todo":
        # Whatever else waits there is the agency's to approve first.
        choice = replace(choice, view="asked")
    wanted = choice.filter(visit)
    with visit.context.database.reading() as connection:
        following = queue_pages.next_case(
            connection,
            wanted,
            after=queue_pages.place_of(connection, case_id, wanted.sort),
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
    kept: Mapping[str, Any] | None = None,
) -> Response:
    """Show the case as it is now, what changed, and what the person had written."""
    change: dict[str, Any] | None = None
    if refusal.reason == "revision":
        with visit.context.database.reading() as connection:
            view = cases.load_view(connection, case_id)
            earlier = (
                dossier.earlier_texts(connection, view.case.feedback_id) if view is not None else []
            )
        seen = next((row for row in earlier if row["revision"] == seen_revision), None)
        if view is not None and seen is not None:
            change = highlight.change(seen, _present(view), shows_abuse=False)
    return _show(
        visit,
        case_id,
        choice,
        status=409,
        typed=typed,
        refused=str(refusal),
        change=change,
        kept=kept,
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
    brand = brand_of(visit, case_id)
    wanted = choice.filter(visit)
    with visit.context.database.reading() as connection:
        view = cases.load_view(connection, case_id)
        if view is None:
            raise HTTPException(404)
        around = dossier.around(connection, case_id)
        decided = queue_pages.decided(
            connection, choice.decided, visit.person.brands, visit.person.name
        )
        place = queue_pages.place_of(connection, case_id, wanted.sort)
        following = queue_pages.next_case(connection, wanted, after=place, skip=case_id)
        previous = queue_pages.previous_case(connection, wanted, before=place)
        waiting = proposals.proposal_of(connection, view.case)
        reveals = people.count_audited(connection, "abuse_revealed", case_id)
        lacks_card = alerts.is_only_in_thread(connection, case_id, AlertRule.CASE_CARD)
        staff, loads = _staff(visit, connection, brand)
    shows_abuse = bool(extra.get("shows_abuse"))
    if waiting is not None and not typed:
        # Everybody goes on from what the first found good.
        typed = waiting.text if waiting.text != view.draft_text else ""
    if not typed and view.state is CaseState.DRAFTED and visit.person.decides:
        typed = _taken_back(view, around, waiting)
    problem = ""
    manual = None
    passages: tuple[Any, ...] = ()
    findings = extra.get("findings", ())
    try:
        manual = checks.manual_of(brand)
        passages = checks.passages(visit.context, brand, view.case)
        if not findings and view.state is CaseState.DRAFTED:
            findings = checks.findings(visit.context, brand, view, typed or view.draft_text)
    except ConfigurationError as error:
        problem = str(error)
    rules = visit.context.rules_of(view.case)
    return page(
        visit,
        "case.html",
        status=status,
        view=view,
        case=view.case,
        safe_link=safe_link,
        brand=brand,
        around=around,
        history=[
            row
            for row in around.history
            if visit.person.sees_owners or row["entity"] != owners.OWNER
        ],
        choice=choice,
        previous_address=_address(previous, choice) if previous else "",
        waiting=waiting if view.state is CaseState.DRAFTED else None,
        is_asked=waiting is not None and view.note == waiting.asks and waiting.reason != "rewrite",
        not_yet=deciding.not_yet(visit.person, brand, waiting),
        # What is asked for stands beside the draft.
        note="" if waiting and view.note == waiting.asks else view.note,
        waits_for=proposals.WAITS_FOR,
        reveals=reveals,
        lacks_card=lacks_card and visit.person.decides and not visit.person.is_brand_side,
        staff=staff,
        loads={person_id: wording.count(load, _MOST_LOAD) for person_id, load in loads.items()},
        shows_abuse=shows_abuse,
        following_address=_address(following, choice) if following else "",
        pieces=highlight.review_pieces(
            view.case.title, view.case.text, view.case.analysis, shows_abuse=shows_abuse
        ),
        has_abuse=view.case.abusive or any(map(_has_abuse, around.earlier_texts)),
        changes=_changes(view, around, shows_abuse=shows_abuse),
        rules=rules,
        passages=passages,
        sentences=checks.sentences(view, manual, *_reply_now(visit, view, around, typed)),
        manual_problem=problem,
        findings=findings,
        typed=typed,
        refused=refused,
        decided=decided if choice.decided != case_id else None,
        change=extra.get("change"),
        kept=extra.get("kept") or {},
        can_decide=view.state is CaseState.DRAFTED and visit.person.decides,
    )


def _taken_back(view: CaseView, around: dossier.Around, waiting: proposals.Proposal | None) -> str:
    """Give the edited reply that somebody approved and took back; empty when there is none.

    Nor is there one where the draft itself was proposed since.
    """
    last = around.decisions[0] if around.decisions else None
    about = (view.case.draft_number, view.case.feedback_revision)
    if last is None or (last["draft_number"], last["feedback_revision"]) != about:
        return ""
    if waiting is not None and waiting.proposed_at > last["decided_at"]:
        return ""
    return str(last["text"]) if last["kind"] == "approval" and last["was_edited"] else ""


def _reply_now(
    visit: Visit, view: CaseView, around: dossier.Around, typed: str
) -> tuple[str, datetime]:
    """Give the reply the page is about, and when it is or was decided about."""
    if view.state in (CaseState.APPROVED, CaseState.ANSWERED) and around.decisions:
        decision = around.decisions[0]
        if decision["kind"] == "approval":
            return decision["text"] or view.draft_text, decision["decided_at"]
    return typed or view.draft_text, visit.context.clock()


def _staff(
    visit: Visit, connection: Connection, brand: Brand
) -> tuple[list[people.Account], dict[int, int]]:
    """Give who could get the case and how many each has; nobody to those who do not assign."""
    if not visit.person.assigns:
        return [], {}
    staff = owners.of_brands(connection, {brand.slug}, now=visit.context.clock())
    return staff, owners.loads(connection, [person.id for person in staff], at_most=_MOST_LOAD + 1)


def _changes(
    view: CaseView, around: dossier.Around, *, shows_abuse: bool
) -> list[tuple[datetime, dict[str, Any]]]:
    """Give when the feedback was edited and what that changed, newest first."""
    after = _present(view)
    changes = []
    for row in around.earlier_texts:
        changes.append((row["replaced_at"], highlight.change(row, after, shows_abuse=shows_abuse)))
        after = row
    return changes


def _present(view: CaseView) -> dict[str, Any]:
    """Give the feedback as ``dossier.earlier_texts`` would."""
    case = view.case
    return {
        "title": case.title,
        "text": case.text,
        "rating": case.rating,
        "analysis": case.analysis,
    }


def _has_abuse(earlier: Mapping[str, Any]) -> bool:
    """Tell whether words of an earlier text are hidden."""
    return earlier["analysis"] is None or bool(earlier["analysis"]["abuse_spans"])
