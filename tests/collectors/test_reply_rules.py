"""What a reply may be is one answer, for the desk that shows it and the publisher that keeps it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from collectors import CHANNELS
from collectors.reply_rules import account_rules, rules_now
from domain.brands import Account
from domain.errors import ConfigurationError
from domain.types import AnswerState, ReplyRules, named
from responders.publishers import PUBLISHERS
from tests.collectors.conftest import NOW


def account(channel: str, **options: object) -> Account:
    return Account("brand", "shop", channel, writable=True, options=options)


def rules(
    channel: str, native_id: str, extra: dict[str, str] | None = None, **options: object
) -> ReplyRules:
    spec = CHANNELS[channel].spec
    return rules_now(spec, account(channel, **options), native_id, extra or {}, now=NOW)


WING: dict[str, Any] = {"reply_by": "wing"}


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (rules("coupang", "product:1", **WING), AnswerState.OPEN),
        (rules("coupang", "cc:1", {"parent_answer_id": "2"}, **WING), AnswerState.OPEN),
        (rules("coupang", "cc:1", {"needs_confirm": "1"}, **WING), AnswerState.CONFIRM),
        (rules("coupang", "cc:1", {"not_waiting": "1"}, **WING), AnswerState.CLOSED),
        (rules("coupang", "product:1"), AnswerState.BY_HAND),
        (rules("cafe24", "article:1:2", writer="상점"), AnswerState.OPEN),
        (rules("cafe24", "urgent:1", writer="상점"), AnswerState.BY_HAND),
        (rules("cafe24", "urgent:1", writer="상점", user_id="u"), AnswerState.OPEN),
        (rules("elevenst", "qna:1"), AnswerState.OPEN),
        (rules("elevenst", "urgent:1"), AnswerState.BY_HAND),
        (rules("esm", "gmarket:1"), AnswerState.OPEN),
        (rules("esm", "urgent:1"), AnswerState.BY_HAND),
        (rules("app_store", "asc:1"), AnswerState.OPEN),
        (rules("app_store", "rss:1"), AnswerState.BY_HAND),
        (rules("seller_export", "1"), AnswerState.BY_HAND),
        (rules("board", "1"), AnswerState.BY_HAND),
    ],
)
def test_whether_an_item_takes_an_answer_is_said_with_the_reason(
    found: ReplyRules, state: AnswerState
) -> None:
    assert found.state is state
    assert bool(found.state_reason) is (state is not AnswerState.OPEN)


def test_an_account_that_is_not_writable_is_answered_by_hand() -> None:
    spec = CHANNELS["elevenst"].spec
    found = rules_now(spec, Account("brand", "shop", "elevenst"), "qna:1", {}, now=NOW)
    assert found.state is AnswerState.BY_HAND


@pytest.mark.parametrize(("late", "state"), [(0, AnswerState.CLOSED), (-1, AnswerState.OPEN)])
def test_a_deadline_that_closes_the_interface_is_said(late: int, state: AnswerState) -> None:
    found = rules_now(
        CHANNELS["coupang"].spec,
        account("coupang", **WING),
        "cc:1",
        {},
        deadline_at=NOW - timedelta(seconds=late),
        now=NOW,
    )
    assert found.state is state


@pytest.mark.parametrize(
    ("channel", "words"), [("coupang", "고칠 수 없습니다"), ("naver_commerce", "덮어쓰지 않습니다")]
)
def test_what_somebody_else_answered_is_closed(channel: str, words: str) -> None:
    spec = CHANNELS[channel].spec
    found = rules_now(spec, account(channel, **WING), "1", {}, is_answered=True, now=NOW)
    assert found.state is AnswerState.CLOSED
    assert words in found.state_reason


def test_the_accounts_own_limit_is_shown_too() -> None:
    spec = CHANNELS["naver_commerce"].spec
    assert account_rules(spec, account("naver_commerce", reply_max_length=10)).max_length == 10
    for wrong in (0, True, "10", 10**9):
        with pytest.raises(ConfigurationError, match="reply_max_length"):
            account_rules(spec, account("naver_commerce", reply_max_length=wrong))


def test_only_a_channel_that_reads_the_option_has_another_limit() -> None:
    spec = CHANNELS["google_play"].spec
    assert account_rules(spec, account("google_play", reply_max_length=10)).max_length == 350


def test_who_has_seen_that_11st_keeps_them_may_use_all_characters() -> None:
    spec = CHANNELS["elevenst"].spec
    assert account_rules(spec, account("elevenst")).lacking("네 😀뷁😀") == ("😀", "뷁")
    lifted = account("elevenst", beyond_euckr="reference")
    assert account_rules(spec, lifted).lacking("네 😀뷁") == ()


def test_half_a_character_is_stored_nowhere() -> None:
    assert ReplyRules().lacking("네 \ud83d") == ("\ud83d",)


def test_characters_are_named_so_that_a_person_finds_them() -> None:
    assert named("😀—") == "😀(U+1F600), —(U+2014)"
    assert named("\u200b") == "U+200B"
    assert named("가나다", most=2) == "가(U+AC00), 나(U+B098), … (3)"


def test_every_mark_a_publisher_refuses_has_a_state_for_the_desk() -> None:
    read_only = {"elevenst": "urgent:1", "esm": "urgent:1", "app_store": "rss:1"}
    assert read_only.keys() <= PUBLISHERS.keys()
    for channel, native_id in read_only.items():
        assert rules(channel, native_id).state is AnswerState.BY_HAND
