"""What is the App Store's alone; the rest is proved by tests/contract."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import jwt
import pytest
from hypothesis import given

from collectors.app_store import (
    AppStoreApi,
    FeedCollector,
    build,
    parse_feed,
    parse_page,
    parse_single,
    sign_token,
)
from collectors.base import CheckReason
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ConfigurationError,
    LayoutChangedError,
    PublicationRefusedError,
)
from domain.types import FeedbackKind, ReplyTarget
from responders.publishers.app_store import build as build_publisher
from tests.collectors.conftest import FIXTURES, NOW, MakeBuild, RawServer, answer
from tests.collectors.mangling import mangled, totality
from tests.collectors.markets import build_on, target_of
from tests.fakes.app_store import APP_ID, ISSUER_ID, KEY_ID, AppStore, key, pem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.app_store import ReviewList
    from domain.types import CollectedFeedback


def _fixture(name: str) -> dict[str, dict[str, object]]:
    text = (FIXTURES / "app_store" / name).read_text(encoding="utf-8")
    body: dict[str, dict[str, object]] = json.loads(text)
    return body


LIST, FEED, SINGLE = _fixture("reviews.json"), _fixture("feed.json"), _fixture("feed_single.json")


@pytest.fixture
def market() -> Iterator[AppStore]:
    made = AppStore()
    made.start()
    yield made
    made.stop()


def _collected(market: AppStore, native_id: str) -> CollectedFeedback:
    page = build(build_on(market)).fetch(NOW - timedelta(days=2), NOW, None)
    return next(item for item in page.items if item.native_id == native_id)


def _feed_on(market: AppStore, **options: object) -> FeedCollector:
    made = build(build_on(market, options, credentials={}))
    assert isinstance(made, FeedCollector)
    return made


@pytest.mark.parametrize("body", [None, [], {}, {"data": {}}, {"data": [1]}, {"data": [{}]}])
def test_what_is_no_list_has_a_name(body: object) -> None:
    with pytest.raises(LayoutChangedError):
        parse_page(body, app_id=APP_ID, now=NOW)


@totality
@given(mangled(LIST))
def test_any_answer_is_read_or_refused_by_name(body: object) -> None:
    try:
        page = parse_page(body, app_id=APP_ID, now=NOW)
    except LayoutChangedError:
        return
    _is_total(page)


@totality
@given(mangled(FEED))
def test_any_feed_is_read_or_refused_by_name(body: object) -> None:
    try:
        page = parse_feed(body, app_id=APP_ID, now=NOW)
    except LayoutChangedError:
        return
    _is_total(page, left_out=1)


def _is_total(page: ReviewList, left_out: int = 0) -> None:
    read = len(page.items) + len(page.quarantined)
    assert page.rows - 2 * left_out <= read <= page.rows, "only the app itself is left out"
    for item in page.items:
        item.text.encode()
        assert item.written_at is not None
        assert item.written_at <= NOW + timedelta(minutes=5)


@totality
@given(mangled({"data": LIST["data"][1], "included": LIST["included"]}))  # type: ignore[index]
def test_any_single_review_is_read_or_refused_by_name(body: object) -> None:
    try:
        parse_single(body, app_id=APP_ID, now=NOW)
    except LayoutChangedError:
        return


def test_a_page_without_links_is_not_taken_for_the_last() -> None:
    with pytest.raises(LayoutChangedError, match="links"):
        parse_page({"data": LIST["data"]}, app_id=APP_ID, now=NOW)


def test_a_response_that_was_not_sent_along_is_not_taken_for_none() -> None:
    body = {**LIST, "included": []}
    page = parse_page(body, app_id=APP_ID, now=NOW)
    assert len(page.items) == 1
    assert page.quarantined[0].field == "included"


def test_the_token_is_what_apple_asks_for() -> None:
    token = sign_token(KEY_ID, ISSUER_ID, pem("ours"), at=NOW)
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": KEY_ID}
    claims = jwt.decode(
        token,
        key("ours").public_key(),
        algorithms=["ES256"],
        audience="appstoreconnect-v1",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["iss"] == ISSUER_ID
    assert 0 < claims["exp"] - claims["iat"] <= 20 * 60


@pytest.mark.parametrize("key_text", ["", "not a key", "-----BEGIN PRIVATE KEY-----\nx\n"])
def test_a_key_that_is_none_is_named_without_showing_it(key_text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sign_token(KEY_ID, ISSUER_ID, key_text, at=NOW)
    assert "not a key" not in str(caught.value)


@pytest.mark.enable_socket
def test_our_token_goes_to_no_other_place(market: AppStore) -> None:
    api = AppStoreApi(build_on(market))
    path = f"/v1/apps/{APP_ID}/customerReviews"
    assert api.local_link(f"{market.url}{path}?cursor=a") == f"{path}?cursor=a"
    assert api.local_link(f"{path}?cursor=a") == f"{path}?cursor=a"
    for link in (
        f"https://evil.example{path}?cursor=a",
        f"//evil.example{path}?cursor=a",
        f"{market.url}/v1/users?cursor=a",
        f"{market.url}{path}/../../../v1/users?cursor=a",
        f"{market.url}{path}",
        "javascript:alert(1)",
    ):
        with pytest.raises(BadInputError):
            api.local_link(link)


@pytest.mark.enable_socket
def test_a_response_is_pending_until_apple_shows_it(market: AppStore) -> None:
    native_id = market.seed("느려요", market.clock.now() - timedelta(hours=1))
    target = target_of(_collected(market, native_id))
    publisher = build_publisher(build_on(market))
    stored = publisher.publish(target, "개선하겠습니다.")
    assert stored.state == "pending"
    assert stored.receipt
    assert publisher.read_back(target)[0].state == "pending"
    assert _collected(market, native_id).replies[0].state == "pending"
    market.publish_responses()
    assert publisher.read_back(target)[0].state == "published"


@pytest.mark.enable_socket
def test_one_territory_can_be_chosen(market: AppStore) -> None:
    build(build_on(market, {"territory": "KOR"})).fetch(NOW - timedelta(days=1), NOW, None)
    assert market.journal[0].params["filter[territory]"] == "KOR"


@pytest.mark.enable_socket
def test_an_unknown_app_is_told_as_a_wrong_setting(market: AppStore) -> None:
    line = build(build_on(market, {"app_id": "999"})).check()
    assert line.reason is CheckReason.CONFIGURATION


@pytest.mark.enable_socket
def test_without_a_key_the_public_feed_is_read(market: AppStore) -> None:
    market.feed = {1: FEED}
    collector = _feed_on(market)
    page = collector.fetch(NOW - timedelta(days=10), NOW, None)
    assert [item.native_id for item in page.items] == ["rss:12000000001", "rss:12000000000"]
    assert page.covers is None
    last = collector.fetch(NOW - timedelta(days=10), NOW, page.next_cursor)
    assert (last.items, last.next_cursor) == ((), None)
    assert all("authorization" not in asked.headers for asked in market.journal)
    assert collector.check().ok


@pytest.mark.enable_socket
def test_a_single_entry_and_an_empty_feed_are_read(market: AppStore) -> None:
    market.feed = {1: SINGLE}
    assert len(_feed_on(market).fetch(NOW - timedelta(days=10), NOW, None).items) == 1
    market.feed = {}
    page = _feed_on(market).fetch(NOW - timedelta(days=10), NOW, None)
    assert (page.items, page.next_cursor, page.covers) == ((), None, None)


@pytest.mark.enable_socket
def test_the_feed_is_read_to_its_tenth_page_at_most(market: AppStore) -> None:
    market.feed = dict.fromkeys(range(1, 30), FEED)
    collector, cursor, pages = _feed_on(market), None, 0
    while True:
        page = collector.fetch(NOW - timedelta(days=10), NOW, cursor)
        pages, cursor = pages + 1, page.next_cursor
        if cursor is None:
            break
    assert pages == 10


@pytest.mark.enable_socket
def test_the_feed_stops_at_the_watermark(market: AppStore) -> None:
    market.feed = {1: FEED, 2: FEED}
    page = _feed_on(market).fetch(NOW - timedelta(hours=1), NOW, None)
    assert page.next_cursor is None


def test_an_entry_that_lost_everything_is_not_taken_for_the_app() -> None:
    entries = [*FEED["feed"]["entry"], {}]  # type: ignore[misc]
    page = parse_feed({"feed": {"entry": entries}}, app_id=APP_ID, now=NOW)
    assert len(page.items) == 2
    assert len(page.quarantined) == 1


@pytest.mark.enable_socket
def test_a_feed_that_refuses_robots_is_not_pressed(
    server: RawServer, make_build: MakeBuild, market: AppStore
) -> None:
    server.answers = [answer(b"", 403)]
    made = build_on(market, {"base_url": server.url}, credentials={})
    with pytest.raises(AccessBlockedError):
        build(made).fetch(NOW - timedelta(days=1), NOW, None)


@pytest.mark.enable_socket
def test_a_review_from_the_feed_cannot_be_answered(market: AppStore) -> None:
    target = ReplyTarget("rss:12000000001", FeedbackKind.REVIEW, {})
    with pytest.raises(PublicationRefusedError) as caught:
        build_publisher(build_on(market)).publish(target, "감사합니다.")
    assert caught.value.code == "read_only"
    assert not market.journal


@pytest.mark.enable_socket
def test_a_publisher_needs_the_whole_key(market: AppStore) -> None:
    for credentials in ({}, {"key_id": KEY_ID, "issuer_id": ISSUER_ID}):
        with pytest.raises(ConfigurationError, match="missing in the credentials"):
            build_publisher(build_on(market, credentials=credentials))


@pytest.mark.enable_socket
def test_a_place_that_apple_takes_no_more_begins_the_window_again(market: AppStore) -> None:
    link = AppStoreApi(build_on(market)).first_link()
    with pytest.raises(BadInputError, match="no more") as caught:
        build(build_on(market)).fetch(NOW - timedelta(days=1), NOW, f"1:60:{link}&cursor=old")
    assert caught.value.field == "cursor"


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "cursor", ["", "x", "1:5:", "1:5:https://evil.example/?a", "2:5:/v1", "1:5:/v1/apps?x=1"]
)
def test_a_strange_cursor_is_refused(market: AppStore, cursor: str) -> None:
    with pytest.raises(BadInputError):
        build(build_on(market)).fetch(NOW - timedelta(days=1), NOW, cursor)


@pytest.mark.enable_socket
@pytest.mark.parametrize("cursor", ["", "0", "1", "11", "x", "2\n"])
def test_a_strange_feed_cursor_is_refused(market: AppStore, cursor: str) -> None:
    with pytest.raises(BadInputError):
        _feed_on(market).fetch(NOW - timedelta(days=1), NOW, cursor)


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "options", [{"app_id": ""}, {"app_id": "com.example"}, {"base_url": "ftp://x"}]
)
def test_wrong_options_are_named(market: AppStore, options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="brand/appstore"):
        build(build_on(market, options))
    with pytest.raises(ConfigurationError, match="brand/appstore"):
        _feed_on(market, **options)


@pytest.mark.enable_socket
def test_a_country_is_two_letters(market: AppStore) -> None:
    with pytest.raises(ConfigurationError, match="country"):
        _feed_on(market, country="KOR")
