"""Text that wants to be more than text, and pages that others want to use."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from console.security import HEADERS
from domain.types import DraftSentence, FeedbackKind, Sentiment, SourceKind
from storage import alerts
from storage.people import Role
from tests.attacks.looking import filled, operations, what_would_run
from tests.console.conftest import Browser, decision_form

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.console.conftest import Desk

MARK = "zzz"
HOSTILE = [
    f'{MARK}<script>alert(1)</script><svg/onload=alert(1)><a href="javascript:alert(1)">',
    f"{MARK}\"'><x-evil onload=alert(1)>",
    f"{MARK}</textarea></title></select></script><x-evil>",
    f"{MARK}<!--<x-evil>\u202e\x1b]0;",
    f"{MARK}{{{{7*7}}}}{{% raw %}}",
]
PAGES: tuple[str, ...] = (
    "/",
    "/?view=closed",
    "/?view=approved",
    "/handoffs",
    "/attention",
    "/looks",
    "/alerts",
)
PAGES += ("/collection", "/stats", "/brands/alpha", "/brands/beta", "/me")


def fill(desk: Desk, evil: str) -> list[int]:
    """Let customers, channels, colleagues and settings write ``evil`` wherever they can."""
    brands = dict(desk.context.brands)
    brands["alpha"] = replace(brands["alpha"], name=evil)
    desk.context = replace(desk.context, brands=brands)
    desk.ask_twice("beta")
    draft = (
        DraftSentence(evil, SourceKind.SAVED_REPLY, f"manual/{evil}.md#1"),
        DraftSentence("죄송합니다.", SourceKind.COURTESY),
    )

    def add(**more: object) -> int:
        given = {"title": f"{evil} 제목", "author": evil, "product_name": evil, "reply": draft}
        return desk.add(evil, **{**given, **more})  # type: ignore[arg-type]

    cases = {
        "open": add(native_id="n"),
        "inquiry": add(kind=FeedbackKind.INQUIRY, rating=None),
        "approved": add(),
        "rejected": add(),
        "handed_off": add(),
        "attention": add(),
        "proposed": add(brand="beta"),
    }
    add(sentiment=Sentiment.POSITIVE, mismatch=True, draft=False)
    desk.add(f"{evil} 고침", native_id="n", author=evil, reply=draft)
    desk.person("lead", Role.LEAD, ("alpha", "beta"))
    person_id = desk.person("ops", Role.OPERATOR)
    with desk.database.unit_of_work() as connection:
        connection.execute(
            text("UPDATE people SET name = :evil WHERE id <> :id"), {"evil": evil, "id": person_id}
        )
        connection.execute(text("UPDATE cases SET note = :evil"), {"evil": evil})
        connection.execute(text("UPDATE accounts SET last_error = :evil"), {"evil": evil})
        made = alerts.NewAlert("k", "case_card", "alpha", "console", {"text": evil})
        alerts.add(connection, [made], now=desk.now, is_told=False)
    lead = Browser(desk, login="lead")
    for state in ("approved", "handed_off", "attention", "proposed"):
        lead.post(f"/cases/{cases[state]}/approve", **approvable(desk, cases[state]))
    lead.post(
        f"/cases/{cases['rejected']}/reject",
        **decision_form(desk, cases["rejected"], reason=evil, detail=evil),
    )
    with desk.database.unit_of_work() as connection:
        connection.execute(text("UPDATE publications SET problem = :evil"), {"evil": evil})
        connection.execute(text("UPDATE decisions SET text = :evil"), {"evil": evil})
    for state in ("handed_off", "attention"):
        desk.set_publication(cases[state], state)
    lead.http.post("/views", params={"q": evil}, data={"form_token": lead.token(), "name": evil})
    return list(cases.values())


def approvable(desk: Desk, case_id: int) -> dict[str, object]:
    return decision_form(desk, case_id, text="죄송합니다.")


@pytest.mark.parametrize("evil", HOSTILE, ids=ascii)
def test_nothing_that_anybody_wrote_becomes_part_of_a_page(desk: Desk, evil: str) -> None:
    cases = fill(desk, evil)
    states = {row["state"] for row in desk.rows("SELECT state FROM publications")}
    assert {"queued", "handed_off", "attention"} <= states
    assert desk.rows("SELECT * FROM proposals")
    lead, ops = Browser(desk, login="lead"), Browser(desk, login="ops")
    for path in (*PAGES, *(f"/cases/{number}" for number in cases)):
        page = lead.get(path).text
        assert MARK in page
        assert "zzz49" not in page
        assert what_would_run(page) == []
    for page in (
        ops.get("/people").text,
        ops.get("/audit").text,
        lead.get(f"/cases/{cases[0]}/alternatives").text,
    ):
        assert what_would_run(page) == []


@pytest.mark.parametrize("evil", HOSTILE, ids=ascii)
def test_what_an_address_says_is_shown_as_text(desk: Desk, evil: str) -> None:
    case_id = desk.add()
    desk.person("ops", Role.OPERATOR)
    browser = Browser(desk, login="ops")
    names = ("q", "view", "brand", "channel", "category", "severity", "kind", "due", "stars")
    for name in (*names, "sort", "after", "decided", "next", "code", "state"):
        for path in ("/", f"/cases/{case_id}", "/sign-in", "/name"):
            page = browser.http.get(path, params={name: evil}).text
            assert what_would_run(page) == []
            if (name, path) == ("q", "/"):
                assert MARK in page


@pytest.mark.parametrize("evil", HOSTILE, ids=ascii)
def test_what_a_form_said_comes_back_as_text(desk: Desk, evil: str) -> None:
    case_id = desk.add()
    desk.person("ops", Role.OPERATOR)
    desk.person("kim")
    kim, ops = Browser(desk, login="kim"), Browser(desk, login="ops")
    typed = kim.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id, text=evil * 200))
    assert typed.status_code == 422
    assert MARK in typed.text
    pages = [
        typed,
        kim.post(f"/cases/{case_id}/reject", **decision_form(desk, case_id, reason="", detail="")),
        kim.post("/me/password", current=evil, password=evil),
        kim.post("/me/totp", secret="A" * 32, code=evil),
        ops.post("/people", login=evil, name=evil, role=evil, slack_user=evil, valid_from=evil),
        kim.sign_in(evil, evil, code=evil, next=evil),
    ]
    assert [what_would_run(page.text) for page in pages] == [[]] * len(pages)
    # What is answered as data says so, and a browser may not guess otherwise.
    for answer in (
        kim.post(f"/cases/{case_id}/check", text=f"무조건 환불 {evil}"),
        kim.post(f"/cases/{case_id}/presence"),
    ):
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "//evil.example",
        "http://[",
        "https:javascript",
    ],
)
def test_a_reviews_own_link_runs_nothing(desk: Desk, browser: Browser, url: str) -> None:
    made = [desk.add(url=url) for _ in range(3)]
    desk.add(url=url, sentiment=Sentiment.POSITIVE, mismatch=True, draft=False)
    for case_id in made[:2]:
        browser.post(f"/cases/{case_id}/approve", **approvable(desk, case_id))
    desk.set_publication(made[0], "handed_off")
    desk.set_publication(made[1], "attention")

    for path in ("/", "/handoffs", "/attention", "/looks", *(f"/cases/{each}" for each in made)):
        page = browser.get(path).text
        assert what_would_run(page) == []
        assert "evil.example" not in page


def test_every_answer_keeps_frames_scripts_and_guesses_out(desk: Desk) -> None:
    desk.add()
    desk.person("ops", Role.OPERATOR)
    browser = Browser(desk, login="ops")
    app: FastAPI = browser.http.app  # type: ignore[assignment]
    stranger = Browser(desk, login="ops", app=app)
    stranger.http.cookies.clear()
    answers = [
        who.http.request(method, filled(path, 1))
        for who in (browser, stranger)
        for method, path in operations(app)
        if path != "/sign-out"
    ]
    answers += [browser.http.get("/", headers={"host": "evil.example"}), browser.get("/none")]
    answers.append(browser.http.post("/sign-in", json={}))
    assert {answer.status_code for answer in answers} >= {200, 303, 403, 404, 415, 421}
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["cache-control"] == "no-store"
    policy = HEADERS["content-security-policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ):
        assert rule in policy.split("; ")
    assert "unsafe" not in policy
