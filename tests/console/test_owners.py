"""Who looks after what: on the queue, on the case, on the brand's page, and by strangers."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.types import Severity
from storage.people import Role
from tests.console.conftest import Browser, decision_form

if TYPE_CHECKING:
    from tests.console.conftest import Desk


def shown(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'class="open" href="/cases/(\d+)', page)]


def audited(desk: Desk, action: str) -> list[tuple[str, str, int | None, str]]:
    rows = desk.rows("SELECT who, brand, case_id, detail, action FROM audit ORDER BY id")
    return [
        (row["who"], row["brand"], row["case_id"], row["detail"])
        for row in rows
        if row["action"] == action
    ]


def owner_history(desk: Desk) -> list[tuple[str, str]]:
    rows = desk.rows("SELECT target, who FROM history WHERE entity = 'owner' ORDER BY id")
    return [(row["target"], row["who"]) for row in rows]


def test_the_queue_is_filtered_by_owner(shelf: Desk) -> None:
    nobodys = shelf.add()
    kim = shelf.person("kim")
    kims = shelf.add()
    lee = shelf.person("lee")
    lees = shelf.add()
    browser = Browser(shelf, login="kim")

    def found(query: str) -> list[int]:
        return shown(browser.get(f"/?{query}").text)

    assert found("owner=me") == [kims]
    assert found(f"owner={kim}") == [kims]
    assert found(f"owner={lee}") == [lees]
    assert found("owner=nobody") == [nobodys]
    assert found("owner=nobody&sort=stars") == [nobodys]
    assert found("owner=me&view=closed") == []
    assert found("") == [nobodys, kims, lees]
    page = browser.get("/").text
    assert f'<option value="{lee}"' in page
    assert '<span class="tag plain">담당 Lee</span>' in page
    assert '<span class="tag plain">담당 없음</span>' in page


@pytest.mark.parametrize("role", [Role.BRAND_APPROVER, Role.BRAND_VIEWER])
def test_a_brand_reads_no_list_of_the_agencys_people(desk: Desk, role: Role) -> None:
    desk.add()
    desk.person("kim")
    desk.person("owner", role)
    browser = Browser(desk, login="owner")

    for path in ("/", "/brands/alpha"):
        assert "Kim" not in browser.get(path).text


@pytest.mark.parametrize("role", [Role.BRAND_APPROVER, Role.BRAND_VIEWER])
def test_a_brand_does_not_read_whose_case_it_is_or_was(desk: Desk, role: Role) -> None:
    kim, lee = desk.person("kim"), desk.person("lee")
    desk.person("ops", Role.OPERATOR)
    desk.person("owner", role)
    case_id = desk.add()
    owner_id = desk.case(case_id)["owner_id"]
    gone, left = ("Kim", lee) if owner_id == kim else ("Lee", kim)
    Browser(desk, login="ops").post(f"/people/{owner_id}/disable")
    assert desk.case(case_id)["owner_id"] == left
    agency = Browser(desk, login="ops").get(f"/cases/{case_id}").text
    assert f"{gone} 님이 맡던 케이스" in agency
    browser = Browser(desk, login="owner")

    lists = [browser.get(path).text for path in ("/", f"/?owner={left}", "/?owner=nobody")]
    assert [shown(page) for page in lists] == [[case_id]] * 3
    for page in (*lists, browser.get(f"/cases/{case_id}").text):
        assert [words for words in ("Kim", "Lee", "담당", "인계", "막혀") if words in page] == []


@pytest.mark.parametrize("owner", ["0", "-1", "99999999999", "2147483648", "١", "me'--", "%00"])
def test_a_strange_owner_in_the_address_is_no_filter(desk: Desk, owner: str) -> None:
    case_id = desk.add()
    desk.person("kim")

    page = Browser(desk, login="kim").get(f"/?owner={owner}")

    assert page.status_code == 200
    assert shown(page.text) == [case_id]


def test_a_saved_view_keeps_owner_and_order(desk: Desk) -> None:
    desk.person("kim")
    browser = Browser(desk, login="kim")

    browser.post("/views?owner=me&sort=reach&stars=1", name="내 것")

    assert 'href="/?stars=1&amp;owner=me&amp;sort=reach">내 것</a>' in browser.get("/").text


def test_where_nobody_signs_in_there_are_no_owners(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()

    page = browser.get("/?owner=me").text
    assert shown(page) == [case_id]
    assert 'name="owner"' not in page
    assert "담당 없음" not in page
    assert 'id="mine"' not in browser.get(f"/cases/{case_id}").text
    assert browser.post(f"/cases/{case_id}/owner", person_id=1).status_code == 403


def test_a_specialist_takes_a_case_and_gives_it_on(shelf: Desk) -> None:
    case_id = shelf.add()
    kim, lee = shelf.person("kim"), shelf.person("lee")
    browser = Browser(shelf, login="kim")
    page = browser.get(f"/cases/{case_id}").text
    assert "담당 없음" in page
    assert 'id="mine"' in page

    taken = browser.post(f"/cases/{case_id}/owner?sort=due", person_id=kim, seen_owner=0)
    assert taken.headers["location"] == f"/cases/{case_id}?sort=due"
    assert "담당 Kim" in browser.get(f"/cases/{case_id}").text
    given = browser.post(
        f"/cases/{case_id}/owner", person_id=lee, seen_owner=kim, note="<b>단골</b> 고객"
    )
    assert given.status_code == 303

    page = browser.get(f"/cases/{case_id}").text
    assert "담당 Lee" in page
    assert "Kim (kim): &lt;b&gt;단골&lt;/b&gt; 고객" in page
    assert "담당: Lee <small>Kim (kim) · 직접 지정</small>" in page
    assert shelf.case(case_id)["owner_id"] == lee
    assert owner_history(shelf) == [(str(kim), "Kim (kim)"), (str(lee), "Kim (kim)")]
    assert audited(shelf, "owner_changed") == [
        ("Kim (kim)", "alpha", case_id, f"- → {kim}"),
        ("Kim (kim)", "alpha", case_id, f"{kim} → {lee}"),
    ]


def test_a_case_that_was_given_meanwhile_is_not_taken_blindly(desk: Desk) -> None:
    case_id = desk.add()
    kim, lee = desk.person("kim"), desk.person("lee")
    browser = Browser(desk, login="kim")
    browser.post(f"/cases/{case_id}/owner", person_id=lee, seen_owner=0)

    answer = browser.post(f"/cases/{case_id}/owner", person_id=kim, seen_owner=0, note="단골 고객")

    assert answer.status_code == 409
    assert "담당이 바뀌었습니다" in answer.text
    assert f'<option value="{kim}" selected>' in answer.text
    assert 'name="note" maxlength="300" autocomplete="off" value="단골 고객"' in answer.text
    assert desk.case(case_id)["owner_id"] == lee


def test_a_refused_note_is_shown_although_nobody_can_get_the_case_any_more(desk: Desk) -> None:
    case_id = desk.add()
    kim = desk.person("kim")
    browser = Browser(desk, login="kim")
    browser.post(f"/cases/{case_id}/reject", **decision_form(desk, case_id), reason="기타")

    answer = browser.post(f"/cases/{case_id}/owner", person_id=kim, note="단골 고객")

    assert answer.status_code == 409
    assert "방금 적으신 말: 단골 고객" in answer.text


@pytest.mark.parametrize(
    "role", [Role.TEMPORARY, Role.BRAND_APPROVER, Role.BRAND_VIEWER, Role.OPERATOR]
)
def test_only_leads_and_specialists_give_cases(desk: Desk, role: Role) -> None:
    case_id = desk.add()
    lee = desk.person("lee")
    desk.person("kim", role)
    browser = Browser(desk, login="kim")

    assert f'action="/cases/{case_id}/owner' not in browser.get(f"/cases/{case_id}").text
    answer = browser.post(f"/cases/{case_id}/owner", person_id=lee, seen_owner=0)

    assert answer.status_code == 403
    assert desk.case(case_id)["owner_id"] is None


def test_an_attacker_cannot_give_another_brands_case(desk: Desk) -> None:
    foreign = desk.add(brand="beta")
    kim = desk.person("kim", Role.LEAD)
    browser = Browser(desk, login="kim")

    answer = browser.post(f"/cases/{foreign}/owner", person_id=kim, seen_owner=0)

    assert answer.status_code == 404
    assert answer.text == browser.post("/cases/987654/owner", person_id=kim, seen_owner=0).text
    assert desk.case(foreign)["owner_id"] is None
    assert audited(desk, "owner_changed") == []


@pytest.mark.parametrize("stranger", ["other_brand", "viewer", "disabled", "expired", "nobody"])
def test_a_case_is_not_given_to_who_may_not_see_it(desk: Desk, stranger: str) -> None:
    case_id = desk.add()
    desk.person("kim", Role.LEAD)
    ids = {
        "other_brand": desk.person("lee", brands=("beta",)),
        "viewer": desk.person("park", Role.BRAND_VIEWER),
        "disabled": desk.person("choi", Role.SPECIALIST),
        "expired": desk.person("jung", Role.TEMPORARY, valid_until=desk.now),
        "nobody": 987_654,
    }
    desk.person("ops", Role.OPERATOR)
    Browser(desk, login="ops").post(f"/people/{ids['disabled']}/disable")
    browser = Browser(desk, login="kim")

    answer = browser.post(f"/cases/{case_id}/owner", person_id=ids[stranger], seen_owner=0)

    assert answer.status_code == 422
    assert "맡을 수 없는 사람" in answer.text
    assert desk.case(case_id)["owner_id"] is None
    assert "Lee" not in browser.get(f"/cases/{case_id}").text
    assert audited(desk, "owner_changed") == []


def test_a_filter_by_a_stranger_shows_nothing_of_their_brands(desk: Desk) -> None:
    lee = desk.person("lee", brands=("beta",))
    foreign = desk.add(brand="beta")
    assert desk.case(foreign)["owner_id"] == lee
    desk.person("kim")

    page = Browser(desk, login="kim").get(f"/?owner={lee}").text

    assert shown(page) == []
    assert "Lee" not in page


def test_the_lead_says_who_looks_after_a_channel(shelf: Desk) -> None:
    kim = shelf.person("kim")
    lee = shelf.person("lee")
    shelf.person("park", Role.LEAD)
    browser = Browser(shelf, login="park")
    assert 'name="owner"' in browser.get("/brands/alpha").text

    answer = browser.post("/brands/alpha/owners", channel="storefront", owner=lee, backup=kim)
    assert answer.headers["location"] == "/brands/alpha#owners"
    browser.post(f"/brands/alpha/people/{lee}/capacity", capacity=1)

    page = browser.get("/brands/alpha").text
    assert f'<option value="{lee}" selected>Lee</option>' in page
    assert [shelf.case(shelf.add())["owner_id"] for _ in range(2)] == [lee, kim]
    assert audited(shelf, "channel_owners_changed") == [
        ("Park (park)", "alpha", None, f"storefront: {lee}, {kim}")
    ]
    assert audited(shelf, "capacity_changed") == [("Park (park)", "alpha", None, "lee: 1")]


def test_the_lead_sees_who_has_how_much_and_what_of_it_is_late(shelf: Desk) -> None:
    kim, lee = shelf.person("kim"), shelf.person("lee")
    shelf.person("park", Role.LEAD)
    browser = Browser(shelf, login="park")
    browser.post("/brands/alpha/owners", channel="storefront", owner=kim)
    late = shelf.add("늦은 글", due_in=-timedelta(hours=1))
    shelf.add("다른 글")

    page = browser.get("/brands/alpha").text
    assert f'<a href="/?owner={kim}">2</a>' in page
    assert f'href="/?owner={kim}&amp;due=overdue">1</a>' in page
    assert f'<a href="/?owner={lee}">0</a>' in page
    assert f"owner={lee}&amp;due" not in page
    listed = browser.get(f"/?owner={kim}&due=overdue").text
    assert f'href="/cases/{late}?' in listed
    assert "다른 글" not in listed


def test_what_no_lead_may_say_about_a_brand(desk: Desk) -> None:
    kim = desk.person("kim")
    lee = desk.person("lee", brands=("beta",))
    desk.person("park", Role.LEAD)
    browser = Browser(desk, login="park")
    form = {"channel": "storefront", "owner": kim, "backup": 0}

    assert browser.post("/brands/beta/owners", **form).status_code == 404
    assert browser.post("/brands/alpha/owners", **{**form, "owner": lee}).status_code == 422
    assert browser.post("/brands/alpha/owners", **{**form, "backup": kim}).status_code == 422
    assert browser.post("/brands/alpha/owners", **{**form, "channel": "x"}).status_code == 404
    for path, capacity, status in (
        (f"/brands/alpha/people/{lee}/capacity", 5, 404),
        (f"/brands/beta/people/{lee}/capacity", 5, 404),
        (f"/brands/alpha/people/{kim}/capacity", -1, 422),
        (f"/brands/alpha/people/{kim}/capacity", 10_001, 422),
    ):
        assert browser.post(path, capacity=capacity).status_code == status
    assert desk.rows("SELECT * FROM channel_owners") == []
    assert {row["capacity"] for row in desk.rows("SELECT capacity FROM people")} == {100}


@pytest.mark.parametrize("role", [Role.SPECIALIST, Role.BRAND_APPROVER, Role.BRAND_VIEWER])
def test_only_leads_and_operators_say_who_looks_after_a_brand(desk: Desk, role: Role) -> None:
    kim = desk.person("kim", role)
    browser = Browser(desk, login="kim")

    page = browser.get("/brands/alpha").text
    assert 'action="/brands' not in page
    assert ('id="owners"' in page) == (role is Role.SPECIALIST)
    form = {"channel": "storefront", "owner": kim, "backup": 0}
    assert browser.post("/brands/alpha/owners", **form).status_code == 403
    path = f"/brands/alpha/people/{kim}/capacity"
    assert browser.post(path, capacity=5).status_code == 403


def test_cases_of_a_disabled_person_move_with_the_operators_words(desk: Desk) -> None:
    kim = desk.person("kim")
    case_id = desk.add()
    lee = desk.person("lee")
    desk.person("ops", Role.OPERATOR)

    Browser(desk, login="ops").post(f"/people/{kim}/disable", message="출산 휴가\n중입니다")

    assert desk.case(case_id)["owner_id"] == lee
    page = Browser(desk, login="lee").get(f"/cases/{case_id}").text
    assert "Kim 님이 맡던 케이스입니다. 계정이 막혀 넘어왔습니다. 출산 휴가 중입니다" in page
    assert "전 담당의 계정이 정지됨" in page
    assert owner_history(desk)[-1] == (str(lee), "Ops (ops)")


def test_cases_of_a_brand_taken_away_move_at_once(desk: Desk) -> None:
    kim = desk.person("kim", brands=("alpha", "beta"))
    alpha, beta = desk.add(), desk.add(brand="beta", severity=Severity.HIGH)
    desk.person("ops", Role.OPERATOR)

    Browser(desk, login="ops").post(f"/people/{kim}/brands", brands="beta")

    assert desk.case(alpha)["owner_id"] is None
    assert desk.case(beta)["owner_id"] == kim


def test_cases_of_somebody_with_another_role_or_time_move_at_once(desk: Desk) -> None:
    kim, jung = desk.person("kim"), desk.person("jung")
    cases = [desk.add(), desk.add()]
    assert {desk.case(case_id)["owner_id"] for case_id in cases} == {kim, jung}
    lee = desk.person("lee")
    desk.person("ops", Role.OPERATOR)
    ops = Browser(desk, login="ops")

    ops.post(f"/people/{kim}/change", role="brand_viewer")
    ops.post(f"/people/{jung}/change", role="specialist", valid_until="2020-01-01")

    assert {desk.case(case_id)["owner_id"] for case_id in cases} == {lee}
    notes = " ".join(desk.case(case_id)["owner_note"] for case_id in cases)
    assert "다른 역할을 맡게 되어 넘어왔습니다" in notes
    assert "근무 기간이 끝나 넘어왔습니다" in notes


def test_a_case_opened_by_hand_gets_an_owner(desk: Desk) -> None:
    from domain.types import Sentiment

    kim = desk.person("kim")
    desk.add("좋아요", rating=1, sentiment=Sentiment.POSITIVE, mismatch=True, draft=False)

    answer = Browser(desk, login="kim").post("/looks/1", feedback_revision=1, outcome="case")

    assert answer.status_code == 303
    [case] = desk.rows("SELECT owner_id, stars_rank FROM cases")
    assert case == {"owner_id": kim, "stars_rank": 1}


def test_a_temporary_specialists_cases_go_to_others_after_the_last_day(desk: Desk) -> None:
    from storage import owners

    jung = desk.person("jung", Role.TEMPORARY, valid_until=desk.now + timedelta(days=1))
    case_id = desk.add()
    assert desk.case(case_id)["owner_id"] == jung
    kim = desk.person("kim")
    desk.now += timedelta(days=1)

    with desk.database.unit_of_work() as connection:
        assert owners.hand_over(connection, now=desk.now) == (1, 0)

    assert desk.case(case_id)["owner_id"] == kim
    page = Browser(desk, login="kim").get(f"/cases/{case_id}").text
    assert "근무 기간이 끝나 넘어왔습니다" in page
