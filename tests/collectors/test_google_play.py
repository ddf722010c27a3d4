"""What is Google Play's alone, and the tokens of Google; the rest is proved by tests/contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt
import pytest
from hypothesis import given

from collectors.base import CheckReason
from collectors.google_auth import parse_token, sign_assertion
from collectors.google_play import GETS_AN_HOUR, KEPT_FOR_REPLIES, build, parse_page, parse_review
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    PublicationRefusedError,
    RateLimitedError,
)
from responders.publishers.google_play import build as build_publisher
from responders.publishers.google_play import parse_stored
from tests.collectors.conftest import FIXTURES, NOW, MemoryTokens
from tests.collectors.mangling import mangled, totality
from tests.collectors.markets import build_on, target_of
from tests.fakes.google_play import PlayStore
from tests.fakes.google_token import EMAIL, service_account, service_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.types import CollectedFeedback

LIST = json.loads((FIXTURES / "google_play" / "reviews.json").read_text(encoding="utf-8"))
WEEK = timedelta(days=7)


@pytest.fixture
def market() -> Iterator[PlayStore]:
    made = PlayStore()
    made.start()
    yield made
    made.stop()


def _one(**said: object) -> CollectedFeedback:
    comment = {
        "text": "좋아요",
        "lastModified": {"seconds": "1795000000", "nanos": 5},
        "starRating": 4,
        **said,
    }
    return parse_review(
        {"reviewId": "a", "comments": [{"userComment": comment}]}, package="p", now=NOW
    )


def test_what_is_null_is_absent() -> None:
    stamp = {"seconds": 1795000000, "nanos": None}
    assert _one(lastModified=stamp, starRating=None, originalText=None).rating is None


def _collected(market: PlayStore, native_id: str) -> CollectedFeedback:
    page = build(build_on(market)).fetch(NOW - WEEK, NOW, None)
    return next(item for item in page.items if item.native_id == native_id)


@pytest.mark.parametrize(
    ("words", "title", "text"),
    [
        ("좋아요", "", "좋아요"),
        ("제목\t본문", "제목", "본문"),
        ("\t본문", "", "본문"),
        ("제목\t", "제목", ""),
        ("제목\t본문\t더", "제목", "본문\t더"),
    ],
)
def test_title_and_body_are_parted_at_the_tab(words: str, title: str, text: str) -> None:
    item = _one(text=words)
    assert (item.title, item.text) == (title, text)


def test_the_writers_own_words_count_rather_than_the_translation() -> None:
    assert _one(text="translated", originalText="원래 말").text == "원래 말"
    assert _one(text="그대로", originalText="").text == "그대로"


def test_a_date_from_before_there_was_a_play_store_is_kept_aside() -> None:
    # The documentation's own example has one, of 1974.
    body = json.loads(json.dumps(LIST))
    body["reviews"][1]["comments"][0]["userComment"]["lastModified"]["seconds"] = "141582134"
    listing, _ = parse_page(body, package="p", now=NOW)
    assert len(listing.items) == 1
    assert listing.quarantined[0].field == "written_at"


def test_an_app_without_reviews_is_nothing_new() -> None:
    assert parse_page({}, package="p", now=NOW)[0].rows == 0


@pytest.mark.parametrize(
    "body", [None, [], {"reviews": {}}, {"reviews": [1, 2, 3]}, {"reviews": None}]
)
def test_what_is_no_list_has_a_name(body: object) -> None:
    with pytest.raises(LayoutChangedError):
        parse_page(body, package="p", now=NOW)


@totality
@given(mangled(LIST))
def test_any_answer_is_read_or_refused_by_name(body: object) -> None:
    try:
        listing, _ = parse_page(body, package="p", now=NOW)
    except LayoutChangedError:
        return
    assert len(listing.items) + len(listing.quarantined) == listing.rows
    for item in listing.items:
        item.text.encode()
        item.title.encode()
        assert item.written_at is not None
        assert item.written_at <= NOW + timedelta(minutes=5)


@totality
@given(mangled({"result": {"replyText": "네", "lastEdited": {"seconds": "1795000000"}}}))
def test_any_receipt_is_read_or_refused_by_name(body: object) -> None:
    try:
        parse_stored(body, now=NOW)
    except BadInputError:
        return


@pytest.mark.enable_socket
def test_an_edit_after_the_reply_is_seen_as_one(market: PlayStore) -> None:
    native_id = market.seed("느려요", market.clock.now() - timedelta(days=2))
    market.answer_elsewhere(native_id, "개선하겠습니다.")
    market.clock.advance(60)
    market.edit(native_id, "아직도 느려요")
    market.clock.advance(60)
    item = _collected(market, native_id)
    assert item.edited_at == item.written_at
    assert item.replies


@pytest.mark.enable_socket
def test_the_hours_reads_are_counted_across_processes_and_some_are_kept(
    market: PlayStore,
) -> None:
    native_id = market.seed("느려요", market.clock.now() - timedelta(days=2))
    item = _collected(market, native_id)
    tokens = MemoryTokens()
    for count in range(GETS_AN_HOUR - KEPT_FOR_REPLIES):
        build(build_on(market, tokens=tokens)).fetch(NOW - WEEK, NOW, None)
        assert len(market.gets) == count + 2
    with pytest.raises(RateLimitedError) as caught:
        build(build_on(market, tokens=tokens)).fetch(NOW - WEEK, NOW, None)
    assert caught.value.retry_after_s is not None
    assert 3000 < caught.value.retry_after_s <= 3600
    assert build(build_on(market, tokens=tokens)).check().reason is CheckReason.QUOTA
    # A reply can still be prepared, written and read back.
    publisher = build_publisher(build_on(market, tokens=tokens))
    publisher.publish(target_of(item), "개선하겠습니다.")
    assert publisher.read_back(target_of(item))
    market.clock.advance(caught.value.retry_after_s)
    build(build_on(market, tokens=tokens)).fetch(NOW - WEEK, NOW, None)


@pytest.mark.enable_socket
def test_one_token_serves_every_process_until_it_ends(market: PlayStore) -> None:
    tokens = MemoryTokens()
    for _ in range(3):
        build(build_on(market, tokens=tokens)).fetch(NOW - WEEK, NOW, None)
    assert market.issued == 1
    market.clock.advance(3590)
    build(build_on(market, tokens=tokens)).fetch(NOW - WEEK, NOW, None)
    assert market.issued == 2


@pytest.mark.enable_socket
def test_another_key_does_not_use_the_token_of_the_first(market: PlayStore) -> None:
    tokens = MemoryTokens()
    build(build_on(market, tokens=tokens)).fetch(NOW - WEEK, NOW, None)
    other = {**service_account(), "client_email": "someone@else.iam.gserviceaccount.com"}
    with pytest.raises(CredentialRejectedError):
        build(build_on(market, credentials=other, tokens=tokens)).fetch(NOW - WEEK, NOW, None)


@pytest.mark.enable_socket
def test_an_unknown_app_is_told_as_a_wrong_setting(market: PlayStore) -> None:
    line = build(build_on(market, {"package_name": "com.example.other"})).check()
    assert line.reason is CheckReason.CONFIGURATION
    assert "com.example.other" in line.detail


@pytest.mark.enable_socket
def test_a_reply_with_a_tag_is_refused_for_google_would_strip_it(market: PlayStore) -> None:
    item = _collected(market, market.seed("느려요", market.clock.now() - timedelta(days=2)))
    publisher = build_publisher(build_on(market))
    with pytest.raises(PublicationRefusedError) as caught:
        publisher.publish(target_of(item), "<b>죄송합니다</b>")
    assert caught.value.code == "html"
    assert not market.stored_replies(item.native_id)
    assert publisher.publish(target_of(item), "3 < 5 <3 고객님").text == "3 < 5 <3 고객님"


@pytest.mark.enable_socket
def test_a_review_that_is_gone_is_not_answered(market: PlayStore) -> None:
    item = _collected(market, market.seed("느려요", market.clock.now() - timedelta(days=2)))
    market.delete(item.native_id)
    with pytest.raises(PublicationRefusedError, match="no longer has the review"):
        build_publisher(build_on(market)).publish(target_of(item), "네")


def test_the_assertion_is_what_google_asks_for() -> None:
    at = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    pem = service_account()["private_key"]
    token = sign_assertion(EMAIL, pem, key_id="key-1", scope="s", audience="a", at=at)
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    claims = jwt.decode(
        token,
        service_key().public_key(),
        algorithms=["RS256"],
        audience="a",
        options={"verify_exp": False, "verify_iat": False},
    )
    issued = int(at.timestamp())
    assert claims == {"iss": EMAIL, "scope": "s", "aud": "a", "iat": issued, "exp": issued + 3600}


@pytest.mark.parametrize("key", ["", "not a key", "-----BEGIN PRIVATE KEY-----\nx\n"])
def test_a_key_that_is_none_is_named_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sign_assertion(EMAIL, key, key_id="", scope="s", audience="a", at=NOW)
    assert "not a key" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [None, [], {}, {"access_token": ""}, {"access_token": 5}, {"access_token": "a\nb"}]
)
def test_an_answer_without_a_token_is_no_token(body: object) -> None:
    with pytest.raises(ChannelUnavailableError):
        parse_token(body)


def test_a_token_whose_life_is_not_said_is_used_for_a_few_minutes() -> None:
    assert parse_token({"access_token": "t"})[1] == timedelta(minutes=5)
    assert parse_token({"access_token": "t", "expires_in": 10**12})[1] == timedelta(days=1)


@pytest.mark.enable_socket
def test_a_place_that_google_takes_no_more_begins_the_window_again(market: PlayStore) -> None:
    with pytest.raises(BadInputError, match="no more") as caught:
        build(build_on(market)).fetch(NOW - WEEK, NOW, "old-token")
    assert caught.value.field == "cursor"


@pytest.mark.enable_socket
@pytest.mark.parametrize("cursor", ["", "a b", "가", "a\n", "x" * 3000])
def test_a_strange_cursor_is_refused(market: PlayStore, cursor: str) -> None:
    with pytest.raises(BadInputError):
        build(build_on(market)).fetch(NOW - WEEK, NOW, cursor)


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "options", [{"package_name": ""}, {"package_name": "a/../b"}, {"base_url": "ftp://x"}]
)
def test_wrong_options_are_named(market: PlayStore, options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="brand/play"):
        build(build_on(market, options))


@pytest.mark.enable_socket
def test_a_missing_key_is_named(market: PlayStore) -> None:
    with pytest.raises(ConfigurationError, match="private_key"):
        build(build_on(market, credentials={"client_email": EMAIL}))
