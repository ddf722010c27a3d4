"""Replace personal data before anything but the sealed original sees a text.

The rules and what they were measured on are described in ``docs/privacy.md``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from domain.types import Span
from privacy import numbers
from privacy.addresses import addresses, may_hold_address
from privacy.findings import REPLACED, REPLACEMENTS, Finding, Masked, PersonalDataKind
from privacy.folding import BARRIER, NAMED, fold
from privacy.names import may_hold_name, names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    _Gate = Callable[[str], bool]
    _Rule = Callable[[str], Iterator[tuple[int, int]]]

# In this order: what is certain and long comes first, so that no part of a card number is taken
# for a phone. A gate is a cheap test that most texts fail; rules that share one stand together.
_RULES: tuple[tuple[_Gate, tuple[tuple[PersonalDataKind, _Rule], ...]], ...] = (
    (numbers.may_hold_email, ((PersonalDataKind.EMAIL, numbers.emails),)),
    (
        numbers.may_hold_number,
        (
            (PersonalDataKind.RESIDENT_NUMBER, numbers.resident_numbers),
            (PersonalDataKind.ORDER, numbers.orders),
            (PersonalDataKind.CARD, numbers.cards),
            (PersonalDataKind.IDENTITY_NUMBER, numbers.identity_numbers),
            (PersonalDataKind.ACCOUNT, numbers.accounts),
            (PersonalDataKind.BIRTH_DATE, numbers.birth_dates),
            (PersonalDataKind.DOOR_CODE, numbers.door_codes),
            (PersonalDataKind.PHONE, numbers.phones),
            (PersonalDataKind.IP_ADDRESS, numbers.ip_addresses),
        ),
    ),
    (may_hold_address, ((PersonalDataKind.ADDRESS, addresses),)),
    (numbers.may_hold_messenger, ((PersonalDataKind.MESSENGER, numbers.messengers),)),
    (may_hold_name, ((PersonalDataKind.NAME, names),)),
)

_MOST_PASSES = 8
"""Real texts need two; only a text built for it needs more."""


def find(text: str, allow: Collection[str] = ()) -> tuple[Finding, ...]:
    """Find personal data.

    Args:
        text: Anything, also with NUL, lone surrogates or 1 MB long; the time is linear.
        allow: Registered contacts that are nobody's personal data (``1522-0000``,
            ``help@brand.example``). A phone number is allowed in every way of writing it.

    Returns:
        Findings in the order of the text, never overlapping. The replacements that ``mask``
        writes are no findings.
    """
    folded = fold(text)
    copy = REPLACED.sub(_blank, folded.text) if "[" in folded.text else folded.text
    spans = _passes(copy)
    if spans and allow:
        spans = _passes(_allowed(tuple(allow)).sub(_blank, copy))
    return tuple(
        Finding(kind, Span(*folded.original(start, end)), REPLACEMENTS[kind])
        for start, end, kind in sorted(spans)
    )


def mask(text: str, *, allow: Collection[str] = ()) -> Masked:
    """Replace personal data by a word for its kind, such as ``[전화번호]``.

    Masking a masked text changes nothing.

    Args:
        text: The original; see ``find``.
        allow: Registered contacts that stay; see ``find``.
    """
    found = find(text, allow)
    if not found:
        return Masked(text)
    parts: list[str] = []
    position = 0
    for finding in found:
        parts += (text[position : finding.span.start], finding.replacement)
        position = finding.span.end
    parts.append(text[position:])
    return Masked("".join(parts), found)


def mask_author(name: str) -> str:
    """Shorten an author's name to what may be shown: ``홍*동``, ``ab***``.

    Masking a masked name changes nothing; an empty name stays empty.
    """
    name = name.strip()
    visible = name.split("*", maxsplit=1)[0]
    if _HANGUL_NAME.fullmatch(name):
        return f"{name[0]}{'*' * max(1, len(name) - 2)}{name[2:][-1:]}" if len(name) > 1 else "*"
    if _MASKED_NAME.fullmatch(name):
        return name
    return f"{visible[: min(2, len(visible) // 2 + 1)]}***" if name else ""


_HANGUL_NAME = re.compile("[가-힣]{1,4}")
_MASKED_NAME = re.compile(r"[가-힣]?\*{1,2}[가-힣]?|[^*]{0,2}\*{3}", re.DOTALL)


def _passes(copy: str) -> list[tuple[int, int, PersonalDataKind]]:
    """Run the rules until they find nothing more, so that masking a masked text is a no-op."""
    found: list[tuple[int, int, PersonalDataKind]] = []
    for _ in range(_MOST_PASSES):
        copy, fresh = _one_pass(copy)
        if not fresh:
            return found
        found += fresh
    return [(0, len(copy), PersonalDataKind.UNREADABLE)]


def _one_pass(copy: str) -> tuple[str, list[tuple[int, int, PersonalDataKind]]]:
    """Run every rule once; give the copy with the findings blanked, and the findings."""
    fresh: list[tuple[int, int, PersonalDataKind]] = []
    for gate, rules in _RULES:
        if not gate(copy):
            continue
        for kind, rule in rules:
            spans = _merged(rule(copy))
            if spans:
                copy = _blanked(copy, spans, kind)
                fresh += ((start, end, kind) for start, end in spans)
    return copy, fresh


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _blanked(copy: str, spans: list[tuple[int, int]], kind: PersonalDataKind) -> str:
    barrier = NAMED if kind is PersonalDataKind.NAME else BARRIER
    parts: list[str] = []
    position = 0
    for start, end in spans:
        parts += (copy[position:start], barrier * (end - start))
        position = end
    parts.append(copy[position:])
    return "".join(parts)


def _blank(match: re.Match[str]) -> str:
    is_name = match[0] == REPLACEMENTS[PersonalDataKind.NAME]
    return (NAMED if is_name else BARRIER) * len(match[0])


@lru_cache(maxsize=64)
def _allowed(contacts: tuple[str, ...]) -> re.Pattern[str]:
    """Give the pattern of registered contacts; it matches nothing when there are none."""
    alternatives = ["(?!)"]
    for contact in contacts:
        folded = fold(contact.strip()).text
        digits = "".join(filter(str.isdigit, folded))
        if not digits or re.search("[A-Za-z@]", folded):
            literal = re.escape(folded)
            if folded:
                alternatives.append(
                    rf"(?<![A-Za-z0-9._%+\-]){literal}(?![A-Za-z0-9\-]|\.[A-Za-z0-9])"
                )
        else:
            spaced = r"[ .\-)(]{0,2}".join(digits)
            alternatives.append(rf"(?<![\d\-])\(?{spaced}(?![\d\-])")
    return re.compile("|".join(alternatives), re.IGNORECASE)
