"""What is Naver's alone; the rest is proved by tests/contract."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import bcrypt
import pytest
from hypothesis import given

from collectors.naver_commerce import build, parse_questions, signature
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    OutcomeUnknownError,
    PublicationRefusedError,
)
from responders.publishers.naver_commerce import build as build_publisher
from tests.collectors.conftest import FIXTURES, NOW, MemoryTokens
from tests.collectors.mangling import assert_nothing_is_lost, mangled, totality
from tests.collectors.markets import build_on, target_of
from tests.fakes.marketplace import Fault, On
from tests.fakes.naver_commerce import CLIENT_SECRET, NaverMarket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.base import Build
    from domain.types import ReplyTarget

QNA = json.loads((FIXTURES / "naver_commerce" / "qna.json").read_text(encoding="utf-8"))
INQUIRY = json.loads((FIXTURES / "naver_commerce" / "inq.json").read_text(encoding="utf-8"))
DAY = timedelta(days=1)


@pytest.fixture
def market() -> Iterator[NaverMarket]:
    made = NaverMarket()
    made.start()
    yield made
    made.stop()


def target_on(made: Build, market: NaverMarket) -> ReplyTarget:
    page = build(made).fetch(market.clock.now() - DAY, market.clock.now(), None)
    (item,) = page.items
    return target_of(item)


def test_the_signature_is_right_byte_for_byte() -> None:
    # The vector of the channel reference.
    assert signature("aaaabbbb", "$2a$04$abcdefghijklmnopqrstuu", "1643961623299") == (
        "JDJhJDA0JGFiY2RlZmdoaWprbG1ub3BxcnN0dXVrZ2szSjF5eWRMdmJzd0thbFF6R295cTVLMDhFcEx5"
    )


def test_a_secret_with_stray_bits_signs_like_the_salt_it_stands_for() -> None:
    plain = "$2a$04$abcdefghijklmnopqrstuu"
    assert signature("a", plain[:-1] + "v", "1643961623299") == signature(
        "a", plain, "1643961623299"
    )


@pytest.mark.parametrize("secret", ["", "x", "$2a$04$", "$2a$99$abcdefghijklmnopqrstuu", "비밀"])
def test_a_secret_of_another_form_is_named(secret: str) -> None:
    with pytest.raises(CredentialRejectedError, match="client_secret"):
        signature("aaaabbbb", secret, "1643961623299")


def test_an_answer_whose_text_is_not_shown_is_an_answer_still() -> None:
    body = json.loads(json.dumps(QNA))
    body["contents"][0]["answered"] = True
    item = parse_questions(body, surface="qna", now=NOW).items[0]
    assert len(item.replies) == 1


def test_a_date_without_an_offset_is_korean() -> None:
    item = parse_questions(INQUIRY, surface="inq", now=NOW).items[0]
    assert item.written_at is not None
    assert item.written_at.isoformat() == "2026-11-20T04:05:11.123000+00:00"


@totality
@given(mangled(QNA))
def test_any_qna_answer_is_read_or_refused_by_name(body: object) -> None:
    _is_total(body, "qna")


@totality
@given(mangled(INQUIRY))
def test_any_inquiry_answer_is_read_or_refused_by_name(body: object) -> None:
    _is_total(body, "inq")


def _is_total(body: object, surface: str) -> None:
    try:
        listing = parse_questions(body, surface=surface, now=NOW)
    except LayoutChangedError:
        return
    assert_nothing_is_lost(listing, NOW)
    assert all(item.written_at for item in listing.items)


@pytest.mark.enable_socket
def test_processes_share_one_token_until_it_expires(market: NaverMarket) -> None:
    tokens = MemoryTokens()
    for _ in range(2):
        collector = build(build_on(market, tokens=tokens))
        assert collector.check().ok
    assert market.issued == 1
    market.clock.advance(10_800)
    assert build(build_on(market, tokens=tokens)).check().ok
    assert market.issued == 2


@pytest.mark.enable_socket
def test_a_token_of_other_credentials_is_not_used(market: NaverMarket) -> None:
    tokens = MemoryTokens()
    tokens.tokens["brand/smartstore"] = {
        "access_token": "another store's",
        "expires_at": (market.clock.now() + DAY).isoformat(),
        "made_from": "0" * 32,
    }
    assert build(build_on(market, tokens=tokens)).check().ok
    assert all("another" not in asked.headers.get("authorization", "") for asked in market.journal)


@pytest.mark.enable_socket
def test_a_refused_token_is_asked_for_once_more_and_no_more(market: NaverMarket) -> None:
    collector = build(build_on(market))
    collector.check()
    asked_before = len(market.journal)
    market.break_account("permission")
    with pytest.raises(CredentialRejectedError) as caught:
        collector.fetch(market.clock.now() - DAY, market.clock.now(), None)
    assert caught.value.reason == "permission"
    assert len(market.journal) - asked_before == 3, "question, token, question"


@pytest.mark.enable_socket
def test_a_write_is_never_repeated_with_a_new_token(market: NaverMarket) -> None:
    market.seed("언제 와요?", market.clock.now() - timedelta(hours=1))
    made = build_on(market)
    target = target_on(made, market)
    market.misbehave(Fault.UNAUTHORIZED, 1, On.WRITES)
    with pytest.raises(CredentialRejectedError):
        build_publisher(made).publish(target, "내일 도착합니다.")
    assert [asked.method for asked in market.journal].count("PUT") == 1


@pytest.mark.enable_socket
def test_an_inquiry_answered_in_the_same_moment_is_seen_by_reading(market: NaverMarket) -> None:
    native_id = market.seed("언제 와요?", market.clock.now() - timedelta(hours=1), "inq")
    made = build_on(market, {"surfaces": ["inq"]})
    target = target_on(made, market)
    market.answer_elsewhere(native_id, "동료의 답변입니다.")
    market.lagging = True
    with pytest.raises(OutcomeUnknownError):
        build_publisher(made).publish(target, "내일 도착합니다.")
    market.lagging = False
    with pytest.raises(PublicationRefusedError) as caught:
        build_publisher(made).publish(target, "내일 도착합니다.")
    assert caught.value.code == "answered_elsewhere"
    assert market.stored_replies(native_id) == ["동료의 답변입니다."]


@pytest.mark.enable_socket
def test_a_question_that_cannot_be_read_is_not_taken_for_gone(market: NaverMarket) -> None:
    native_id = market.seed("언제 와요?", market.clock.now() - timedelta(hours=1), "inq")
    made = build_on(market, {"surfaces": ["inq"]})
    target = target_on(made, market)
    market.seed("환불해 주세요", market.clock.now() - timedelta(hours=2), "inq")
    # A date of the answer that nobody can read.
    market.answer_elsewhere(native_id, "동료의 답변입니다.")
    market._of(native_id).answered_at = market.clock.now() + timedelta(days=1)
    with pytest.raises(ChannelUnavailableError):
        build_publisher(made).read_back(target)


@pytest.mark.enable_socket
def test_the_longest_reply_is_an_option(market: NaverMarket) -> None:
    market.seed("언제 와요?", market.clock.now() - timedelta(hours=1))
    made = build_on(market, {"reply_max_length": 10})
    with pytest.raises(PublicationRefusedError):
        build_publisher(made).publish(target_on(made, market), "열 글자보다 긴 답변입니다.")
    with pytest.raises(ConfigurationError):
        build_publisher(build_on(market, {"reply_max_length": "long"}))


@pytest.mark.enable_socket
def test_an_agency_asks_on_behalf_of_a_seller(market: NaverMarket) -> None:
    build(build_on(market, {"account_id": "ncp_1abc"})).check()
    assert b"type=SELLER&account_id=ncp_1abc" in market.journal[0].body
    assert CLIENT_SECRET.encode() not in market.journal[0].body


@pytest.mark.enable_socket
def test_days_are_korean_and_instants_carry_their_offset(market: NaverMarket) -> None:
    collector = build(build_on(market))
    since, until = NOW - DAY, NOW
    page = collector.fetch(since, until, None)
    collector.fetch(since, until, page.next_cursor)
    qnas, inquiries = (asked.params for asked in market.journal if asked.method == "GET")
    assert qnas["fromDate"] == "2026-11-20T21:00:00.000+09:00"
    assert inquiries["startSearchDate"] == "2026-11-20"
    assert inquiries["endSearchDate"] == "2026-11-21"


@pytest.mark.enable_socket
@pytest.mark.parametrize("cursor", ["x", "2:-1:1:-1:0", "0:0:1:-1:0"])
def test_a_strange_cursor_is_refused(market: NaverMarket, cursor: str) -> None:
    with pytest.raises(BadInputError):
        build(build_on(market)).fetch(NOW - DAY, NOW, cursor)


def test_the_library_signs_as_the_vector_was_made() -> None:
    # Version 5 refuses stray bits in a salt, which is why they are taken away first.
    with pytest.raises(ValueError, match=r"[Ss]alt"):
        bcrypt.hashpw(b"x", b"$2a$04$abcdefghijklmnopqrstuv")
