"""Finding the clauses that speak of what a customer wrote.

BM25 over two-syllable pieces and over things (``responders.wording``), which both sides may call by
other words. A clause counts for more when its condition (``늦게 도착해 상한 경우에는``), any one of them
where it has several, is what the text speaks of; a product's name only breaks ties. Measured 2026-11
by a strict reading of whole drafts for 40 texts written afterwards, five brands: 18 had a fault, 2 of
them a clause that does not fit; with pieces alone and clauses of one topic, 25 and 6. rank-bm25 0.2.2
(last release 2022) found 30 of the demo's 37 answers on two-syllable pieces, 16 on words.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from domain.types import SourceKind
from responders.clauses import Clause, find_contradictions, is_citable_text
from responders.pieces import (
    MAX_QUERY_CHARACTERS,
    asked,
    pieces_of,
    queried,
    said_besides,
    told,
)
from responders.terms import conditions_of, first_conditions_of
from responders.wording import NARROWING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_K1, _B = 1.2, 0.5

_ALL_TOPICS = ""

_RAREST = 5.4
"""Weight of a piece that one clause alone has, whatever the size of the manual: what counts as an
answer (``Passage.words``) is then the same for a shop of twelve clauses and of two hundred."""

_UNFIT_SHARE, _UNFIT_FACT_SHARE = 0.2, 0.3

_ALSO_VOTE = 0.5

_NAME_SHARE = 0.25

_HEAD_WEIGHT, _REST_WEIGHT = 1.5, 0.8

_LEAST_HEAD, _LEAST_SUBJECT = 7.0, 5.4
"""What a condition, and what a fact is about, weighs at least; a piece weighs ``_RAREST`` at most."""

_LATER = 0.7
"""What a condition counts that stands behind the first one."""

_NARROWING_WEIGHT, _THING_WEIGHT = 3.0, 1.5
"""A thing both sides have a word for says more of a condition than two syllables do."""

_Postings = dict[str, list[tuple[int, float]]]
"""By piece: the clauses that have it, and its weight there."""

_Condition = tuple[tuple[str, float], ...]
"""What a clause asks for: pieces, and the share of each."""

_MOST_PRODUCTS = 1024

_MOST_FITTED = 16
"""Clauses of which it is looked whether their conditions are met: those with most words in common."""


class Passage(NamedTuple):
    """A clause found for a text.

    ``score`` orders one search; ``words`` is its part from shared words alone, which is comparable
    between searches of one manual. ``fit`` (0-1) is the share of the clause's condition (``늦게
    도착해 상한 경우에는``, ``무쇠 프라이팬은``) that the text speaks of: a low fit means the clause is
    about something else, whatever its other words are. ``contradicted`` passages are shown to people
    but never cited.
    """

    clause: Clause
    score: float
    words: float = 0.0
    fit: float = 0.0
    contradicted: bool = False


class ManualView:
    """The manual as it is valid at one time, with its search index."""

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self.clauses = tuple(clauses)
        self.contradictions = find_contradictions(self.clauses)
        self._contradicted = {
            clause.reference for pair in self.contradictions for clause in (pair.first, pair.second)
        }
        self._indexes, self._conditions = _indexed(self.clauses)
        self._unfit = [
            _UNFIT_FACT_SHARE if clause.kind is SourceKind.FACT else _UNFIT_SHARE
            for clause in self.clauses
        ]
        self._shares: dict[tuple[str, ...], list[float]] = {}
        self._facts: dict[str, tuple[Clause, ...]] = {}

    def is_citable(self, clause: Clause) -> bool:
        """Tell whether ``clause`` is valid here, a full sentence, fillable and uncontradicted."""
        return clause.reference not in self._contradicted and is_citable_text(clause.text)

    def facts_on(self, product: str) -> tuple[Clause, ...]:
        """Give the facts with half of a product's name or more; a brand has few products."""
        facts = self._facts.get(product)
        if facts is None:
            name = pieces_of(product)
            facts = tuple(
                clause
                for clause in self.clauses
                if clause.kind is SourceKind.FACT
                and 0 < len(name) <= 2 * len(name & pieces_of(clause.text))
            )
            if len(self._facts) >= _MOST_PRODUCTS:
                self._facts.clear()
            self._facts[product] = facts
        return facts

    def search(
        self,
        text: str | Sequence[str],
        topics: Collection[str] = (),
        *,
        limit: int = 3,
        kinds: Collection[SourceKind] = (),
        product: str = "",
        only_topics: bool = False,
        also: Sequence[str] = (),
        query: str = "",
        is_query_sure: bool = True,
    ) -> tuple[Passage, ...]:
        """Give the most relevant passages, best first.

        BM25 over two-syllable pieces, which needs no morphological analyser and finds ``환불`` in
        ``환불이``; a clause of a wanted topic counts more than any shared word.

        Args:
            text: What to look for, or its parts; the first 2,000 characters of each are read.
            topics: Complaint categories of the text, most likely first.
            limit: How many at most.
            kinds: Only these kinds of clause; empty for all.
            product: What the text is about. Its name finds no clause by itself (every clause on a
                product would come before the one that answers), but shows which clauses fit.
            only_topics: Leave out clauses of other topics.
            also: Sentences around ``text``; they have half a vote.
            query: What manuals call it: one of a few that are asked again and again.
            is_query_sure: Whether ``query`` has a whole vote.
        """
        wanted = tuple(topics)
        whole = text if isinstance(text, str) else " ".join(text)
        named_by = pieces_of(product) - said_besides(whole, product)
        scores: dict[int, float] = {}
        named: dict[int, float] = {}
        searched = [
            self._indexes[kind, topic]
            for kind in kinds or SourceKind
            for topic in (wanted if only_topics and len(wanted) == 1 else (_ALL_TOPICS,))
            if (kind, topic) in self._indexes
        ]
        if not searched:
            return ()
        votes = dict.fromkeys(queried(query), 1.0 if is_query_sure else _ALSO_VOTE)
        _raise(votes, _votes(text, also, product))
        for piece, vote in votes.items():
            counted = named if piece in named_by else scores
            for postings in searched:
                for index, weight in postings.get(piece, ()):
                    counted[index] = counted.get(index, 0.0) + vote * weight
        if len(scores) > _MOST_FITTED:
            # Faster than heapq.nlargest for so few, with the same order among equals.
            by_words = sorted(scores.items(), key=itemgetter(1), reverse=True)
            scores = dict(by_words[:_MOST_FITTED])
        fits: dict[int, float] = {}
        for index in scores:
            fits[index] = fit = self._fit(index, votes)
            unfit = self._unfit[index]
            scores[index] *= unfit + (1 - unfit) * fit
        best = max(scores.values(), default=0.0)
        # A product's name finds no clause by itself: all on that product would come first.
        shares = self._topic_shares(wanted)
        ranked: list[tuple[float, int]] = []
        for index, words in scores.items():
            if only_topics and wanted and not shares[index]:
                continue
            name_part = min(named[index] * _NAME_SHARE, words) if index in named else 0.0
            ranked.append((-(words + name_part + best * shares[index]), index))
        ranked.sort()
        return tuple(
            Passage(
                self.clauses[index],
                -negated,
                scores[index],
                fits[index],
                self.clauses[index].reference in self._contradicted,
            )
            for negated, index in ranked[:limit]
        )

    def _fit(self, index: int, votes: Mapping[str, float]) -> float:
        """Give the share of a clause's best met condition that was voted for."""
        best = 0.0
        for condition in self._conditions[index]:
            met = 0.0
            for piece, share in condition:
                if piece in votes:
                    met += votes[piece] * share
            if met > best:
                best = met
        return best

    def _topic_shares(self, topics: tuple[str, ...]) -> list[float]:
        """Give how much each clause's topic counts, in shares of the best word score."""
        shares = self._shares.get(topics)
        if shares is None:
            shares = [_topic_share(clause, topics) for clause in self.clauses]
            self._shares[topics] = shares
        return shares


