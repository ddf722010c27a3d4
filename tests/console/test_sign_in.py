"""Signing in: what lets somebody in, what keeps them out, what is written down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, Semaphore
from types import SimpleNamespace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyotp
import pytest
from argon2.exceptions import VerificationError

from console import passwords
from console.operators import create_operator
from domain.errors import BadInputError
from storage.people import SESSION_IDLE, SESSION_LENGTH, Role
from tests.console.conftest import PASSWORD, Browser, decision_form

if TYPE_CHECKING:
    from tests.console.conftest import Desk


def actions(desk: Desk) -> list[str]:
    return [row["action"] for row in desk.rows("SELECT action FROM audit ORDER BY id")]


def test_the_first_operator_ends_the_time_of_names(desk: Desk, browser: Browser) -> None:
    assert browser.get("/").status_code == 200

    create_operator(desk.database, login="Ops", name="운영", password=PASSWORD, now=desk.now)

    answer = browser.get("/")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2F"
    assert Browser(desk, login="ops").get("/people").status_code == 200


def test_a_shift_that_signs_in_at_once_is_checked_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checking, may_end = Semaphore(0), Event()

    def verify(*_: str) -> None:
        checking.release()
        may_end.wait()
        raise VerificationError

    monkeypatch.setattr(passwords, "_hasher", SimpleNamespace(verify=verify))
    with ThreadPoolExecutor(12) as browsers:
        answers = [browsers.submit(passwords.is_password, "", PASSWORD) for _ in range(12)]
        try:
            assert all(checking.acquire(timeout=30) for _ in range(4))
            assert not passwords._turns.acquire(blocking=False)
        finally:
            may_end.set()
    assert [answer.result() for answer in answers] == [False] * 12


@pytest.mark.parametrize(
    "password", ["short", "operator-is-my-password", "aaaaaaaaaaaaaaa", "a" * 201]
)
def test_a_weak_first_password_is_refused(desk: Desk, password: str) -> None:
    with pytest.raises(BadInputError):
        create_operator(
            desk.database, login="operator", name="운영", password=password, now=desk.now
        )
    assert not desk.rows("SELECT * FROM people")


@pytest.mark.parametrize(
    ("login", "name"),
    [("kim  min", "김민"), ("kim\tmin", "김민"), ("k" * 121, "김민"), ("kim", "\u3164")],
)
def test_no_operator_is_made_who_could_not_sign_in(desk: Desk, login: str, name: str) -> None:
    with pytest.raises(BadInputError):
        create_operator(desk.database, login=login, name=name, password=PASSWORD, now=desk.now)
    assert not desk.rows("SELECT * FROM people")


def test_a_decision_is_signed_with_name_and_login(desk: Desk) -> None:
    desk.person("kim")
    case_id = desk.add()
    browser = Browser(desk, login="kim")

    browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))

    assert desk.rows("SELECT decided_by FROM decisions") == [{"decided_by": "Kim (kim)"}]


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("kim", "wrong password here"),
        ("nobody", PASSWORD),
        ("", ""),
        ("kim", ""),
        ("kim", "a" * 500),
    ],
)
def test_wrong_words_do_not_let_in_and_do_not_say_which_was_wrong(
    desk: Desk, login: str, password: str
) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")
    browser.http.cookies.clear()

    answer = browser.sign_in(login, password)

    assert answer.status_code == 403
    assert "아이디, 비밀번호 또는 인증 코드가 맞지 않습니다." in answer.text
    assert browser.get("/").status_code == 303


def test_a_login_need_not_be_typed_again(desk: Desk) -> None:
    desk.person("kim")
    browser = Browser(desk)

    answers = [browser.sign_in('kim"><b>', "wrong password here") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [403] * 5 + [429]
    for answer in answers:
        assert 'value="kim&#34;&gt;&lt;b&gt;"' in answer.text
        assert "wrong password here" not in answer.text


def test_guessing_is_slowed_and_a_right_password_does_not_help_meanwhile(desk: Desk) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")
    browser.http.cookies.clear()
    for _ in range(5):
        assert browser.sign_in("KIM ", "guess guess guess").status_code == 403

    assert browser.sign_in("kim").status_code == 429
    desk.now += timedelta(minutes=16)
    assert browser.sign_in("kim").status_code == 303


def test_guessing_many_logins_from_one_address_is_slowed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "is_password", lambda _hash, _password: False)
    desk.person("kim")
    browser = Browser(desk, login="kim")
    answers = [browser.sign_in(f"login{number}").status_code for number in range(31)]

    assert answers[-1] == 429


def test_a_planted_session_is_not_the_one_that_gets_signed_in(desk: Desk) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")
    first = browser.http.cookies["pyeongpan_session"]
    browser.sign_in("kim")

    second = browser.http.cookies["pyeongpan_session"]

    assert second != first
    browser.http.cookies.clear()
    browser.http.cookies.set("pyeongpan_session", first)
    assert browser.get("/").status_code == 303


def test_the_session_token_is_not_in_the_database(desk: Desk) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")

    [row] = desk.rows("SELECT * FROM sessions")

    assert browser.http.cookies["pyeongpan_session"] not in str(row)


@pytest.mark.parametrize("later", [SESSION_IDLE, SESSION_LENGTH])
def test_a_session_ends_by_itself(desk: Desk, later: timedelta) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")
    desk.now += later

    assert browser.get("/").status_code == 303


def test_a_session_in_use_goes_on_until_its_end(desk: Desk) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")
    for _ in range(4):
        desk.now += timedelta(hours=3)
        assert browser.get("/").status_code == 200
    desk.now += timedelta(hours=3)

    assert browser.get("/").status_code == 303


def test_signing_out_ends_the_session_for_good(desk: Desk) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")
    token = browser.http.cookies["pyeongpan_session"]
    browser.post("/sign-out")
    browser.http.cookies.set("pyeongpan_session", token)

    assert browser.get("/").status_code == 303
    assert actions(desk) == ["signed_in", "signed_out"]


def test_a_temporary_person_comes_in_only_in_their_time(desk: Desk) -> None:
    desk.person(
        "temp",
        Role.TEMPORARY,
        valid_from=desk.now + timedelta(days=1),
        valid_until=desk.now + timedelta(days=1, hours=2),
    )
    browser = Browser(desk, login="temp")
    assert browser.get("/").status_code == 303
    desk.now += timedelta(days=1)
    browser.sign_in("temp")
    assert browser.get("/").status_code == 200
    desk.now += timedelta(hours=2)

    assert browser.get("/").status_code == 303


def test_a_disabled_person_is_out_at_once(desk: Desk) -> None:
    desk.person("ops", Role.OPERATOR)
    person_id = desk.person("kim")
    browser = Browser(desk, login="kim")

    Browser(desk, login="ops").post(f"/people/{person_id}/disable")

    assert browser.get("/").status_code == 303
    assert browser.sign_in("kim").status_code == 403


def test_one_time_codes_are_asked_for_once_set_up_and_count_once(desk: Desk) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")
    page = browser.post("/me/totp").text
    secret = page.partition('name="secret" value="')[2].partition('"')[0]
    picture = page.partition("<svg")[2].partition("</svg>")[0]
    assert 'class="qr"' in picture
    assert not any(word in picture for word in ("style", "script", "href", secret))
    totp = pyotp.TOTP(secret)
    assert browser.post("/me/totp", secret=secret, code="000000").status_code == 422
    browser.post("/me/totp", secret=secret, code=totp.at(desk.now))
    [row] = desk.rows("SELECT sealed_totp FROM people")
    assert secret.encode() not in bytes(row["sealed_totp"])

    assert browser.sign_in("kim").status_code == 403
    # The code that set it up has been used.
    assert browser.sign_in("kim", code=totp.at(desk.now)).status_code == 403
    desk.now += timedelta(seconds=60)
    code = totp.at(desk.now)
    assert browser.sign_in("kim", code=code).status_code == 303
    assert browser.sign_in("kim", code=code).status_code == 403


def test_changing_the_password_needs_the_old_one_and_ends_other_sessions(desk: Desk) -> None:
    desk.person("kim")
    browser, other = Browser(desk, login="kim"), Browser(desk, login="kim")

    wrong = browser.post("/me/password", current="nope", password="a brand new password")
    assert wrong.status_code == 403
    weak = browser.post("/me/password", current=PASSWORD, password="short")
    assert weak.status_code == 422
    browser.post("/me/password", current=PASSWORD, password="a brand new password")

    assert browser.get("/").status_code == 200
    assert other.get("/").status_code == 303
    assert other.sign_in("kim").status_code == 403
    assert other.sign_in("kim", "a brand new password").status_code == 303
    (changed,) = desk.rows("SELECT address FROM audit WHERE action = 'password_changed'")
    (sign_in,) = desk.rows("SELECT DISTINCT address FROM audit WHERE action = 'signed_in'")
    assert changed["address"] == sign_in["address"] != ""


def test_an_operator_makes_a_person_whose_password_is_shown_once(desk: Desk) -> None:
    desk.person("ops", Role.OPERATOR)
    operator = Browser(desk, login="ops")

    page = operator.post(
        "/people", login="New@Example.com", name="새사람", role="specialist", brands="beta"
    ).text
    password = page.partition("<code>")[2].partition("</code>")[0]

    newcomer = Browser(desk, login="ops")
    newcomer.http.cookies.clear()
    assert newcomer.sign_in("new@example.com", password).status_code == 303
    assert password not in operator.get("/people").text
    assert "person_added" in actions(desk)
    assert (
        operator.post("/people", login="new@example.com", name="또", role="lead").status_code == 422
    )
    assert operator.post("/people", login="x y", name="또", role="lead").status_code == 422
    assert operator.post("/people", login="xy", name="또", role="king").status_code == 422
    assert operator.post("/people", login="xy", name="또", role="temporary").status_code == 422


def test_a_refused_new_person_stays_in_the_form(desk: Desk) -> None:
    desk.person("ops", Role.OPERATOR)
    operator = Browser(desk, login="ops")
    typed = {"login": "bora", "name": "보라", "slack_user": "U2", "valid_from": "2026-11-20"}

    page = operator.post("/people", **typed, role="temporary", brands="beta").text
    form_shown = page.partition("<h2>새 사람</h2>")[2]

    assert "마지막 날을 정해 주세요" in page
    for field, value in typed.items():
        assert f'name="{field}" value="{value}"' in form_shown
    assert '<option value="temporary" selected>' in form_shown
    assert 'value="beta" checked' in form_shown
    assert 'value="alpha" checked' not in form_shown


def test_a_new_person_is_refused_for_what_is_taken(desk: Desk) -> None:
    desk.person("ops", Role.OPERATOR)
    desk.person("sun", slack_user="U1")
    operator = Browser(desk, login="ops")

    slack = operator.post("/people", login="bora", name="보라", role="lead", slack_user="U1").text
    login = operator.post("/people", login="sun", name="보라", role="lead").text

    assert '<p class="notice bad" role="alert">이미 다른 사람의 Slack 사용자 ID입니다.</p>' in slack
    assert '<p class="notice bad" role="alert">이미 있는 아이디입니다.</p>' in login


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OPERATOR}))
def test_only_operators_see_and_change_people(desk: Desk, role: Role) -> None:
    person_id = desk.person("kim", role)
    browser = Browser(desk, login="kim")

    assert browser.get("/people").status_code == 404
    assert browser.get("/audit").status_code == 404
    form = {"login": "evil", "name": "e", "role": "operator"}
    assert browser.post("/people", **form).status_code == 404
    for path in ("brands", "change", "disable", "enable", "reset"):
        answer = browser.post(f"/people/{person_id}/{path}", brands="beta", role="operator")
        assert answer.status_code == 404
    [row] = desk.rows("SELECT role, slack_user FROM people")
    assert row == {"role": role, "slack_user": None}


def test_an_operator_changes_role_dates_and_slack_later(desk: Desk) -> None:
    ops_id = desk.person("ops", Role.OPERATOR)
    kim = desk.person("kim", Role.TEMPORARY, valid_until=desk.now + timedelta(hours=1))
    desk.person("lee", slack_user="U2")
    ops, browser = Browser(desk, login="ops"), Browser(desk, login="kim")
    before = desk.rows("SELECT * FROM people ORDER BY id")
    today = desk.now.astimezone(ZoneInfo("Asia/Seoul")).date()
    form = {"role": "temporary", "valid_until": f"{today}"}

    # Neither nonsense, nor somebody else's Slack, nor oneself.
    for refused in (
        {**form, "role": "king"},
        {**form, "valid_until": ""},
        {**form, "valid_from": f"{today + timedelta(days=1)}"},
        {**form, "slack_user": "U2"},
    ):
        assert ops.post(f"/people/{kim}/change", **refused).status_code == 422
    assert ops.post(f"/people/{ops_id}/change", role="lead").status_code == 409
    assert ops.post("/people/9999/change", **form).status_code == 404
    assert desk.rows("SELECT * FROM people ORDER BY id") == before

    # The day that was left as it stood does not make the term longer.
    assert f'value="{today}"' in ops.get("/people").text
    assert ops.post(f"/people/{kim}/change", slack_user="U1", **form).status_code == 200
    assert ops.post(f"/people/{ops_id}/change", role="operator", slack_user="U3").status_code == 200
    after = desk.rows("SELECT * FROM people ORDER BY id")
    assert [row["slack_user"] for row in after] == ["U3", "U1", "U2"]
    assert after[1] == {**before[1], "slack_user": "U1"}

    tomorrow = f"{today + timedelta(days=1)}"
    ops.post(f"/people/{kim}/change", role="temporary", slack_user="U1", valid_until=tomorrow)
    desk.now += timedelta(hours=2)
    assert browser.get("/").status_code == 200
    [*_, line] = desk.rows("SELECT detail FROM audit WHERE action = 'person_changed' ORDER BY id")
    assert line["detail"] == f"kim temporary ~{tomorrow} U1"


def test_who_was_an_operator_sees_their_own_brands_only(desk: Desk) -> None:
    desk.person("ops", Role.OPERATOR)
    kim = desk.person("kim", Role.OPERATOR)
    ops, browser = Browser(desk, login="ops"), Browser(desk, login="kim")
    assert browser.get("/brands/beta").status_code == 200

    ops.post(f"/people/{kim}/change", role="specialist")

    assert browser.get("/brands/beta").status_code == 404
    assert browser.get("/people").status_code == 404


def test_the_audit_log_never_keeps_what_was_typed_as_a_login(desk: Desk) -> None:
    desk.person("kim")
    Browser(desk, login="kim").sign_in("my secret password")

    kept = str(desk.rows("SELECT * FROM audit")) + str(desk.rows("SELECT * FROM sign_in_failures"))

    assert "my secret" not in kept


def test_without_a_script_what_was_typed_is_shown_on_the_refusal(desk: Desk) -> None:
    desk.person("kim")
    case_id = desk.add()
    browser = Browser(desk, login="kim")
    form = decision_form(desk, case_id, text="공들여 쓴 <b>답변</b>입니다.")

    stale = browser.http.post(f"/cases/{case_id}/approve", data={**form, "form_token": "old"})
    browser.http.cookies.delete("pyeongpan_session")
    ended = browser.http.post(f"/cases/{case_id}/approve", data={**form, "form_token": "old"})

    assert (stale.status_code, ended.status_code) == (403, 403)
    assert "양식이 만료되었습니다" in stale.text
    assert "로그인이 끝나" in ended.text
    assert 'href="/sign-in" target="_blank"' in ended.text
    for page in (stale.text, ended.text):
        assert "공들여 쓴 &lt;b&gt;답변&lt;/b&gt;입니다.</textarea>" in page
