"""Hiding places are undone, and offsets lead back to what the customer wrote."""

from __future__ import annotations

import unicodedata

import pytest

from sentiment.text import MAX_CHARACTERS, fold, is_blank, is_korean, is_mash, normalise


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ㅅㅣㅂㅏㄹ 환불해", "시발 환불해"),
        ("배\u200b송\u200d이", "배송이"),
        ("시\u0336발\u0336\u0301 최\u20e0악", "시발 최악"),
        ("좋아요\u2800다음에\u3164", "좋아요 다음에"),
        ("ＧＯＯＤ １００％", "good 100%"),
        ("최악ㅠㅠㅠㅠㅠㅠ", "최악ㅠㅠㅠ"),
        ("ㅂㅠㅋㅣ", "뷰키"),
        ("좋아요 ㅠㅠ ㅋㅋ", "좋아요 ㅠㅠ ㅋㅋ"),
        ("<p>별로</p><br/>요", "별로 요"),
        ("가\n\t 나", "가 나"),
        ("\ud800좋음\x00", "좋음"),
    ],
)
def test_texts_are_read_without_hiding_places(written: str, read: str) -> None:
    assert normalise(written) == read


def test_decomposed_hangul_is_joined() -> None:
    assert normalise("\u1107\u1162\u1109\u1169\u11bc") == "배송"


def test_spans_lead_back_to_the_original() -> None:
    text = "어 ㅅㅣ\u200bㅂㅏㄹ 진짜"
    folded = fold(text)
    at = folded.text.index("시발")
    span = folded.span(at, at + 2)
    assert text[span.start : span.end] == "ㅅㅣ\u200bㅂㅏㄹ"


@pytest.mark.parametrize("text", ["환불 안 해줘요", "펑 터졌어요", "각각 또 깨짐", "ㅋㅋ 왜 안 와"])
def test_decomposed_hangul_folds_like_composed(text: str) -> None:
    written = unicodedata.normalize("NFD", text)
    folded = fold(written)
    assert folded.text == text
    end = folded.span(0, len(text) - 1).end
    assert unicodedata.normalize("NFC", written[:end]) == text[:-1]


def test_plain_text_folds_onto_itself() -> None:
    folded = fold("배송 ABC")
    assert folded.text == "배송 abc"
    assert folded.span(0, 2).end == 2


def test_long_texts_keep_both_ends() -> None:
    read = normalise("시작 " + "가나 " * MAX_CHARACTERS + " 끝")
    assert read.startswith("시작")
    assert read.endswith("끝")
    assert len(read) <= MAX_CHARACTERS + 1


@pytest.mark.parametrize("end", ["끝이에요", "끝ㅣ에ㅇㅛ\u200b"])
def test_words_at_both_ends_of_a_very_long_text_are_found_in_place(end: str) -> None:
    text = "시작이에요 " + "가나 다라 마바 " * MAX_CHARACTERS + end
    folded = fold(text)
    assert len(folded.text) <= MAX_CHARACTERS + 1
    first = folded.span(0, 5)
    assert text[first.start : first.end] == "시작이에요"
    last = folded.span(folded.text.index("끝"), len(folded.text))
    assert text[last.start : last.end] == end
    assert folded.span(len(folded.text), len(folded.text)).end == len(text)


def test_blank_foreign_and_mashed_texts_are_told_apart() -> None:
    assert is_blank(normalise("ㅋㅋㅋ!!"))
    assert not is_blank(normalise("ㅅㅂ"))
    assert not is_blank(normalise("ㅗㅗ"))
    assert not is_korean(normalise("very good"))
    assert is_korean(normalise("Galaxy S23 케이스 좋아요"))
    assert is_mash(normalise("ㅁㄴㅇㄹㅎ"))
    assert not is_mash(normalise("굿굿"))


@pytest.mark.parametrize("text", ["가가가가가가", "가 가 가 가", "하하하하ㅋㅋ", "아아아아!!"])
def test_a_syllable_that_says_nothing_is_noise_however_often(text: str) -> None:
    assert is_mash(normalise(text))


@pytest.mark.parametrize(
    "text", ["굿 굿 굿 굿", "짱짱짱짱", "네 네 네 네", "하하", "하하하 좋아요"]
)
def test_a_word_said_over_and_over_is_a_word(text: str) -> None:
    assert not is_mash(normalise(text))


@pytest.mark.parametrize("text", ["얼마ㅣㄴㅇ러ㅣㅏㄴㅇ", "며13ㅈㅏㅜㅗㅡㅅㅁ뵈83ㅂㄴ포ㅑ9"])
def test_jamo_strewn_over_every_word_are_noise(text: str) -> None:
    assert is_mash(normalise(text))


@pytest.mark.parametrize(
    "text",
    [
        "예쁜 ㄴ ㅐ 용 ㅇ ㅣ 좋ㅇ ㅏ ~~",
        "와ㅏㅏㅏㅇㅇㅇ유",
        "환불해줘 ㅁㄴㅇㄹㅣㅏㅗㅓㅑ",
        "ㅗㅗ 별로ㅠㅠㅓㅓ",
    ],
)
def test_letters_that_mean_something_stay_a_text(text: str) -> None:
    assert not is_mash(normalise(text))


@pytest.mark.parametrize("between", ["", " ", "\n", "ㅋㅋ "])
def test_what_was_pasted_over_and_over_is_read_once(between: str) -> None:
    text = "배송이 너무 늦어서 환불했어요."
    for copies in (2, 20, 200):
        pasted = (text + between) * copies
        assert normalise(pasted) == (text + between).strip()
    assert normalise(((text + between) * 20)[:-5]) == (text + between).strip()


def test_what_follows_a_long_paste_is_read() -> None:
    read = normalise("배송이 너무 늦어요. " * 400 + "먹고 병원에 갔어요.")
    assert read.endswith("먹고 병원에 갔어요.")


@pytest.mark.parametrize(
    "text",
    [
        "굿 굿 굿 굿",
        "좋아요 좋아요 좋아요",
        "배송이 너무 늦어요 그래도 배송이 너무 늦어요 하면 죄송하대요",
    ],
)
def test_what_is_said_with_emphasis_stays(text: str) -> None:
    assert normalise(text) == text


def test_what_masking_wrote_is_a_blank_unless_others_see_it() -> None:
    assert normalise("[이름]입니다. [전화번호]로 주세요") == "ㅇㅇㅇ입니다. ㅇㅇㅇ로 주세요"
    assert normalise("[수정] 남의 [전화번호]") == "[수정] 남의 [전화번호]"
    assert normalise("[수정] 좋아요") == "[수정] 좋아요"
