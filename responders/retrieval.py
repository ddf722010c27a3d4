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
import re
from collections import Counter, defaultdict
from functools import lru_cache
from heapq import nlargest
from itertools import product as pairs_of
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from domain.types import SourceKind
from responders.clauses import Clause, find_contradictions, is_citable_text
from responders.wording import NARROWING, STATES, states_in, things_in, without_states

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_MAX_QUERY_CHARACTERS = 2_000

_PAIR = re.compile(r"(?=([가-힣]{2}))")
_HANGUL = re.compile(r"[가-힣]{2,}")
_WORD = re.compile(r"[a-z]+|\d+")
_ASKED_WORD = re.compile(r"[a-z]+|\d+(?!\d|\s?(?:일|시|분|개|번|원|만|천|주|달|년|월|마리))")
"""Counts find nothing: five days of waiting are not the 50,000 won of another clause."""

_ENDINGS = frozenset(
    "습니다세요시으면는데나어아서고지을를이가은해했하네게도에로와과의인있없되된될라던까였었았겠드리려주받"
)
"""Syllables of endings and particles: a piece made of two of them says nothing."""

_COMMON = frozenset(
    {"상품", "경우", "확인", "주문", "고객", "안녕", "감사", "문의", "번호", "부탁", "탁드"}
    | {
        "이미",
        "분이",
        "안의",
        "안에",
        "하신",
        "받은",
        "받으",
        "대한",
        "관한",
        "위해",
        "가능",
        "능한",
        "한가",
        "한지",
        "궁금",
        "제품",
        "이상",
        "까지",
        "바뀌",
        "뀌어",
        "보다",
        "각보",
        "일까",
        "전에",
    }
)

_SELF = re.compile(r"(?<![가-힣])제가 ")
"""Else it finds ``결제가``."""

_SILENT = _COMMON.union(map("".join, pairs_of(_ENDINGS, repeat=2))) - {"해지"}
_K1, _B = 1.2, 0.5

_ALL_TOPICS = ""

_RAREST = 5.4
"""Weight of a piece that one clause alone has, whatever the size of the manual: what counts as an
answer (``Passage.words``) is then the same for a shop of twelve clauses and of two hundred."""

_UNFIT_SHARE, _UNFIT_FACT_SHARE = 0.2, 0.3

_ALSO_VOTE = 0.5

_NAME_SHARE = 0.25

_ALIKE = 0.5

