from __future__ import annotations

from pathlib import Path

import pytest

from responders.compensation import compensation


@pytest.mark.parametrize(
    "reply",
    [
        "사과의 뜻으로 500,000원을 드리겠습니다.",
        "계좌로 50만원 보내드리겠습니다.",
        "쿠폰을 드리겠습니다. 금액은 500,000원입니다.",
        "오십만 원을 보내드리겠습니다.",
        "약오십만원을 드립니다.",
        "40만~50만원을 드립니다.",
        "₩500,000을 드립니다.",
        "50만 포인트를 넣어 드립니다.",
        "500 000원을 드립니다.",
        "5 0 0,000원을 드립니다.",
        "환불해 드리고 500,000원을 더 드리겠습니다.",
        "환불과 별도로 50만원을 드립니다.",
        "배송비 외에 50만 원을 드립니다.",
        "30만원을 드립니다. 20만원도 드립니다.",
        "50,000원 쿠폰 10장을 드립니다.",
        "5만원권 상품권 열 장을 드립니다.",
        "25만원 할인 쿠폰을 두 번 드립니다.",
        "50만원을 3개월 안에 드립니다.",
        "50만원을 회수 없이 드립니다.",
    ],
)
def test_every_sum_that_is_given_counts(reply: str) -> None:
    assert compensation(reply) == 500_000


@pytest.mark.parametrize(
    ("amount", "won"),
    [
        ("3천원", 3_000),
        ("5백만원", 5_000_000),
        ("50만5천원", 505_000),
        ("1억 2천만 원", 120_000_000),
        ("구 만원", 90_000),
        ("구 만 원", 90_000),
        ("쿠폰이 만원", 10_000),
        ("₩9만", 90_000),
        ("₩90,000", 90_000),
    ],
)
def test_sums_are_read_as_customers_read_them(amount: str, won: int) -> None:
    assert compensation(f"{amount}을 드립니다.") == won


@pytest.mark.parametrize(
    "reply",
    [
        "결제하신 50,000원은 환불해 드립니다.",
        "3만원 이상 주문하시면 배송비가 없습니다.",
        "50,000원 이상 구매하시면 무료로 보내 드립니다.",
        "단순 변심 반품의 배송비는 5,000원이며 환불 금액에서 뺍니다.",
        "마음이 바뀌어 돌려보내시는 경우의 택배 요금은 3,000원입니다.",
        "선물 포장은 한 상자에 2,000원입니다.",
        "상품 가격은 39,000원입니다.",
        "이것만 원하시면 알려 주세요. 3일 원하시는 날에 보내 드립니다.",
        "회원 20명을 지원합니다.",
    ],
)
def test_the_customers_own_money_and_prices_do_not_count(reply: str) -> None:
    assert compensation(reply) == 0


def test_the_demos_manuals_promise_points_and_nothing_else() -> None:
    clauses = [
        line
        for path in sorted((Path(__file__).parents[2] / "demo" / "brands").glob("*/manual/*.md"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("- ")
    ]
    assert len(clauses) > 100
    promising = [clause for clause in clauses if compensation(clause)]
    assert promising == ["- 사진 후기 적립금은 500원, 글 후기 적립금은 200원입니다."]
