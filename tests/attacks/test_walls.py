"""Somebody of one brand reaching for another's, and for more than their role."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from domain.types import DraftSentence, Sentiment, SourceKind
from storage import alerts
from storage.people import Role
from tests.attacks.looking import filled, operations, rows
from tests.console.conftest import MANUAL, PASSWORD, Browser, decision_form

if TYPE_CHECKING:
    from fastapi import FastAPI
    from httpx2 import Response

    from tests.console.conftest import Desk

SECRET = "베타만아는비밀"
PLAIN = (DraftSentence(f"죄송합니다. {SECRET}", SourceKind.COURTESY),)


@pytest.fixture
def beta(desk: Desk) -> dict[str, int]:
    """Fill brand beta with one of everything; give the ids."""
    desk.ask_twice("beta")
    lead_id = desk.person("betalead", Role.LEAD, ("beta",))
    desk.person("betaowner", Role.BRAND_APPROVER, ("beta",))
    more: dict[str, Any] = {"brand": "beta", "author": SECRET, "product_name": SECRET}
    ids = {
        name: desk.add(f"{SECRET} {name}", reply=PLAIN, **more)
        for name in ("waiting", "proposed", "approved", "handed_off", "attention", "rejected")
    }
    desk.add(SECRET, draft=False, sentiment=Sentiment.POSITIVE, mismatch=True, **more)
    ids["look"] = desk.rows("SELECT max(id) AS id FROM feedback")[0]["id"]
    lead, owner = Browser(desk, login="betalead"), Browser(desk, login="betaowner")
    for name in ("proposed", "approved", "handed_off", "attention"):
        form = decision_form(desk, ids[name], text=f"죄송합니다. {SECRET}")
        lead.post(f"/cases/{ids[name]}/approve", **form)
        if name != "proposed":
            owner.post(f"/cases/{ids[name]}/approve", **form)
    lead.post(
        f"/cases/{ids['rejected']}/reject",
        **decision_form(desk, ids["rejected"], reason=SECRET),
    )
    for name in ("handed_off", "attention"):
        desk.set_publication(ids[name], name)
    lead.http.post("/views?brand=beta", data={"form_token": lead.token(), "name": SECRET})
    lead.post(f"/cases/{ids['waiting']}/presence")
    with desk.database.unit_of_work() as connection:
        connection.execute(
            text("UPDATE accounts SET last_error = :it WHERE brand = 'beta'"), {"it": SECRET}
        )
        notice = alerts.NewAlert("k", "case_card", "beta", "CREVIEW", {}, feedback_id=ids["look"])
        alerts.add(connection, [notice], now=desk.now, is_told=True)
        connection.exec_driver_sql("UPDATE alerts SET state = 'uncertain'")
    [view] = desk.rows("SELECT id FROM saved_views")
    [alert] = desk.rows("SELECT id FROM alerts")
    return {**ids, "view": view["id"], "person": lead_id, "alert": alert["id"]}


OTHERS = {
    "{feedback_id}": "look",
    "{view_id}": "view",
    "{person_id}": "person",
    "{alert_id}": "alert",
}


def ids_for(path: str, beta: dict[str, int]) -> list[int]:
    """Give the other brand's ids that a route may be asked for."""
    for parameter, name in OTHERS.items():
        if parameter in path:
            return [beta[name]]
    if "{case_id}" not in path:
        return [0]
    return [number for name, number in beta.items() if name not in OTHERS.values()]


