"""Brands see their own: everything else does not exist for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.types import Sentiment
from storage import alerts
from storage.people import Role
from tests.console.conftest import Browser, decision_form

if TYPE_CHECKING:
    from tests.console.conftest import Desk

SECRET = "베타 고객만의 비밀 이야기입니다"


@pytest.fixture
def foreign(desk: Desk) -> int:
    """Give a case of brand beta, for somebody who may only see alpha."""
    case_id = desk.add(SECRET, brand="beta", categories=())
    with desk.database.unit_of_work() as connection:
        alerts.add(
            connection,
            [alerts.NewAlert("k", "case_card", "beta", "console", {}, feedback_id=1)],
            now=desk.now,
            is_told=False,
        )
    desk.person("kim", Role.LEAD, brands=("alpha",))
    return case_id


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?brand=beta",
        "/?view=closed&brand=beta",
        "/?decided=1",
        "/handoffs",
        "/attention",
        "/looks",
        "/alerts",
        "/collection",
        "/stats",
        "/handoffs?brand=beta",
        "/attention?brand=beta",
        "/looks?brand=beta",
        "/alerts?brand=beta",
        "/collection?brand=beta",
        "/stats?brand=beta",
        "/brands/alpha",
        "/brands/beta",
        "/?q=%EC%9D%B4%EC%95%BC",
        "/audit",
        "/people",
    ],
)
def test_lists_show_nothing_of_other_brands(desk: Desk, foreign: int, path: str) -> None:
    page = Browser(desk, login="kim").get(path).text

    assert SECRET not in page
    assert "베타" not in page
    assert "beta/shop" not in page
    assert f"/cases/{foreign}" not in page


def test_another_brands_case_is_not_found_like_one_that_does_not_exist(
    desk: Desk, foreign: int
) -> None:
    browser = Browser(desk, login="kim")

    seen = browser.get(f"/cases/{foreign}")

    assert seen.status_code == 404
    assert seen.text == browser.get("/cases/987654").text


def test_a_brand_taken_away_is_gone_at_once(desk: Desk) -> None:
    case_id = desk.add(brand="alpha")
    person_id = desk.person("kim", brands=("alpha",))
    desk.person("ops", Role.OPERATOR)
    browser = Browser(desk, login="kim")
    assert browser.get(f"/cases/{case_id}").status_code == 200

    Browser(desk, login="ops").post(f"/people/{person_id}/brands", brands="beta")

    assert browser.get(f"/cases/{case_id}").status_code == 404


@pytest.mark.parametrize("role", [Role.BRAND_VIEWER, Role.OPERATOR])
def test_who_may_only_look_decides_nothing(desk: Desk, role: Role) -> None:
    case_id = desk.add()
    desk.person("kim", role)
    desk.person("sun")
    browser = Browser(desk, login="kim")
    rejected = desk.add()
    form = decision_form(desk, rejected, reason="기타")
    Browser(desk, login="sun").post(f"/cases/{rejected}/reject", **form)
    for path in (f"/cases/{case_id}", f"/cases/{rejected}", f"/?decided={rejected}"):
        assert 'action="/cases' not in browser.get(path).text

    undone = browser.post(f"/cases/{rejected}/undo-rejection", decision=1)
    assert (undone.status_code, desk.case(rejected)["state"]) == (403, "rejected")
    for path in ("approve", "reject", "undo", "handed-off", "attention"):
        form = decision_form(desk, case_id, reason="기타", outcome="published", seen="봄")
        assert browser.post(f"/cases/{case_id}/{path}", **form).status_code == 403
    assert browser.post("/looks/1", feedback_revision=1, outcome="fine").status_code == 403
    assert [row["kind"] for row in desk.rows("SELECT kind FROM decisions")] == ["rejection"]


@pytest.mark.parametrize("role", [Role.BRAND_VIEWER, Role.OPERATOR])
def test_who_may_only_look_is_offered_no_button_for_it(desk: Desk, role: Role) -> None:
    sender = Browser(desk)
    for state in ("handed_off", "attention"):
        case_id = desk.add()
        sender.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
        desk.set_publication(case_id, state)
    desk.add("굿", rating=1, sentiment=Sentiment.POSITIVE, mismatch=True, categories=())
    desk.person("kim", role)
    browser = Browser(desk, login="kim")

    for path in ("/handoffs", "/attention", "/looks"):
        page = browser.get(path).text
        assert "<article" in page
        assert 'type="submit"' not in page.partition("data-queue")[2]


def test_somebody_without_brands_sees_an_empty_desk(desk: Desk) -> None:
    desk.add()
    desk.person("kim", brands=())
    browser = Browser(desk, login="kim")

    for path in ("/", "/stats", "/collection", "/alerts", "/looks", "/handoffs", "/attention"):
        assert browser.get(path).status_code == 200
    assert "결정을 기다리는 케이스가 없습니다" in browser.get("/").text
