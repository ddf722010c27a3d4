from __future__ import annotations

import pytest

from responders.quantities import quantities


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3,000원을 뺍니다.", "3000원"),
        ("3천원을 뺍니다.", "3000원"),
        ("2만 5천원 이상", "25000원"),
        ("5만 원 이상", "50000원"),
        ("일주일 안에", "7일"),
        ("1주 안에", "7일"),
        ("48시간 안에", "2일"),
        ("2~3영업일 안에", "2~3영업일"),
        ("3개월 안에", "90일"),
        ("밤 11시까지", "11시"),
        ("10퍼센트 할인", "10%"),
    ],
)
def test_equal_amounts_have_equal_values(text: str, value: str) -> None:
    assert [quantity.value for quantity in quantities(text)] == [value]


def test_dates_and_telephone_numbers_are_no_amounts() -> None:
    assert quantities("2026년 3월 5일에 1522-0000으로 연락 주세요.") == ()


def test_an_amount_belongs_to_the_action_named_after_it() -> None:
    (seven,) = quantities("상품을 받으신 날부터 7일 안에 반품하실 수 있습니다.")
    (fourteen,) = quantities("반품은 상품 수령 후 14일 이내에 접수해 주세요.")
    (three,) = quantities("반품 상품이 도착하면 3일 안에 환불해 드립니다.")
    assert seven.about == fourteen.about == ("반품",)
    assert three.about == ("환불",)


def test_a_condition_makes_it_another_matter() -> None:
    (usual,) = quantities("배송비는 3,000원입니다.")
    (island,) = quantities("제주 배송비는 6,000원입니다.")
    assert usual.about != island.about