@pytest.mark.parametrize(
    "role", [Role.LEAD, Role.SPECIALIST, Role.TEMPORARY, Role.BRAND_APPROVER, Role.BRAND_VIEWER]
)
def test_nothing_of_another_brand_is_seen_or_changed_by_any_route(
    desk: Desk, beta: dict[str, int], role: Role
) -> None:
    desk.person("kim", role, ("alpha",))
    browser = Browser(desk, login="kim")
    app: FastAPI = browser.http.app  # type: ignore[assignment]
    own = desk.add()
    form: dict[str, Any] = {
        **decision_form(desk, own),
        "reason": "기타",
        "outcome": "published",
        "seen": "봄",
        "verdict": "approve",
        "picked": [f"{number}:1:1" for number in ids_for("{case_id}", beta)],
        "brand": "beta",
        "brands": "beta",
        "person_id": beta["person"],
        "channel": "storefront",
        "owner": beta["person"],
        "capacity": 5,
    }
    token, before = browser.token(), rows(desk)
    of_case = {
        row["case_id"]: row["id"] for row in desk.rows("SELECT case_id, id FROM publications")
    }
    decided = {row["case_id"]: row["id"] for row in desk.rows("SELECT case_id, id FROM decisions")}

    for method, path in operations(app):
        if path in {"/sign-out", "/sign-in", "/me/password", "/name", "/views"}:
            continue
        for number in ids_for(path, beta):
            sent = {
                "form_token": token,
                **form,
                "outcome": "case" if "look" in path else "queued",
                "publication": of_case.get(number, 1),
                "decision": decided.get(number, 1),
            }
            query: dict[str, Any] = {"decided": number, "brand": "beta", "q": SECRET[:2]}

            def ask(path: str, number: int, slug: str) -> Response:
                data = sent if method == "POST" else None  # noqa: B023 - called at once
                return browser.http.request(
                    method,  # noqa: B023
                    filled(path, number, slug),
                    params=query,  # noqa: B023
                    data=data,
                )

            answer = ask(path, number, "beta")
            shown = answer.text.replace(f'value="{SECRET[:2]}"', "")
            for word in (SECRET, "Betalead", "beta/shop"):
                assert word not in shown, path
            if "{" in path:
                # Like one that does not exist: nothing is said, not even that it is there.
                unknown = ask(path, 987_654, "gamma")
                assert (answer.status_code, shown) == (unknown.status_code, unknown.text), path
                assert answer.status_code in {303, 403, 404, 409}, path

    assert rows(desk) == before


def test_the_own_people_of_beta_see_what_the_others_do_not(
    desk: Desk, beta: dict[str, int]
) -> None:
    """The wall's other side: the attack above would notice."""
    lead = Browser(desk, login="betalead")
    paths = ["/", "/handoffs", "/attention", "/looks", "/collection", "/brands/beta", "/alerts"]
    for path in (*paths, f"/cases/{beta['approved']}"):
        assert SECRET in lead.get(path).text, path


@pytest.mark.parametrize("role", [Role.LEAD, Role.OPERATOR])
def test_nothing_is_given_to_somebody_of_another_brand(
    desk: Desk, beta: dict[str, int], role: Role
) -> None:
    desk.person("kim", role, ("alpha",))
    browser = Browser(desk, login="kim")
    own = desk.add()
    before = rows(desk)

    for path, field in (
        (f"/cases/{own}/owner", "person_id"),
        ("/brands/alpha/owners", "owner"),
        ("/brands/alpha/owners", "backup"),
        ("/brands/alpha/people/{}/capacity", ""),
    ):
        foreign, unknown = (
            browser.post(
                path.format(number), **{"channel": "storefront", "capacity": 5, field: number}
            )
            for number in (beta["person"], 987_654)
        )
        assert (foreign.status_code, foreign.text) == (unknown.status_code, unknown.text)
        assert foreign.status_code in {403, 404, 409, 422}

    assert rows(desk) == before


def test_a_case_is_not_decided_with_another_cases_draft_or_revision(desk: Desk) -> None:
    one = desk.add(native_id="n")
    desk.add("고객이 고친 글입니다", native_id="n")
    other = desk.add()
    browser = Browser(desk)
    desk.person("kim")
    browser = Browser(desk, login="kim")
    foreign = decision_form(desk, one)
    assert foreign["draft_number"] != decision_form(desk, other)["draft_number"]

    for form in (
        foreign,
        {**foreign, "draft_number": 1},
        {**foreign, "feedback_revision": 1},
        {**foreign, "draft_number": 0, "feedback_revision": 0},
        {**foreign, "draft_number": 2**31 - 1},
    ):
        answer = browser.post(f"/cases/{other}/approve", **form)
        assert answer.status_code == 409
    assert not desk.rows("SELECT * FROM decisions")


