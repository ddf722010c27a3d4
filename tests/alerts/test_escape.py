from __future__ import annotations

import html

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.escape import MORE_IN_CONSOLE, chunks, clean, cut, escape, fit, hide, length, shorten
from domain.types import Span
from tests.alerts.slack_limits import units

# Everything that has a meaning to Slack, to a terminal or to a font.
HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            list("<>&@#!|*_~`:/.\n\r\t\x00\x1b\u202e\u200b\u200d\u0301👨👩👧🇰🇷🏽가힣\u1112\u1161")
        ),
        st.characters(),
        st.characters(categories=["Cs"]),
    ),
    max_size=400,
)


def test_control_characters_overrides_tags_and_surrogates_are_dropped() -> None:
    assert clean("a\x00b\x1b[31m\u202ec\ud800\U000e0041\ufeffd\x9f") == "ab[31mcd"


def test_line_breaks_of_every_kind_become_one_kind_and_do_not_pile_up() -> None:
    assert clean("a\r\nb\rc\u2028d\n\n \n\n\ne") == "a\nb\nc\nd\n\ne"


def test_stacked_marks_are_reduced() -> None:
    assert clean("Z" + "\u0301" * 500) == "Z" + "\u0301" * 4


def test_mentions_links_and_channels_can_no_longer_be_read_as_such() -> None:
    text = fit("<!channel> <@U123> @here #general https://evil.example/x www.evil.kr a@b.co", 3000)
    assert "<" not in text
    assert ">" not in text
    for word in ("@here", "#general", "://", "evil.example", "www.evil", "a@b"):
        assert word not in text
    assert text.replace("\u2060", "").startswith("&lt;!channel&gt; &lt;@U123&gt; @here #general")


def test_ordinary_korean_and_prices_stay_as_they_are() -> None:
    text = "배송이 3.5일 걸렸어요... 12,900원인데 ㅠㅠ 🙏🏽"
    assert fit(text, 3000) == text


def test_long_text_ends_in_a_visible_note_within_the_limit() -> None:
    text = fit("가" * 5000, 3000)
    assert text.endswith(MORE_IN_CONSOLE)
    assert len(text) == 3000


def test_entities_are_never_cut() -> None:
    for size in range(20, 40):
        text = fit("&<>" * 50, size)
        assert units(text) <= size
        assert html.unescape(text.removesuffix(MORE_IN_CONSOLE)).strip("&<>") == ""


def test_an_emoji_family_a_flag_and_a_letter_with_its_marks_stay_whole() -> None:
    family, flag, letter = "👨‍👩‍👧‍👦", "🇰🇷", "\u1112\u1161\u11ab"
    for unit in (family, flag, letter, "👍🏽", "e\u0301"):
        for limit in range(1, 40):
            head, tail = cut(unit * 10, limit)
            assert head + tail == unit * 10
            assert len(head) % len(unit) == 0


def test_an_endless_cluster_is_cut_anyway() -> None:
    head, tail = cut("👩" + "\u200d👩" * 5000, 3000)
    assert length(head) > 2900
    assert tail


def test_a_megabyte_fits() -> None:
    assert units(fit("<&😀 나쁘다\n" * 120_000, 3000)) <= 3000


def test_chunks_hold_the_whole_text_or_say_that_they_do_not() -> None:
    parts, is_whole = chunks("한 줄입니다.\n" * 400, 3000, 2)
    assert is_whole
    assert "".join(parts).count("한 줄입니다.") == 400
    parts, is_whole = chunks("한 줄입니다.\n" * 4000, 3000, 2)
    assert not is_whole
    assert parts[-1].endswith(MORE_IN_CONSOLE)


def test_hidden_words_keep_their_length_and_spaces() -> None:
    assert hide("이 나쁜 놈아 환불", [Span(2, 7), Span(90, 99)]) == "이 ●● ●● 환불"


@settings(derandomize=True, max_examples=300, deadline=None)
@given(HOSTILE, st.integers(min_value=20, max_value=300))
def test_whatever_comes_in_is_short_escaped_and_encodable(text: str, limit: int) -> None:
    ready = fit(text, limit)
    assert units(ready) <= limit
    ready.encode("utf-8")
    assert "<" not in ready
    assert ">" not in ready
    assert escape(html.unescape(ready)) == ready
    assert clean(clean(text)) == clean(text)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(HOSTILE, st.integers(min_value=1, max_value=80))
def test_cutting_loses_nothing(text: str, limit: int) -> None:
    head, tail = cut(text, limit)
    assert head + tail == text
    assert units(escape(head)) <= limit


@settings(derandomize=True, max_examples=200, deadline=None)
@given(HOSTILE)
def test_one_line_is_one_line(text: str) -> None:
    assert "\n" not in shorten(text, 50)