_EVERYDAY = (
    (
        re.compile(r"언제\s*(?:와|오|옴|도착|받|출발|보내)|도착"),
        " 배송 출고 발송 도착 받아 보실",
    ),
    (
        re.compile(r"환불[^.!?\n]{0,16}(?:언제|며칠|얼마나|걸리)"),
        " 환불은 반품 도착한 날부터 처리",
    ),
    (re.compile(r"다시 보내야|돌려보내|반송"), " 돌려보내지 않으셔도"),
    (
        re.compile(r"(?:얼마나|언제까지)[^.!?\n]{0,4}(?:쓸|쓰|써|사용)"),
        " 개월 안에 사용하시는 것이",
    ),
    (re.compile(r"무료\s?배송|얼마\s?(?:이상|부터|넘)"), " 만원 이상 주문하시면 배송비 무료"),
    (re.compile(r"얼마나?\s*(?:보관|두고)|며칠(?:까지|\s?안에|\s?동안)"), " 보관 드실 제조일"),
    (re.compile(r"들어가|들었"), " 들어 있으며"),
    (
        re.compile(r"\d\d\s?(?:개|세트|상자|박스|마리|인분)[^.!?\n]{0,10}(?:주문|구매|사려|살)"),
        " 같은 상품 단체 주문으로 할인해",
    ),
    (re.compile(r"추가(?!\s?(?:요금|금액|비용|배송))"), " 더할 결제한 주문에 추가하실 묶어"),
    (re.compile(r"빼\s?주|빼고|싫어하"), " 원하지 않는 빼실"),
    (
        re.compile(
            r"(?:잘못|막|방금) ?주문|^(?!.*두 ?번).*취소(?:하고 싶|하려|는 어떻게| 어떻게| 부탁|\s?(?:되|될|돼|가능|해\s?주))",
            re.DOTALL,
        ),
        " 상품 준비가 시작되기 전 바로 취소하실",
    ),
    (
        # Money comes in as well: "환불은 언제 들어오나요".
        re.compile(
            r"^(?!.*(?:환불|적립|입금|취소|해지)).*(?:다시|언제)[^.!?\n]{0,8}(?:들어[오와]|입고|나[오와])",
            re.DOTALL,
        ),
        " 재입고 입고됩니다",
    ),
    (
        re.compile(r"(?:내일|다음\s?날)[^.!?\n]{0,10}(?:오나|와요|올까|받|도착하)|몇 시까지"),
        " 다음 날 오전 도착합니다 마감",
    ),
    (
        re.compile(r"[모개팩봉병자] 이상|[모개팩봉병]까지"),
        " 한 번에 살 수 있는 수량을 넘는 하루 한 분께 까지 판매합니다",
    ),
    (
        re.compile(
            r"(?:부산|대구|울산|광주|제주|강원|전남|전북|경남|경북)[^.!?\n]{0,4}(?:되나|오나|가나|가능|배송)"
        ),
        " 새벽배송 이용하실 지역",
    ),
)
"""What is asked in one way and answered in another; words for one thing are in ``wording``."""

_HEAD = re.compile(
    r"^(.{2,40}?)(?:(?<![않있없하되새젖짧많받높좋넘늦])(?:은|는)|이면|으면|면|경우에는|경우에|경우|때문에|에는|때에는|때에|때)(?:\s|,)"
)

_HEAD_WEIGHT, _REST_WEIGHT = 1.5, 0.8

_LEAST_HEAD, _LEAST_SUBJECT = 7.0, 5.4
"""What a condition, and what a fact is about, weighs at least; a piece weighs ``_RAREST`` at most."""

_SEGMENT = re.compile(r"(?<=[가-힣]며),?\s|(?<=지만),?\s|,\s|(?<=다)\.\s")

_OR = re.compile(r"(?<=[가-힣])(?:거나|또는)\s")

_NOUN_OR = re.compile(r"(?<=[가-힣])(?<!거)(?:이나|나)\s")

_LATER = 0.7
"""What a condition counts that stands behind the first one."""

_NARROWING_WEIGHT, _THING_WEIGHT = 3.0, 1.5
"""A thing both sides have a word for says more of a condition than two syllables do."""


_Postings = dict[str, list[tuple[int, float]]]
"""By piece: the clauses that have it, and its weight there."""

_Condition = tuple[tuple[str, float], ...]
"""What a clause asks for: pieces, and the share of each."""

_MOST_FITTED = 16
"""Clauses of which it is looked whether their conditions are met: those with most words in common."""


