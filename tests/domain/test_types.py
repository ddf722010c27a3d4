from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.types import (
    KOREAN_NAMES,
    Analysis,
    ComplaintCategory,
    DraftReply,
    DraftSentence,
    FeedbackKind,
    Intent,
    LengthUnit,
    ReplyRules,
    Sentiment,
    Severity,
    SourceKind,
    is_left_of,
    same_reply,
)

if TYPE_CHECKING:
    from enum import StrEnum

texts = st.text("가나다 ab\n\t.!", max_size=30)


def test_a_reply_is_the_same_however_the_channel_spaced_it() -> None:
    assert same_reply("안녕하세요.\n\n감사합니다.", " 안녕하세요. 감사합니다. ")


@pytest.mark.parametrize(
    "typed",
    ["\u1100\u1161\u11b7\u1109\u1161\u1112\u1161\u11b8\u1102\u1175\u1103\u1161.", "\uf90a 대표"],
)
def test_a_reply_is_the_same_however_its_letters_are_composed(typed: str) -> None:
    # Typed on a Mac, or one of the Chinese characters that Korean keyboards have twice.
    assert same_reply(typed, unicodedata.normalize("NFC", typed))


@pytest.mark.parametrize(
    "stored",
    [
        "&lt;3 A&amp;B &quot;감사&quot;😀",
        '<3\xa0A&B\u200b "감사"',
        '<3 A&B "감사"😀\ufe0f\u200d🙏',
    ],
)
def test_a_reply_is_the_same_escaped_and_without_emoji(stored: str) -> None:
    assert same_reply('<3 A&B "감사"😀', stored)


def test_another_word_is_another_reply() -> None:
    assert not same_reply("감사합니다.", "감사했습니다.")
    assert not same_reply("감사합니다.", "감사합니다?")
    assert not same_reply("😀", "👍")
    assert not same_reply("😀", "")


def test_what_a_channel_left_of_a_reply_is_told_from_somebody_elses() -> None:
    reply = "안녕하세요, 고객님. 늦어서 죄송합니다 😀 바로 보내 드릴게요."
    assert is_left_of("안녕하세요, 고객님. 늦어서 죄송합니다...", reply)
    assert is_left_of(reply.replace("😀", "??"), reply)
    assert not is_left_of("안녕하세요, 고객님.", reply), "anybody may have begun so"
    assert not is_left_of("안녕하세요, 고객님. 늦어서 미안합니다.", reply)
    assert not is_left_of("", "")


@given(texts)
def test_spacing_never_matters(text: str) -> None:
    assert same_reply(text, text.replace(" ", "\n ").replace("\t", ""))


@given(texts, texts)
def test_same_reply_has_no_direction(one: str, other: str) -> None:
    assert same_reply(one, other) == same_reply(other, one)


@pytest.mark.parametrize(
    ("rules", "text", "length"),
    [
        (ReplyRules(), "가나다", 3),
        (ReplyRules(), "가😀", 2),
        (ReplyRules(unit=LengthUnit.BYTES), "가나다", 9),
        (ReplyRules(unit=LengthUnit.BYTES, encoding="cp949"), "가나다", 6),
        # What the encoding lacks is sent as a character reference and counts as one.
        (ReplyRules(unit=LengthUnit.BYTES, encoding="cp949"), "😀", len("&#128512;")),
        (ReplyRules(unit=LengthUnit.BYTES), "", 0),
    ],
)
def test_length_is_counted_as_the_channel_counts(rules: ReplyRules, text: str, length: int) -> None:
    assert rules.length_of(text) == length


def test_a_draft_is_its_sentences_in_order() -> None:
    sentences = (
        DraftSentence("안녕하세요.", SourceKind.COURTESY),
        DraftSentence("새벽나무 드림", SourceKind.BRAND),
    )
    assert DraftReply(sentences).text == "안녕하세요.\n새벽나무 드림"


@pytest.mark.parametrize("kind", [FeedbackKind, Sentiment, ComplaintCategory, Severity, Intent])
def test_every_value_has_a_korean_word(kind: type[StrEnum]) -> None:
    assert all(KOREAN_NAMES[value] for value in kind)


def test_only_negative_is_negative() -> None:
    for sentiment in (*Sentiment, None):
        analysis = Analysis(
            sentiment=sentiment,
            score=None,
            probabilities=None,
            categories=(),
            severity=Severity.NORMAL,
            abusive=False,
            intent=Intent.EMPTY,
        )
        assert analysis.is_negative == (sentiment is Sentiment.NEGATIVE)
