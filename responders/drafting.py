"""Drafts of Korean replies (답변 초안), each sentence with what supports it.

A draft is put together, not generated: the customer's own words (``responders.quoting``), courtesy
that promises nothing (``responders.phrases``), clauses of the brand's manual exactly as they stand
(``responders.manual``), and the brand's contact and closing. What the manual does not promise is
not promised; ``DraftReply.missing`` tells the specialist what it lacks.

The same case always gets the same draft: choices among phrases depend on the feedback's id alone.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from domain.types import DraftReply, named
from responders.composing import Composer, Line, Need
from responders.matters import DraftInput, issue_words
from responders.rendering import contact_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from domain.brands import Brand
    from domain.types import ReplyRules
    from responders.manual import Manual
    from responders.retrieval import Passage

__all__ = ["STRATEGIES", "DraftInput", "Drafter", "share_of_similar_pairs"]

STRATEGIES: Mapping[str, str] = {
    "standard": "공감과 안내를 고루 담은 답변",
    "brief": "핵심만 담은 짧은 답변",
    "resolve_first": "해결 방법과 연락처를 먼저 알리는 답변",
}
"""Ways of answering, in the order a specialist is offered them, with their Korean names."""

_FILM_WORDS = re.compile(r"영화|작품|관람|상영|배우|감독")

_EATERY_WORDS = re.compile(r"배달|메뉴|조리|주방|매장|음식")

_SHOP_WORDS = re.compile(r"배송|상품|반품|출고|주문")


class Drafter:
    """Writes drafts for one brand.

    Args:
        brand: Whose name, contacts and closing the drafts carry.
        manual: Where promises and facts come from.
        clock: Gives the instant at which clauses must be valid, aware.
    """

    def __init__(self, brand: Brand, manual: Manual, clock: Callable[[], datetime]) -> None:
        self._brand = brand
        self._manual = manual
        self._clock = clock
        self._is_film = _speaks_of(_FILM_WORDS, brand.name, manual)
        self._is_eatery = not self._is_film and _speaks_of(_EATERY_WORDS, brand.name, manual)
        self._contacts = contact_names(brand.contacts)

    def draft(self, case: DraftInput, strategy: str = "standard") -> DraftReply:
        """Write one draft; the same case, manual and time give the same text.

        Args:
            case: What to answer.
            strategy: A key of ``STRATEGIES``.

        Raises:
            KeyError: No such strategy.
        """
        if strategy not in STRATEGIES:
            raise KeyError(strategy)
        writer = Composer(
            brand=self._brand,
            manual=self._manual,
            at=self._clock(),
            case=case,
            strategy=strategy,
            is_film=self._is_film,
            is_eatery=self._is_eatery,
            contacts=self._contacts,
        )
        lines = writer.lines()
        kept = [line for line in lines if not _is_unspeakable(line, case.rules)]
        notes = list(writer.missing)
        if len(kept) < len(lines):
            lacking = case.rules.lacking("".join(line.sentence.text for line in lines))
            notes.append(f"채널이 저장하지 못하는 글자가 든 문장을 뺐습니다: {named(lacking)}")
        return DraftReply(
            sentences=tuple(line.sentence for line in _fitted(kept, case.rules)),
            missing=tuple(dict.fromkeys(notes)),
            strategy=strategy,
        )

    def alternatives(self, case: DraftInput) -> tuple[DraftReply, ...]:
        """Write one draft per strategy, the recommended one first."""
        return tuple(self.draft(case, strategy) for strategy in STRATEGIES)

    def passages(self, case: DraftInput, limit: int = 3) -> tuple[Passage, ...]:
        """Give the manual's most relevant valid passages for whoever decides on ``case``."""
        return self._manual.at(self._clock()).search(
            f"{case.title} {case.text} {issue_words(case, film=self._is_film)}",
            [finding.category.value for finding in case.analysis.categories],
            limit=limit,
            product=case.product_name,
        )


def share_of_similar_pairs(drafts: Sequence[DraftReply], threshold: float = 0.8) -> float:
    """Measure mechanical answers: the share of draft pairs that say nearly the same.

    Two drafts are similar when more than ``threshold`` of the shorter one's sentences stand word
    for word in the other.

    Returns:
        0-1; 0.0 for fewer than two drafts.
    """
    texts = [Counter(sentence.text for sentence in draft.sentences) for draft in drafts]
    pairs = similar = 0
    for index, one in enumerate(texts):
        for other in texts[index + 1 :]:
            pairs += 1
            shared = sum((one & other).values())
            similar += shared > threshold * max(1, min(one.total(), other.total()))
    return similar / pairs if pairs else 0.0


def _is_unspeakable(line: Line, rules: ReplyRules) -> bool:
    """Tell whether a sentence the reply can do without has characters the channel lacks."""
    return line.need is not Need.CORE and bool(rules.lacking(line.sentence.text))


def _fitted(lines: Iterable[Line], rules: ReplyRules) -> list[Line]:
    """Drop whole sentences, the least needed first, until the channel's limit is kept.

    Acknowledgement and contact always stay: what is still too long then, a person must shorten.
    """
    kept = list(lines)
    while _too_long(kept, rules):
        least = min(line.need for line in kept)
        if least is Need.CORE:
            break
        last = max(index for index, line in enumerate(kept) if line.need is least)
        del kept[last]
    return kept


def _too_long(lines: Sequence[Line], rules: ReplyRules) -> bool:
    text = "\n".join(line.sentence.text for line in lines)
    return rules.length_of(text) > rules.max_length


@lru_cache(maxsize=128)
def _speaks_of(words: re.Pattern[str], name: str, manual: Manual) -> bool:
    """Tell a film distributor, or a restaurant, from a shop by what its manual speaks of."""
    texts = [name, *(clause.text for clause in manual.clauses)]
    told = sum(bool(words.search(text)) for text in texts)
    return told > sum(bool(_SHOP_WORDS.search(text)) for text in texts)