class Passage(NamedTuple):
    """A clause found for a text.

    ``score`` orders one search; ``words`` is its part from shared words alone, which is comparable
    between searches of one manual. ``contradicted`` passages are shown to people but never cited. ``fit`` (0-1) is the share of the clause's condition (``늦게 도착해 상한
    경우에는``, ``무쇠 프라이팬은``) that the text speaks of: a low fit means the clause is about
    something else, whatever its other words are.
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

    def is_citable(self, clause: Clause) -> bool:
        """Tell whether ``clause`` is valid here, a full sentence, fillable and uncontradicted."""
        return clause.reference not in self._contradicted and is_citable_text(clause.text)

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
        names = _pieces_of(product)
        scores: dict[int, float] = {}
        named: dict[int, float] = {}
        searched = [
            self._indexes[kind, topic]
            for kind in kinds or SourceKind
            for topic in (wanted if only_topics and len(wanted) == 1 else (_ALL_TOPICS,))
            if (kind, topic) in self._indexes
        ]
        votes = dict.fromkeys(_meant(query), 1.0 if is_query_sure else _ALSO_VOTE)
        for piece, vote in _votes(text, also, product).items():
            votes[piece] = max(vote, votes.get(piece, 0.0))
        for piece, vote in votes.items():
            counted = named if piece in names else scores
            for postings in searched:
                for index, weight in postings.get(piece, ()):
                    counted[index] = counted.get(index, 0.0) + vote * weight
        if len(scores) > _MOST_FITTED:
            scores = dict(nlargest(_MOST_FITTED, scores.items(), key=itemgetter(1)))
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
            best = max(best, met)
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
        votes.update(dict.fromkeys(told(part[:_MAX_QUERY_CHARACTERS]), _ALSO_VOTE))
    if isinstance(text, str):
        votes.update(dict.fromkeys(_asked(text[:_MAX_QUERY_CHARACTERS], product), 1.0))
        return votes
    for part in text:
        votes.update(dict.fromkeys(told(part[:_MAX_QUERY_CHARACTERS]), 1.0))
    votes.update(dict.fromkeys(sorted(_pieces_of(product)), 1.0))
    return votes


def shared(text: str, product: str, clause: Clause) -> frozenset[str]:
    """Give the pieces that a clause has of ``text``, without those of the product's name."""
    found = _pieces_of(clause.text).intersection(_asked(text[:_MAX_QUERY_CHARACTERS], product))
    return found - _pieces_of(product)


def names(clause: Clause, product: str) -> bool:
    """Tell whether a clause has a piece of a product's name."""
    return not _pieces_of(clause.text).isdisjoint(_pieces_of(product))


def alike(one: Clause, other: Clause) -> bool:
    """Tell whether two clauses say nearly the same: one of them is enough."""
    first, second = _pieces_of(one.text), _pieces_of(other.text)
    return len(first & second) > _ALIKE * min(len(first), len(second))


def _topic_share(clause: Clause, topics: Collection[str]) -> float:
    for rank, topic in enumerate(topics):
        if topic in clause.topics:
            return 1.0 / (1 + rank)
    return 0.0


@lru_cache(maxsize=64)
def _asked(text: str, product: str) -> tuple[str, ...]:
    """Give the pieces of a question, of the manual's words for it and of the product, sorted."""
    pieces = set(told(text))
    lowered = text.lower()
    for is_said, meant in _SPOKEN:
        if is_said(lowered):
            pieces |= meant
    return tuple(sorted(pieces | _pieces_of(product)))


@lru_cache(maxsize=1024)
def _meant(query: str) -> tuple[str, ...]:
    return _pieces_told(query)


@lru_cache(maxsize=64)
def told(text: str) -> tuple[str, ...]:
    """Give the pieces of a text, the things it speaks of and the states it tells of, sorted."""
    return _pieces_told(text)


def _pieces_told(text: str) -> tuple[str, ...]:
    """Give the pieces of a text and what it speaks of, sorted."""
    lowered = _SELF.sub(" ", text.lower())
    pieces = _pieces(lowered, _ASKED_WORD) | {thing for thing, _, _ in things_in(lowered)}
    return tuple(sorted(pieces | states_in(lowered)))


@lru_cache(maxsize=4096)
def _pieces_of(text: str) -> frozenset[str]:
    """Give the pieces of a clause or of a product's name, of which a brand has few."""
    return frozenset(_pieces_of_clause(text))


def _pieces_of_clause(text: str) -> set[str]:
    """Cut a manual's words, a thing's name standing for whatever words it is called by."""
    lowered = text.lower()
    found = things_in(lowered)
    states = states_in(lowered)
    rest = list(without_states(lowered) if states else lowered)
    for _, start, end in found:
        rest[start:end] = " " * (end - start)
    return _pieces("".join(rest)).union(states, (thing for thing, _, _ in found))


