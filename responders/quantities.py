"""Numbers with a unit in Korean sentences: periods, fees, shares, clock times, sizes.

Two uses: to see that two clauses of a manual say different things about one matter, and to see
that a reply names a number which nothing supports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_UNITS = {
    "시간": ("period", "시간"),
    "일": ("period", "일"),
    "영업일": ("period", "영업일"),
    "주": ("period", "주"),
    "주일": ("period", "주"),
    "개월": ("period", "개월"),
    "달": ("period", "개월"),
    "년": ("period", "년"),
    "원": ("money", "원"),
    "%": ("share", "%"),
    "퍼센트": ("share", "%"),
    "시": ("clock", "시"),
    "분": ("minutes", "분"),
}
_YEAR_DIGITS = 4
_DAYS = {"일": 1, "주": 7, "개월": 30, "년": 360}
_SCALES = {"": 1, "천": 1_000, "만": 10_000}
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_QUANTITY = re.compile(
    rf"(?<![\d월A-Za-z.,-])(?<!월 )(?P<low>{_NUMBER})(?:\s?[~∼-]\s?(?P<high>{_NUMBER}))?\s?"
    rf"(?P<scale>[만천]?)\s?(?:(?P<rest>\d)천\s?)?"
    r"(?P<unit>영업일|시간|개월|주일|퍼센트|℃|도(?![가-힣])|ml|mL|kg|cm|mm|[gLWV]|개입|인용|[일주달년원%시분])"
    r"(?!째|반(?!품))"
)
NAMED_DAYS = {
    "하루": 1,
    "이틀": 2,
    "사흘": 3,
    "나흘": 4,
    "닷새": 5,
    "일주일": 7,
    "열흘": 10,
    "보름": 15,
}
"""Numbers of days that have a name."""
_WORDS = NAMED_DAYS | {"한 달": 30, "한달": 30, "두 달": 60}
_WORD = re.compile("|".join(_WORDS))
_SENTENCE = re.compile(r"[^.!?\n]+(?:\.(?=\d)[^.!?\n]+)*[.!?]?")

_ACTIONS = re.compile(
    r"반품|교환|환불|취소|출고|발송|배송비|도착|배송|재입고|입고|답변|회신|수거|회수|보증|수리|보관|소비기한|"
    r"유통기한|보상|적립|할인|쿠폰|해지|건너뛰|재발송|품절|탈퇴|포장"
)
_QUALIFIERS = re.compile(
    r"단순\s?변심|불량|파손|하자|오배송|변질|제주|도서|산간|해외|새벽|일반|왕복|편도|냉장|냉동|실온|상온|신선|식품|"
    r"가전|주방|정기|예약|회원|첫\s?구매|카드|계좌|무통장|휴대|개봉|미개봉|평일|주말|토요일|일요일|공휴일|"
    r"이상|미만|초과|이하|무료|최대|최소|명절|선물|대량|추가|이후|이전|조리|해동|영업일"
)
_SUBJECT = re.compile(r"^(.{1,30}?)(?:은|는)\s")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit.

    Attributes:
        text: As written: ``3천원``.
        unit: What is measured (``period``, ``money``, ``share``, ``clock``, or the unit itself).
        value: The same for equal amounts: ``3000원``, ``7일`` for ``일주일``.
        about: What it is said of (action and conditions); empty when that is not clear.
    """

    text: str
    unit: str
    value: str
    about: tuple[str, ...]


@lru_cache(maxsize=4096)
def quantities(text: str, *, as_fact: bool = False) -> tuple[Quantity, ...]:
    """Give the quantities of ``text`` in order.

    Args:
        text: Sentences.
        as_fact: Read as product facts: a quantity belongs to the sentence's subject and the word
            before it, not to an action.
    """
    found: list[Quantity] = []
    for sentence in _SENTENCE.finditer(text):
        words = sentence[0].strip()
        for match in _QUANTITY.finditer(words):
            if match["unit"] == "년" and len(match["low"]) == _YEAR_DIGITS:
                continue
            unit, value = _value(match)
            about = _about(words, match.start(), match.end(), as_fact=as_fact)
            found.append(Quantity(match[0], unit, value, about))
        for match in _WORD.finditer(words):
            about = _about(words, match.start(), match.end(), as_fact=as_fact)
            found.append(Quantity(match[0], "period", f"{_WORDS[match[0]]}일", about))
    return tuple(found)


def _value(match: re.Match[str]) -> tuple[str, str]:
    dimension, unit = _UNITS.get(match["unit"], (match["unit"], match["unit"]))
    scale = _SCALES[match["scale"]]
    amounts = [
        float(number.replace(",", "")) * scale + int(match["rest"] or 0) * 1_000
        for number in (match["low"], match["high"])
        if number
    ]
    if unit == "시간" and all(amount % 24 == 0 for amount in amounts):
        amounts, unit = [amount / 24 for amount in amounts], "일"
    if unit in _DAYS:
        amounts, unit = [amount * _DAYS[unit] for amount in amounts], "일"
    return dimension, "~".join(f"{amount:.10g}" for amount in amounts) + unit


def _about(sentence: str, start: int, end: int, *, as_fact: bool) -> tuple[str, ...]:
    subject = _SUBJECT.match(sentence)
    if as_fact:
        before = sentence[:start].split()
        return (subject[1], before[-1] if before else "") if subject else ()
    action = _action(sentence, start, end)
    if action is None:
        return (subject[1],) if subject else ()
    conditions = {found[0].replace(" ", "") for found in _QUALIFIERS.finditer(sentence)}
    if action == "배송비":
        conditions |= {found[0] for found in _ACTIONS.finditer(sentence)}
    return (action, *sorted(conditions - {action}))


def _action(sentence: str, start: int, end: int) -> str | None:
    """The action a quantity limits: the next one named after it, else the last one before."""
    if after := _ACTIONS.search(sentence, end):
        return after[0]
    before = _ACTIONS.findall(sentence[:start])
    return str(before[-1]) if before else None
