"""Clauses of a manual (조항), and which of them contradict each other."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from domain.types import SourceKind
from responders.quantities import Quantity, quantities

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

GENERAL_TOPIC = "general"
"""Front matter topic of what belongs to no complaint: ordering, membership, opening hours."""

SLOTS = frozenset({"상품", "브랜드", "연락처"})
"""What a clause may leave open in braces; the drafter fills them."""

_SLOT = re.compile(r"\{([^{}\n]{0,20})\}")

_SENTENCE_END = re.compile(r"(?:다|요|죠|까)[.?!]?$")


@dataclass(frozen=True, slots=True)
class Clause:
    """One citable statement of the manual.

    Attributes:
        reference: ``manual/refund.md#2``, the second clause of that file.
        digest: Short hash of the text; a changed clause has another one.
        topics: Complaint categories (or ``general``) it belongs to.
        valid_from: First instant it may be cited; None from always.
        valid_until: First instant it may no longer be cited; None for ever.
        product: Name of the only product it speaks of; empty for all.
    """

    reference: str
    digest: str
    text: str
    kind: SourceKind
    topics: tuple[str, ...]
    valid_from: datetime | None
    valid_until: datetime | None
    source: str
    product: str = ""

    @property
    def citation(self) -> str:
        """The reference pinned to this wording: ``manual/refund.md#2@1f0c9a2b41``."""
        return f"{self.reference}@{self.digest}"

    def is_valid(self, at: datetime) -> bool:
        """Tell whether the clause may be cited at ``at``."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at < self.valid_until
        )


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two valid clauses that say different numbers about one thing; neither is cited."""

    first: Clause
    second: Clause
    values: tuple[str, str]

    @property
    def note(self) -> str:
        """What a specialist reads about it, Korean."""
        return (
            f"서로 다른 조항이 있어 인용하지 않았습니다: {self.first.reference} ({self.values[0]}) "
            f"↔ {self.second.reference} ({self.values[1]})"
        )


def find_contradictions(clauses: Sequence[Clause]) -> tuple[Contradiction, ...]:
    """Find pairs of clauses on one topic that give different amounts for the same thing.

    The same thing means the same action or subject under the same conditions
    (``responders.quantities``); a clause with one more condition is an exception, not a
    contradiction.

    Args:
        clauses: Those valid at one time.
    """
    statements: dict[tuple[str, ...], list[tuple[Clause, Quantity]]] = defaultdict(list)
    for clause in clauses:
        is_fact = clause.kind is SourceKind.FACT
        for quantity in quantities(clause.text, as_fact=is_fact):
            for topic in clause.topics if quantity.about else ():
                key = (topic, clause.product, str(is_fact), quantity.unit, *quantity.about)
                statements[key].append((clause, quantity))
    found: dict[tuple[str, str], Contradiction] = {}
    for group in statements.values():
        for position, (first, one) in enumerate(group):
            for second, other in group[position + 1 :]:
                values = _values_of(group, first), _values_of(group, second)
                if first is second or values[0] & values[1]:
                    continue
                pair = (first.reference, second.reference)
                found.setdefault(pair, Contradiction(first, second, (one.text, other.text)))
    return tuple(found.values())


def _values_of(group: Sequence[tuple[Clause, Quantity]], clause: Clause) -> set[str]:
    return {quantity.value for owner, quantity in group if owner is clause}


def why_not_citable(text: str) -> str:
    """Say in Korean why a clause cannot stand in a reply as it is; empty when it can."""
    unknown = [name for name in _SLOT.findall(text) if name.strip() not in SLOTS]
    if unknown:
        return (
            f"'{{{unknown[0]}}}' 자리를 채울 수 없어 인용하지 않습니다 -> "
            f"{', '.join(f'{{{slot}}}' for slot in sorted(SLOTS))}만 쓸 수 있습니다"
        )
    if not _SENTENCE_END.search(text):
        return "문장으로 끝나지 않아 인용하지 않습니다 -> '-습니다.'로 끝나는 문장으로 적어 주세요"
    return ""


@lru_cache(maxsize=4096)
def is_citable_text(text: str) -> bool:
    """Tell whether a clause can stand in a reply as it is."""
    return not why_not_citable(text)