def _stems_of(text: str) -> frozenset[str]:
    """Give what words begin with; endings and particles would count as much as what they end."""
    starts = {word[at : at + 2] for word in _HANGUL.findall(text) for at in (0, 2)}
    return frozenset(
        piece
        for piece in _pieces_of(text)
        if piece in starts or (not "가" <= piece[0] <= "힣" and not piece.isdigit())
    )


def _pieces(text: str, word: re.Pattern[str] = _WORD) -> set[str]:
    """Cut lower-case text into two-syllable pieces; digits and Latin words stay whole."""
    return {*_PAIR.findall(text), *word.findall(text)} - _SILENT


_SPOKEN = tuple((shape.search, _pieces_of_clause(meant)) for shape, meant in _EVERYDAY)


def _indexed(
    clauses: Sequence[Clause],
) -> tuple[dict[tuple[SourceKind, str], _Postings], list[tuple[_Condition, ...]]]:
    """Give an index for each kind and topic, and which conditions are a clause's.

    Word weights are those of the whole manual, also in the index of one topic.
    """
    documents = [sorted(_pieces_of(f"{clause.text} {clause.product}")) for clause in clauses]
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
        asked: list[_Condition] = []
        first = _heads_of(_SEGMENT.split(without_states(clause.text.lower()))[0])
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
            asked.append(tuple((piece, share / whole) for piece, share in shares.items()))
        owned.append(tuple(asked))
    return found, owned


def _weight_in_condition(piece: str) -> float:
    if piece in NARROWING:
        return _NARROWING_WEIGHT
    return _THING_WEIGHT if piece.startswith("#") else 1.0


@lru_cache(maxsize=4096)
def conditions_of(clause: str, *, is_fact: bool = False) -> tuple[frozenset[str], ...]:
    """Give the pieces of each condition under which a clause holds; any one of them is enough.

    ``고기가 덜 익었거나 음식이 상한 경우에는`` has two. A condition without a telling word, as of
    ``모든 상품은``, is none, nor is a state by itself: most do not say whether they opened the box.
    """
    first, *others = _SEGMENT.split(without_states(clause.lower()))
    found = _heads_of(first)
    if not found:
        # A state alone, or no condition: what else the sentence is about.
        pieces = _stems_of(first)
        found.append(frozenset(one for one in pieces if one.startswith("#")) or pieces)
    for other in others:
        found += _heads_of(other)
    is_named = any(piece.startswith("#") for condition in found for piece in condition)
    if not is_named and not is_fact:
        things = frozenset(one for one in _pieces_of(clause) if one.startswith("#")) - STATES
        found += [things] if len(things) == 1 else []
    return tuple(found)


def _heads_of(segment: str) -> list[frozenset[str]]:
    """Give the pieces of what part of a clause says it is for."""
    head = _HEAD.match(f"{segment} ")
    found: list[frozenset[str]] = []
    for part in _OR.split(head[1]) if head else ():
        # Of nouns, what is said of the one is said of the other: "빠진 메뉴나 반찬은".
        nouns = [_stems_of(noun) for noun in _NOUN_OR.split(part)]
        # But "이물이나 위생 문제가" are two things.
        telling = [noun for noun in nouns if noun & NARROWING and not noun <= NARROWING]
        found += [noun for noun in telling or nouns if noun]
    return found


@lru_cache(maxsize=4096)
def narrowed_to(clause: str) -> tuple[frozenset[str], ...]:
    """Give the things of which one group must be spoken of for a clause to be meant; none for all.

    What stands behind the first condition counts only where it narrows by itself.
    """
    first, *others = _SEGMENT.split(without_states(clause.lower()))
    groups = [condition & NARROWING for condition in _heads_of(first)]
    if not all(groups):
        return ()
    for other in others:
        groups += [group for one in _heads_of(other) if (group := one & NARROWING)]
    return tuple(groups)
