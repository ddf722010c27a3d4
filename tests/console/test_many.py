"""Many cases, two people, second approvals, hidden words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from console.checks import alternatives
from domain.brands import CompensationLimits
from domain.types import DraftSentence, Severity, SourceKind, Span
from responders.compensation import compensation
from storage import accounts, dossier, proposals
from storage.cases import Decision, load_view
from storage.models import ProposalRow
from storage.people import Role
from tests.console.conftest import MANUAL, Browser, decision_form

if TYPE_CHECKING:
    from tests.console.conftest import Desk

PLAIN = (
    DraftSentence("안녕하세요, 고객님.", SourceKind.COURTESY),
    DraftSentence("불편을 드려 죄송합니다.", SourceKind.COURTESY),
)


def entry(desk: Desk, case_id: int) -> str:
    form = decision_form(desk, case_id)
    return f"{case_id}:{form['draft_number']}:{form['feedback_revision']}"


def test_plain_cases_are_approved_together_and_the_others_are_left(
    desk: Desk, browser: Browser
) -> None:
    plain = [desk.add(reply=PLAIN) for _ in range(3)]
    critical = desk.add(severity=Severity.CRITICAL, reply=PLAIN)
    hostile = desk.add("이 멍청이들아", abuse_spans=(Span(2, 5),), categories=(), reply=PLAIN)
    odd = desk.add(mismatch=True, reply=PLAIN)
    promise = desk.add(reply=(DraftSentence("쿠폰을 드리겠습니다.", SourceKind.COURTESY),))
    picked = [entry(desk, c) for c in (*plain, critical, hostile, odd, promise)]

    page = browser.post("/bulk", picked=picked, verdict="approve").text

    assert "3건을 승인했습니다" in page
    assert "4건은 남겼습니다" in page
    assert {desk.case(c)["state"] for c in plain} == {"approved"}
    assert {desk.case(c)["state"] for c in (critical, hostile, odd, promise)} == {"drafted"}


def test_the_filter_outlives_deciding_together(desk: Desk, browser: Browser) -> None:
    plain = desk.add(reply=PLAIN)
    promise = desk.add(reply=(DraftSentence("쿠폰을 드리겠습니다.", SourceKind.COURTESY),))
    assert 'action="/bulk?brand=alpha&amp;sort=due"' in browser.get("/?brand=alpha&sort=due").text

    page = browser.post(
        "/bulk?brand=alpha&sort=due",
        picked=[entry(desk, plain), entry(desk, promise)],
        verdict="approve",
    ).text

    for path in ("/", f"/cases/{promise}"):
        assert f'href="{path}?brand=alpha&amp;sort=due"' in page
    assert 'href="/?view=approved&amp;brand=alpha&amp;sort=due"' in page


def test_what_a_brand_must_approve_as_well_is_not_told_as_left(desk: Desk) -> None:
    desk.ask_twice("alpha")
    desk.person("kim")
    picked = [entry(desk, desk.add(reply=PLAIN)) for _ in range(2)]

    browser = Browser(desk, login="kim")
    page = browser.post("/bulk", picked=picked, verdict="approve").text

    assert "<h1>2건의 승인을 요청했습니다</h1>" in page
    assert "남겼습니다" not in page
    assert 'href="/?view=asked"' in page
    assert len(desk.rows("SELECT * FROM proposals")) == 2
    case_page = browser.get(f"/cases/{picked[0].partition(':')[0]}").text
    assert '<span class="chip state">승인 요청</span>' in case_page


def test_a_stale_pick_is_left(desk: Desk, browser: Browser) -> None:
    case_id = desk.add(native_id="n", reply=PLAIN)
    picked = entry(desk, case_id)
    desk.add("고객이 고친 글입니다", native_id="n", reply=PLAIN)

    page = browser.post("/bulk", picked=[picked], verdict="approve").text

    assert "1건은 남겼습니다" in page
    assert desk.case(case_id)["state"] == "drafted"


def test_rejecting_together_needs_a_reason(desk: Desk, browser: Browser) -> None:
    case_id = desk.add(reply=PLAIN)

    assert browser.post("/bulk", picked=[entry(desk, case_id)], verdict="reject").status_code == 422
    answer = browser.post("/bulk", picked=[entry(desk, case_id)], verdict="reject", reason="중복")
    assert 'href="/?view=closed">반려한 케이스 보기' in answer.text

    assert desk.rows("SELECT reason FROM decisions") == [{"reason": "중복"}]


@pytest.mark.parametrize("picked", [[], ["x"], ["1:1"], ["1:1:1"] * 51, ["-1:1:1"], ["١:1:1"]])
def test_strange_picks_are_refused(desk: Desk, browser: Browser, picked: list[str]) -> None:
    desk.add(reply=PLAIN)

    assert browser.post("/bulk", picked=picked, verdict="approve").status_code == 422
    assert not desk.rows("SELECT * FROM decisions")


def test_a_pick_that_cannot_be_read_leaves_those_before_it_undecided(
    desk: Desk, browser: Browser
) -> None:
    picked = [entry(desk, desk.add(reply=PLAIN)), "x"]

    assert browser.post("/bulk", picked=picked, verdict="approve").status_code == 422
    assert not desk.rows("SELECT * FROM decisions")


def test_other_brands_and_unknown_cases_cannot_be_picked(desk: Desk) -> None:
    foreign = desk.add(brand="beta", reply=PLAIN)
    desk.person("kim", Role.LEAD)
    browser = Browser(desk, login="kim")

    page = browser.post("/bulk", picked=[entry(desk, foreign), "999:1:1"], verdict="approve").text

    assert page.count("없는 케이스입니다.") == 2
    assert desk.case(foreign)["state"] == "drafted"


@pytest.mark.parametrize(
    "role", [Role.TEMPORARY, Role.BRAND_APPROVER, Role.BRAND_VIEWER, Role.OPERATOR]
)
def test_not_everybody_decides_many_at_once(desk: Desk, role: Role) -> None:
    case_id = desk.add(reply=PLAIN)
    desk.person("kim", role)
    browser = Browser(desk, login="kim")

    answer = browser.post("/bulk", picked=[entry(desk, case_id)], verdict="approve")

    assert answer.status_code == 403
    assert 'name="picked"' not in browser.get("/").text


def test_filters_are_kept_under_a_name_for_oneself(desk: Desk, browser: Browser) -> None:
    desk.add()
    browser.post("/views?severity=critical&due=24h", name="급한 것")

    page = browser.get("/").text
    assert 'href="/?severity=critical&amp;due=24h">급한 것</a>' in page
    assert "급한 것" not in Browser(desk, "다른이").get("/").text

    Browser(desk, "다른이").post("/views/1/forget")
    assert "급한 것" in browser.get("/").text
    browser.post("/views/1/forget")
    assert "급한 것" not in browser.get("/").text


def test_who_else_looks_at_a_case_is_said_for_a_while(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    other = Browser(desk, "이동료")

    def told(person: Browser) -> dict[str, object]:
        answer: dict[str, object] = person.post(f"/cases/{case_id}/presence").json()
        return answer

    assert told(browser) == {"others": [], "held": False}
    desk.now += timedelta(seconds=5)
    assert told(other) == {"others": ["김승인"], "held": True}
    assert told(browser) == {"others": ["이동료"], "held": False}
    desk.now += timedelta(minutes=1)
    assert told(other) == {"others": [], "held": False}
    desk.now += timedelta(seconds=5)
    assert told(browser) == {"others": ["이동료"], "held": True}


@pytest.mark.integration
@pytest.mark.parametrize("shelf", ["postgresql"], indirect=True)
def test_two_tabs_of_one_person_do_not_wait_for_each_other(shelf: Desk) -> None:
    first, second = shelf.add(), shelf.add()
    for case_id in (first, second):
        with shelf.database.unit_of_work() as connection:
            dossier.be_present(connection, case_id, "kim", now=shelf.now)
    with shelf.database.unit_of_work() as other, shelf.database.unit_of_work() as one:
        other.exec_driver_sql("SELECT 1 FROM presences WHERE case_id = %s FOR UPDATE", (second,))
        one.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        assert dossier.be_present(one, first, "kim", now=shelf.now).others == []


def test_who_comes_back_after_a_while_holds_a_case_no_more(shelf: Desk) -> None:
    case_id = shelf.add()

    def come(who: str, after_s: int) -> dossier.Company:
        now = shelf.now + timedelta(seconds=after_s)
        with shelf.database.unit_of_work() as connection:
            return dossier.be_present(connection, case_id, who, now=now)

    assert not come("kim", 0).is_held
    assert come("lee", 10).is_held
    assert come("lee", 40).is_held
    assert come("kim", 50).is_held
    assert not come("lee", 55).is_held


def test_who_went_on_to_another_case_holds_the_first_no_longer(desk: Desk) -> None:
    first, second = desk.add(), desk.add()
    kim, lee = Browser(desk, "김"), Browser(desk, "이")

    kim.post(f"/cases/{first}/presence")
    kim.post(f"/cases/{second}/presence")

    assert lee.post(f"/cases/{first}/presence").json() == {"others": [], "held": False}
    assert lee.post(f"/cases/{second}/presence").json() == {"others": ["김"], "held": True}


def test_hidden_words_are_shown_on_asking_and_each_time_is_counted(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add("이 멍청이들아 배송이 늦잖아", abuse_spans=(Span(2, 6),))

    page = browser.post(f"/cases/{case_id}/reveal").text
    assert "멍청이들" in page
    browser.post(f"/cases/{case_id}/reveal")

    again = browser.get(f"/cases/{case_id}").text
    assert "멍청이들" not in again
    assert "지금까지 2번 열람" in again
    [first, _] = desk.rows("SELECT * FROM audit WHERE action = 'abuse_revealed'")
    assert (first["who"], first["brand"], first["case_id"]) == ("김승인", "alpha", case_id)


def test_a_reply_is_checked_while_it_is_written(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()

    told = browser.post(f"/cases/{case_id}/check", text="무조건 환불해 드리겠습니다.").json()

    assert told["findings"][0]["level"] == "blocking"
    assert "예외 없는 약속" in told["findings"][0]["reason"]
    assert browser.post(f"/cases/{case_id}/check", text="죄송합니다.").json() == {"findings": []}


def test_three_other_drafts_are_offered(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()

    page = browser.get(f"/cases/{case_id}/alternatives").text

    assert page.count("data-take") == 3


def test_the_present_draft_is_no_other_one(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    with desk.database.reading() as connection:
        view = load_view(connection, case_id)
    assert view is not None
    first, *_ = alternatives(desk.context, desk.context.brands["alpha"], view.case)
    with desk.database.unit_of_work() as connection:
        connection.exec_driver_sql("UPDATE drafts SET text = ?", (first.text,))

    page = browser.get(f"/cases/{case_id}/alternatives").text

    assert page.count("data-take") == 2


# Second approvals.


def test_a_two_step_brand_is_answered_by_agency_and_brand_in_this_order(desk: Desk) -> None:
    desk.ask_twice("alpha")
    with desk.database.unit_of_work() as connection:
        accounts.require_two_steps(connection, {"alpha": True})
    desk.person("agency", Role.LEAD)
    desk.person("owner", Role.BRAND_APPROVER)
    case_id = desk.add(reply=PLAIN)
    agency, owner = Browser(desk, login="agency"), Browser(desk, login="owner")
    form = decision_form(desk, case_id)

    early = owner.post(f"/cases/{case_id}/approve", **form)
    assert early.status_code == 409
    assert "에이전시의 승인이 먼저" in early.text
    other = desk.add(reply=PLAIN)
    for _ in range(2):
        answer = agency.post(f"/cases/{case_id}/approve", **{**form, "text": "고친 답변입니다."})
        assert answer.headers["location"] == f"/cases/{other}?decided={case_id}"
    page = agency.get(f"/cases/{other}?decided={case_id}").text
    assert "브랜드 승인을 요청했습니다. 필요한 승인이 모두 나면 게시됩니다." in page
    assert f'action="/cases/{case_id}/undo' not in page
    assert desk.case(case_id)["state"] == "drafted"
    assert not desk.rows("SELECT * FROM publications")

    page = owner.get(f"/cases/{case_id}").text
    assert "Agency (agency) 님이" in page
    assert "고친 답변입니다." in page
    owner.post(f"/cases/{case_id}/approve", **{**form, "text": "고친 답변입니다."})

    assert desk.case(case_id)["state"] == "approved"
    assert desk.rows("SELECT decided_by FROM decisions") == [{"decided_by": "Owner (owner)"}]


def test_what_the_brand_rewrites_goes_back_to_the_agency(desk: Desk) -> None:
    desk.ask_twice("alpha")
    with desk.database.unit_of_work() as connection:
        accounts.require_two_steps(connection, {"alpha": True})
    desk.person("agency", Role.LEAD)
    desk.person("owner", Role.BRAND_APPROVER)
    case_id = desk.add("뚜껑이 깨졌어요", reply=PLAIN)
    agency, owner = Browser(desk, login="agency"), Browser(desk, login="owner")
    form = decision_form(desk, case_id)
    own = {**form, "text": "브랜드가 쓴 답변입니다."}

    agency.post(f"/cases/{case_id}/approve", **form)
    assert "수정하시면 에이전시의 승인을 다시" in owner.get(f"/cases/{case_id}").text
    owner.post(f"/cases/{case_id}/approve", **own)
    assert "Owner (owner) 님이 고친 답변의 승인을 요청했습니다." in desk.case(case_id)["note"]
    # Neither what the agency said before nor what the brand says alone is approved by both.
    for text in (own["text"], form["text"]):
        answer = owner.post(f"/cases/{case_id}/approve", **{**form, "text": text})
        assert answer.status_code == 409
    assert desk.case(case_id)["state"] == "drafted"

    assert "브랜드가 쓴 답변입니다." in agency.get(f"/cases/{case_id}").text
    agency.post(f"/cases/{case_id}/approve", **own)
    owner.post(f"/cases/{case_id}/approve", **own)

    assert desk.case(case_id)["state"] == "approved"
    decisions = desk.rows("SELECT text, decided_by FROM decisions")
    assert decisions == [{"text": own["text"], "decided_by": "Owner (owner)"}]


def queued(browser: Browser, view: str) -> list[int]:
    """Give the cases of a tab, as its page lists them."""
    return [
        int(found)
        for found in re.findall(
            r'href="/cases/([0-9]+)[^"]*" data-case', browser.get(f"/?view={view}").text
        )
    ]


def test_nobody_is_led_back_to_what_the_brand_was_asked_about(shelf: Desk) -> None:
    shelf.ask_twice("alpha")
    shelf.person("agency")
    shelf.person("owner", Role.BRAND_APPROVER)
    first, second, third = (
        shelf.add(due_in=timedelta(hours=hour), reply=PLAIN) for hour in (1, 2, 3)
    )
    agency, owner = Browser(shelf, login="agency"), Browser(shelf, login="owner")
    forms = {case_id: decision_form(shelf, case_id) for case_id in (first, second, third)}
    assert ">승인 요청" not in agency.get("/").text

    answer = agency.post(f"/cases/{first}/approve", **forms[first])
    assert answer.headers["location"] == f"/cases/{second}?decided={first}"
    answer = agency.post(f"/cases/{third}/approve", **forms[third])
    assert answer.headers["location"] == f"/cases/{second}?decided={third}"
    answer = agency.post(f"/cases/{second}/reject", **forms[second], reason="무대응")
    assert answer.headers["location"] == f"/?decided={second}"

    assert queued(agency, "todo") == []
    assert queued(agency, "asked") == [first, third]
    page = agency.get("/?view=asked").text
    assert '승인 요청 <b class="count">2</b>' in page
    assert '결정 대기 <b class="count">0</b>' in page
    assert page.count(">브랜드 승인</span>") == 2

    # The brand goes from one to the next; what it says differently the agency has again.
    answer = owner.post(f"/cases/{first}/approve", **forms[first])
    assert answer.headers["location"] == f"/cases/{third}?view=asked&decided={first}"
    owner.post(f"/cases/{third}/approve", **{**forms[third], "text": "브랜드의 답변입니다."})
    assert (queued(agency, "todo"), queued(agency, "asked")) == ([third], [])
    assert ">고친 답변의 승인</span>" in agency.get("/").text
    assert "승인을 기다리는 답변이 없습니다." in owner.get("/?view=asked&brand=alpha").text


@pytest.mark.parametrize("decides", ["approve", "reject"])
def test_what_was_taken_back_waits_for_whom_it_waited_for(desk: Desk, decides: str) -> None:
    desk.ask_twice("alpha")
    desk.person("agency")
    desk.person("owner", Role.BRAND_APPROVER)
    case_id = desk.add(reply=PLAIN)
    agency, owner = Browser(desk, login="agency"), Browser(desk, login="owner")
    form = decision_form(desk, case_id, reason="무대응")
    agency.post(f"/cases/{case_id}/approve", **form)
    owner.post(f"/cases/{case_id}/{decides}", **form)
    assert "승인을 기다리는 답변이 없습니다." in owner.get("/brands/alpha").text
    if decides == "approve":
        owner.post(f"/cases/{case_id}/undo")
    else:
        owner.post(f"/cases/{case_id}/undo-rejection", decision=1)

    assert (queued(agency, "todo"), queued(agency, "asked")) == ([], [case_id])
    assert "Agency (agency) · 브랜드 승인" in owner.get("/brands/alpha").text


def ask(desk: Desk, case_id: int, reason: str = "two_step", won: int = 0) -> None:
    """Let somebody of the agency ask for a second approval."""
    decision = Decision(
        case_id=case_id,
        draft_number=1,
        feedback_revision=1,
        decided_by="Agency",
        decided_in="console",
    )
    with desk.database.unit_of_work() as connection:
        proposals.propose(connection, decision, reason, now=desk.now, won=won)


def test_what_was_asked_for_long_ago_is_still_asked_for(desk: Desk) -> None:
    first, last = desk.add(), desk.add()
    ask(desk, first)
    proposed = {
        "case_id": last,
        "draft_number": 1,
        "feedback_revision": 1,
        "text": "",
        "reason": "two_step",
        "proposed_by": "Agency",
        "proposed_at": desk.now,
    }
    with desk.database.unit_of_work() as connection:
        connection.execute(insert(ProposalRow), [proposed] * 2_500)
    ask(desk, last)
    browser = Browser(desk)

    assert (queued(browser, "todo"), queued(browser, "asked")) == ([], [first, last])
    assert '승인 요청 <b class="count">2</b>' in browser.get("/").text


def test_a_brands_page_shows_the_first_that_wait_and_says_how_many_do(desk: Desk) -> None:
    desk.ask_twice("alpha")
    desk.person("owner", Role.BRAND_APPROVER)
    for _ in range(21):
        ask(desk, desk.add())
    owner = Browser(desk, login="owner")

    page = owner.get("/brands/alpha").text

    assert page.count("?view=asked&amp;brand=alpha") == 21
    assert '<a href="/?view=asked&amp;brand=alpha">전체 21건 보기</a>' in page
    assert len(queued(owner, "asked")) == 21


def test_a_brands_people_are_told_of_what_waits_for_them_only(desk: Desk) -> None:
    limits = CompensationLimits(lead=80_000)
    brand = replace(desk.context.brands["alpha"], compensation_limits=limits)
    desk.context = replace(desk.context, brands={**desk.context.brands, "alpha": brand})
    desk.person("agency", Role.LEAD)
    desk.person("owner", Role.BRAND_APPROVER)
    the_agencys, the_leads, its_own, rewritten = (desk.add() for _ in range(4))
    ask(desk, the_leads, "compensation", won=80_000)
    ask(desk, its_own, "compensation", won=80_001)
    ask(desk, rewritten, "rewrite")
    agency, owner = Browser(desk, login="agency"), Browser(desk, login="owner")

    assert queued(owner, "asked") == [its_own]
    assert queued(owner, "todo") == [the_agencys, the_leads, rewritten]
    assert queued(agency, "asked") == [the_leads, its_own]
    for path in ("/", "/?view=asked", "/brands/alpha", "/stats"):
        page = owner.get(path).text
        assert '<a href="/?view=asked" ' in page
        assert '승인 요청 <b class="count">1</b>' in page
        assert '결정 대기 <b class="count">' not in page
    assert ">에이전시 결정 대기</a>" in owner.get("/").text


def test_who_asked_for_an_approval_holds_the_case_no_longer(desk: Desk) -> None:
    desk.ask_twice("alpha")
    desk.person("agency")
    desk.person("owner", Role.BRAND_APPROVER)
    case_id = desk.add(reply=PLAIN)
    agency, owner = Browser(desk, login="agency"), Browser(desk, login="owner")
    agency.post(f"/cases/{case_id}/presence")
    assert owner.post(f"/cases/{case_id}/presence").json()["held"]
    agency.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))

    assert owner.post(f"/cases/{case_id}/presence").json() == {"others": [], "held": False}


def test_who_asked_for_an_approval_is_said_once(desk: Desk) -> None:
    desk.ask_twice("alpha")
    desk.person("agency")
    case_id = desk.add(reply=PLAIN)
    agency = Browser(desk, login="agency")
    agency.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))

    assert agency.get(f"/cases/{case_id}").text.count("Agency (agency) 님이") == 1


def test_a_brand_is_offered_no_approval_before_the_agencys(desk: Desk) -> None:
    desk.ask_twice("alpha")
    desk.person("agency")
    desk.person("owner", Role.BRAND_APPROVER)
    case_id = desk.add(reply=PLAIN)
    agency, owner = Browser(desk, login="agency"), Browser(desk, login="owner")

    early = owner.get(f"/cases/{case_id}").text
    assert "에이전시의 승인이 먼저 필요합니다." in early
    assert f'action="/cases/{case_id}/approve' not in early
    assert f'action="/cases/{case_id}/reject' in early
    agency.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
    assert f'action="/cases/{case_id}/approve' in owner.get(f"/cases/{case_id}").text


@pytest.mark.parametrize(
    ("role", "asked_for", "place"),
    [
        (Role.BRAND_APPROVER, "/", "/brands/alpha"),
        (Role.BRAND_VIEWER, "/", "/brands/alpha"),
        (Role.BRAND_APPROVER, "/cases/1", "/cases/1"),
        (Role.SPECIALIST, "/", "/"),
    ],
)
def test_a_brands_people_begin_on_its_page(
    desk: Desk, role: Role, asked_for: str, place: str
) -> None:
    desk.person("somebody", role)
    browser = Browser(desk, login="somebody")

    answer = browser.sign_in("somebody", next=asked_for)

    assert answer.headers["location"] == place
    home = "/brands/alpha" if role is not Role.SPECIALIST else "/"
    assert f'class="logo" href="{home}"' in browser.get("/stats").text


def test_a_console_that_forgot_two_steps_is_stopped_by_the_database(desk: Desk) -> None:
    with desk.database.unit_of_work() as connection:
        accounts.require_two_steps(connection, {"alpha": True})
    desk.person("agency", Role.LEAD)
    case_id = desk.add(reply=PLAIN)
    form = decision_form(desk, case_id)

    answer = Browser(desk, login="agency").post(f"/cases/{case_id}/approve", **form)

    assert answer.status_code == 409
    assert "승인이 모두 필요합니다" in answer.text
    assert not desk.rows("SELECT * FROM decisions")


def test_the_agencys_step_does_not_outlive_an_edit_by_the_customer(desk: Desk) -> None:
    desk.ask_twice("alpha")
    desk.person("agency", Role.LEAD)
    desk.person("owner", Role.BRAND_APPROVER)
    case_id = desk.add(native_id="n", reply=PLAIN)
    form = decision_form(desk, case_id)
    Browser(desk, login="agency").post(f"/cases/{case_id}/approve", **form)
    desk.add("고객이 고친 글입니다", native_id="n", reply=PLAIN)

    answer = Browser(desk, login="owner").post(
        f"/cases/{case_id}/approve", **decision_form(desk, case_id)
    )

    assert answer.status_code == 409
    assert desk.case(case_id)["state"] == "drafted"


def test_a_two_step_brand_needs_people_who_sign_in(desk: Desk) -> None:
    desk.ask_twice("alpha")
    case_id = desk.add(reply=PLAIN)

    answer = Browser(desk).post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))

    assert answer.status_code == 409
    assert not desk.rows("SELECT * FROM decisions")


def test_compensation_above_ones_limit_goes_up(desk: Desk) -> None:
    manual = desk.folder / "alpha" / "manual" / "delivery.md"
    manual.write_text(
        MANUAL + "- 배송이 늦어진 경우 80,000원 쿠폰을 보상으로 드립니다.\n", encoding="utf-8"
    )
    clause = "배송이 늦어진 경우 80,000원 쿠폰을 보상으로 드립니다."
    case_id = desk.add(reply=(DraftSentence(clause, SourceKind.POLICY, "manual/delivery.md#2"),))
    desk.person("kim", Role.SPECIALIST)
    desk.person("lead", Role.LEAD)
    form = decision_form(desk, case_id)

    kim = Browser(desk, login="kim")
    answer = kim.post(f"/cases/{case_id}/approve", **form)
    assert desk.case(case_id)["state"] == "drafted"
    asked = "보상 한도를 넘는 승인을 요청했습니다. 필요한 승인이 모두 나면 게시됩니다."
    assert asked in kim.get(answer.headers["location"]).text
    assert asked not in Browser(desk, login="lead").get(answer.headers["location"]).text
    assert "보상 한도" in Browser(desk, login="lead").get(f"/cases/{case_id}").text
    Browser(desk, login="lead").post(f"/cases/{case_id}/approve", **form)

    assert desk.case(case_id)["state"] == "approved"


COUPON = "배송이 늦어진 경우 80,000원 쿠폰을 보상으로 드립니다."


def couponed(desk: Desk, limits: CompensationLimits) -> int:
    """Bring a case to the desk whose draft promises a coupon that the manual allows."""
    brand = replace(desk.context.brands["alpha"], compensation_limits=limits)
    desk.context = replace(desk.context, brands={**desk.context.brands, "alpha": brand})
    manual = desk.folder / "alpha" / "manual" / "delivery.md"
    manual.write_text(MANUAL + f"- {COUPON}\n", encoding="utf-8")
    sentence = DraftSentence(COUPON, SourceKind.POLICY, "manual/delivery.md#2")
    return desk.add("뚜껑이 깨졌어요", reply=(sentence,))


def owner_of(desk: Desk, case_id: int) -> object:
    return desk.case(case_id)["owner_id"]


@pytest.mark.parametrize("lead_limit", [300_000, 50_000])
def test_an_attempt_above_ones_limit_is_not_the_agencys_step(desk: Desk, lead_limit: int) -> None:
    desk.ask_twice("alpha")
    with desk.database.unit_of_work() as connection:
        accounts.require_two_steps(connection, {"alpha": True})
    desk.person("temp", Role.TEMPORARY)
    lead_id = desk.person("lead", Role.LEAD)
    desk.person("owner", Role.BRAND_APPROVER)
    case_id = couponed(desk, CompensationLimits(lead=lead_limit))
    temp, lead, owner = (Browser(desk, login=login) for login in ("temp", "lead", "owner"))
    form = decision_form(desk, case_id)

    temp.post(f"/cases/{case_id}/approve", **form)
    assert owner.post(f"/cases/{case_id}/approve", **form).status_code == 409
    assert desk.case(case_id)["state"] == "drafted"
    assert "뚜껑이 깨졌어요" not in owner.get("/brands/alpha").text
    assert owner_of(desk, case_id) == lead_id
    assert "보상 한도를 넘는 답변입니다." in lead.get(f"/cases/{case_id}").text

    # The brand is above the lead in any case.
    lead.post(f"/cases/{case_id}/approve", **form)
    assert "뚜껑이 깨졌어요" in owner.get("/brands/alpha").text
    owner.post(f"/cases/{case_id}/approve", **form)
    assert desk.case(case_id)["state"] == "approved"


def test_a_brands_page_speaks_to_whoever_reads_it(desk: Desk) -> None:
    desk.person("lead", Role.LEAD)
    desk.person("owner", Role.BRAND_APPROVER)
    desk.add(severity=Severity.HIGH)

    owner = Browser(desk, login="owner").get("/brands/alpha").text
    lead = Browser(desk, login="lead").get("/brands/alpha").text

    assert "결정해 주실 일" in owner
    assert "답변은 에이전시가 승인합니다" in owner
    assert "결정해 주실 일" not in lead
    assert "에이전시가 승인합니다" not in lead
    # Seven days that go on are no calendar week, and ten severe ones may not be all.
    assert "지난주" not in owner
    assert 'href="/?brand=alpha&amp;severity=high"' in owner


def test_who_proposed_other_words_finds_them_in_the_editor(desk: Desk) -> None:
    desk.ask_twice("alpha")
    desk.person("kim")
    case_id = desk.add()
    kim = Browser(desk, login="kim")
    reply = "불편을 드려 죄송합니다.\n알파 고객지원팀 드림"
    kim.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id, text=reply))

    page = kim.get(f"/cases/{case_id}").text

    assert "초안을 고친 답변입니다" in page
    assert f">\n{reply}</textarea>" in page


def test_words_that_were_taken_back_do_not_stand_for_a_proposal(desk: Desk) -> None:
    desk.person("kim")
    desk.person("owner", Role.BRAND_APPROVER)
    case_id = desk.add()
    kim = Browser(desk, login="kim")
    reply = "불편을 드려 죄송합니다.\n알파 고객지원팀 드림"
    kim.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id, text=reply))
    kim.post(f"/cases/{case_id}/undo")
    assert f">\n{reply}</textarea>" in kim.get(f"/cases/{case_id}").text

    desk.now += timedelta(minutes=1)
    desk.ask_twice("alpha")
    kim = Browser(desk, login="kim")
    kim.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))

    page = Browser(desk, login="owner").get(f"/cases/{case_id}").text
    assert "초안 그대로입니다." in page
    assert f">\n{reply}</textarea>" not in page


@pytest.mark.parametrize(("lead_limit", "is_asked"), [(80_000, False), (79_999, True)])
def test_a_brand_is_asked_for_sums_above_the_leads_limit_only(
    desk: Desk, lead_limit: int, is_asked: bool
) -> None:
    desk.person("kim", Role.SPECIALIST)
    lead_id = desk.person("lead", Role.LEAD)
    desk.person("owner", Role.BRAND_APPROVER)
    case_id = couponed(desk, CompensationLimits(lead=lead_limit))

    Browser(desk, login="kim").post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))

    page = Browser(desk, login="owner").get("/brands/alpha").text
    assert ("뚜껑이 깨졌어요" in page) == is_asked
    assert owner_of(desk, case_id) == lead_id


@pytest.mark.parametrize(
    ("limits", "login", "state", "proposed"),
    [
        (CompensationLimits(), "kim", "drafted", 1),
        (CompensationLimits(specialist=80_000), "kim", "approved", 0),
        (CompensationLimits(temporary=80_000, specialist=80_000), "temp", "approved", 0),
        (CompensationLimits(specialist=10_000, lead=79_999), "lead", "drafted", 1),
        (CompensationLimits(specialist=0, lead=0), "owner", "approved", 0),
    ],
)
def test_a_brand_lowers_and_raises_what_a_role_may_promise(
    desk: Desk, limits: CompensationLimits, login: str, state: str, proposed: int
) -> None:
    brand = replace(desk.context.brands["alpha"], compensation_limits=limits)
    desk.context = replace(desk.context, brands={**desk.context.brands, "alpha": brand})
    manual = desk.folder / "alpha" / "manual" / "delivery.md"
    clause = "배송이 늦어진 경우 80,000원 쿠폰을 보상으로 드립니다."
    manual.write_text(MANUAL + f"- {clause}\n", encoding="utf-8")
    case_id = desk.add(reply=(DraftSentence(clause, SourceKind.POLICY, "manual/delivery.md#2"),))
    roles = {"kim": Role.SPECIALIST, "temp": Role.TEMPORARY, "lead": Role.LEAD}
    desk.person(login, roles.get(login, Role.BRAND_APPROVER))

    Browser(desk, login=login).post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))

    assert desk.case(case_id)["state"] == state
    assert len(desk.rows("SELECT id FROM proposals WHERE reason = 'compensation'")) == proposed


@pytest.mark.parametrize(
    ("reply", "won"),
    [
        ("10,000원 쿠폰을 드리겠습니다.", 10_000),
        ("3만원 적립금을 지급합니다. 5천원 할인도 됩니다.", 35_000),
        ("결제하신 50,000원은 환불해 드립니다.", 0),
        ("죄송합니다.", 0),
    ],
)
def test_all_that_is_given_counts_as_compensation(reply: str, won: int) -> None:
    assert compensation(reply) == won


def test_a_brands_owner_sees_what_happened_what_was_done_and_what_waits(shelf: Desk) -> None:
    shelf.ask_twice("alpha")
    shelf.person("agency", Role.LEAD)
    shelf.person("owner", Role.BRAND_APPROVER)
    case_id = shelf.add(
        "뚜껑에 손을 베였어요", severity=Severity.CRITICAL, categories=(), reply=PLAIN
    )
    Browser(shelf, login="agency").post(
        f"/cases/{case_id}/approve", **decision_form(shelf, case_id)
    )

    page = Browser(shelf, login="owner").get("/brands/alpha").text

    assert "Agency (agency) · 브랜드 승인" in page
    assert page.count("뚜껑에 손을 베였어요") == 2
    assert Browser(shelf, login="owner").get("/brands/beta").status_code == 404


def test_what_waits_for_somebody_else_takes_no_place_on_the_brands_page(desk: Desk) -> None:
    desk.ask_twice("alpha")
    desk.person("owner", Role.BRAND_APPROVER)
    first = desk.add(due_in=timedelta(hours=1))
    last = desk.add("뚜껑이 깨졌어요", due_in=timedelta(hours=2))
    for case_id, reason in [(first, "rewrite")] * 100 + [(last, "two_step")]:
        ask(desk, case_id, reason)

    page = Browser(desk, login="owner").get("/brands/alpha").text

    assert f'href="/cases/{last}?view=asked&amp;brand=alpha">뚜껑이 깨졌어요' in page
