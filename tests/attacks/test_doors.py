"""Coming in without a right to: guessing, forging, keeping, pretending to be near."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp
import pytest
import structlog
from starlette.testclient import TestClient

from console import passwords
from console.app import create_app
from console.context import OidcProvider
from console.oidc import pack
from storage.people import FAILURES_PER_ADDRESS, FAILURES_PER_LOGIN, Role
from tests.console.conftest import PASSWORD, Browser, token_of

if TYPE_CHECKING:
    from tests.console.conftest import Desk

AWAY = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "https:evil.example",
    "/\r\nlocation: https://evil.example",
    "@evil.example",
    ".evil.example",
    "\x00//evil.example",
]


def stranger(desk: Desk, login: str = "kim") -> Browser:
    browser = Browser(desk, login=login)
    browser.http.cookies.clear()
    return browser


def test_guesses_sent_at_once_are_no_more_guesses(shelf: Desk) -> None:
    shelf.person("kim")
    app = create_app(shelf.context)
    together = threading.Barrier(12)
    answers: list[int] = []

    def guess(browser: Browser) -> None:
        page = token_of(browser.http.get("/sign-in"))
        form = {"login": "kim", "password": "guess guess guess", "form_token": page}
        together.wait()
        answers.append(browser.http.post("/sign-in", data=form).status_code)

    browsers = [Browser(shelf, login="kim", app=app) for _ in range(12)]
    threads = [threading.Thread(target=guess, args=(browser,)) for browser in browsers]
    for browser, thread in zip(browsers, threads, strict=True):
        browser.http.cookies.clear()
        thread.start()
    for thread in threads:
        thread.join()

    assert set(answers) == {403, 429}
    assert answers.count(403) <= FAILURES_PER_LOGIN
    assert len(answers) == 12


def test_a_guesser_with_many_addresses_of_one_line_is_one_guesser(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "is_password", lambda _hash, _password: False)
    desk.person("kim")

    def guess(number: int, address: str) -> int:
        http = TestClient(
            create_app(desk.context),
            base_url="http://127.0.0.1:8420",
            follow_redirects=False,
            client=(address, 50000),
        )
        token = token_of(http.get("/sign-in"))
        form = {"login": f"login{number}", "password": PASSWORD, "form_token": token}
        return http.post("/sign-in", data=form).status_code

    for number in range(FAILURES_PER_ADDRESS):
        assert guess(number, f"2001:db8:1:2::{number:x}") == 403
    assert guess(98, "2001:db8:1:2:ffff::1") == 429
    assert guess(99, "2001:db8:1:3::1") == 403
    for number in range(FAILURES_PER_ADDRESS):
        assert guess(100 + number, f"::ffff:192.0.2.{number}") == 403
    assert guess(200, "::ffff:198.51.100.1") == 403


def test_an_answer_does_not_tell_which_logins_exist(desk: Desk) -> None:
    desk.person("kim")
    desk.person("gone")
    desk.person("late", Role.TEMPORARY, valid_until=desk.now - timedelta(days=1))
    desk.person("early", Role.TEMPORARY, valid_from=desk.now + timedelta(days=1))
    desk.person("oidc")
    with desk.database.unit_of_work() as connection:
        connection.exec_driver_sql("UPDATE people SET disabled_at = made_at WHERE login = 'gone'")
        connection.exec_driver_sql("UPDATE people SET password_hash = '' WHERE login = 'oidc'")
    browser = stranger(desk)
    token = token_of(browser.http.get("/sign-in"))

    def answers(login: str, password: str, times: int) -> list[tuple[int, str]]:
        found = []
        for _ in range(times):
            form = {"login": login, "password": password, "form_token": token}
            page = browser.http.post("/sign-in", data=form)
            # What was typed stays in its field; nothing else may differ.
            text = page.text.replace(f'value="{login}"', 'value="typed"')
            found.append((page.status_code, text))
        desk.now += timedelta(minutes=20)
        return found

    expected = answers("nobody", PASSWORD, FAILURES_PER_LOGIN + 1)
    assert [status for status, _ in expected] == [403] * FAILURES_PER_LOGIN + [429]
    assert answers("kim", "wrong password here", FAILURES_PER_LOGIN + 1) == expected
    for login in ("gone", "early", "oidc", "late"):
        assert answers(login, PASSWORD, 1) == expected[:1]


def set_up_codes(browser: Browser, desk: Desk) -> pyotp.TOTP:
    page = browser.post("/me/totp").text
    secret = page.partition('name="secret" value="')[2].partition('"')[0]
    totp = pyotp.TOTP(secret)
    assert browser.post("/me/totp", secret=secret, code=totp.at(desk.now)).status_code == 303
    desk.now += timedelta(minutes=1)
    return totp


def test_codes_cannot_be_guessed_by_who_knows_the_password(desk: Desk) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")
    totp = set_up_codes(browser, desk)
    right = totp.at(desk.now)
    wrong = [code for code in ("000000", "111111", "222222") if code != right]
    for code in [*wrong, "", "' OR 1=1", "٠٠٠٠٠٠", right + "0"][:FAILURES_PER_LOGIN]:
        assert browser.sign_in("kim", code=code).status_code == 403

    assert browser.sign_in("kim", code=right).status_code == 429


def test_a_code_counts_once_even_when_sent_twice_at_once(shelf: Desk) -> None:
    shelf.person("kim")
    totp = set_up_codes(Browser(shelf, login="kim"), shelf)
    code = totp.at(shelf.now)
    app = create_app(shelf.context)
    browsers = [Browser(shelf, login="kim", app=app) for _ in range(3)]
    together = threading.Barrier(3)
    answers: list[int] = []
    with shelf.database.unit_of_work() as connection:
        connection.exec_driver_sql("DELETE FROM sign_in_failures")

    def come_in(browser: Browser) -> None:
        browser.http.cookies.clear()
        together.wait()
        answers.append(browser.sign_in("kim", code=code).status_code)

    threads = [threading.Thread(target=come_in, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [303, 403, 403]


@pytest.mark.parametrize(
    "secret", ["0" * 32, "A" * 31, "A" * 33, "a" * 32, "A" * 31 + "\n", "ＡＢ" * 16, "A" * 31 + "="]
)
def test_no_secret_but_our_own_kind_can_be_set_up(desk: Desk, secret: str) -> None:
    desk.person("kim")

    answer = Browser(desk, login="kim").post("/me/totp", secret=secret, code="123456")

    assert answer.status_code == 422
    assert desk.rows("SELECT sealed_totp FROM people") == [{"sealed_totp": None}]


@pytest.mark.parametrize("path", AWAY, ids=ascii)
def test_nobody_is_led_to_another_site(desk: Desk, path: str) -> None:
    nameless = Browser(desk)
    places = [nameless.post("/name", name="김", next=path)]
    places.append(nameless.http.get("/name", params={"next": path}))
    desk.person("kim")
    browser = Browser(desk, login="kim")
    places += [
        browser.sign_in("kim", next=path),
        browser.http.get("/sign-in", params={"next": path}),
    ]
    browser.http.cookies.clear()
    places += [browser.http.get("/", params={"next": path, "q": path})]

    for place in places:
        assert "evil.example" not in place.headers.get("location", "").partition("?")[0]
        assert place.headers.get("location", "/").startswith("/")
        assert not place.headers.get("location", "/").startswith(("//", "/\\", "/\t"))
        assert 'value="/"' in place.text or place.status_code == 303
    assert [place.status_code for place in places] == [303, 200, 303, 200, 303]


def test_a_password_given_anew_ends_every_session(desk: Desk) -> None:
    desk.person("ops", Role.OPERATOR)
    person_id = desk.person("kim")
    thief = Browser(desk, login="kim")
    assert thief.get("/").status_code == 200

    Browser(desk, login="ops").post(f"/people/{person_id}/reset")

    assert thief.get("/").status_code == 303
    assert thief.sign_in("kim").status_code == 403


@pytest.mark.parametrize("planted", ["x" * 43, "", "../../x", "é", "' OR 1=1 --", "\x00"])
def test_no_made_up_session_is_anybodys(desk: Desk, planted: str) -> None:
    desk.person("kim")
    browser = stranger(desk)
    desk.add()

    cookie = f"pyeongpan_session={planted}; pyeongpan_name=kim; pyeongpan_visitor=x"
    answer = browser.http.get("/", headers=[(b"cookie", cookie.encode())])

    assert answer.status_code == 303


@pytest.mark.parametrize("client", ["192.0.2.7", "10.0.0.5", "::ffff:192.0.2.7", "testclient", ""])
def test_without_sign_in_only_this_machine_is_answered(desk: Desk, client: str) -> None:
    case_id = desk.add()
    http = TestClient(
        create_app(desk.context),
        base_url="http://127.0.0.1:8420",
        follow_redirects=False,
        client=(client, 50000),
    )
    token = token_of(http.get("/name"))
    http.post("/name", data={"name": "김", "form_token": token})
    pretending = {"x-forwarded-for": "127.0.0.1", "forwarded": "for=127.0.0.1", "x-real-ip": "::1"}

    for path in ("/", f"/cases/{case_id}", "/stats"):
        assert http.get(path, headers=pretending).status_code == 403
    assert http.post(f"/cases/{case_id}/approve", data={"form_token": token}).status_code == 403


@pytest.mark.parametrize("url", ["http://127.0.0.1:8420", "https://desk.example.com"])
def test_cookies_leave_only_for_us_and_only_encrypted_where_the_desk_is(
    desk: Desk, url: str
) -> None:
    desk.context = replace(desk.context, console_url=url)
    desk.person("kim")
    browser = stranger(desk)
    browser.http.get("/sign-in")
    signed_in = Browser(desk, login="kim").sign_in("kim").headers.get_list("set-cookie")
    visitor = stranger(desk).http.get("/sign-in").headers.get_list("set-cookie")

    assert len([*signed_in, *visitor]) == 2
    for cookie in (*signed_in, *visitor):
        parts = {part.strip().lower() for part in cookie.split(";")}
        assert {"httponly", "samesite=lax", "path=/"} <= parts
        assert ("secure" in parts) is url.startswith("https")
        assert not any(part.startswith("domain=") for part in parts)


@pytest.mark.parametrize(
    "kept",
    [
        "[" * 5000,
        "{" * 5000,
        "[]",
        "null",
        '{"state": "s"}',
        '{"state": "s", "next": "//evil"}',
        "",
    ],
    ids=lambda kept: kept[:20],
)
def test_a_forged_cookie_of_the_way_back_is_nothing(desk: Desk, kept: str) -> None:
    desk.context = replace(desk.context, oidc=OidcProvider("http://127.0.0.1:9", "c", "s"))
    desk.person("kim")
    browser = stranger(desk)

    answer = browser.http.get(
        "/sign-in/oidc/callback?code=c&state=s",
        headers={"cookie": f"pyeongpan_oidc={pack(kept)}"},
    )

    assert answer.status_code == 403
    assert "pyeongpan_session" not in answer.headers.get("set-cookie", "")


def test_a_login_cannot_write_lines_into_a_log(
    desk: Desk, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    desk.person("kim")
    desk.person("ops", Role.OPERATOR)
    forged = "kim\r\n2026-11-16 signed_in who=ops\x1b[2J\u2028x"
    with structlog.testing.capture_logs() as logged:
        browser = stranger(desk)
        browser.sign_in(forged)
        browser.sign_in("kim", forged, code=forged)
        made = Browser(desk, login="ops").post("/people", login=forged, name=forged, role="lead")
    assert made.status_code == 422

    for kept in (*desk.rows("SELECT * FROM audit"), *logged):
        assert not [value for value in map(str, kept.values()) if not value.isprintable()]
    assert "signed_in who=ops" not in caplog.text + capsys.readouterr().err
    actions = [row["action"] for row in desk.rows("SELECT action FROM audit")]
    assert actions.count("sign_in_failed") == 2
