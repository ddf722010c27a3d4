"""What is ESM's alone; the rest is proved by tests/contract."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from collectors.esm import FIELDS, EsmApi, build, own_fields, parse_inquiries, sign_token, token_of
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    LayoutChangedError,
    OutcomeUnknownError,
    PublicationRefusedError,
    RateLimitedError,
    ReputationError,
)
from responders.publishers.esm import build as build_publisher
from tests.collectors.conftest import FIXTURES, NOW
from tests.collectors.mangling import assert_nothing_is_lost, mangled, totality
from tests.collectors.markets import build_on, target_of
from tests.fakes.esm import EsmMarket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.listing import Listing
    from domain.types import CollectedFeedback

DAYS = (date(2026, 11, 17), date(2026, 11, 21))
LIST = json.loads((FIXTURES / "esm" / "gmarket.synthetic.json").read_text(encoding="utf-8"))


@pytest.fixture
def market() -> Iterator[EsmMarket]:
    made = EsmMarket()
    made.start()
    yield made
    made.stop()


def _parsed(body: object) -> Listing:
    return parse_inquiries(body, surface="gmarket", fields=FIELDS, days=DAYS, now=NOW)


def _collected(market: EsmMarket, native_id: str) -> CollectedFeedback:
    now = market.clock.now()
    page = build(build_on(market)).fetch(now - timedelta(days=2), now, None)
    return next(item for item in page.items if item.native_id == native_id)


def test_the_signature_is_right_byte_for_byte() -> None:
    # The vector of the channel reference.
    token = sign_token(
        "master", "secret", issuer="www.example.com", ssi="A:auc,G:gmk", issued_at=1503294000
    )
    assert token == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6Im1hc3RlciJ9."
        "eyJpc3MiOiJ3d3cuZXhhbXBsZS5jb20iLCJzdWIiOiJzZWxsIiwiYXVkIjoic2EuZXNtcGx1cy5jb20iLCJpYXQiOjE"
        "1MDMyOTQwMDAsInNzaSI6IkE6YXVjLEc6Z21rIn0."
        "6tNAdo7SOhFNDNASaKkah21ifsFWcnM08BQf5rpISC4"
    )


def test_names_are_compared_without_capitals_and_tried_in_turn() -> None:
    row = {"messageno": 5, "QnaContents": "질문", "CONTENTS": "", "regdate": "2026-11-20"}
    (item,) = _parsed([row]).items
    assert (item.native_id, item.text) == ("gmarket:5", "질문")
    assert not item.written_at_is_exact


def test_an_inquiry_whose_words_are_not_found_is_kept_aside() -> None:
    row = {"MessageNo": 5, "Words": "질문", "ReceiptDate": "2026-11-20T10:00:00"}
    listing = _parsed([*LIST, row])
    assert len(listing.items) == 2
    assert listing.quarantined[0].field == "contents"
    assert b"Words" in listing.quarantined[0].raw


@pytest.mark.enable_socket
def test_the_operator_can_say_where_the_words_stand(market: EsmMarket) -> None:
    made = build_on(market, {"fields": {"contents": "Words"}})
    row = {"MessageNo": 5, "Words": "질문", "Contents": "다른 것"}
    fields = own_fields(made)
    (item,) = parse_inquiries([row], surface="gmarket", fields=fields, days=DAYS, now=NOW).items
    assert item.text == "질문"


def test_done_without_words_still_counts_as_answered() -> None:
    row = {"MessageNo": 5, "Contents": "질문", "InformStatus": "처리완료"}
    (item,) = _parsed([row]).items
    assert [reply.text for reply in item.replies] == [""]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"resultCode": 3000, "message": "과다 호출"}, RateLimitedError),
        ({"resultCode": 1000, "message": "오류"}, LayoutChangedError),
        ({}, LayoutChangedError),
        ("", LayoutChangedError),
        ([1, 2, 3], LayoutChangedError),
    ],
)
def test_what_is_no_list_has_a_name(body: object, error: type[ReputationError]) -> None:
    with pytest.raises(error):
        _parsed(body)


@totality
@given(mangled(LIST))
def test_any_answer_is_read_or_refused_by_name(body: object) -> None:
    token_of(body, "70001")
    try:
        listing = _parsed(body)
    except ReputationError:
        return
    assert_nothing_is_lost(listing, NOW)


@pytest.mark.enable_socket
def test_today_is_asked_for_until_tomorrow(market: EsmMarket) -> None:
    now = market.clock.now()
    build(build_on(market)).fetch(now - timedelta(days=5), now, None)
    asked = market.journal[0].json()
    assert (asked["startDate"], asked["endDate"]) == ("2026-11-16", "2026-11-22")


@pytest.mark.enable_socket
def test_a_seller_on_one_site_is_asked_about_that_site_only(market: EsmMarket) -> None:
    made = build_on(market, {"auction_id": ""})
    options = {key: value for key, value in made.account.options.items() if key != "surfaces"}
    made = replace(made, account=replace(made.account, options=options))
    assert EsmApi(made).surfaces == ["gmarket"]


@pytest.mark.enable_socket
def test_the_token_is_looked_up_afresh(market: EsmMarket) -> None:
    item = _collected(market, market.seed("언제 와요?", market.clock.now() - timedelta(hours=1)))
    build(build_on(market)).fetch(market.clock.now() - timedelta(days=2), market.clock.now(), None)
    assert build_publisher(build_on(market)).publish(target_of(item), "내일 갑니다.").receipt


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"resultCode": 3000, "message": "과다 호출"}, RateLimitedError),
        ({"resultCode": 9999, "message": "시스템 오류"}, ChannelUnavailableError),
    ],
)
def test_an_error_instead_of_the_list_with_the_token_refuses_nothing(
    market: EsmMarket,
    monkeypatch: pytest.MonkeyPatch,
    told: dict[str, object],
    error: type[ReputationError],
) -> None:
    item = _collected(market, market.seed("언제 와요?", market.clock.now() - timedelta(hours=1)))
    publisher = build_publisher(build_on(market))
    lists = iter([publisher._list(target_of(item)), told])
    monkeypatch.setattr(publisher, "_list", lambda _target: next(lists))
    with pytest.raises(error):
        publisher.publish(target_of(item), "내일 갑니다.")
    assert not market.stored_replies(item.native_id)


@pytest.mark.enable_socket
def test_an_answer_nobody_can_see_is_for_a_person(market: EsmMarket) -> None:
    item = _collected(market, market.seed("언제 와요?", market.clock.now() - timedelta(hours=1)))
    market.answer_elsewhere(item.native_id, "동료의 답변")
    market.hides_answers = True
    publisher = build_publisher(build_on(market))
    with pytest.raises(PublicationRefusedError) as caught:
        publisher.read_back(target_of(item))
    assert caught.value.code == "unreadable"
    with pytest.raises(PublicationRefusedError):
        publisher.publish(target_of(item), "내일 갑니다.")
    assert market.stored_replies(item.native_id) == ["동료의 답변"]


@pytest.mark.enable_socket
def test_an_urgent_notice_is_read_and_handed_to_a_person(market: EsmMarket) -> None:
    fixture = Path(FIXTURES / "esm" / "urgent.synthetic.json")
    market.urgent = json.loads(fixture.read_text(encoding="utf-8"))
    now = market.clock.now()
    page = build(build_on(market, {"surfaces": ["urgent"]})).fetch(
        now - timedelta(days=2), now, None
    )
    (item,) = page.items
    with pytest.raises(PublicationRefusedError) as caught:
        build_publisher(build_on(market)).publish(target_of(item), "내일 회수합니다.")
    assert caught.value.code == "read_only"


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("{}", OutcomeUnknownError),
        ("[]", OutcomeUnknownError),
        ("<html>", OutcomeUnknownError),
        ('{"resultCode": 1000, "message": "오류"}', PublicationRefusedError),
        ('{"resultCode": 3000, "message": "과다 호출"}', RateLimitedError),
        ('{"resultCode": 9999, "message": "처리 중 오류가 발생했습니다."}', OutcomeUnknownError),
    ],
)
def test_a_receipt_is_read_for_what_it_says(
    market: EsmMarket, said: str, error: type[ReputationError]
) -> None:
    item = _collected(market, market.seed("언제 와요?", market.clock.now() - timedelta(hours=1)))
    publisher = build_publisher(build_on(market))
    with pytest.raises(error):
        publisher._settled(target_of(item), "네", said)


@pytest.mark.enable_socket
@pytest.mark.parametrize("cursor", ["", "x", "9:1", "0:2", "0:1\n", "０:1"])
def test_a_strange_cursor_is_refused(market: EsmMarket, cursor: str) -> None:
    with pytest.raises(BadInputError):
        build(build_on(market)).fetch(NOW - timedelta(days=1), NOW, cursor)


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "options",
    [
        {"issuer": ""},
        {"auction_id": "", "gmarket_id": ""},
        {"surfaces": ["reviews"]},
        {"base_url": "ftp://x"},
        {"fields": {"words": "Contents"}},
        {"fields": {"contents": ""}},
        {"fields": "Contents"},
    ],
)
def test_wrong_options_are_named(market: EsmMarket, options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="brand/esm"):
        build(build_on(market, options))
