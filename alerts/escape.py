"""Make text from outside harmless and short enough for Slack.

Reviews only ever appear in ``plain_text`` objects, where Slack reads neither formatting nor
mentions. What is done here on top is for the clients, gateways and search views that might read
the text again.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from alerts import limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.types import Span

MORE_IN_CONSOLE = "…(전체는 콘솔에서)"
NO_TEXT = "(내용 없음)"

_LINE_BREAKS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Controls, bidirectional overrides (they turn neighbouring words around), invisible tags (they
# smuggle text), unpaired surrogates and noncharacters. The joiners of emoji stay.
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_STACKED_MARKS = re.compile(
    "([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4})[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
_EMPTY_LINES = re.compile(r"\n[ \u3000]*\n(?:[ \u3000]*\n)+")
# A word joiner is invisible and makes "a.com", "https://", "@here" and "#general" no longer the
# thing that a client would turn into a link or a mention.
_LINKABLE = re.compile(r"(?<=\w)\.(?=[^\W\d_])|:(?=//)|[@#](?=\w)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ESCAPED = str.maketrans(_ENTITIES)
_MARKS = frozenset({"Mn", "Mc", "Me"})
_JOINER = "\u200d"
_LONGEST_CLUSTER = 32


def clean(text: str) -> str:
    """Drop what a person cannot see or what moves other text; keep letters, emoji, line breaks."""
    text = _LINE_BREAKS.sub("\n", text).replace("\t", " ")
    text = _STACKED_MARKS.sub(r"\1", _DROPPED.sub("", text))
    return _EMPTY_LINES.sub("\n\n", text).strip()


def defang(text: str) -> str:
    """Break up whatever could be turned into a link or a mention, without a visible change."""
    return _LINKABLE.sub(lambda match: f"{match.group()}\u2060", text)


def escape(text: str) -> str:
    """Replace Slack's three control characters.

    Source: https://docs.slack.dev/messaging/formatting-message-text (escaping text).
    """
    return text.translate(_ESCAPED)


def length(text: str) -> int:
    """Count UTF-16 units of text as it is sent."""
    return len(text) + sum(character > "\uffff" for character in text)


def fit(text: str, limit: int, suffix: str = MORE_IN_CONSOLE) -> str:
    """Give cleaned, defanged and escaped text of at most ``limit`` units.

    What is too long is cut between two characters as a person sees them (an emoji family or a
    letter with its marks stays whole, an entity too) and ends in ``suffix``.
    """
    ready = defang(clean(text))
    whole, _ = cut(ready, limit)
    if whole == ready:
        return escape(ready)
    head, _ = cut(ready, limit - length(suffix))
    return escape(head.rstrip()) + suffix


def shorten(text: str, limit: int) -> str:
    """Give cleaned text on one line of at most about ``limit`` characters; not escaped yet."""
    line = " ".join(clean(text).split())
    head, tail = cut(line, limit)
    return f"{head.rstrip()}…" if tail else head


def cut(text: str, limit: int) -> tuple[str, str]:
    """Split text so that the first part, escaped, is at most ``limit`` units."""
    used = 0
    for index, character in enumerate(text):
        used += len(_ENTITIES.get(character, "x")) + (character > "\uffff")
        if used > limit:
            end = _boundary(text, index)
            return text[:end], text[end:]
    return text, ""


def chunks(text: str, limit: int, most: int) -> tuple[tuple[str, ...], bool]:
    """Spread text over at most ``most`` sendable parts.

    Returns:
        The parts, escaped, none empty; and whether they hold all of the text.
    """
    left = defang(clean(text)) or NO_TEXT
    parts: list[str] = []
    while left and len(parts) < most - 1:
        head, tail = cut(left, limit)
        # A part that ends at a line break reads better than one that ends inside a word.
        at_line = head.rfind("\n") + 1 if tail else 0
        if at_line > len(head) // 2:
            head, tail = left[:at_line], left[at_line:]
        if head.strip():
            parts.append(escape(head.strip("\n")))
        left = tail.lstrip("\n")
    if left:
        parts.append(fit(left, limit))
        return tuple(parts), cut(left, limit)[1] == ""
    return tuple(parts), True


def hide(text: str, spans: Iterable[Span]) -> str:
    """Cover parts of a text (abuse) with dots; the length stays."""
    covered = list(text)
    for span in spans:
        for index in range(max(span.start, 0), min(span.end, len(covered))):
            if not covered[index].isspace():
                covered[index] = "●"
    return "".join(covered)


def _boundary(text: str, index: int) -> int:
    """Move a cut to the left until it is not inside a character as a person sees it."""
    end = index
    while end > 0 and index - end < _LONGEST_CLUSTER and _continues(text, end):
        end -= 1
    # A cluster longer than any real one is an attack on this loop: cut it anywhere.
    return end if index - end < _LONGEST_CLUSTER else index


def _continues(text: str, index: int) -> bool:
    character, before = text[index], text[index - 1]
    return (
        unicodedata.category(character) in _MARKS
        or _JOINER in (character, before)
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or "\u1160" <= character <= "\u11ff"  # medial vowels and finals of decomposed Hangul
        or ("\U0001f1e6" <= character <= "\U0001f1ff" and _pairs_with_previous(text, index))
        or before == "\u2060"
    )


def _pairs_with_previous(text: str, index: int) -> bool:
    run = 0
    while run < index and "\U0001f1e6" <= text[index - 1 - run] <= "\U0001f1ff":
        run += 1
    return run % 2 == 1


def plain(text: str, limit: int = limits.SECTION_TEXT) -> dict[str, object]:
    """Build a ``plain_text`` object from any text."""
    return {"type": "plain_text", "text": fit(text, limit) or NO_TEXT, "emoji": False}
