from __future__ import annotations

import pytest

from responders.asking import only_asks


@pytest.mark.parametrize(
    "text",
    [
        "반품 보낸 지 이틀 됐는데 환불은 보통 며칠 걸려요?",
        "주문한 상품 언제 오나요?",
        "3일 전에 주문했는데 언제 도착하나요?",
        "후기 썼는데 적립금은 언제 주시나요",
        "재입고 알림은 어디서 신청하죠?",
        "불량이면 교환되나요?",
        "배송 중에 깨지면 어떻게 되나요?",
        "안녕하세요. 교환하고 싶은데 어디로 보내면 되나요?",
        "주문 취소 부탁드립니다. 잘못 눌렀어요",
        "두 번 주문한 것 같은데 하나만 취소해 주세요",
    ],
)
def test_who_tells_of_nothing_wrong_only_asks(text: str) -> None:
    assert only_asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "뚜껑이 깨졌는데 어떻게 하나요?",
        "왜 아직도 안 와요?",
        "오늘 온다더니 안 왔어요. 언제 와요?",
        "박스가 왜 찢어져 있나요?",
        "상한 것 같은데 먹어도 될까요?",
        "손잡이가 헐거운데 교환 되나요?",
        "한 달 썼는데 칠이 벗겨져요. 교환되나요?",
        "결제가 두 번 됐는데 취소되나요?",
        "환불 신청한 지 2주가 지났는데 언제 입금되나요?",
        "이런 걸 팔아도 되는 건가요?",
        "환불해 주세요",
        "최악이네요. 언제 환불되나요?",
        "",
    ],
)
def test_who_tells_of_something_wrong_or_reproaches_does_not_only_ask(text: str) -> None:
    assert not only_asks(text)
