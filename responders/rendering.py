"""Filling sentences: slots, particles, contacts and hours in words."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from responders import josa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from domain.brands import Brand, BusinessHours
    from responders.clauses import Clause

_SLOT = re.compile(r"\{(\w+)\}([”’]?)(?:\[([^\]]+)\])?")

_CLAUSE_SLOT = re.compile(
    r"\{\s*(상품|브랜드|연락처)\s*\}([”’\"']?)(?:(은|는|이|가|을|를|과|와|으로|로)(?![가-힣]))?"
)
"""A slot, what closes a quote, and a particle. The slot is filled whatever follows it: a particle
that never changes (``에서``, ``의``, ``도``) or an ending (``입니다``) stays as written."""

_PLAIN_NAME = re.compile(r"[^가-힣A-Za-z0-9 ()·&.,%+-]")

_CENTRE = re.compile(r"1[5-8]\d\d|080")

_DAY_NAMES = "월화수목금토일"


def render(template: str, slots: Mapping[str, str]) -> str:
    """Fill ``{name}`` and ``{name}[을/를]`` in one of our own templates.

    Filled-in text is never read as a template again.

    Raises:
        KeyError: A slot has no value.
    """
    parts: list[str] = []
    position = 0
    for match in _SLOT.finditer(template):
        parts.append(template[position : match.start()])
        value = slots[match[1]]
        parts += [value, match[2]]
        if match[3]:
            parts.append(_particle(value, match[3]))
        position = match.end()
    parts.append(template[position:])
    return "".join(parts)


@lru_cache(maxsize=4096)
def _particle(word: str, pair: str) -> str:
    return josa.pick(word, pair)


def fill_clause(clause: Clause, brand: Brand, product_name: str) -> str:
    """Give a clause as it is cited: slots filled and the particle behind a slot made to fit."""
    if "{" not in clause.text:
        return clause.text
    values = {
        "상품": _plain(product_name) or "주문하신 상품",
        "브랜드": brand.name,
        "연락처": next(iter(contact_names(brand.contacts)), "고객센터"),
    }

    def filled(match: re.Match[str]) -> str:
        slot, quote, particle = match.groups()
        value = values[slot]
        if not particle:
            return value + quote
        pair = next(pair for pair in josa.PAIRS if particle in pair.split("/"))
        return value + quote + josa.pick(value, pair)

    return _CLAUSE_SLOT.sub(filled, clause.text)


def contact_names(contacts: Sequence[str]) -> tuple[str, ...]:
    """Name each contact; the bracket behind the name does not change the particle."""
    names = []
    for contact in contacts:
        if contact.startswith("http"):
            names.append(f"고객지원 페이지({contact})")
        elif "@" in contact:
            names.append(f"이메일({contact})")
        else:
            # Only who has a number for the whole country has a customer centre; a shop has a phone.
            name = "고객센터" if _CENTRE.match(contact) else "전화"
            names.append(f"{name}({contact})")
    return tuple(names)


def _plain(name: str) -> str:
    """Keep of a product's name what cannot be markup; it comes from outside."""
    return re.sub(r"\s+", " ", _PLAIN_NAME.sub("", name)).strip()[:40]


def hours_in_words(hours: BusinessHours) -> str:
    """``평일 09:00부터 18:00까지, 토요일 10:00부터 15:00까지(점심 12:00~13:00 제외)``."""
    if hours.weekdays == (0, 1, 2, 3, 4):
        days = "평일"
    elif len(hours.weekdays) == len(_DAY_NAMES):
        days = "매일"
    else:
        days = "·".join(_DAY_NAMES[day] for day in hours.weekdays)
    lunch = ""
    if hours.lunch_starts and hours.lunch_ends:
        lunch = f"(점심 {hours.lunch_starts:%H:%M}~{hours.lunch_ends:%H:%M} 제외)"
    spans = [(days, (hours.opens, hours.closes))]
    spans += [("토요일", hours.saturday)] if hours.saturday else []
    spans += [("일요일", hours.sunday)] if hours.sunday else []
    words = [f"{day} {opens:%H:%M}부터 {closes:%H:%M}까지" for day, (opens, closes) in spans]
    return ", ".join(words) + lunch
