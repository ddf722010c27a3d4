"""Makes hostile or sloppy Korean text readable for the models, and says when there is none.

``normalise`` undoes what people do to hide words (zero-width characters, split jamo,
full-width letters) and what costs the models capacity (endless ㅋㅋㅋㅋ). Offsets are not
kept here; rules that must point at words use ``fold``, which maps back to the original.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.types import Span
from privacy.findings import REPLACED
from privacy.folding import DRAWN_OVER, INVISIBLE

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CHARACTERS = 3000
"""Longer texts are read as their first 2/3 and last 1/3 of this many code points."""

_INVISIBLE = re.compile(f"[{INVISIBLE}{DRAWN_OVER}]")
_TAG = re.compile(r"<[/!]?[a-zA-Z][^<>]{0,200}>")
_SPACES = re.compile(r"\s+")
_REPEATS = re.compile(r"(.)\1{3,}")
_LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_TAILS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_LEAD = {jamo: index for index, jamo in enumerate(_LEADS)}
_VOWEL = {jamo: index for index, jamo in enumerate(_VOWELS)}
_TAIL = {jamo: index + 1 for index, jamo in enumerate(_TAILS)}
# Two or more written-out syllables in a row are split text; ㅠㅠ or a single ㅋㅏ is not.
_SPLIT_JAMO = re.compile(f"(?:[{_LEADS}][{_VOWELS}](?:[{_TAILS}](?![{_VOWELS}]))?){{2,}}")
_SYLLABLE = re.compile(f"[{_LEADS}][{_VOWELS}](?:[{_TAILS}](?![{_VOWELS}]))?")
_NOT_JAMO = re.compile("[^ㄱ-ㆎ]+")
# Conjoining jamo that no syllable took become the letters people type, Braille's blank the space it looks like.
_TYPED = str.maketrans(
    {0x1100 + i: lead for i, lead in enumerate(_LEADS)}
    | {0x1161 + i: vowel for i, vowel in enumerate(_VOWELS)}
    | {0x11A8 + i: tail for i, tail in enumerate(_TAILS)}
    | {0x2800: " "}
)
# A decomposed syllable is one character.
_CHARACTER = re.compile("[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|.", re.DOTALL)
# All but plain letters; the filler between ㅣ and ㅥ is an invisible character.
_NEEDS_FOLDING = re.compile(f"[^\\x20-\\x7e\\n가-힣ㄱ-ㅣㅥ-ㆎ]|(?:[{_LEADS}][{_VOWELS}])")
_HANGUL = re.compile("[가-힣]")
_LETTER = re.compile(r"[^\W\d_]")
_LAUGH_OR_CRY = re.compile("[ㄱ-ㆎ]")


def _join_syllable(match: re.Match[str]) -> str:
    jamo = match.group()
    tail = _TAIL[jamo[2]] if len(jamo) == 3 else 0
    return chr(0xAC00 + (_LEAD[jamo[0]] * 21 + _VOWEL[jamo[1]]) * 28 + tail)


def compose_jamo(text: str) -> str:
    """Join jamo written one by one (``ㅅㅣㅂㅏㄹ``) into syllables."""
    return _SPLIT_JAMO.sub(lambda run: _SYLLABLE.sub(_join_syllable, run.group()), text)


_PASTED = 8
"""From here on a text may begin anew: a short word said a few times ("굿 굿 굿") is emphasis."""


def _period(text: str) -> int:
    """Give after how many characters a text that was pasted over and over begins anew; 0 if it was not."""
    head = text[:_PASTED]
    at = text.find(head, _PASTED)
    while 0 < at <= (len(text) + 1) // 2:
        if text.startswith(text[at:]):
            return at
        at = text.find(head, at + 1)
    return 0


_HEAD, _TAIL_KEPT = MAX_CHARACTERS * 2 // 3, MAX_CHARACTERS // 3


def shorten(text: str) -> str:
    """Cut a very long text to its beginning and end, which carry the verdict."""
    if len(text) <= MAX_CHARACTERS:
        return text
    head, tail = text[:_HEAD], text[-_TAIL_KEPT:]
    period = _period(head)
    if period and tail in head[:period] * (len(tail) // period + 2):
        return head
    return f"{head} {tail}"


_MISPLACED = re.compile(
    r"남의|다른\s?(?:사람|고객|분|집)|타인|모르는|유출|노출|공개|찍혀|찍힌|적혀|적힌|보이게|사적으로"
)
_BLANK = "ㅇㅇㅇ"


def normalise(text: str) -> str:
    """Give the text as the models read it.

    Total: any ``str`` works, lone surrogates, NUL and a megabyte included. HTML tags are
    dropped, letters are lower-cased and NFKC-folded, runs of one character end at three, and a
    text that was pasted over and over is read once.
    What masking wrote is read as a blank: the models know the word ``전화번호`` from texts about
    leaks, and took "my number is [전화번호]" for one. Where personal data stands with somebody it
    is not meant for, it is what the text is about, and stays.
    """
    text = shorten(text)
    if "[" in text and not _MISPLACED.search(text):
        text = REPLACED.sub(_BLANK, text)
    if "<" in text or _NEEDS_FOLDING.search(text):
        # NFKC would turn ㅠ into a conjoining vowel and glue it to its neighbours.
        text = _NOT_JAMO.sub(
            lambda run: unicodedata.normalize("NFKC", run.group()),
            _INVISIBLE.sub("", _TAG.sub(" ", text)),
        )
        text = compose_jamo(text.translate(_TYPED))
    return _once(_SPACES.sub(" ", _REPEATS.sub(r"\1\1\1", text.lower())).strip())


def _once(text: str) -> str:
    """Give what was pasted over and over once: some shops ask for so many letters, and it is no graver for it."""
    period = _period(text)
    return text[:period].rstrip() if period else text


@dataclass(frozen=True, slots=True)
class Folded:
    """A text without hiding places, and where each character came from.

    ``origin[i]`` is the code point offset in the original of ``text[i]``; ``length`` is the
    original's.
    """

    text: str
    origin: Sequence[int]
    length: int

    def span(self, start: int, end: int) -> Span:
        """Map ``[start, end)`` of the folded text back; nothing folded is the whole original."""
        if start >= len(self.origin):
            return Span(0, self.length)
        if end < len(self.origin):
            return Span(self.origin[start], self.origin[end])
        return Span(self.origin[start], self.length)

    def since(self, start: int) -> Folded:
        """Give what begins at ``start``; its spans still point into the original."""
        return Folded(self.text[start:], self.origin[start:], self.length)


def fold(text: str) -> Folded:
    """Drop invisible characters and fold widths, remembering the original offsets.

    Unlike ``normalise`` this keeps repeats and spaces, so every character has one origin.
    Split jamo are joined; the syllable's origin is its first jamo. A very long text is read as
    the models read it, at its beginning and end.
    """
    if len(text) <= MAX_CHARACTERS:
        return _fold(text)
    short = shorten(text)
    folded, skipped = _fold(short), len(text) - len(short)
    origin = tuple(at if at <= _HEAD else at + skipped for at in folded.origin)
    return Folded(folded.text, origin, len(text))


def _fold(text: str) -> Folded:
    if not _NEEDS_FOLDING.search(text):
        return Folded(text.lower(), range(len(text)), len(text))
    kept: list[str] = []
    origin: list[int] = []
    for match in _CHARACTER.finditer(text):
        character = match.group()
        if _INVISIBLE.match(character):
            continue
        plain = character
        if not _LAUGH_OR_CRY.match(character):
            plain = unicodedata.normalize("NFKC", character).lower().translate(_TYPED)
        kept.extend(plain)
        origin.extend([match.start()] * len(plain))
    folded = "".join(kept)
    pieces: list[str] = []
    places: list[int] = []
    last = 0
    for run in _SPLIT_JAMO.finditer(folded):
        pieces.append(folded[last : run.start()])
        places.extend(origin[last : run.start()])
        for syllable in _SYLLABLE.finditer(folded, run.start(), run.end()):
            pieces.append(_join_syllable(syllable))
            places.append(origin[syllable.start()])
        last = run.end()
    pieces.append(folded[last:])
    places.extend(origin[last:])
    return Folded("".join(pieces), tuple(places), len(text))


# Letters that are a word by themselves: swearing, thanks, a cold stare.
_MEANT = re.compile("ㅅㅂ|ㅆㅂ|ㅂㅅ|ㅈㄹ|ㅡ ?ㅡ|(?<![ㅏ-ㅣ])ㅗ+(?![ㅏ-ㅣ])|ㄱㅅ|ㅊㅊ|ㄱㅊ")


def is_blank(normalised: str) -> bool:
    """Tell whether nothing is said: no letter, or only ㅋㅋㅋ, ㅠㅠ and the like."""
    return not _LETTER.search(_LAUGH_OR_CRY.sub("", normalised)) and not _MEANT.search(normalised)


def is_korean(normalised: str) -> bool:
    """Tell whether enough of the letters are Hangul to be read as Korean."""
    if _MEANT.search(normalised):
        return True
    letters = len(_LETTER.findall(normalised))
    hangul = len(_HANGUL.findall(normalised))
    return hangul >= 1 and hangul >= 0.12 * letters


# Said over and over they are noise or laughter; 굿굿굿, 짱짱짱 and 헐헐헐 are words.
_NOISE = re.compile(r"([가나다라마바사아차카타파하호히])\1{2,}")


# One syllable whose jamo stand alone, also with a space between: meant to be read.
_LONE_SYLLABLE = re.compile(f"[{_LEADS}] ?[{_VOWELS}]")
_COMMON_JAMO = frozenset("ㅋㅎㅠㅜㅡ")


def is_mash(normalised: str) -> bool:
    """Tell whether the text is keyboard noise: 가가가 and the like alone, random jamo."""
    hangul = _HANGUL.findall(normalised)
    jamo = len(_LAUGH_OR_CRY.findall(normalised))
    if _NOISE.fullmatch("".join(hangul)):
        return True
    if jamo < 4 or len(hangul) > jamo or _MEANT.search(normalised):
        return False
    return (len(hangul) * 3 < jamo and len(hangul) <= 2) or _is_strewn(normalised)


def _is_strewn(normalised: str) -> bool:
    """Tell whether jamo that nobody writes alone are strewn over every word (``얼마ㅣㄴㅇ러ㅣㅏㄴㅇ``)."""
    kinds = {*_LAUGH_OR_CRY.findall(_LONE_SYLLABLE.sub("", normalised))} - _COMMON_JAMO
    if len(kinds) < 4 or len(kinds.intersection(_VOWELS)) < 2:
        return False
    whole = [word for word in normalised.split() if not _LAUGH_OR_CRY.search(word)]
    return len(_HANGUL.findall("".join(whole))) <= 1
