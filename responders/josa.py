"""Korean particles (조사) after Hangul, digits, units, Latin letters, brackets and quotes.

Why our own module: on a list of 58 word and particle pairs (the table in
``tests/responders/test_josa.py``) the libraries of PyPI got, checked 2026-11: hangeul 0.2.0 51,
hangulpy 1.5.2 50, tossi 0.3.1 (last release 2018) 41, pyjosa 1.0.3 11 with exceptions on digits
and Latin letters. All miss units (``3kg을``) and Latin words (``Cream을``), which product names are
full of; tjosa needs Python 3.12. The rules below get all 58.

Reading rules, where a word can be read in more than one way:

* a bracket that explains the word before it is skipped: ``텀블러(대)를``, ``고객센터(1522-0000)로``
  (국립국어원 온라인가나다: the particle agrees with the word before the bracket);
* quotes and ``<>``, ``《》`` name what is inside, so the particle agrees with the inside;
* digits are read in Sino-Korean, capital letters by their names, units after a digit by theirs.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from domain.types import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Final(Enum):
    """How a word ends when it is read aloud."""

    OPEN = "open"
    RIEUL = "rieul"
    CLOSED = "closed"
    UNKNOWN = "unknown"


_HANGUL_FIRST = 0xAC00
_HANGUL_LAST = 0xD7A3
_FINALS = 28
_RIEUL = 8

_DIGITS = {
    "0": Final.CLOSED,  # 영, 십, 백, 천, 만, 억: all end closed
    "1": Final.RIEUL,
    "2": Final.OPEN,
    "3": Final.CLOSED,
    "4": Final.OPEN,
    "5": Final.OPEN,
    "6": Final.CLOSED,
    "7": Final.RIEUL,
    "8": Final.RIEUL,
    "9": Final.OPEN,
}
_LETTER_NAMES = {"L": Final.RIEUL, "R": Final.RIEUL, "M": Final.CLOSED, "N": Final.CLOSED}
_UNITS = {
    unit: final
    for final, units in (
        (Final.CLOSED, "g kg mg ug 인치폰"),
        (Final.RIEUL, "db"),
        (
            Final.OPEN,
            "l ml dl cc m cm mm km nm um v w kw hz gb mb tb mah inch oz lb ea pcs cal kcal",
        ),
    )
    for unit in units.split()
}
_NETWORK = re.compile(r"(?<![A-Za-z0-9.,])[2-6]G$")
"""``5G`` is a network, read 파이브지; ``5g`` and ``500G`` are grams."""

_SYMBOLS = {
    "%": Final.OPEN,
    "％": Final.OPEN,
    "℃": Final.OPEN,
    "°": Final.OPEN,
    "㎏": Final.CLOSED,
    "㎎": Final.CLOSED,
    "㎖": Final.OPEN,
    "ℓ": Final.OPEN,
    "㎝": Final.OPEN,
    "㎜": Final.OPEN,
    "㎡": Final.OPEN,
}
_EXPLAINING_BRACKET = re.compile(r"(?<=\S)\s*[(\[（［][^()\[\]（）［］]*[)\]）］]$")
_SPELLED = (
    (re.compile(r"(?:l|le|ll)$"), Final.RIEUL),
    (re.compile(r"(?:m|me|n|ne|ng)$"), Final.CLOSED),
    (re.compile(r"[aeiou](?:p|pp|ck|k|c)$"), Final.CLOSED),
    (re.compile(r"^.{3,}[eo]t$"), Final.CLOSED),
)
"""How an English word is usually written in Hangul: 크림, 애플, 팩, 마켓; anything else open."""

_PAIRS = {
    closed: (closed, opened, both)
    for closed, opened, both in (
        ("은", "는", "은(는)"),
        ("이", "가", "이(가)"),
        ("을", "를", "을(를)"),
        ("과", "와", "와(과)"),
        ("으로", "로", "(으)로"),
        ("으로서", "로서", "(으)로서"),
        ("으로써", "로써", "(으)로써"),
        ("으로부터", "로부터", "(으)로부터"),
        ("이나", "나", "(이)나"),
        ("이라", "라", "(이)라"),
        ("이라는", "라는", "(이)라는"),
        ("이라고", "라고", "(이)라고"),
        ("이며", "며", "(이)며"),
        ("이랑", "랑", "(이)랑"),
        ("아", "야", "아(야)"),
        ("이에요", "예요", "이에요(예요)"),
    )
}
PAIRS = frozenset(f"{closed}/{opened}" for closed, opened, _ in _PAIRS.values())
"""Every pair ``pick`` knows, closed form first: ``을/를``."""


def final_sound(word: str) -> Final:
    """Tell how ``word`` ends when read aloud; ``UNKNOWN`` for nothing readable at its end."""
    core = word.rstrip()
    while shorter := _EXPLAINING_BRACKET.sub("", core):
        if shorter == core:
            break
        core = shorter
    for index in range(len(core) - 1, -1, -1):
        character = core[index]
        if character in _SYMBOLS:
            return _SYMBOLS[character]
        if character.isalnum():
            return _final_of_character(core, index)
    return Final.UNKNOWN


def _final_of_character(core: str, index: int) -> Final:
    character = core[index]
    code = ord(character)
    if _HANGUL_FIRST <= code <= _HANGUL_LAST:
        coda = (code - _HANGUL_FIRST) % _FINALS
        if coda == 0:
            return Final.OPEN
        return Final.RIEUL if coda == _RIEUL else Final.CLOSED
    if character in _DIGITS:
        return _DIGITS[character]
    if character.isascii():
        return _final_of_latin(core[: index + 1])
    return Final.UNKNOWN


def _final_of_latin(text: str) -> Final:
    start = len(text)
    while start and text[start - 1].isascii() and text[start - 1].isalpha():
        start -= 1
    word = text[start:]
    after_digit = start > 0 and text[start - 1].isdigit()
    if _NETWORK.search(text[-3:]):
        return Final.OPEN
    if after_digit and word.lower() in _UNITS:
        return _UNITS[word.lower()]
    if word.isupper() or len(word) == 1:
        return _LETTER_NAMES.get(word[-1].upper(), Final.OPEN)
    lowered = word.lower()
    return next((final for shape, final in _SPELLED if shape.search(lowered)), Final.OPEN)


def pick(word: str, pair: str) -> str:
    """Give the particle of ``pair`` that fits after ``word``.

    Args:
        word: Anything; punctuation at its end is looked through.
        pair: One of ``PAIRS``, closed form first (``을/를``).

    Returns:
        The fitting particle, or the written-out double form (``을(를)``) when nobody can say
        how the word is read.

    Raises:
        KeyError: The pair is not one of ``PAIRS``.
    """
    if pair not in PAIRS:
        raise KeyError(pair)
    closed, opened, both = _PAIRS[pair.split("/", 1)[0]]
    final = final_sound(word)
    if final is Final.UNKNOWN:
        return both
    if final is Final.RIEUL and closed.startswith("으로"):
        return opened
    return opened if final is Final.OPEN else closed


_SURE_EXCEPTIONS = {
    "을": ("마을", "가을", "노을", "고을", "지을", "이을", "나을", "부을", "그을", "저을", "모을"),
    "은": ("나은", "지은", "이은", "부은", "그은", "저은", "모은", "쏘은"),
    "와": ("더불와",),
}
_NOUN = re.compile(
    r"(?:배송|배송비|택배|출고|발송|상품|제품|물건|고객|고객님|고객센터|교환|반품|환불|취소|결제|주문|재고|품절|재입고|수량|"
    r"사이즈|색상|품질|소재|포장|박스|상자|내용물|구성품|불량|파손|하자|오배송|가격|할인|쿠폰|적립금|포인트|응대|상담|답변|"
    r"안내|문의|후기|리뷰|의견|말씀|불편|문제|사과|점검|절차|정책|기간|안전|위생|냄새|이물질|사용|증상|담당자|상담원|영화|"
    r"작품|관객|관객님|예고편|상영|영화관|자막|음향|홈페이지|페이지|이메일|전화|번호|사진|내역|처리|과정|내용|부분|상태|상황|"
    r"마음|시간)$"
)
_LEFTOVER = re.compile(
    r"(?:을\(를\)|를\(을\)|은\(는\)|는\(은\)|이\(가\)|가\(이\)|와\(과\)|과\(와\)|\(으\)로|\(이\)라)"
)
_QUOTED = re.compile(r"([^\s“”\"'‘’])[.?!…~]*[”\"'’](이라|라)(?=고|는)")
_FOREIGN = re.compile(
    r"(?<![A-Za-z0-9%℃㎏㎖㎝)\]])([A-Za-z0-9%℃㎏㎖㎝)\]]+)(은|는|이|가|을|를|과|와|으로|로)(?=[\s.,!?”\"’']|$)"
)
# From a word's beginning and no further than a word goes: a page without a space stays quick.
_EOJEOL = re.compile(
    r"(?<![가-힣])([가-힣]{1,30}?)(으로|은|는|이|가|을|를|과|와|로)(?=[\s.,!?”\"’']|$)"
)
_PAIR_OF = {
    form: f"{closed}/{opened}" for closed, opened, _ in _PAIRS.values() for form in (closed, opened)
}


def find_mistakes(text: str, nouns: Iterable[str] = ()) -> tuple[Span, ...]:
    """Find particles that surely do not fit the word before them.

    Precision before recall: ``-는`` or ``-이`` after Hangul is judged only behind a known noun,
    because ``받는`` and ``아이`` are words of their own. Text in quotes belongs to the customer and
    is left alone.

    Args:
        text: A reply.
        nouns: Names to treat as nouns as well (brand, product).
    """
    known = tuple(noun.split()[-1] for noun in nouns if noun.strip())
    quoted = [(match.start(), match.end()) for match in re.finditer(r"“[^”\n]*”", text)]
    found = [
        span
        for span in _mistakes(text, known)
        if not any(start < span.start and span.end < end for start, end in quoted)
    ]
    return tuple(sorted(found, key=lambda span: span.start))


def _mistakes(text: str, nouns: tuple[str, ...]) -> Iterator[Span]:
    for match in _LEFTOVER.finditer(text):
        yield Span(match.start(), match.end())
    for match in _QUOTED.finditer(text):
        if pick(match[1], "이라/라") not in (match[2], "(이)라"):
            yield Span(match.start(2), match.end(2))
    for match in _FOREIGN.finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        fitting = pick(text[start : match.end(1)], _PAIR_OF[match[2]])
        if "(" not in fitting and fitting != match[2]:
            yield Span(match.start(2), match.end(2))
    for match in _EOJEOL.finditer(text):
        word, particle = match[1], match[2]
        if pick(word, _PAIR_OF[particle]) != particle and _is_judged(word, particle, nouns):
            yield Span(match.start(2), match.end(2))


def _is_judged(word: str, particle: str, nouns: tuple[str, ...]) -> bool:
    """Tell whether a misfit is certain: a particle that is nothing else, or a known noun."""
    if word.endswith(nouns) or _NOUN.search(word):
        return True
    if particle in ("를", "으로"):
        return True
    if particle in _SURE_EXCEPTIONS:
        return len(word) > 1 and not (word + particle).endswith(_SURE_EXCEPTIONS[particle])
    return False