def _votes(text: str | Sequence[str], also: Sequence[str], product: str) -> dict[str, float]:
    votes: dict[str, float] = {}
    for part in also:
        votes.update(dict.fromkeys(told(part[:MAX_QUERY_CHARACTERS]), _ALSO_VOTE))
    if isinstance(text, str):
        votes.update(dict.fromkeys(asked(text[:MAX_QUERY_CHARACTERS], product), 1.0))
        return votes
    for part in text:
        votes.update(dict.fromkeys(told(part[:MAX_QUERY_CHARACTERS]), 1.0))
    votes.update(dict.fromkeys(sorted(pieces_of(product)), 1.0))
    return votes


def _raise(votes: dict[str, float], others: Mapping[str, float]) -> None:
    """Let each piece have the higher one of two votes."""
    for piece, vote in others.items():
        if vote > votes.get(piece, 0.0):
            votes[piece] = vote


def _topic_share(clause: Clause, topics: Collection[str]) -> float:
    for rank, topic in enumerate(topics):
        if topic in clause.topics:
            return 1.0 / (1 + rank)
    return 0.0


def _indexed(
    clauses: Sequence[Clause],
) -> tuple[dict[tuple[SourceKind, str], _Postings], list[tuple[_Condition, ...]]]:
    """Give an index for each kind and topic, and which conditions are a clause's.

    Word weights are those of the whole manual, also in the index of one topic.
    """
    documents = [sorted(pieces_of(f"{clause.text} {clause.product}")) for clause in clauses]
    average = sum(map(len, documents)) / max(1, len(documents)) or 1.0
    frequency = Counter(piece for document in documents for piece in document)
    # In shares of what a piece of one clause alone is worth, or a short manual would have no answer.
    alone = math.log(1 + (max(1, len(clauses)) - 0.5) / 1.5)
    rarity = {
        piece: _RAREST * math.log(1 + (len(clauses) - count + 0.5) / (count + 0.5)) / alone
        for piece, count in frequency.items()
    }
    found: dict[tuple[SourceKind, str], _Postings] = {}
    owned: list[tuple[_Condition, ...]] = []
    for index, (clause, document) in enumerate(zip(clauses, documents, strict=True)):
        is_fact = clause.kind is SourceKind.FACT
        conditions = conditions_of(clause.text, is_fact=is_fact)
        heads = frozenset[str]().union(*conditions)
        saturation = (_K1 + 1) / (1 + _K1 * (1 - _B + _B * len(document) / average))
        places = [
            found.setdefault((clause.kind, topic), defaultdict(list))
            for topic in (_ALL_TOPICS, *clause.topics)
        ]
        for piece in document:
            weight = _HEAD_WEIGHT if piece in heads else _REST_WEIGHT
            for place in places:
                place[piece].append((index, rarity[piece] * saturation * weight))
        known = frozenset(document)
        needed: list[_Condition] = []
        first = first_conditions_of(clause.text)
        for position, condition in enumerate(conditions):
            shares = {
                piece: rarity[piece] * _weight_in_condition(piece)
                for piece in sorted(condition & known)
            }
            # A condition of one common word is met by too many texts.
            whole = max(_LEAST_SUBJECT if is_fact else _LEAST_HEAD, math.fsum(shares.values()))
            # What stands behind the first condition is about that one's subject.
            if position and condition not in first:
                whole /= _LATER
            needed.append(tuple((piece, share / whole) for piece, share in shares.items()))
        owned.append(tuple(needed))
    return found, owned


def _weight_in_condition(piece: str) -> float:
    if piece in NARROWING:
        return _NARROWING_WEIGHT
    return _THING_WEIGHT if piece.startswith("#") else 1.0
