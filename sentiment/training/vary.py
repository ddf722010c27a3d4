"""Makes variants of our own sentences, so that repeating them teaches more than their wording."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.training.data import Row

_ENDINGS = ("..", "~", "!", "!!", ".", "...", "~~", "")
_VOWEL_TWINS = {1: 5, 5: 1, 3: 7, 7: 3, 11: 15, 15: 11}  # ㅐㅔ ㅒㅖ ㅚㅞ
# How people hide a swear word from a filter; split jamo and invisible letters never get here.
_DISGUISES = {
    "시발": ("ㅅㅂ", "시1발", "씨8", "시.발", "ㅆㅂ"),
    "씨발": ("ㅆㅂ", "씨1발", "씨8", "씨@발", "ㅅㅂ"),
    "병신": ("ㅂㅅ", "병1신", "병.신", "븅신"),
    "새끼": ("ㅅㄲ", "새1끼", "쉐끼", "색기"),
    "지랄": ("ㅈㄹ", "지1랄", "ㅈ랄"),
    "미친": ("ㅁㅊ", "미1친", "미.친"),
    "꺼져": ("ㄲㅈ", "꺼1져"),
    "쓰레기": ("쓰렉", "쓰1레기", "ㅆㄹㄱ"),
}
_SEVERITY = ("normal", "high", "critical")


def _mistype(text: str, rng: random.Random) -> str:
    places = [i for i, c in enumerate(text) if "가" <= c <= "힣"]
    if not places:
        return text
    at = rng.choice(places)
    code = ord(text[at]) - 0xAC00
    lead, vowel, tail = code // 588, code % 588 // 28, code % 28
    if vowel in _VOWEL_TWINS:
        vowel = _VOWEL_TWINS[vowel]
    elif tail in (20, 19):  # ㅆ, ㅅ
        tail = 39 - tail
    else:
        return text
    return text[:at] + chr(0xAC00 + lead * 588 + vowel * 28 + tail) + text[at + 1 :]


def _disguise(text: str, rng: random.Random) -> str:
    for word, forms in _DISGUISES.items():
        if word in text and rng.random() < 0.5:
            text = text.replace(word, rng.choice(forms))
    return text


def vary(text: str, rng: random.Random) -> str:
    """Give the text with swearing hidden, spaces lost, a vowel mistyped or another ending."""
    text = _disguise(text, rng)
    if rng.random() < 0.35:
        lost = rng.choice((0.3, 0.6, 1.0))
        text = "".join(c for c in text if c != " " or rng.random() >= lost)
    if rng.random() < 0.2:
        text = _mistype(text, rng)
    if rng.random() < 0.3:
        text = text.rstrip(".!~") + rng.choice(_ENDINGS)
    return text


def join(first: Row, second: Row, rng: random.Random) -> Row:
    """Give one longer text that says both; the rows must have the same sentiment."""
    severity = max(first.severity, second.severity, key=_SEVERITY.index)
    union = tuple(dict.fromkeys((first.categories or ()) + (second.categories or ())))
    intent = first.intent if first.intent == second.intent else "mixed"
    if first.negative and {first.intent, second.intent} <= {"complaint", "question"}:
        intent = "complaint"
    return replace(
        first,
        text=first.text.rstrip(".") + rng.choice((". ", " ", ".. ", "~ ")) + second.text,
        categories=union,
        severity=severity,
        abusive=max(first.abusive, second.abusive),
        intent=intent,
    )


def variants(rows: list[Row], copies: int, joined: int, seed: int = 7) -> list[Row]:
    """Give ``copies`` varied copies of each written row and ``joined`` joined ones per row."""
    rng = random.Random(seed)
    written = [row for row in rows if row.source == "written"]
    found = [replace(row, text=vary(row.text, rng)) for row in written for _ in range(copies)]
    by_sentiment: dict[tuple[float, int], list[Row]] = {}
    for row in written:
        if row.intent in ("complaint", "praise"):
            by_sentiment.setdefault((row.negative, row.neutral), []).append(row)
    for row in written:
        peers = by_sentiment.get((row.negative, row.neutral), [])
        if row.intent not in ("complaint", "praise") or len(peers) < 10:
            continue
        found += [join(row, rng.choice(peers), rng) for _ in range(joined)]
    return found