def test_a_temporary_persons_time_ends_in_the_middle_of_their_work(desk: Desk) -> None:
    case_id = desk.add()
    desk.person("temp", Role.TEMPORARY, valid_until=desk.now + timedelta(minutes=5))
    browser = Browser(desk, login="temp")
    form = decision_form(desk, case_id, form_token=browser.token())
    assert browser.get(f"/cases/{case_id}").status_code == 200
    desk.now += timedelta(minutes=5)

    assert browser.http.post(f"/cases/{case_id}/approve", data=form).status_code == 403
    assert browser.sign_in("temp").status_code == 403
    assert not desk.rows("SELECT * FROM decisions")


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OPERATOR}))
def test_nobody_makes_more_of_themselves(desk: Desk, role: Role) -> None:
    person_id = desk.person("kim", role)
    browser = Browser(desk, login="kim")
    before = rows(desk)
    form = {"login": "kim", "name": "kim", "role": "operator", "brands": ["alpha", "beta"]}
    app: FastAPI = browser.http.app  # type: ignore[assignment]
    paths = [path for method, path in operations(app) if method == "POST" and "people" in path]
    assert len(paths) > 4

    for path in paths:
        answer = browser.post(filled(path, person_id), **form)
        assert answer.status_code in {403, 404, 422}
    assert browser.post("/me/password", current="wrong", password="a new password").status_code in {
        403
    }

    after = rows(desk)
    assert after.pop("sign_in_failures") != before.pop("sign_in_failures")
    assert after == before


@pytest.mark.parametrize(
    "amount", ["80,000원", "８０，０００원", "8만원", "8만 원", "80\u200b,000원", "80,000\u00ad원"]
)
def test_a_sum_above_ones_limit_is_not_hidden_by_how_it_is_written(desk: Desk, amount: str) -> None:
    clause = "배송이 늦어진 경우 80,000원 쿠폰을 보상으로 드립니다."
    manual = desk.folder / "alpha" / "manual" / "delivery.md"
    manual.write_text(MANUAL + f"- {clause}\n", encoding="utf-8")
    case_id = desk.add(reply=(DraftSentence(clause, SourceKind.POLICY, "manual/delivery.md#2"),))
    desk.person("kim", Role.SPECIALIST)
    browser = Browser(desk, login="kim")

    browser.post(
        f"/cases/{case_id}/approve",
        **decision_form(desk, case_id, text=clause.replace("80,000원", amount)),
    )

    assert desk.case(case_id)["state"] == "drafted"
    assert not desk.rows("SELECT * FROM decisions")


@pytest.mark.parametrize(
    ("role", "promise"),
    [
        (Role.TEMPORARY, "사과의 뜻으로 500,000원을 드리겠습니다."),
        (Role.TEMPORARY, "고객님께 500,000원을 입금해 드리겠습니다."),
        (Role.TEMPORARY, "계좌로 50만원 보내드리겠습니다."),
        (Role.TEMPORARY, "환불해 드리고 오십만 원을 더 보내드리겠습니다."),
        (Role.SPECIALIST, "50,000원 쿠폰을 드립니다. 그리고 50,000원 적립금을 드립니다."),
        (Role.SPECIALIST, "쿠폰을 드리겠습니다. 금액은 500,000원입니다."),
    ],
)
def test_a_sum_above_ones_limit_is_not_hidden_by_other_words_or_in_parts(
    desk: Desk, role: Role, promise: str
) -> None:
    # What the manual allows only the limit keeps from somebody.
    clauses = [f"{part}." for part in promise.rstrip(".").split(". ")]
    manual = desk.folder / "alpha" / "manual" / "delivery.md"
    manual.write_text(MANUAL + "".join(f"- {clause}\n" for clause in clauses), encoding="utf-8")
    reply = tuple(
        DraftSentence(clause, SourceKind.POLICY, f"manual/delivery.md#{number}")
        for number, clause in enumerate(clauses, start=2)
    )
    case_id = desk.add(reply=reply)
    desk.person("kim", role)

    Browser(desk, login="kim").post(
        f"/cases/{case_id}/approve", **decision_form(desk, case_id, text=promise)
    )

    assert desk.case(case_id)["state"] == "drafted"
    assert not desk.rows("SELECT * FROM decisions")
    assert desk.rows("SELECT reason FROM proposals") == [{"reason": "compensation"}]


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/openapi.json", "/static/", "/.git/config", "/.env"]
)
def test_nothing_tells_a_stranger_how_we_are_built(desk: Desk, path: str) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")

    assert browser.get(path).status_code == 404
    assert PASSWORD not in str(rows(desk))
