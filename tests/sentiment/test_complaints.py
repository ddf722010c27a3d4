"""Words show categories and severity; words that only sound dreadful do not."""

from __future__ import annotations

import pytest

from domain.types import ComplaintCategory, Severity
from sentiment.complaints import (
    blamed_in_passing,
    decide_categories,
    decide_severity,
    find_categories,
    find_severity,
)
from sentiment.text import fold


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("배송이 너무 늦어요", "delivery"),
        ("결제했는데 품절이래요", "stock"),
        ("화면이 깨져서 왔어요", "defect"),
        ("마감이 조잡해요", "quality"),
        ("사진이랑 색이 달라요", "mismatch"),
        ("환불을 안 해줘요", "return_refund"),
        ("상담원이 불친절해요", "service"),
        ("이 가격에 사기엔 비싸요", "price"),
        ("포장이 엉망이에요", "packaging"),
        ("벌레가 나왔어요", "safety"),
    ],
)
def test_words_show_the_category(text: str, category: str) -> None:
    assert ComplaintCategory(category) in find_categories(fold(text))


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("먹고 식중독 걸려서 응급실 갔어요", Severity.CRITICAL),
        ("소비자원에 신고하겠습니다", Severity.CRITICAL),
        ("방송국에 제보할게요", Severity.CRITICAL),
        ("지역신문에제보합니다", Severity.CRITICAL),
        ("사진이 실제보다 크게 나온 건가요?", Severity.NORMAL),
        ("이제보니 좋네요", Severity.NORMAL),
        ("어제보다 가격이 내렸던데 차액 환불되나요?", Severity.NORMAL),
        ("제 전화번호가 다른 사람에게 노출됐어요", Severity.CRITICAL),
        ("환불을 거부하네요", Severity.HIGH),
        ("색이 별로예요", Severity.NORMAL),
        ("벌레 나올까 걱정했는데 깨끗해요", Severity.NORMAL),
        ("두드러기 없이 잘 써요", Severity.NORMAL),
        ("샐러드에서 벌레가 나왔어요", Severity.HIGH),
        ("식빵에 곰팡이가 피었어요", Severity.HIGH),
        ("구두 신고 나갔는데 굽이 부러졌어요", Severity.NORMAL),
        ("분실신고했는데 답이 없어요", Severity.NORMAL),
        ("배우 연기가 어색해요", Severity.NORMAL),
        ("밥솥에서 연기가 났어요", Severity.CRITICAL),
        ("고소한 맛이 없어요", Severity.NORMAL),
        ("사장을 고소하겠습니다", Severity.CRITICAL),
        ("이상한 걸 보내셨네요", Severity.NORMAL),
        ("두통샀는데 효과가 없어요", Severity.NORMAL),
        ("여행 가방 바퀴가 안 굴러요", Severity.NORMAL),
        ("상담원을 죽여버리고 싶네요", Severity.CRITICAL),
        ("상담원이 불친절해서 탈퇴합니다", Severity.NORMAL),
        ("두 번째 구매인데 작아졌어요", Severity.NORMAL),
        ("네 번째 고장이에요", Severity.HIGH),
        ("환불해 준다더니 포인트로 넣어줬어요", Severity.NORMAL),
        ("볶음밥에서 머리카락이 나왔어요", Severity.NORMAL),
        ("고기가 상했어요", Severity.HIGH),
        ("맛은 예상했던 그대로예요", Severity.NORMAL),
        ("응대 때문에 기분이 상했어요", Severity.NORMAL),
    ],
)
def test_words_raise_the_severity(text: str, severity: Severity) -> None:
    assert find_severity(fold(text))[0] is severity


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("락스 냄새네요", "defect"),
        ("오픈하자마자 품절이래요", "defect"),
        ("배달비가 비싸요", "delivery"),
        ("이상한 게 왔어요", "safety"),
        ("퍼즐 한 조각이 없어요", "safety"),
    ],
)
def test_words_that_only_sound_alike_show_no_category(text: str, category: str) -> None:
    assert ComplaintCategory(category) not in find_categories(fold(text))


def test_a_complaint_always_has_a_category() -> None:
    (finding,) = decide_categories(fold("진짜 실망이네요"), {}, None)
    assert finding.category is ComplaintCategory.OTHER
    assert finding.span is not None


def test_without_tags_the_words_decide() -> None:
    assert decide_severity(fold("환불을 거부하네요"), {}, None)[0] is Severity.HIGH


def test_the_words_of_the_worst_clause_are_shown_before_the_same_in_praise() -> None:
    text = "배송도 빠르고 좋았는데 이번엔 배송이 너무 늦네요 최악"
    worst = (text.index("이번엔"), len(text))
    (finding,) = decide_categories(fold(text), {}, worst)
    assert finding.span is not None
    assert text[finding.span.start : finding.span.end] == "배송이"
    (finding,) = decide_categories(fold(text), {}, (len(text) - 2, len(text)))
    assert finding.span is not None
    assert text[finding.span.start : finding.span.end] == "배송도"


NOTHING_BLAMED = {category.value: 0.01 for category in ComplaintCategory}


def test_praise_that_blames_nothing_gets_no_category() -> None:
    tags = NOTHING_BLAMED | {"packaging": 0.1}
    assert blamed_in_passing(fold("포장도 배송도 무난합니다"), tags, None) == ()
    assert blamed_in_passing(fold("포장도 배송도 무난합니다"), {}, None) == ()


def test_praise_that_blames_one_thing_shows_its_words() -> None:
    tags = NOTHING_BLAMED | {"packaging": 0.9}
    text = "맛은 최고인데 포장이 뜯겨 왔어요"
    (found,) = blamed_in_passing(fold(text), tags, None)
    assert found.category is ComplaintCategory.PACKAGING
    assert found.span is not None
    assert text[found.span.start : found.span.end] == "포장이"
