"""What is Coupang's alone; the rest is proved by tests/contract."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from collectors.coupang import authorization, build, parse_contact, parse_inquiries
from domain.errors import (
    BadInputError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    OutcomeUnknownError,
    PublicationRefusedError,
)
from responders.publishers.coupang import build as build_publisher
from tests.collectors.conftest import FIXTURES, NOW
from tests.collectors.mangling import assert_nothing_is_lost, mangled, totality
from tests.collectors.markets import build_on, target_of
from tests.fakes.coupang import CoupangMarket

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCT = json.loads((FIXTURES / "coupang" / "product.json").read_text(encoding="utf-8"))
CONTACT = json.loads((FIXTURES / "coupang" / "cc.json").read_text(encoding="utf-8"))


@pytest.fixture
def market() -> Iterator[CoupangMarket]:
    made = CoupangMarket()
    made.start()
    yield made
    made.stop()


def test_the_signature_is_right_byte_for_byte() -> None:
    # The vector of the channel reference.
    path = "/v2/providers/openapi/apis/api/v5/vendors/A00012345/onlineInquiries"
    query = (
        "vendorId=A00012345&answeredType=NOANSWER&inquiryStartAt=2025-12-26"
        "&inquiryEndAt=2026-01-01&pageNum=1&pageSize=50"
    )
    at = datetime.fromisoformat("2026-01-01T09:00:00+09:00")
    assert authorization("ak", "sk", "GET", path, query, at=at) == (
        "CEA algorithm=HmacSHA256, access-key=ak, signed-date=260101T000000Z, "
        "signature=2d591c817526b898eca2a0694200b973eb9ea04989e080824b80726c35a7ad9d"
    )


def test_what_the_contact_centre_asks_again_is_feedback_of_its_own() -> None:
    first, again, _ = parse_inquiries(CONTACT, surface="cc", now=NOW).items
    assert (first.native_id, again.native_id) == ("cc:1015600001", "cc:1015600001:1027000003")
    assert [reply.text for reply in first.replies] == ["내일 회수합니다."]
    assert (first.deadline_at, first.extra["not_waiting"]) == (None, "1")
    assert again.text == "고객이 아직 회수되지 않았다고 합니다."
    assert not again.replies
    assert again.deadline_at == datetime.fromisoformat("2026-11-22T09:30:00+09:00")
    assert again.extra["parent_answer_id"] == "1027000003"
    # Both are found where the inquiry is listed: by the day it was made.
    assert first.written_at == again.written_at


def test_a_thread_may_be_listed_in_any_order() -> None:
    body = json.loads(json.dumps(CONTACT))
    for row in body["data"]["content"]:
        row["replies"].reverse()
    as_listed = parse_inquiries(CONTACT, surface="cc", now=NOW).items
    assert parse_inquiries(body, surface="cc", now=NOW).items == as_listed


def test_a_thread_without_all_its_dates_is_read_as_it_is_listed() -> None:
    body = json.loads(json.dumps(CONTACT))
    del body["data"]["content"][0]["replies"][0]["replyAt"]
    as_listed = parse_inquiries(CONTACT, surface="cc", now=NOW).items
    assert parse_inquiries(body, surface="cc", now=NOW).items == as_listed


def test_a_remark_after_an_answer_is_no_new_request() -> None:
    body = json.loads(json.dumps(CONTACT))
    thread = body["data"]["content"][0]["replies"]
    thread[2]["partnerTransferStatus"] = "none"
    items = parse_inquiries(body, surface="cc", now=NOW).items
    assert [item.native_id for item in items] == ["cc:1015600001", "cc:1015600002"]
    assert "아직 회수되지 않았다고" in items[0].text


@pytest.mark.enable_socket
def test_a_second_request_is_answered_and_read_back_beside_the_first(market: CoupangMarket) -> None:
    native_id = market.seed("회수 일정은요?", market.clock.now() - timedelta(hours=2), "cc")
    market.answer_elsewhere(native_id, "내일 회수합니다.")
    market.ask_again(native_id, "아직 회수되지 않았다고 합니다.")
    made = build_on(market, {"surfaces": ["cc"]})
    page = build(made).fetch(market.clock.now() - timedelta(days=1), market.clock.now(), None)
    first, again = page.items
    publisher = build_publisher(made)
    assert publisher.read_back(target_of(again)) == ()
    publisher.publish(target_of(again), "오늘 중으로 회수합니다.")
    assert [reply.text for reply in publisher.read_back(target_of(again))] == [
        "오늘 중으로 회수합니다."
    ]
    assert [reply.text for reply in publisher.read_back(target_of(first))] == ["내일 회수합니다."]
    assert market.stored_replies(native_id) == ["내일 회수합니다.", "오늘 중으로 회수합니다."]


def test_what_is_answered_has_no_deadline() -> None:
    item = parse_inquiries(CONTACT, surface="cc", now=NOW).items[2]
    assert item.deadline_at is None
    assert [reply.text for reply in item.replies] == ["입고 확인했습니다."]


def test_the_buyers_phone_is_not_read() -> None:
    item = parse_inquiries(CONTACT, surface="cc", now=NOW).items[0]
    assert "555" not in repr(item)


def test_one_bad_row_is_kept_aside_and_the_others_are_read() -> None:
    body = json.loads(json.dumps(PRODUCT))
    del body["data"]["content"][0]["inquiryAt"]
    listing = parse_inquiries(body, surface="product", now=NOW)
    assert [item.native_id for item in listing.items] == ["product:39400002"]
    assert listing.quarantined[0].field == "inquiryAt"
    assert b"39400001" in listing.quarantined[0].raw


def test_an_answer_without_its_list_is_a_changed_layout() -> None:
    with pytest.raises(LayoutChangedError):
        parse_inquiries({"code": 200, "data": {}}, surface="product", now=NOW)


@totality
@given(mangled(PRODUCT))
def test_any_product_answer_is_read_or_refused_by_name(body: object) -> None:
    _is_total(body, "product")


@totality
@given(mangled(CONTACT))
def test_any_contact_answer_is_read_or_refused_by_name(body: object) -> None:
    _is_total(body, "cc")


def _is_total(body: object, surface: str) -> None:
    try:
        listing = parse_inquiries(body, surface=surface, now=NOW)
    except LayoutChangedError:
        return
    # A thread may be several requests.
    read = len(listing.items) + len(listing.quarantined)
    assert_nothing_is_lost(replace(listing, rows=read), NOW)
    assert read >= listing.rows if surface == "cc" else read == listing.rows
    assert all(item.written_at for item in listing.items)


@totality
@given(mangled({"code": 200, "data": CONTACT["data"]["content"][0]}))
def test_any_single_contact_is_read_or_refused_by_name(body: object) -> None:
    try:
        parse_contact(body, now=NOW)
    except LayoutChangedError:
        return


@pytest.mark.enable_socket
def test_a_busy_window_is_read_day_by_day(market: CoupangMarket) -> None:
    market.slow_rows = 12
    now = market.clock.now()
    ids = {market.seed(f"문의 {n}", now - timedelta(hours=3 * n + 1)) for n in range(40)}
    collector = build(build_on(market, {"surfaces": ["product"]}))
    since, cursor, seen = now - timedelta(days=6), None, set()
    while True:
        page = collector.fetch(since, now, cursor)
        seen |= {item.native_id for item in page.items}
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ids
    assert page.covers == (since, now)
    assert any("x-extended-timeout" in asked.headers for asked in market.journal)


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("surfaces", "lists"),
    [(["product"], ("product",)), (["transfer"], ()), (["transfer", "cc"], ("cc",))],
)
def test_what_no_longer_waits_for_a_confirmation_is_not_gone(
    market: CoupangMarket, surfaces: list[str], lists: tuple[str, ...]
) -> None:
    now = market.clock.now()
    collector = build(build_on(market, {"surfaces": surfaces}))
    page = collector.fetch(now - timedelta(days=1), now, None)
    while page.next_cursor is not None:
        page = collector.fetch(now - timedelta(days=1), now, page.next_cursor)
    assert page.covers is not None
    assert page.lists == lists


@pytest.mark.enable_socket
def test_a_transferred_inquiry_is_marked_and_takes_no_answer(market: CoupangMarket) -> None:
    native_id = market.seed("확인만 해 주세요", market.clock.now() - timedelta(hours=2), "cc")
    market.want_confirmation(native_id)
    made = build_on(market, {"surfaces": ["transfer"]})
    page = build(made).fetch(market.clock.now() - timedelta(days=1), market.clock.now(), None)
    (item,) = page.items
    assert item.extra["needs_confirm"] == "1"
    target = target_of(item)
    publisher = build_publisher(made)
    with pytest.raises(PublicationRefusedError):
        publisher.publish(target, "확인했습니다.")
    assert item.written_at is not None
    assert item.deadline_at == item.written_at + timedelta(hours=24)
    assert not market.writes


@pytest.mark.enable_socket
def test_an_inquiry_that_waits_for_nothing_is_marked(market: CoupangMarket) -> None:
    native_id = market.seed("배송 문의", market.clock.now() - timedelta(hours=2), "cc")
    market.want_confirmation(native_id)
    market.confirm_elsewhere(native_id)
    page = build(build_on(market, {"surfaces": ["cc"]})).fetch(
        market.clock.now() - timedelta(days=1), market.clock.now(), None
    )
    (item,) = page.items
    assert item.extra.keys() == {"asked_at", "not_waiting"}
    assert item.deadline_at is None


@pytest.mark.enable_socket
def test_a_duplicate_that_the_list_does_not_show_yet_is_not_taken_for_success(
    market: CoupangMarket,
) -> None:
    native_id = market.seed("언제 와요?", market.clock.now() - timedelta(hours=2))
    made = build_on(market)
    page = build(made).fetch(market.clock.now() - timedelta(days=1), market.clock.now(), None)
    (item,) = page.items
    target = target_of(item)
    publisher = build_publisher(made)
    publisher.publish(target, "내일 도착합니다.")
    market.hides_replies = True
    with pytest.raises(OutcomeUnknownError):
        publisher.publish(target, "내일 도착합니다.")
    market.hides_replies = False
    assert publisher.publish(target, "내일 도착합니다.").text == "내일 도착합니다."
    assert market.stored_replies(native_id) == ["내일 도착합니다."]


@pytest.mark.enable_socket
def test_a_wrong_wing_login_is_the_operators_business(market: CoupangMarket) -> None:
    market.seed("언제 와요?", market.clock.now() - timedelta(hours=2))
    made = build_on(market, {"reply_by": "somebody"})
    page = build(made).fetch(market.clock.now() - timedelta(days=1), market.clock.now(), None)
    (item,) = page.items
    target = target_of(item)
    with pytest.raises(CredentialRejectedError):
        build_publisher(made).publish(target, "내일 도착합니다.")


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "cursor", ["", "x", "9:0:1:0:0", "0:-1:0:-1:0", "0:-1:1:-1:0\n", "１:-1:1:-1:0"]
)
def test_a_strange_cursor_is_refused(market: CoupangMarket, cursor: str) -> None:
    with pytest.raises(BadInputError):
        build(build_on(market)).fetch(NOW - timedelta(days=1), NOW, cursor)


@pytest.mark.parametrize(
    "options",
    [
        {"vendor_id": ""},
        {"vendor_id": "A1/../B"},
        {"surfaces": ["reviews"]},
        {"surfaces": []},
        {"base_url": "ftp://x"},
    ],
)
@pytest.mark.enable_socket
def test_wrong_options_are_named(market: CoupangMarket, options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="brand/coupang"):
        build(build_on(market, options))
