"""Forms that no page of ours sent: from other sites, by other methods, with other contents."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from starlette.websockets import WebSocketDisconnect

from console.security import MAX_BODY_BYTES
from storage.people import Role
from tests.attacks.looking import filled, operations, rows
from tests.console.conftest import PASSWORD, Browser, decision_form, token_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from tests.console.conftest import Desk

FORM = "application/x-www-form-urlencoded"


def everything(desk: Desk, case_id: int) -> dict[str, Any]:
    """Give a form that every route finds its fields in."""
    return {
        **decision_form(desk, case_id),
        "reason": "기타",
        "outcome": "published",
        "seen": "봄",
        "publication": 1,
        "decision": 1,
        "name": "보기",
        "verdict": "reject",
        "picked": f"{case_id}:1:1",
        "login": "evil",
        "role": "operator",
        "brands": "beta",
        "current": PASSWORD,
        "person_id": 1,
        "channel": "storefront",
        "owner": 1,
        "capacity": 5,
    }


def posts(app: FastAPI) -> list[str]:
    found = [filled(path, 1) for method, path in operations(app) if method == "POST"]
    assert len(found) > 15
    return found


@pytest.fixture(params=[None, Role.LEAD, Role.OPERATOR])
def victim(request: pytest.FixtureRequest, desk: Desk) -> Browser:
    """Give somebody at the desk, signed in or not, whose browser another site may use."""
    if request.param is None:
        return Browser(desk)
    desk.person("kim", request.param)
    return Browser(desk, login="kim")


def tokens(desk: Desk, victim: Browser) -> Iterator[str]:
    """Give what an attacker may have instead of the victim's form token."""
    yield from ("", "0" * 64, "é", *victim.http.cookies.values())
    app: FastAPI = victim.http.app  # type: ignore[assignment]
    yield Browser(desk, "다른이", login=victim.login, app=app).token()
    if victim.login:
        # The token of the page before sign-in is bound to another secret of the same browser.
        yield token_of(victim.http.get("/sign-in"))


def test_no_form_without_the_sessions_own_token_changes_anything(
    desk: Desk, victim: Browser
) -> None:
    case_id = desk.add()
    form = everything(desk, case_id)
    found = list(tokens(desk, victim))
    before = rows(desk)

    for token in found:
        for path in posts(victim.http.app):  # type: ignore[arg-type]
            if path in {"/name", "/sign-in"} and victim.login and token == found[-1]:
                continue
            answer = victim.http.post(path, data={**form, "form_token": token})
            assert answer.status_code == 403, (path, token)

    assert rows(desk) == before
    # The same form with the right token does something, so the token is what was missing.
    victim.post("/views", name="보기")
    victim.http.post("/views", params={"q": "환불"}, data={**form, "form_token": victim.token()})
    assert rows(desk) != before


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1:8421",
        "http://127.0.0.1:8420.evil.example",
        "http://evil@127.0.0.1:8420",
        "http://[evil",
        "",
    ],
)
def test_no_form_of_another_site_changes_anything(desk: Desk, victim: Browser, origin: str) -> None:
    case_id = desk.add()
    form = {**everything(desk, case_id), "form_token": victim.token()}
    before = rows(desk)

    for path in posts(victim.http.app):  # type: ignore[arg-type]
        answer = victim.http.post(path, data=form, headers={"origin": origin})
        assert answer.status_code == 403

    assert rows(desk) == before


def test_opening_an_address_changes_nothing(desk: Desk, victim: Browser) -> None:
    case_id = desk.add()
    form = {**everything(desk, case_id), "form_token": victim.token()}
    before = rows(desk)

    for _, path in operations(victim.http.app):  # type: ignore[arg-type]
        for sent in ("GET", "HEAD", "OPTIONS"):
            assert victim.http.request(sent, filled(path, case_id), params=form).status_code < 500

    assert rows(desk) == before


def test_no_header_or_field_makes_another_method_of_a_request(desk: Desk, victim: Browser) -> None:
    case_id = desk.add()
    form = {**everything(desk, case_id), "form_token": victim.token(), "_method": "POST"}
    headers = dict.fromkeys(
        ("x-http-method-override", "x-method-override", "x-http-method"), "POST"
    )
    before = rows(desk)

    for path in posts(victim.http.app):  # type: ignore[arg-type]
        for method in ("GET", "PUT", "PATCH", "DELETE", "TRACE", "post", "FOO"):
            victim.http.request(method, path, params=form, headers=headers)
    with pytest.raises(WebSocketDisconnect), victim.http.websocket_connect(f"/cases/{case_id}"):
        pass

    assert rows(desk) == before


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/xml", "multipart/form-data; boundary=x"]
)
def test_only_a_forms_own_encoding_is_read(desk: Desk, victim: Browser, kind: str) -> None:
    case_id = desk.add()
    form = {**everything(desk, case_id), "form_token": victim.token()}
    part = "--x\r\nContent-Disposition: form-data; name={}\r\n\r\n{}\r\n"
    body = {
        "application/json": json.dumps(form),
        "multipart/form-data; boundary=x": "".join(part.format(*each) for each in form.items())
        + "--x--\r\n",
    }.get(kind, urlencode(form))
    before = rows(desk)

    for path in posts(victim.http.app):  # type: ignore[arg-type]
        answer = victim.http.post(path, content=body, headers={"content-type": kind})
        assert answer.status_code == 415
        # Without a type at all there is no form in it.
        assert victim.http.post(path, content=body).status_code == 403

    assert rows(desk) == before


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "utf-16", "undefined", "idna"])
def test_no_character_set_brings_in_what_cannot_be_written(
    desk: Desk, victim: Browser, charset: str
) -> None:
    case_id = desk.add()
    fields = {
        "form_token": victim.token().encode(),
        "draft_number": b"1",
        "feedback_revision": b"1",
        "text": rb"+2AA-\ud800" + b"\x00\xd8",
        "password": rb"+2AA-\ud800",
    }
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in fields.items()
    )
    for path in (f"/cases/{case_id}/approve", "/me/password", "/sign-in"):
        for kind in ("multipart/form-data", FORM):
            answer = victim.http.post(
                path,
                content=body + b"--x--\r\n",
                headers={"content-type": f"{kind}; boundary=x; charset={charset}"},
            )
            assert answer.status_code in {403, 415}
    assert not desk.rows("SELECT * FROM decisions")


