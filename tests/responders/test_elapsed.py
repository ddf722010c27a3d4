from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responders.elapsed import days_allowed, days_passed

WRITTEN = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("산 지 두 달 됐어요", 60),
        ("받은 지 20일 지났는데요", 20),
        ("두 달 썼는데 갈라졌어요", 60),
        ("산 지 한 달 반쯤 됐는데 녹이 슬어요", 45),
        ("한달 반 썼어요", 45),
        ("6주 전에 샀고 오늘 부러졌어요", 42),
        ("석 달 전에 구매했는데", 90),
        ("두 달 전에 선물 받은 건데", 60),
        ("육 개월 썼어요", 180),
        ("일주일 전에 받은 빵인데", 7),
        ("두 달 만에 갈라졌어요", 60),
        ("두세 달 쓰니까 벗겨져요", 60),
        ("1년 반 썼는데", 547.5),
        ("산 지 백일 됐는데", 100),
        ("구매하고 3개월 지나니까 손잡이가 이래요", 90),
        ("전에 쓰던 건 5년 썼는데 이건 일주일 만에 갈라졌어요", 7),
        ("작년에는 1년 썼는데 새로 온 건 일주일 만에 갈라졌어요", 7),
        ("두 달 썼는데 또 고장 났어요", 60),
        ("두 달 만에 다시 고장 났어요", 60),
        ("두 달 썼는데 다시는 안 사요", 60),
        ("두 달 썼는데 이건 좀 너무하네요", 60),
        ("두 달 전에 샀는데 이제야 뜯어 보니 깨져 있어요", 60),
        ("두 달 썼는데 이번 주에 깨졌어요", 60),
        ("석 달 썼는데 이번에 손잡이가 떨어졌어요", 90),
        ("두 달 썼는데 이건 불량 아닌가요", 60),
        ("두 달 썼는데 깨져서 오늘 배송비 내고 보냈어요", 60),
    ],
)
def test_a_length_of_time_since_buying_is_read(text: str, days: float) -> None:
    assert days_passed(text) == days


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("반년도 안 됐는데 칠이 다 벗겨졌어요", 90, 180),
        ("한 달도 안 돼서 고장났어요", 14, 30),
        ("일년 좀 넘었는데 너무 빨리 고장나네요", 365, 500),
        ("한 달 넘게 사용 중인데", 30, 60),
    ],
)
def test_what_is_not_quite_or_more_than_a_time_is_on_its_side_of_it(
    text: str, least: float, most: float
) -> None:
    assert least < days_passed(text) < most


@pytest.mark.parametrize(
    ("text", "last_day"),
    [
        ("작년에 산 도마가 갈라졌어요", date(2025, 12, 31)),
        ("작년 봄에 산 밥솥인데", date(2025, 5, 31)),
        ("재작년 겨울에 구입한", date(2025, 2, 28)),
        ("지난 여름에 구매한", date(2026, 8, 31)),
        ("올봄에 샀는데", date(2026, 5, 31)),
        ("올해 초에 산 건데", date(2026, 3, 31)),
        ("3월에 산 프라이팬", date(2026, 3, 31)),
        ("12월에 산 프라이팬", date(2025, 12, 31)),
        ("지난 설에 구매한 팬인데", date(2026, 2, 28)),
        ("작년 추석 때 샀는데", date(2025, 10, 31)),
        ("2024년 2월에 주문한", date(2024, 2, 29)),
    ],
)
def test_a_date_is_as_late_as_it_can_be(text: str, last_day: date) -> None:
    assert days_passed(text, WRITTEN) == (WRITTEN - last_day).days
    assert days_passed(text) == 0


