"""What strangers, other sites and hostile requests get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from console.app import create_app
from console.pages import local_path
from console.security import MAX_BODY_BYTES, host_names, refuse_open_host
from domain.errors import ConfigurationError
from tests.console.conftest import decision_form

if TYPE_CHECKING:
    from tests.console.conftest import Browser, Desk


EVERYWHERE = "0.0.0.0"  # noqa: S104 - refused, not bound


@pytest.mark.parametrize("host", [EVERYWHERE, "192.168.0.4", "console.example", "::"])
def test_console_without_sign_in_refuses_to_listen_for_strangers(host: str) -> None:
    with pytest.raises(ConfigurationError, match="listens on this machine only"):
        refuse_open_host(host, has_sign_in=False)
    refuse_open_host(host, has_sign_in=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.5"])
def test_console_without_sign_in_listens_on_this_machine(host: str) -> None:
    refuse_open_host(host, has_sign_in=False)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:8420"]
)
def test_a_request_under_another_name_is_refused(desk: Desk, host: str) -> None:
    http = TestClient(create_app(desk.context), base_url="http://127.0.0.1:8420")

    answer = http.get("/", headers={"host": host})

    assert answer.status_code == 421
    assert "content-security-policy" in answer.headers


def test_the_console_answers_to_its_own_name() -> None:
    assert "desk.example.com" in host_names("https://desk.example.com:8443")
    assert EVERYWHERE not in host_names(f"http://{EVERYWHERE}:8420")


def test_every_answer_forbids_inline_scripts_and_frames(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    for path in ("/", f"/cases/{case_id}", "/cases/999", "/name", "/static/desk.js", "/nothing"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert browser.get("/").headers["cache-control"] == "no-store"


def test_pages_have_no_inline_script_or_style(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    for path in ("/", f"/cases/{case_id}", "/stats", "/collection", "/alerts", "/looks", "/name"):
        page = browser.get(path).text
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert page.count("<script") == page.count('<script src="/static/desk.js"')


@pytest.mark.parametrize("path", ["approve", "reject", "undo", "handed-off", "attention"], ids=str)
def test_a_form_without_our_token_changes_nothing(desk: Desk, browser: Browser, path: str) -> None:
    case_id = desk.add()
    form = decision_form(desk, case_id, reason="기타", outcome="published", seen="봄")

    for token in ("", "0" * 64, "é"):
        answer = browser.http.post(f"/cases/{case_id}/{path}", data={**form, "form_token": token})
        assert answer.status_code == 403
    assert not desk.rows("SELECT * FROM decisions")


def test_a_form_token_of_another_browser_is_refused(desk: Desk, browser: Browser) -> None:
    from tests.console.conftest import Browser as OtherBrowser

    case_id = desk.add()
    other = OtherBrowser(desk, "다른이")

    answer = browser.http.post(
        f"/cases/{case_id}/approve",
        data={**decision_form(desk, case_id), "form_token": other.token()},
    )

    assert answer.status_code == 403


def test_a_form_from_another_site_is_refused(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()

    answer = browser.http.post(
        f"/cases/{case_id}/approve",
        data={**decision_form(desk, case_id), "form_token": browser.token()},
        headers={"origin": "https://evil.example"},
    )

    assert answer.status_code == 403


def test_decisions_never_happen_by_opening_an_address(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()

    for path in ("approve", "reject", "undo"):
        assert browser.get(f"/cases/{case_id}/{path}").status_code == 405


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(desk: Desk) -> None:
    http = TestClient(create_app(desk.context), base_url="http://127.0.0.1:8420")

    cookie = http.get("/name").headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=lax" in cookie


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\r\nset-cookie: a=b",
        "",
        "evil",
    ],
)
def test_after_a_form_nobody_is_sent_to_another_site(path: str) -> None:
    assert local_path(path) == "/"


def test_a_huge_body_is_refused(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    huge = "a" * (MAX_BODY_BYTES + 1)

    answer = browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id, text=huge))

    assert answer.status_code == 413
    assert not desk.rows("SELECT * FROM decisions")


def test_who_has_not_said_a_name_is_asked_first(desk: Desk) -> None:
    case_id = desk.add()
    http = TestClient(
        create_app(desk.context),
        base_url="http://127.0.0.1:8420",
        follow_redirects=False,
        client=("127.0.0.1", 50000),
    )

    answer = http.get(f"/cases/{case_id}?brand=alpha")

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/name?next=%2Fcases%2F{case_id}%3Fbrand%3Dalpha"
    assert http.post(f"/cases/{case_id}/approve").status_code == 403


@pytest.mark.parametrize("name", ["", "   ", "\x00\x1b", "\n\t"])
def test_a_name_must_say_something(desk: Desk, browser: Browser, name: str) -> None:
    assert browser.post("/name", name=name).status_code == 422
