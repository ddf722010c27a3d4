"""The queue: order, filters, paging."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import text

from console import queue as queue_module
from console import wording
from domain.types import FeedbackKind, Sentiment, Severity
from storage import overview, queue_pages
from storage.queue_pages import NOBODY, SORTS, VIEWS, QueueFilter

if TYPE_CHECKING:
    from tests.console.conftest import Browser, Desk


def shown(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'class="open" href="/cases/(\d+)', page)]


def test_severe_cases_come_first_then_the_earliest_deadline(desk: Desk, browser: Browser) -> None:
    late = desk.add(due_in=timedelta(hours=9))
    soon = desk.add(due_in=timedelta(hours=1))
    critical = desk.add(severity=Severity.CRITICAL, due_in=timedelta(hours=20))

    assert shown(browser.get("/").text) == [critical, soon, late]
    assert shown(browser.get("/?sort=due").text) == [soon, late, critical]


def test_fewest_stars_and_widest_reach_come_first_and_are_shown(
    desk: Desk, browser: Browser
) -> None:
    none = desk.add(rating=None, reach=None, due_in=timedelta(hours=1))
    two = desk.add(rating=2, reach=12_345, due_in=timedelta(hours=3))
    one = desk.add(rating=1, reach=7, due_in=timedelta(hours=9))
    sooner = desk.add(rating=2, reach=7, due_in=timedelta(hours=2))

    assert shown(browser.get("/?sort=stars").text) == [one, sooner, two, none]
    by_reach = browser.get("/?sort=reach").text
    assert shown(by_reach) == [two, sooner, one, none]
    assert "조회 12,345" in by_reach
    assert "조회수 모름" in by_reach


def test_from_a_case_one_comes_back_to_the_page_it_stood_on(
    desk: Desk, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "PAGE_SIZE", 2)
    for hours in range(1, 4):
        desk.add(due_in=timedelta(hours=hours))
    first = browser.get("/?sort=due").text
    following = re.findall(r'rel="next" href="([^"]+)"', first)[0].replace("&amp;", "&")
    second = browser.get(following).text

    (opened,) = re.findall(r'class="open" href="([^"]+)"', second)
    back = re.findall(
        r'class="back" href="([^"]+)"', browser.get(opened.replace("&amp;", "&")).text
    )

    assert shown(browser.get(back[0].replace("&amp;", "&")).text) == shown(second)


def test_a_filter_whose_cases_fit_on_a_page_counts_them(
    desk: Desk, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stars in (1, 1, 2):
        desk.add(rating=stars)

    assert "조건에 맞는 케이스 2건" in browser.get("/?stars=1").text
    assert "조건에 맞는 케이스" not in browser.get("/?sort=due").text
    monkeypatch.setattr(queue_module, "PAGE_SIZE", 1)
    assert "조건에 맞는 케이스" not in browser.get("/?stars=1").text


def test_an_empty_page_says_whether_a_filter_left_it_empty(desk: Desk, browser: Browser) -> None:
    desk.add()

    filtered = browser.get("/?q=없는말&sort=due").text
    closed = browser.get("/?view=closed&stars=1").text

    assert "결정을 기다리는 케이스가 없습니다" not in filtered
    for page, everything in ((filtered, "/?sort=due"), (closed, "/?view=closed")):
        assert "조건에 맞는 케이스가 없습니다" in page
        assert f'<a href="{everything}">조건 지우기</a>' in page
    assert "조건에 맞는" not in browser.get("/?view=closed").text
    # What is closed has one order, whatever was chosen before.
    assert 'name="sort"' in filtered
    assert 'name="sort"' not in closed


def test_filters_narrow_the_queue(desk: Desk, browser: Browser) -> None:
    alpha = desk.add(brand="alpha", rating=1)
    beta = desk.add(brand="beta", kind=FeedbackKind.INQUIRY, rating=None)
    overdue = desk.add(due_in=-timedelta(hours=1), severity=Severity.HIGH)

    def found(query: str) -> set[int]:
        return set(shown(browser.get(f"/?{query}").text))

    assert found("brand=beta") == {beta}
    assert found("kind=inquiry") == {beta}
    assert found("due=overdue") == {overdue}
    assert found("due=24h") == {alpha, beta, overdue}
    assert found("severity=high") == {overdue}
    assert found("stars=1") == {alpha}
    assert found("category=delivery") == {alpha, beta, overdue}
    assert found("category=price") == set()
    assert found("brand=unknown") == set()


@pytest.mark.parametrize("sort", ["urgent", "due", "oldest", "newest", "stars", "reach"])
def test_pages_show_every_case_once(
    desk: Desk, browser: Browser, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "PAGE_SIZE", 3)
    made = {
        desk.add(
            due_in=timedelta(hours=number % 3),
            rating=number % 4 or None,
            reach=number % 3 * 10 or None,
        )
        for number in range(8)
    }

    seen: list[int] = []
    path = f"/?sort={sort}"
    while path:
        page = browser.get(path).text
        seen += shown(page)
        following = re.search(r'rel="next" href="(/\?[^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else ""

    assert len(seen) == 8
    assert set(seen) == made


@pytest.mark.parametrize(
    "query",
    [
        "after=1,2,3",
        "after=%00",
        "after=0,2026-01-01T00:00:00,1",
        "after=0,0001-01-01T00:00:00%2B14:00,1",
        "after=99999999999999999999,2026-01-01T00:00:00%2B00:00,1",
        "sort=price&view=nothing&severity=1&stars=9",
        "after=" + "9" * 200,
    ],
)
def test_a_strange_address_shows_the_queue(desk: Desk, browser: Browser, query: str) -> None:
    case_id = desk.add()

    page = browser.get(f"/?{query}")

    assert page.status_code == 200
    assert shown(page.text) == [case_id]


@pytest.mark.parametrize("sort", sorted(SORTS))
@pytest.mark.parametrize("is_closed", [False, True])
def test_every_filter_holds_in_every_order(shelf: Desk, *, sort: str, is_closed: bool) -> None:
    owner = shelf.person("kim", brands=("alpha",))
    wanted_case = shelf.add(severity=Severity.HIGH, rating=1, due_in=timedelta(hours=1))
    others = [
        shelf.add(brand="beta", kind=FeedbackKind.INQUIRY, rating=None, categories=())
        for _ in range(2)
    ]
    with shelf.database.unit_of_work() as connection:
        connection.execute(
            text("UPDATE cases SET owner_id = :owner WHERE id = :id"),
            {"owner": owner, "id": wanted_case},
        )
        connection.execute(
            text("UPDATE cases SET channel = 'coupang', owner_id = NULL WHERE brand = 'beta'")
        )
        if is_closed:
            connection.execute(text("UPDATE cases SET state = 'answered', closed_at = opened_at"))
    every = QueueFilter(
        frozenset({"alpha", "beta"}), view="closed" if is_closed else "todo", sort=sort
    )
    if sort == "closed" and not is_closed:
        return

    def found(**changes: Any) -> set[int]:  # noqa: ANN401 - values of any field
        with shelf.database.reading() as connection:
            items = queue_pages.queue(connection, replace(every, **changes))
        return {item.case_id for item in items}

    asked: dict[str, Any] = {
        "brands": frozenset({"alpha"}),
        "channel": "storefront",
        "category": "delivery",
        "severity": "high",
        "kind": "review",
        "due_before": shelf.now + timedelta(hours=2),
        "stars": 1,
        "owner": owner,
        "words": "배송",
    }
    assert found() == {wanted_case, *others}
    assert found(**asked) == {wanted_case}
    for name, value in asked.items():
        expected = {wanted_case, *others} if name == "words" else {wanted_case}
        assert found(**{name: value}) == expected
    assert found(owner=NOBODY) == found(severity="normal") == set(others)
    assert found(category="price") == found(stars=5) == found(brands=frozenset()) == set()


def test_counting_ends_where_nobody_needs_to_know(
    shelf: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MOST_COUNTED", 2)
    for _ in range(4):
        shelf.add()
    shelf.add(brand="beta")
    shelf.add(categories=(), sentiment=Sentiment.POSITIVE, mismatch=True)

    with shelf.database.reading() as connection:
        many = overview.count(connection, {"alpha"})
        few = overview.count(connection, {"beta"})

    assert (many["todo"], few["todo"]) == (3, 1)
    assert (wording.count(many["todo"]), wording.count(few["todo"])) == ("2+", "1")
    assert set(many) == {*VIEWS, "handoffs", "attention", "looks"} - {"closed"}


def test_a_view_is_kept_whole_or_not_at_all(desk: Desk, browser: Browser) -> None:
    form = {"form_token": browser.token(), "name": "늦은 배송"}

    kept = browser.http.post("/views", params={"q": "배송 지연"}, data=form)
    refused = browser.http.post("/views", params={"q": "배송 지연 " * 15}, data=form)

    assert (kept.status_code, refused.status_code) == (303, 422)
    assert "저장할 수 없습니다" in refused.text
    [view] = desk.rows("SELECT query FROM saved_views")
    assert parse_qs(view["query"]) == {"q": ["배송 지연"]}


def test_decided_cases_leave_the_queue_for_their_tab(desk: Desk, browser: Browser) -> None:
    from tests.console.conftest import decision_form

    case_id = desk.add()
    browser.post(f"/cases/{case_id}/reject", **decision_form(desk, case_id, reason="기타"))

    assert shown(browser.get("/").text) == []
    assert shown(browser.get("/?view=closed").text) == [case_id]