@pytest.mark.parametrize(
    "text",
    [
        "어제 샀어요",
        "산 지 얼마 안 됐는데",
        "배송이 두 달 걸렸어요",
        "두 달째 답이 없어요",
        "주문한 지 두 달 됐는데 안 와요",
        "2주 전에 문의했는데 답을 못 받았어요",
        "2주 전에 환불 신청했는데 돈을 못 받았어요",
        "이틀 만에 7900원으로 내렸네요",
        "3개월 할부로 샀어요",
        "한 달 안에 쓰라는데",
        "유통기한 3월까지인 걸 받았어요",
        "11월에 샀는데",
        "12월 신상이라 샀는데",
        "여름 이불을 샀는데",
        "설 선물로 주문했는데",
        "겨울에 쓰려고 샀는데",
        "작년에 샀을 때는 맛있었는데 이번 건 별로",
        "두 달 전에 사고 좋아서 또 샀는데 깨졌어요",
        "10년 쓴 도마 버리고 어제 샀는데 벌써 갈라졌어요",
        "3년 동안 먹었는데 이번 건 상했어요",
        "3년 동안 먹었는데 이번에 상한 게 왔어요",
        "쓰던 도마는 5년 썼는데 이건 받자마자 갈라졌어요",
        "2년 만에 재구매했는데 깨져서 왔어요",
        "2년 만에 다시 샀는데 깨져서 왔어요",
        "쓰던 건 5년 썼는데 새 건 바로 깨졌어요",
        "두 달 전에 예약 주문한 게 이제야 왔는데 깨져 있어요",
        "두 달 전에 만든 걸 받았네요",
        "2025년형 밥솥을 어제 구매했어요",
        "2025년산 쌀을 받았는데 벌레가 있어요",
        "작년 재고를 받았어요",
        "작년 모델을 받았어요",
        "12월에 배송된다는데 너무 늦어요",
        "12월에 도착 예정이라는데 너무 늦어요",
    ],
)
def test_no_other_time_is_taken_for_it(text: str) -> None:
    assert days_passed(text, WRITTEN) == 0


@pytest.mark.parametrize(
    ("clause", "days"),
    [
        ("구입 후 1년 안의 고장은 무상으로 수리해 드립니다.", 365),
        ("받으신 날부터 14일 안에 반품하실 수 있습니다.", 14),
        ("교환은 수령일로부터 한 달 이내에 신청하실 수 있습니다.", 30),
        ("선물의 반품 가능 기간은 받으신 날부터 14일입니다.", 14),
        ("반품 신청은 도착 후 7일 안에 고객센터로 해 주시면 됩니다.", 7),
        ("교환은 상품 도착 후 7일 이내에 신청하실 수 있습니다.", 7),
        ("반품은 상품 도착 후 7일 안에 접수하시면 환불해 드립니다.", 7),
        ("구입 후 1년간 무상 수리해 드립니다.", 365),
        ("전자제품은 구입일로부터 2년까지 보증합니다.", 730),
        ("불량은 받으신 날부터 30일까지 교환해 드립니다.", 30),
        ("상품을 받고 7일 안에 반품하실 수 있습니다.", 7),
        ("교환은 상품이 도착한 날부터 3일 안에 새 상품을 보내 드립니다.", 0),
        ("환불은 상품이 물류센터에 도착한 날부터 3일 안에 해 드립니다.", 0),
        ("환불은 회수한 상품이 물류센터에 들어온 날부터 영업일 3일 안에 해 드립니다.", 0),
        ("수리 상품은 택배로 회수해 도착일부터 영업일 7일 안에 보내 드립니다.", 0),
        ("환불은 반품 상품이 도착한 날부터 3일 안에 처리해 드립니다.", 0),
    ],
)
def test_for_how_long_a_clause_holds_is_read(clause: str, days: float) -> None:
    assert days_allowed(clause) == days


@given(
    st.text(alphabet="0123456789 한두반년달월주일에전산받썼넘도안됐작올봄겨울초.", max_size=30),
    st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31)),
)
def test_any_text_gives_days(text: str, written: date) -> None:
    assert days_passed(text, written) >= 0
    assert days_allowed(text) >= 0
