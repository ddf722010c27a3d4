from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responders import josa
from responders.josa import Final

CASES = [
    ("환불", "을/를", "환불을"),
    ("교환", "을/를", "교환을"),
    ("배송", "이/가", "배송이"),
    ("사과", "으로/로", "사과로"),
    ("서울", "으로/로", "서울로"),
    ("부산", "으로/로", "부산으로"),
    ("물", "으로/로", "물로"),
    ("3일", "을/를", "3일을"),
    ("7", "을/를", "7을"),
    ("3", "으로/로", "3으로"),
    ("1", "으로/로", "1로"),
    ("8", "으로/로", "8로"),
    ("10", "이/가", "10이"),
    ("100", "은/는", "100은"),
    ("1000", "을/를", "1000을"),
    ("10000", "을/를", "10000을"),
    ("100000000", "을/를", "100000000을"),
    ("6", "은/는", "6은"),
    ("2", "은/는", "2는"),
    ("20", "을/를", "20을"),
    ("3.5", "을/를", "3.5를"),
    ("1,200", "을/를", "1,200을"),
    ("5천원", "을/를", "5천원을"),
    ("50%", "을/를", "50%를"),
    ("500ml", "을/를", "500ml를"),
    ("3kg", "을/를", "3kg을"),
    ("100g", "이/가", "100g이"),
    ("10cm", "은/는", "10cm는"),
    ("A", "을/를", "A를"),
    ("L", "을/를", "L을"),
    ("L", "으로/로", "L로"),
    ("XL", "으로/로", "XL로"),
    ("M", "이/가", "M이"),
    ("N", "은/는", "N은"),
    ("R", "을/를", "R을"),
    ("TV", "을/를", "TV를"),
    ("SK", "이/가", "SK가"),
    ("LG", "을/를", "LG를"),
    ("Cream", "을/를", "Cream을"),
    ("Apple", "을/를", "Apple을"),
    ("Pro", "을/를", "Pro를"),
    ("Market", "이/가", "Market이"),
    ("세럼(50ml)", "을/를", "세럼(50ml)을"),
    ("텀블러(대)", "을/를", "텀블러(대)를"),
    ("고객센터(1522-0000)", "으로/로", "고객센터(1522-0000)로"),
    ("[정품] 텀블러", "은/는", "[정품] 텀블러는"),
    ("영화 <기생충>", "을/를", "영화 <기생충>을"),
    ("쿠션 No.21", "을/를", "쿠션 No.21을"),
    ("1522-0000", "으로/로", "1522-0000으로"),
    ("“배송이 늦어요”", "이라는/라는", "“배송이 늦어요”라는"),
    ("“별로임”", "이라고/라고", "“별로임”이라고"),
    ("정말 별로예요…", "이라고/라고", "정말 별로예요…라고"),
    ("봄날.", "이라고/라고", "봄날.이라고"),
    ("새벽나무", "과/와", "새벽나무와"),
    ("필름길", "과/와", "필름길과"),
    ("그것", "이에요/예요", "그것이에요"),
    ("나무", "이에요/예요", "나무예요"),
    ("😀", "을/를", "😀을(를)"),
]


@pytest.mark.parametrize(("word", "pair", "expected"), CASES)
def test_particle_fits_the_sound_of_the_word(word: str, pair: str, expected: str) -> None:
    assert word + josa.pick(word, pair) == expected


@pytest.mark.parametrize(
    ("word", "pair", "expected"),
    [
        ("갤럭시 S24 5G", "을/를", "갤럭시 S24 5G를"),
        ("4G", "은/는", "4G는"),
        ("5g", "을/를", "5g을"),
        ("15G", "을/를", "15G을"),
        ("500G", "을/를", "500G을"),
        ("1.5G", "을/를", "1.5G을"),
        ("500kcal", "을/를", "500kcal를"),
        ("50dB", "을/를", "50dB을"),
        ("50dB", "으로/로", "50dB로"),
        ("380nm", "을/를", "380nm를"),
        ("10um", "이/가", "10um가"),
        ("10pcs", "을/를", "10pcs를"),
    ],
)
def test_units_and_networks_are_read_by_their_korean_names(
    word: str, pair: str, expected: str
) -> None:
    assert word + josa.pick(word, pair) == expected
    assert josa.find_mistakes(f"{expected} 안내합니다.") == ()


def test_nothing_readable_gives_the_double_form() -> None:
    assert josa.pick("", "은/는") == "은(는)"
    assert josa.final_sound("!!") is Final.UNKNOWN


def test_unknown_pair_is_refused() -> None:
    with pytest.raises(KeyError):
        josa.pick("말", "만/도")


@given(st.text(max_size=40), st.sampled_from(sorted(josa.PAIRS)))
def test_any_text_gets_one_of_the_three_forms(word: str, pair: str) -> None:
    closed, opened = pair.split("/")
    assert josa.pick(word, pair) in {closed, opened, josa.pick("", pair)}


@given(st.text(max_size=80))
def test_looking_for_mistakes_never_fails_and_stays_in_the_text(text: str) -> None:
    for span in josa.find_mistakes(text):
        assert 0 <= span.start < span.end <= len(text)


@given(
    st.sampled_from(["환불", "배송", "새벽나무", "3kg", "교환", "상자", "서울", "1"]),
    st.sampled_from(["을/를", "은/는", "이/가", "과/와", "으로/로"]),
)
def test_what_we_attach_is_never_called_a_mistake(word: str, pair: str) -> None:
    assert josa.find_mistakes(f"{word}{josa.pick(word, pair)} 안내합니다.", ("새벽나무",)) == ()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("환불를 원하시면 알려 주세요.", "를"),
        ("교환와 환불을 안내합니다.", "와"),
        ("배송가 늦어 죄송합니다.", "가"),
        ("서울으로 보내 드립니다.", "으로"),
        ("고객센터(1522-0000)으로 연락 주세요.", "으로"),
        ("불편을(를) 드려 죄송합니다.", "을(를)"),
        ("3kg를 보내 드립니다.", "를"),
        ("새벽나무은 고객님과 함께합니다.", "은"),
        ("남겨 주신 “늦었어요”이라는 말씀", "이라"),
    ],
)
def test_sure_mistakes_are_found(text: str, wrong: str) -> None:
    found = [text[span.start : span.end] for span in josa.find_mistakes(text, ("새벽나무",))]
    assert found == [wrong]


@pytest.mark.parametrize(
    "text",
    [
        "가을에 마을에서 아이가 같은 차이를 느꼈습니다.",
        "결과와 효과는 다르지만 받는 분의 마음은 같습니다.",
        "먹는 방법과 나은 점을 알려 드립니다.",
        "새로 바로 그대로 별로 서로 따로 보내 드립니다.",
        "“배송를 이렇게 하나요”라고 적어 주셨습니다.",
        "평가와 증가, 작가의 참가를 안내합니다.",
    ],
)
def test_good_korean_is_left_alone(text: str) -> None:
    assert josa.find_mistakes(text) == ()
