"""How much a reply promises beyond the customer's own money (보상)."""

from __future__ import annotations

import re

from privacy.folding import fold

_DIGITS = "일이삼사오육칠팔구"
_UNITS = {"십": 10, "백": 100, "천": 1_000, "만": 10_000, "억": 100_000_000}
_MYRIAD = _UNITS["만"]
_ANY, _UNIT = _DIGITS + "".join(_UNITS), "".join(_UNITS)
# Short, so that no text keeps it busy. A word that ends like a number is none: ``이것만 원하시면``.
_SUM = re.compile(
    rf"(?:₩\s?(?P<signed>\d[\d,.]{{0,30}}[{_UNIT}]{{0,2}})|"
    rf"(?P<named>(?:\d|(?<![가-힣])(?:[{_UNIT}]|[{_DIGITS}](?=\s[{_UNIT}]))|[{_ANY}](?=[{_UNIT}]))"
    rf"(?:[\d,.\s{_ANY}]{{0,30}}[\d{_UNIT}])?)\s?(?:원(?!하[시신는면])|포인트|KRW|won))",
    re.IGNORECASE,
)
_GAP = re.compile(r"(?<=\d)\s+(?=0|\d{3}(?!\d))")
"""Inside one number: ``500 000``."""
_COUNTS = "한|두|세|네|다섯|여섯|일곱|여덟|아홉|열"
_TIMES = re.compile(
    rf"[^\d,.!?]{{0,15}}?(?P<count>\d{{1,4}}|(?<![가-힣])(?:{_COUNTS}))\s?"
    r"(?:장|매|개(?!월)|회(?![가-힣]*[수사원])|번(?!호))"
)
"""How often a sum is given, said behind it: ``5만원 쿠폰 10장``."""
_TOKEN = re.compile(rf"\d[\d,]*(?:\.\d+)?|[{_ANY}]")

# One thought each: after "we refund it and", or "besides the refund", another sum begins.
_THOUGHTS = re.compile(
    r"(?<=[.!?])\s+|\n|(?<=[하되리][고며]),?\s|(?<=[과와]\s별도로)\s|(?<=[과와]는\s별도로)\s|"
    r"(?<=[과와]\s함께)\s|(?<=외에)\s|(?<=외에도)\s|(?<=대신)\s|(?<=더불어)\s|(?<=더해)\s"
)
_COMPENSATES = re.compile(r"보상|배상|위로금|쿠폰|적립|포인트|할인|상품권|지급")
# The customer's own money, or what something costs.
_OWN = re.compile(
    r"환불|환급|돌려|취소|차액|차감|(?:결제|지불|납부)\s?하(?:신|셨)|"
    r"(?:결제|지불|납부|주문|구매|구입|입금|상품|제품)(?:\s?(?:하신|해\s?주신))?\s?(?:금액|대금|값|액)|"
    r"배송[비료]|택배비|운송비|운임|무료\s?배송|배송[은이]?\s?무료|요금|수수료|비용|"
    r"(?:반품|교환|수거|회수|포장|설치|수리)(?:비|료)|선물\s?포장|가격|정가|판매가|"
    r"(?:이상|미만|이하|초과)\s?(?:을\s?|를\s?)?(?:구매|주문|결제|구입|무료)"
)


def compensation(reply: str) -> int:
    """Give what a reply promises beyond the customer's own money, in won.

    Every sum counts as often as it is given, and they add up, unless its sentence speaks of the customer's own money or of
    a price, and not of giving something.
    """
    return sum(
        _won(found["signed"] or found["named"]) * _times(thought, found.end())
        for thought in _THOUGHTS.split(fold(reply).text)
        if _COMPENSATES.search(thought) or not _OWN.search(thought)
        for found in _SUM.finditer(thought)
    )


def _times(thought: str, end: int) -> int:
    found = _TIMES.match(thought, end)
    if found is None:
        return 1
    word = found["count"]
    return int(word) if word.isdecimal() else _COUNTS.split("|").index(word) + 1


def _won(words: str) -> int:
    """Read ``50,000``, ``5만 5천``, ``오십만``."""
    total, below, number = 0.0, 0.0, 0.0
    for token in _TOKEN.findall(_GAP.sub("", words)):
        if token in _DIGITS:
            number = _DIGITS.index(token) + 1
        elif token not in _UNITS:
            number = float(token.replace(",", ""))
        elif _UNITS[token] < _MYRIAD:
            below, number = below + (number or 1) * _UNITS[token], 0.0
        else:
            total, below, number = total + ((below + number) or 1) * _UNITS[token], 0.0, 0.0
    return int(total + below + number)
