"""Fold the ways of writing one character into one, without losing the place.

Rules look at a folded copy: full-width and keycap digits are plain digits, every dash is ``-``,
invisible characters are gone and decomposed Hangul is composed. The masked text itself keeps
what the customer wrote.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BARRIER = "\ufffc"
"""Stands in the folded copy where something is masked or allowed; no rule matches across it."""
NAMED = "\ufffb"
"""Stands there for a name: what is beside a number is a name more often than what is beside one."""

INVISIBLE = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff"
)
"""Part of a character class: what nobody sees."""
DRAWN_OVER = "\u0300-\u036f\u20d0-\u20f0\ufffc"
"""The same of marks over, around and through another character, which leave it readable."""
_DROPS = INVISIBLE + DRAWN_OVER
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2500\u2501\u30fc\u3161\u02d7\ufe58\ufe63"
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000"
_DOTS = "\u00b7\u2022\u2027\u3002\u30fb\u318d\uff61\uff65"

_ODD = re.compile(
    f"[\uff01-\uff5e\u1100-\u11ff\u2460-\u2468\u24ea\u0660-\u0669\u06f0-\u06f9\U0001d7ce-\U0001d7ff"
    f"{_DROPS}{_DASHES}{_SPACES}{_DOTS}\u2028\u2029]"
)
_NO_WIDTH = re.compile(f"[{_DROPS}]")
_DROPPED = re.compile(f"[{_DROPS}]|[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?")


def _table() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= {ord(dash): "-" for dash in _DASHES}
    table |= {ord(dot): "." for dot in _DOTS}
    table |= dict.fromkeys(
        (0xA0, 0x1680, 0x202F, 0x205F, 0x2800, 0x3000, *range(0x2000, 0x200B)), " "
    )
    table |= {0x2028: "\n", 0x2029: "\n"}
    table |= {0x2460 + n: str(n + 1) for n in range(9)} | {0x24EA: "0"}
    for zero in (0x660, 0x6F0, *range(0x1D7CE, 0x1D800, 10)):
        table |= {zero + n: str(n) for n in range(10)}
    return table


_TABLE = _table()


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded copy and the way back.

    Attributes:
        text: The copy.
        origins: For each character of the copy where it starts in the original, and the
            original's length at the end; None when both have the same offsets.
    """

    text: str
    origins: Sequence[int] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Give the original ``[start, end)`` of a span of the copy."""
        if self.origins is None:
            return start, end
        return self.origins[start], self.origins[end]


def fold(text: str) -> Folded:
    """Give a copy in which each character is written one way."""
    if not _ODD.search(text):
        return Folded(text)
    parts: list[str] = []
    origins: list[int] = []
    position = 0
    for match in _DROPPED.finditer(text):
        start, end = match.span()
        parts.append(text[position:start])
        origins.extend(range(position, start))
        if not _NO_WIDTH.match(text, start):
            parts.append(unicodedata.normalize("NFC", match[0]))
            origins.append(start)
        position = end
    if not position:
        return Folded(text.translate(_TABLE))
    parts.append(text[position:])
    origins.extend(range(position, len(text) + 1))
    return Folded("".join(parts).translate(_TABLE), origins)
