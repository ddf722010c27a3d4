"""Words are hostile when a person is meant, not when they only sound like a swear word."""

from __future__ import annotations

import pytest

from sentiment import abuse
from sentiment.text import fold

NEGATIVE = 0.95


def words(text: str, score: float = NEGATIVE) -> list[str]:
    return [text[span.start : span.end] for span in abuse.find(fold(text), score)]


@pytest.mark.parametrize(
    "text",
    [
        "이 가격에 이 놈 물건이네요 최고",
        "이놈의 프린터 또 멈췄네",
        "배송이 넘 느려요",
        "밥물이 넘쳐요",
        "산 지 이 년째 잘 써요",
        "2018년산 맞나요",
        "집에 와 보니 미국산이네요",
        "만져보니 미지근해요",
        "유리병 신문지에 싸서 왔어요",
        "귀마개 소리가 다 들려요",
        "새끼손톱만 한 딸기",
        "사장님 상처받지 마세요",
        "화면상 그림과 같아요",
        "아까 6시 8분에 왔어요",
        "착한 남자의 사랑, 착한남자",
        "닥치고 사세요",
        "주전자 주둥이가 막혔어요",
    ],
)
def test_words_that_only_sound_alike_are_not_hostile(text: str) -> None:
    assert words(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("병 신 같은 판매자", "병 신"),
        ("병1신 같은 판매자", "병1신"),
        ("병.신.들", "병.신"),
        ("또 라 이 같은 기사", "또 라 이"),
        ("니미럴 환불해", "니미럴"),
        ("시 발 진짜", "시 발"),
        ("일진새1끼들", "새1끼"),
        ("사장놈 나와", "사장놈"),
        ("이놈들아 환불해", "놈들아"),
        ("닥쳐 사장아", "닥쳐"),
    ],
)
def test_hidden_and_plain_swear_words_are_found(text: str, found: str) -> None:
    assert words(text) == [found]


@pytest.mark.parametrize("text", ["ㅅㅂ 또 품절", "ㅈ같은 로딩 화면", "개같은 지퍼 또 터짐"])
def test_swearing_at_a_thing_is_hostile_only_where_the_model_says_so(text: str) -> None:
    folded = fold(text)
    assert abuse.decide(folded, NEGATIVE, 0.001) == ()
    assert abuse.decide(folded, NEGATIVE, 0.5) != ()


@pytest.mark.parametrize(
    "text", ["판매자 ㅂㅅ이네", "시1발 환불해라", "ㅅㅣㅂㅏㄹ 환불해", "시 발 환불해"]
)
def test_a_disguised_word_needs_no_model(text: str) -> None:
    assert abuse.decide(fold(text), NEGATIVE, 0.001) != ()


@pytest.mark.parametrize(
    "text",
    [
        "착용 시 발 아파요",
        "착용  시 발 아파요",
        "5km 시 발 아파요",
        "착용(1시간) 시 발 저려요",
        "running 시 발 아파요",
        "시 발 볼이 좁아요",
    ],
)
def test_what_hurts_in_wearing_is_no_swearing(text: str) -> None:
    assert abuse.decide(fold(text), NEGATIVE, 0.001) == ()


@pytest.mark.parametrize(
    "text", ["또라이 같은 가성비 굿", "창고를 뒤져서 찾아주심", "이 새끼들 맛집이네"]
)
def test_nobody_is_sworn_at_in_clear_praise(text: str) -> None:
    assert abuse.decide(fold(text), 0.04, 0.0) == ()
    assert abuse.decide(fold(text), 0.04, None) != ()
    assert abuse.decide(fold(text), NEGATIVE, 0.0) != ()


def test_a_disguised_word_is_hostile_also_in_praise() -> None:
    assert abuse.decide(fold("사장님 병1신 ^^ 번창하세요"), 0.04, 0.0) != ()


def test_a_cheer_is_not_hostile() -> None:
    assert words("시1발 눈물나게 맛있다", 0.1) == []
