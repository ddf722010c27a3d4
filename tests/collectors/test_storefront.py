"""The storefront's boards, read from the real demo shop over real HTTP while it misbehaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import CHANNELS
from collectors.base import CheckReason
from collectors.listing import MOST_BACKS
from collectors.storefront import StorefrontCollector, parse_page
from demo.content import Article
from demo.storefront import Storefront
from domain.brands import Account
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    LayoutChangedError,
    RateLimitedError,
    ReputationError,
)
from domain.types import FeedbackKind
from tests.collectors.conftest import FIXTURES, NOW, MakeBuild, RawServer, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from domain.types import CollectedFeedback, Page

pytestmark = pytest.mark.enable_socket

KEY = "storefront-key"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
FIXTURE = (FIXTURES / "storefront" / "reviews.html").read_text(encoding="utf-8")
URL = "http://127.0.0.1:8000/saebyeok/board/list.html"


ROW = (
    '<ul><li class="xans-record-" data-article-no="1"><span class="date">2026-11-20</span>'
    '<span class="writer">김</span><div class="mun-content">글</div></li></ul></div>'
    '<div class="xans-board-paging"><a class="next" href="?page=2">다음</a>'
)


def _board(total: int, content: str) -> bytes:
    return answer(
        '<div class="xans-board-listpackage" data-board-no="4"><p class="board-total">'
        f'<strong class="total-count">{total}</strong></p>'
        f'<div class="xans-board-list">{content}</div></div>'.encode()
    )


def _article(no: int) -> Article:
    return Article(
        shop="saebyeok",
        no=no,
        kind=FeedbackKind.REVIEW,
        written_at=NOW - timedelta(hours=100 - no),
        author="김**",
        text=f"글 {no}",
        title="후기",
        rating=no % 5 + 1,
    )


@pytest.fixture
def shop() -> Iterator[Storefront]:
    front = Storefront(
        [_article(no) for no in range(1, 36)], api_key=KEY, clock=lambda: NOW, page_size=10
    )
    yield front
    front.stop()


@pytest.fixture
def collector(shop: Storefront, make_build: MakeBuild) -> StorefrontCollector:
    return _collector(shop.start(port=0), make_build)


def _collector(
    url: str, make_build: MakeBuild, key: str = KEY, board: str = "review"
) -> StorefrontCollector:
    account = Account(
        "saebyeok",
        "shop",
        "storefront",
        credentials={"api_key": key},
        options={"base_url": f"{url}/saebyeok/", "board": board},
        writable=True,
    )
    return StorefrontCollector(make_build(account))


def _run(
    collector: StorefrontCollector,
    since: datetime = EPOCH,
    between: Callable[[int], None] = lambda _: None,
) -> tuple[list[CollectedFeedback], Page]:
    """Collect as the worker does, with something happening between two pages."""
    items: list[CollectedFeedback] = []
    cursor: str | None = None
    for count in range(1, 50):
        page = collector.fetch(since, NOW, cursor)
        items += page.items
        if page.next_cursor is None:
            return items, page
        cursor = page.next_cursor
        between(count)
    pytest.fail("the run does not end")


def _numbers(items: list[CollectedFeedback]) -> set[int]:
    return {int(item.native_id) for item in items}


def test_the_first_run_reads_the_whole_board_and_proves_it(
    collector: StorefrontCollector,
) -> None:
    items, last = _run(collector)
    assert [int(item.native_id) for item in items] == list(range(35, 0, -1))
    assert last.covers == (EPOCH, NOW)
    assert all(item.written_at_is_exact for item in items)


def test_a_later_run_stops_at_the_watermark(collector: StorefrontCollector) -> None:
    since = NOW - timedelta(hours=100 - 30)
    items, last = _run(collector, since)
    assert {30, 31, 32, 33, 34, 35} <= _numbers(items)
    assert len(items) == 10
    assert last.covers == (since, NOW)


def test_an_edit_and_a_reply_are_seen(shop: Storefront, collector: StorefrontCollector) -> None:
    shop.control({"edit": {"shop": "saebyeok", "no": 35, "text": "고친 글"}})
    items, _ = _run(collector)
    assert items[0].text == "고친 글"
    assert items[0].edited_at == NOW


def test_a_deletion_between_two_pages_hides_nothing(
    shop: Storefront, collector: StorefrontCollector
) -> None:
    def delete(count: int) -> None:
        if count in {1, 3}:
            for no in range(36 - count * 3, 36 - count * 3 + 2):
                shop.control({"delete": {"shop": "saebyeok", "no": no}})

    items, last = _run(collector, between=delete)
    assert set(range(1, 26)) <= _numbers(items)
    assert last.covers is None


def test_many_deletions_between_two_pages_hide_nothing(
    shop: Storefront, collector: StorefrontCollector
) -> None:
    def delete(count: int) -> None:
        if count == 3:
            for no in range(10, 35):
                shop.control({"delete": {"shop": "saebyeok", "no": no}})

    items, last = _run(collector, between=delete)
    assert set(range(1, 10)) <= _numbers(items)
    assert last.covers is None


def test_new_articles_between_two_pages_hide_nothing(
    shop: Storefront, collector: StorefrontCollector
) -> None:
    def add(count: int) -> None:
        new = {"shop": "saebyeok", "board": "review", "text": f"새 글 {count}", "rating": 1}
        shop.control({"add": new})

    items, last = _run(collector, between=add)
    assert set(range(1, 36)) <= _numbers(items)
    assert last.covers == (EPOCH, NOW)


def test_a_total_that_falls_and_rises_for_ever_is_a_changed_layout(
    server: RawServer, make_build: MakeBuild
) -> None:
    pages = [_board(60, ROW), _board(0, '<p class="empty">없음</p>')]
    server.answers = [*pages * 200]
    collector, cursor = _collector(server.url, make_build), None
    for _ in range(2 * MOST_BACKS + 1):
        cursor = collector.fetch(EPOCH, NOW, cursor).next_cursor
    with pytest.raises(LayoutChangedError, match="counted fewer"):
        collector.fetch(EPOCH, NOW, cursor)


def test_a_board_with_more_pages_than_articles_is_a_changed_layout(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [_board(3, ROW)]
    collector, cursor = _collector(server.url, make_build), None
    for _ in range(2):
        cursor = collector.fetch(EPOCH, NOW, cursor).next_cursor
    with pytest.raises(LayoutChangedError, match="a next page"):
        collector.fetch(EPOCH, NOW, cursor)


def test_an_empty_board_is_nothing_new(shop: Storefront, make_build: MakeBuild) -> None:
    page = _collector(shop.start(port=0), make_build, board="post").fetch(EPOCH, NOW, None)
    assert page.items == ()
    assert page.next_cursor is None
    assert page.covers == (EPOCH, NOW)


@pytest.mark.parametrize("skin", ["b", "c"])
def test_another_skin_is_an_alarm_with_the_page(
    shop: Storefront, collector: StorefrontCollector, skin: str
) -> None:
    shop.control({"skin": skin})
    with pytest.raises(LayoutChangedError) as caught:
        collector.fetch(EPOCH, NOW, None)
    assert b"<html" in caught.value.payload.lower()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429, "retry_after": 3}, RateLimitedError),
        ({"status": 500}, ChannelUnavailableError),
        ({"status": 404}, LayoutChangedError),
        ({"status": 403}, AccessBlockedError),
        ({"cut_body": True}, ChannelUnavailableError),
    ],
)
def test_a_misbehaving_shop_gives_the_promised_error_and_then_everything(
    shop: Storefront,
    make_build: MakeBuild,
    fault: dict[str, object],
    error: type[ReputationError],
) -> None:
    url = shop.start(port=0)
    shop.control(fault)
    with pytest.raises(error):
        _collector(url, make_build).fetch(EPOCH, NOW, None)
    assert len(_run(_collector(url, make_build))[0]) == 35


def test_the_doctor_proves_board_and_key(shop: Storefront, make_build: MakeBuild) -> None:
    url = shop.start(port=0)
    assert _collector(url, make_build).check().ok
    assert _collector(url, make_build, key="wrong-key").check().reason is CheckReason.SECRET
    shop.control({"skin": "b"})
    assert _collector(url, make_build).check().reason is CheckReason.LAYOUT
    shop.stop()
    assert _collector(url, make_build).check().reason is CheckReason.NETWORK


def test_fewer_rows_than_the_total_promises_are_an_alarm(
    server: RawServer, make_build: MakeBuild
) -> None:
    page = FIXTURE.replace('total-count">3<', 'total-count">4<').encode()
    server.answers = [answer(page)]
    with pytest.raises(LayoutChangedError, match="3 rows where the total is 4"):
        _collector(server.url, make_build).fetch(EPOCH, NOW, None)


def test_a_row_that_cannot_be_read_does_not_count_as_missing(
    server: RawServer, make_build: MakeBuild
) -> None:
    paging = '<a href="?board_no=4&amp;page=2" class="next">다음</a></div>'
    first = FIXTURE.replace("2026-11-20 23:59:59", "언젠가").replace(
        "</ol></div>", f"</ol>{paging}"
    )
    first = first.replace('total-count">3<', 'total-count">6<')
    second = FIXTURE.replace('total-count">3<', 'total-count">6<')
    server.answers = [answer(first.encode()), answer(second.encode())]
    items, last = _run(_collector(server.url, make_build))
    assert len(items) == 5
    assert last.covers is None


def test_one_bad_row_is_quarantined_with_its_markup() -> None:
    broken = FIXTURE.replace("2026-11-20 23:59:59", "언젠가")
    page = parse_page(broken, board="review", url=URL, now=NOW)
    assert [item.native_id for item in page.items] == ["103", "101"]
    (row,) = page.quarantined
    assert row.row == 2
    assert row.field == "written_at"
    assert "나쁘지 않아요".encode() in row.raw
    assert row.remedy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("xans-board-listpackage", "board"),
        ('data-board-no="4"', 'data-board-no="6"'),
        ("total-count", "count"),
        ('total-count">3<', 'total-count">세 개<'),
        ("xans-record-", "row"),
        ('class="date"', 'class="when"'),
        ('class="writer"', 'class="who"'),
        ("mun-content", "content"),
        ("data-article-no", "data-no"),
        ("</head>", "<div>" * 30_000),
    ],
)
def test_a_page_that_has_lost_something_is_an_alarm(old: str, new: str) -> None:
    assert old in FIXTURE
    changed = FIXTURE.replace(old, new)
    with pytest.raises(LayoutChangedError) as caught:
        parse_page(changed, board="review", url=URL, now=NOW)
    assert caught.value.payload == changed.encode()
    assert "갈라져서" not in str(caught.value)


def test_an_account_without_address_or_board_is_a_configuration_error(
    make_build: MakeBuild,
) -> None:
    for options in ({}, {"base_url": "shop"}, {"base_url": "http://x", "board": "rumours"}):
        account = Account("b", "s", "storefront", options=options)
        with pytest.raises(ConfigurationError, match="b/s"):
            CHANNELS["storefront"].load().build(make_build(account))


def test_a_foreign_cursor_is_refused(collector: StorefrontCollector) -> None:
    for cursor in ("", "2", "2:3:4:999", "-1:1:1:000"):
        with pytest.raises(BadInputError):
            collector.fetch(EPOCH, NOW, cursor)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    cuts=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.1), st.text(max_size=8)), max_size=5)
)
def test_a_mangled_page_gives_feedback_quarantine_or_an_alarm(
    cuts: list[tuple[float, float, str]],
) -> None:
    page = FIXTURE
    for where, length, content in cuts:
        start = int(where * len(page))
        page = page[:start] + content + page[start + int(length * len(page)) :]
    try:
        read = parse_page(page, board="review", url=URL, now=NOW)
    except LayoutChangedError:
        return
    for item in read.items:
        item.text.encode()
        assert item.native_id.isdecimal()
