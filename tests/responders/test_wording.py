from __future__ import annotations

import pytest

from responders import wording
from responders.wording import contradicts, states_in, things_in


def things(text: str) -> set[str]:
    return {thing for thing, _, _ in things_in(text)}


def test_every_stem_finds_its_thing_and_where_it_stands() -> None:
    for thing, stems in wording._THINGS.items():
        for stem in stems.split("|"):
            text = f"어제 {stem} 했어요"
            assert (f"#{thing}", 3, 3 + len(stem)) in things_in(text), (thing, stem)


SHAPED = [
    ("교환", "치수가 안 맞아서 바꾸고 싶어요"),
    ("기한", "개봉한 뒤 6개월"),
    ("내린값", "어제보다 값이 많이 떨어졌네요"),
    ("단체", "직원 30명이 갑니다"),
    ("식음", "다 식은 피자"),
    ("양", "튀김 양이 예전만 못해요"),
    ("이물", "과자에서 딱딱한 조각이 씹혔어요"),
    ("입고", "이 색은 입고 예정이 있나요"),
    ("품절", "갔더니 다 떨어졌대요"),
    ("샘", "국물이 다 샜어요"),
    ("오배송", "다른 상품이 왔어요"),
    ("이중결제", "카드가 두 번 긁혔어요"),
    ("영업시간", "월요일에도 하나요?"),
    ("배달범위", "역삼동까지 배달 되나요?"),
    ("최소주문", "한 그릇도 배달되나요"),
    ("싸감", "포장 되나요?"),
    ("보증", "구입한 지 2년"),
    ("늦음", "아직 못 받았어요"),
    ("불음", "다 불은 면"),
    ("굿즈", "포스터는 어디서 받나요"),
    ("맡긴수리", "수리를 맡긴 게 언제인데요"),
    ("인원", "열두 명이 갑니다"),
    ("간", "국에 간이 셉니다"),
    ("두번", "두 번 문의했어요"),
    ("누락", "소스가 빠졌어요"),
    ("파손", "컵이 깨졌어요"),
    ("상함", "고기가 상했어요"),
    ("탈", "먹고 체했어요"),
    ("변심", "단순 변심인데요"),
    ("발열", "전기 제품에서 열이 나면"),
    ("피부", "얼굴이 부었어요"),
    ("다침", "손이 긁혀서 상처가 났어요"),
]


@pytest.mark.parametrize(("thing", "text"), SHAPED)
def test_a_shape_finds_its_thing(thing: str, text: str) -> None:
    assert f"#{thing}" in things(text)


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        ("두번", "두 번 신고 발이 아파요"),
        ("누락", "빨았더니 색이 다 빠졌어요"),
        ("오배송", "다음엔 다른 걸로 살게요"),
        ("누락", "색이 마음에 안 들어요"),
        ("누락", "가위 날이 안 들어요"),
        ("누락", "전원이 안 들어와요"),
        ("누락", "세제 냄새가 안 빠져요"),
        ("누락", "유리컵 바닥이 쏙 빠졌어요"),
        ("두번", "넘어질 뻔한 게 한두 번이 아니에요"),
        ("두번", "명절에 두번 시켰는데 영 별로예요"),
        ("이물", "오징어가 손톱만해요"),
        ("다침", "옷에 구멍이 나 있어요"),
        ("변심", "단순변심이라고 하시네요"),
        ("누락", "휴지걸이에 안 들어가요"),
        ("상함", "정말 속상했어요"),
        ("상함", "맛이 이상했어요"),
        ("상함", "예상한 맛이 아니에요"),
        ("상함", "말투에 마음이 상했어요"),
        ("탈", "건전지를 교체했는데도 그래요"),
        ("탈", "도마가 뒤틀렸어요"),
        ("피부", "물을 부었더니 냄새가 나요"),
        ("피부", "하수구 냄새가 올라와요"),
        ("다침", "사과에 상처가 많고 멍이 들었어요"),
        ("다침", "커피가 너무 써요"),
        ("다침", "베이글이 딱딱해요"),
        ("다침", "봉투가 찢어졌어요"),
        ("이물", "손톱깎이가 무뎌요"),
        ("이물", "이불 실밥이 다 풀려요"),
        ("샘", "다 녹아서 물이 흥건해요"),
        ("샘", "이거 새거 맞나요"),
        ("해지", "이제 그만 시키려고요"),
        ("녹음", "해동해서 구웠어요"),
        ("녹음", "국물이 물처럼 싱거워요"),
        ("건너뜀", "김치가 쉬어서 왔어요"),
        ("분실", "하마터면 잃어버릴 뻔했어요"),
    ],
)
def test_the_same_words_for_something_else_are_no_such_thing(thing: str, text: str) -> None:
    assert f"#{thing}" not in things(text)


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        ("누락", "소스가 안 들어 있어요"),
        ("누락", "상품이 하나 안 들어왔어요"),
        ("상함", "반은 상해서 버렸어요"),
        ("상함", "김치가 쉬어서 왔어요"),
        ("탈", "속이 뒤틀려요"),
        ("피부", "입술이 퉁퉁 부었어요"),
        ("피부", "얼굴에 뭐가 올라왔어요"),
        ("다침", "손에서 피가 났어요"),
        ("다침", "피가 계속 나요"),
        ("이물", "빵에서 실밥이 나왔어요"),
        ("이물", "조개에서 나온 철사에 찔렸어요"),
        ("두번", "두 번이나 문의했어요"),
        ("변심", "단순변심 반품입니다"),
        ("샘", "국물이 흥건해요"),
        ("해지", "이제 그만 받고 싶어요"),
        ("녹음", "아이스크림이 물처럼 녹았어요"),
        ("건너뜀", "이번 주는 쉬어도 되나요"),
        ("분실", "택배를 잃어버렸대요"),
    ],
)
def test_close_words_are_that_thing_where_it_is_meant(thing: str, text: str) -> None:
    assert f"#{thing}" in things(text)


