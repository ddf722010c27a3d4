"""A text cut into pieces that a page shows differently; never HTML."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any

from domain.types import KOREAN_NAMES, ComplaintCategory
from storage.feedback import whole_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HIDDEN = "●●●"
"""Stands for hostile words until somebody asks to see them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text.

    Attributes:
        kind: ``plain``, ``complaint``, ``severe`` or ``abuse``; in a diff ``same``, ``removed``
            or ``added``.
        label: What the mark means, Korean; empty for plain text.
    """

    text: str
    kind: str = "plain"
    label: str = ""


def review_pieces(
    title: str, text: str, analysis: Mapping[str, Any], *, shows_abuse: bool = False
) -> list[Piece]:
    """Cut masked feedback at the words that were flagged.

    Args:
        title: Masked; only shown where the text does not begin with it.
        text: Masked.
        analysis: As ``storage.analyses.analysis_to_json`` wrote it.
        shows_abuse: Whether hostile words are shown instead of dots.
    """
    whole = whole_text(title, text)
    marks: list[tuple[int, int, str, str]] = []
    for name, _score, pair in analysis.get("categories", ()):
        if pair:
            marks.append((*pair, "complaint", KOREAN_NAMES[ComplaintCategory(name)]))
    marks += [
        (*pair, "severe", "심각도를 높인 표현") for pair in analysis.get("severity_spans", ())
    ]
    marks += [(*pair, "abuse", "공격적 표현") for pair in analysis.get("abuse_spans", ())]
    pieces = _cut(whole, marks)
    if shows_abuse:
        return pieces
    return [
        Piece(HIDDEN, "abuse", "가린 공격적 표현") if piece.kind == "abuse" else piece
        for piece in pieces
    ]


def shown_text(
    title: str, text: str, analysis: Mapping[str, Any] | None, *, shows_abuse: bool = False
) -> str:
    """Give masked feedback as plain text, hostile words hidden.

    Args:
        title: Masked.
        text: Masked.
        analysis: None where nothing looked for hostile words: then all of it is hidden.
        shows_abuse: Whether hostile words are shown instead of dots.
    """
    known = {"abuse_spans": [[0, len(whole_text(title, text))]]} if analysis is None else analysis
    pieces = review_pieces(title, text, known, shows_abuse=shows_abuse)
    return "".join(piece.text for piece in pieces)


_RANK = {"complaint": 1, "severe": 2, "abuse": 3}


def _cut(text: str, marks: Sequence[tuple[int, int, str, str]]) -> list[Piece]:
    """Cut at every edge; where marks overlap, abuse hides all and severity beats complaint."""
    edges = sorted(
        {0, len(text), *(min(max(edge, 0), len(text)) for mark in marks for edge in mark[:2])}
    )
    pieces: list[Piece] = []
    for start, end in pairwise(edges):
        over = [mark for mark in marks if mark[0] <= start and end <= mark[1]]
        strongest = max(over, key=lambda mark: _RANK[mark[2]], default=None)
        kind, label = (strongest[2], strongest[3]) if strongest else ("plain", "")
        if pieces and (pieces[-1].kind, pieces[-1].label) == (kind, label):
            pieces[-1] = Piece(pieces[-1].text + text[start:end], kind, label)
        else:
            pieces.append(Piece(text[start:end], kind, label))
    return pieces


def excerpt(title: str, text: str, analysis: Mapping[str, Any], length: int = 140) -> str:
    """Give the beginning of masked feedback on one line, hostile words hidden."""
    line = " ".join(shown_text(title, text, analysis).split())
    return line if len(line) <= length else line[: length - 1] + "…"


_MOST_COMPARED = 400


def diff_pieces(before: str, after: str) -> list[Piece]:
    """Show what changed between two texts, word by word; hostile words are not hidden here.

    Only what stands between their common beginning and end is compared. Of more than 400 words and
    spaces there, it is shown as one replacement: where words repeat, twice as many take eight
    times as long.
    """
    old, new = _words(before), _words(after)
    start = _common(zip(old, new, strict=False))
    end = _common(zip(reversed(old[start:]), reversed(new[start:]), strict=False))
    old_middle, new_middle = old[start : len(old) - end], new[start : len(new) - end]
    pieces = [Piece("".join(old[:start]), "same")] if start else []
    if max(len(old_middle), len(new_middle)) > _MOST_COMPARED:
        pieces += _replaced(old_middle, new_middle)
    else:
        matcher = SequenceMatcher(None, old_middle, new_middle, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag == "equal":
                pieces.append(Piece("".join(old_middle[i1:i2]), "same"))
            else:
                pieces += _replaced(old_middle[i1:i2], new_middle[j1:j2])
    return [*pieces, Piece("".join(old[len(old) - end :]), "same")] if end else pieces


def change(
    before: Mapping[str, Any], after: Mapping[str, Any], *, shows_abuse: bool
) -> dict[str, Any]:
    """Give what an edit changed in title and text, and the stars where they changed.

    Args:
        before: Columns ``title``, ``text``, ``rating`` and ``analysis``.
        after: The same of what it became.
        shows_abuse: Whether hostile words are shown.
    """
    old, new = (
        shown_text(row["title"], row["text"], row["analysis"], shows_abuse=shows_abuse)
        for row in (before, after)
    )
    stars = (before["rating"], after["rating"])
    return {
        "pieces": diff_pieces(old, new),
        "stars": stars if stars[0] != stars[1] else None,
    }


def _common(pairs: Iterable[tuple[str, str]]) -> int:
    """Count the pairs before the first that differs."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _replaced(old: Sequence[str], new: Sequence[str]) -> list[Piece]:
    """Show words that went and words that came."""
    shown = [Piece("".join(old), "removed", "지움"), Piece("".join(new), "added", "더함")]
    return [piece for piece in shown if piece.text]


def _words(text: str) -> list[str]:
    words: list[str] = []
    for character in text:
        if words and character.isspace() == words[-1][-1].isspace():
            words[-1] += character
        else:
            words.append(character)
    return words
