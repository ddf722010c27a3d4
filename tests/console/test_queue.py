"""The queue: order, filters, paging."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from console import queue as queue_module
from domain.types import FeedbackKind, Severity

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


def test_decided_cases_leave_the_queue_for_their_tab(desk: Desk, browser: Browser) -> None:
    from tests.console.conftest import decision_form

    case_id = desk.add()
    browser.post(f"/cases/{case_id}/reject", **decision_form(desk, case_id, reason="기타"))

    assert shown(browser.get("/").text) == []
    assert shown(browser.get("/?view=closed").text) == [case_id]
