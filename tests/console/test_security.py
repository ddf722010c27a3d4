"""What strangers, other sites and hostile requests get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from console.app import create_app
from console.security import host_names, refuse_open_host
from domain.errors import ConfigurationError
from storage.session import Database
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


def test_the_console_answers_to_its_own_name() -> None:
    assert "desk.example.com" in host_names("https://desk.example.com:8443")
    assert EVERYWHERE not in host_names(f"http://{EVERYWHERE}:8420")


@pytest.mark.parametrize("path_back", ["/", "/healthz"])
def test_a_lost_database_is_said_and_what_was_written_is_kept(
    desk: Desk, browser: Browser, path_back: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = desk.add()
    form = {"form_token": browser.token(), **decision_form(desk, case_id, text="오래 쓴 답변")}
    assert browser.get("/healthz").text == "ok"
    gone = Database("postgresql://nobody@127.0.0.1:1/none")

    with capture_logs() as events, pytest.MonkeyPatch.context() as lost:
        # Given back before the desk closes what it opened.
        lost.setattr(desk.database, "engine", gone.engine)
        page, sent = browser.get("/"), browser.http.post(f"/cases/{case_id}/approve", data=form)
        health = browser.get("/healthz").status_code

    assert (page.status_code, sent.status_code, health) == (503, 503, 503)
    assert "데이터베이스를 쓸 수 없습니다" in page.text
    assert "오래 쓴 답변" in sent.text
    # However many requests meet it.
    assert [event["event"] for event in events] == ["database_lost"]
    with capture_logs() as events:
        monkeypatch.setattr("storage.outage.QUIET_S", 0.0)
        assert browser.get(path_back).status_code == 200
    assert [event["event"] for event in events] == ["database_back"]


def test_pages_have_no_inline_script_or_style(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    for path in ("/", f"/cases/{case_id}", "/stats", "/collection", "/alerts", "/looks", "/name"):
        page = browser.get(path).text
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert page.count("<script") == page.count('<script src="/static/desk.js"')


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