def test_every_shape_has_an_example_above_and_every_name_is_known() -> None:
    assert set(wording._SHAPES) == {thing for thing, _ in SHAPED}
    known = {f"#{thing}" for thing in (*wording._THINGS, *wording._SHAPES)}
    assert known >= wording.NARROWING
    assert known >= wording.IMPLIED.keys() | set(wording.IMPLIED.values())


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("반찬은 괜찮은데 음식은 별로예요", "#식음"),
        ("나흘 입고 빨았어요", "#입고"),
        ("손잡이가 떨어졌어요", "#내린값"),
        ("수세미로 문질러도 되나요", "#이물"),
        ("잘못 받으신 상품은", "#늦음"),
        ("주문한 상품 언제 오나요", "#늦음"),
        ("환불은 언제 되나요", "#불음"),
        ("고기는 몇 점 안 되네요", "#고장"),
    ],
)
def test_a_word_that_only_looks_like_a_thing_is_none(text: str, thing: str) -> None:
    assert thing not in things(text)


@pytest.mark.parametrize(
    "text", ["냄새가 나요", "밤새고 왔어요", "설명과 다른 상품이 왔어요", "시간이 없어요"]
)
def test_a_syllable_inside_another_word_is_no_thing(text: str) -> None:
    assert things(text).isdisjoint({"#샘", "#오배송", "#간"}), things(text)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("개봉은 안 했어요", "#개봉전"),
        ("박스도 안 뜯었어요", "#개봉전"),
        ("포장 그대로 있어요", "#개봉전"),
        ("포장을 뜯지 않은 상품은", "#개봉전"),
        ("뜯어서 한 번 써 봤어요", "#개봉후"),
        ("포장을 뜯거나 사용한 상품은", "#개봉후"),
        ("아직 상품준비중이에요", "#출발전"),
        ("발송 전에는 취소하실 수 있습니다", "#출발전"),
        ("조리가 시작되기 전에는", "#출발전"),
        ("오늘 송장 떴던데", "#출발후"),
        ("발송 후에는", "#출발후"),
    ],
)
def test_a_state_is_told_in_customers_words_and_in_manuals(text: str, state: str) -> None:
    assert states_in(text) == {state}
    other = wording._OTHER_SIDE[state]
    assert contradicts(states_in(text), frozenset({other}))
    assert not contradicts(states_in(text), frozenset({state}))


@pytest.mark.parametrize(
    "text",
    [
        "개봉 여부와 관계없이 환불해 드립니다",
        "사용하셨더라도 교환해 드립니다",
        "발송 전에는 취소되고 발송 후에는 취소되지 않습니다",
        "배송이 늦었어요",
    ],
)
def test_what_names_both_sides_or_none_tells_of_no_state(text: str) -> None:
    assert states_in(text) == frozenset()
