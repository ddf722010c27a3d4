"""What is Google Business Profile's alone; the rest is proved by tests/contract."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from collectors.base import CheckReason
from collectors.google_business import build, original_words, parse_page
from domain.errors import (
    BadInputError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    PublicationRefusedError,
)
from responders.publishers.google_business import build as build_publisher
from tests.collectors.conftest import FIXTURES, NOW
from tests.collectors.mangling import mangled, totality
from tests.collectors.markets import build_on, target_of
from tests.fakes.google_business import BusinessProfile
from tests.fakes.google_token import service_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.types import CollectedFeedback, Page

FIXTURE = FIXTURES / "google_business" / "reviews.synthetic.json"
LIST = json.loads(FIXTURE.read_text(encoding="utf-8"))


@pytest.fixture
def market() -> Iterator[BusinessProfile]:
    made = BusinessProfile()
    made.start()
    yield made
    made.stop()


def _run(market: BusinessProfile, days: int) -> tuple[list[CollectedFeedback], Page, int]:
    collector = build(build_on(market))
    now = market.clock.now()
    items: list[CollectedFeedback] = []
    cursor, pages = None, 0
    while True:
        page = collector.fetch(now - timedelta(days=days), now, cursor)
        items += page.items
        pages += 1
        cursor = page.next_cursor
        if cursor is None:
            return items, page, pages


def _collected(market: BusinessProfile, native_id: str) -> CollectedFeedback:
    return next(item for item in _run(market, 30)[0] if item.native_id == native_id)


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("좋아요", "좋아요"),
        ("(Translated by Google) Nice\n\n(Original)\n좋아요\n또 올게요", "좋아요\n또 올게요"),
        ("좋아요\n또 올게요\n\n(Translated by Google)\nNice\nagain", "좋아요\n또 올게요"),
        ("(Translated by Google) 만 적은 손님", "(Translated by Google) 만 적은 손님"),
        ("", ""),
    ],
)
def test_the_writers_own_words_are_kept(comment: str, words: str) -> None:
    assert original_words(comment) == words


@pytest.mark.parametrize(
    "body", [None, [], {"reviews": {}}, {"reviews": [1, 2, 3]}, {"reviews": None}]
)
def test_what_is_no_list_has_a_name(body: object) -> None:
    with pytest.raises(LayoutChangedError):
        parse_page(body, now=NOW)


@totality
@given(mangled(LIST))
def test_any_answer_is_read_or_refused_by_name(body: object) -> None:
    try:
        page = parse_page(body, now=NOW)
    except LayoutChangedError:
        return
    if isinstance(body, dict) and "reviews" in body:
        assert len(page.items) + len(page.quarantined) == len(body["reviews"])
    for item in page.items:
        item.text.encode()
        assert item.written_at is not None
        assert item.written_at <= NOW + timedelta(minutes=5)


@pytest.mark.enable_socket
def test_a_run_stops_where_the_window_begins(market: BusinessProfile) -> None:
    for n in range(160):
        market.seed(f"리뷰 {n}", market.clock.now() - timedelta(hours=12 * n + 1))
    items, last, pages = _run(market, 20)
    assert pages == 1
    assert len(items) == 50
    assert last.covers is not None


@pytest.mark.enable_socket
def test_a_list_out_of_order_is_read_to_its_end(market: BusinessProfile) -> None:
    market.is_shuffled = True
    for n in range(160):
        market.seed(f"리뷰 {n}", market.clock.now() - timedelta(hours=12 * n + 1))
    items, last, pages = _run(market, 20)
    assert pages == 4
    assert len(items) == 160
    assert last.covers is not None


@pytest.mark.enable_socket
def test_where_the_total_falls_absence_proves_nothing(market: BusinessProfile) -> None:
    ids = [market.seed(f"리뷰 {n}", market.clock.now() - timedelta(hours=n + 1)) for n in range(60)]
    collector = build(build_on(market))
    now = market.clock.now()
    first = collector.fetch(now - timedelta(days=30), now, None)
    market.delete(ids[0])
    last = collector.fetch(now - timedelta(days=30), now, first.next_cursor)
    assert last.next_cursor is None
    assert last.covers is None


@pytest.mark.enable_socket
def test_a_reply_under_moderation_is_pending_until_google_decides(market: BusinessProfile) -> None:
    market.moderates = True
    native_id = market.seed("불친절해요", market.clock.now() - timedelta(hours=1))
    target = target_of(_collected(market, native_id))
    publisher = build_publisher(build_on(market))
    assert publisher.publish(target, "죄송합니다.").state == "pending"
    assert publisher.read_back(target)[0].state == "pending"
    assert publisher.publish(target, "죄송합니다.").state == "pending"
    market.moderate(native_id, "APPROVED")
    assert publisher.read_back(target)[0].state == "published"


@pytest.mark.enable_socket
def test_a_rejected_reply_is_for_a_person_and_another_may_take_its_place(
    market: BusinessProfile,
) -> None:
    market.moderates = True
    native_id = market.seed("불친절해요", market.clock.now() - timedelta(hours=1))
    target = target_of(_collected(market, native_id))
    publisher = build_publisher(build_on(market))
    publisher.publish(target, "전화 주세요 010-0000-0000")
    market.moderate(native_id, "REJECTED")
    with pytest.raises(PublicationRefusedError) as caught:
        publisher.read_back(target)
    assert caught.value.code == "rejected"
    assert not _collected(market, native_id).replies, "a rejected reply does not stand"
    assert publisher.publish(target, "죄송합니다.").state == "pending"
    assert market.stored_replies(native_id) == ["죄송합니다."]


@pytest.mark.enable_socket
def test_bytes_are_counted(market: BusinessProfile) -> None:
    native_id = market.seed("불친절해요", market.clock.now() - timedelta(hours=1))
    target = target_of(_collected(market, native_id))
    with pytest.raises(PublicationRefusedError, match="4098 bytes"):
        build_publisher(build_on(market)).publish(target, "가" * 1366)
    assert build_publisher(build_on(market)).publish(target, "가" * 1365 + "a").text


@pytest.mark.enable_socket
def test_a_service_account_may_be_used_instead_of_a_consent(market: BusinessProfile) -> None:
    market.seed("좋아요", market.clock.now() - timedelta(hours=1))
    made = build_on(market, credentials=service_account())
    assert build(made).fetch(NOW - timedelta(days=2), NOW, None).items


@pytest.mark.enable_socket
def test_a_withdrawn_consent_is_told_as_such(market: BusinessProfile) -> None:
    market.break_account("expired")
    with pytest.raises(CredentialRejectedError) as caught:
        build(build_on(market)).fetch(NOW - timedelta(days=2), NOW, None)
    assert caught.value.reason == "expired"


@pytest.mark.enable_socket
def test_a_consent_withdrawn_between_two_pages_stops_the_run_and_names_the_remedy(
    market: BusinessProfile,
) -> None:
    for n in range(60):
        market.seed(f"리뷰 {n}", market.clock.now() - timedelta(hours=n + 1))
    collector = build(build_on(market))
    now = market.clock.now()
    first = collector.fetch(now - timedelta(days=30), now, None)
    market.expire_token()
    market.break_account("expired")
    with pytest.raises(CredentialRejectedError) as caught:
        collector.fetch(now - timedelta(days=30), now, first.next_cursor)
    assert caught.value.reason == "expired"
    assert "refresh_token" in collector.check().remedy


@pytest.mark.enable_socket
def test_a_refresh_token_that_google_only_calls_a_bad_request_is_to_be_made_anew(
    market: BusinessProfile,
) -> None:
    made = build_on(market)
    credentials = {**made.account.credentials, "refresh_token": "another"}
    line = build(build_on(market, credentials=credentials)).check()
    assert line.reason is CheckReason.EXPIRED
    assert "refresh_token" in line.remedy


@pytest.mark.enable_socket
def test_an_unknown_location_is_told_as_a_wrong_setting(market: BusinessProfile) -> None:
    line = build(build_on(market, {"location": "accounts/1/locations/56"})).check()
    assert line.reason is CheckReason.CONFIGURATION


@pytest.mark.enable_socket
def test_a_place_that_google_takes_no_more_begins_the_window_again(
    market: BusinessProfile,
) -> None:
    with pytest.raises(BadInputError, match="no more") as caught:
        build(build_on(market)).fetch(NOW - timedelta(days=1), NOW, "11:60:old-token")
    assert caught.value.field == "cursor"


@pytest.mark.enable_socket
@pytest.mark.parametrize("cursor", ["", "x", "11:5:", "21:5:a", "11:5:a b", "11:5:a\n"])
def test_a_strange_cursor_is_refused(market: BusinessProfile, cursor: str) -> None:
    with pytest.raises(BadInputError):
        build(build_on(market)).fetch(NOW - timedelta(days=1), NOW, cursor)


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "options", [{"location": ""}, {"location": "locations/5"}, {"base_url": "ftp://x"}]
)
def test_wrong_options_are_named(market: BusinessProfile, options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="brand/gbp"):
        build(build_on(market, options))


def test_what_is_null_is_absent() -> None:
    body = json.loads(json.dumps(LIST))
    row = body["reviews"][0]
    for nothing in (None, {}, {"comment": None, "updateTime": None}):
        row |= {"comment": None, "reviewReply": nothing, "starRating": None, "reviewer": None}
        page = parse_page(body, now=NOW)
        assert not page.quarantined
        assert (page.items[0].text, page.items[0].replies, page.items[0].rating) == ("", (), None)
    row["reviewReply"] = {"comment": "감사합니다.", "updateTime": None}
    (reply,) = parse_page(body, now=NOW).items[0].replies
    assert (reply.text, reply.replied_at) == ("감사합니다.", None)


def test_a_comment_of_blank_lines_costs_no_time() -> None:
    blank = "가" + "\n" * 300_000 + "나"
    assert original_words(blank) == blank