WRITTEN = ("text", "reason", "detail", "seen", "name", "login", "slack_user", "code", "next")


def test_bytes_that_are_no_text_are_answered_in_every_field(shelf: Desk) -> None:
    case_id = shelf.add()
    shelf.person("ops", Role.OPERATOR)
    shelf.person("lead", Role.LEAD)
    for login in ("lead", "ops"):
        browser = Browser(shelf, login=login)
        for raw in ("%00a", "%ED%A0%80a", "%FF%FE%", "%EF%BF%BF%u0041%F4%90%80%80"):
            known = {**everything(shelf, case_id), "form_token": browser.token()}
            body = urlencode({name: known[name] for name in known if name not in WRITTEN})
            body += "".join(f"&{name}={raw}" for name in WRITTEN)
            for path in posts(browser.http.app):  # type: ignore[arg-type]
                if path not in {"/sign-out", "/me/password"}:
                    answer = browser.http.post(path, content=body, headers={"content-type": FORM})
                    assert answer.status_code < 500
            for path in ("/", "/sign-in", "/name", f"/cases/{case_id}"):
                assert browser.get(f"{path}?q={raw}&next={raw}&channel={raw}").status_code < 500
    kept = rows(shelf)
    assert kept["decisions"]
    assert "\\x00" not in str(kept)
    assert "\\ud800" not in str(kept)


def test_a_form_cannot_say_more_than_its_page_asks(desk: Desk) -> None:
    case_id = desk.add()
    person_id = desk.person("kim", Role.SPECIALIST)
    browser = Browser(desk, login="kim")
    more: dict[str, Any] = {
        "role": "operator",
        "brands": "beta",
        "sees_all_brands": "1",
        "person_id": 99,
        "password_hash": "x",
        "decided_by": "사장님",
        "decided_in": "slack",
        "who": "사장님",
        "brand": "beta",
        "state": "answered",
        "undo_window": 0,
        "kind": "approval",
        "compensation_limit": 10**9,
    }

    browser.http.post(
        f"/cases/{case_id}/approve",
        params=more,
        data={**more, **decision_form(desk, case_id), "form_token": browser.token()},
    )
    browser.post("/me/password", current=PASSWORD, password="a brand new password", **more)

    [decision] = desk.rows("SELECT * FROM decisions")
    assert (decision["decided_by"], decision["decided_in"]) == ("Kim (kim)", "console")
    [person] = desk.rows("SELECT * FROM people")
    assert (person["id"], person["role"], person["sees_all_brands"]) == (person_id, "specialist", 0)
    assert desk.rows("SELECT brand FROM person_brands") == [{"brand": "alpha"}]
    assert desk.case(case_id)["state"] == "approved"


def test_a_body_without_end_or_with_a_hundred_thousand_fields_is_refused(
    desk: Desk, victim: Browser
) -> None:
    case_id = desk.add()
    path, headers = f"/cases/{case_id}/approve", {"content-type": FORM}
    form = urlencode({**decision_form(desk, case_id), "form_token": victim.token()})
    before = rows(desk)

    announced = victim.http.post(path, content=form + "&x=" + "a" * MAX_BODY_BYTES, headers=headers)
    pieces = iter([form.encode(), *[b"&x=" + b"a" * 60_000] * 6])
    endless = victim.http.post(path, content=pieces, headers=headers)
    lying = victim.http.post(
        path,
        content=form + "&x=" + "a" * MAX_BODY_BYTES,
        headers={**headers, "content-length": "9" * 30},
    )
    many = victim.http.post(path, content="a=&" * 80_000 + form, headers=headers)

    assert [announced.status_code, endless.status_code, lying.status_code] == [413, 400, 400]
    assert many.status_code == 400
    assert rows(desk) == before


def test_nothing_can_be_uploaded(desk: Desk, victim: Browser) -> None:
    desk.add()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("../../etc/cron.d/evil", b"\0" * 2**20)
    before = rows(desk)

    for path in posts(victim.http.app):  # type: ignore[arg-type]
        sent = {name: ("../../evil.zip", archive.getvalue()) for name in ("text", "file", "login")}
        answer = victim.http.post(path, data={"form_token": victim.token()}, files=sent)
        assert answer.status_code == 415

    assert rows(desk) == before
