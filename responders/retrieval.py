"""Finding the clauses that speak of what a customer wrote.

BM25 over two-syllable pieces with two additions: a clause counts for more when its condition
(``늦게 도착해 상한 경우에는``) is what the text speaks of, and a product's name only breaks ties. Measured
2026-11 on the demo's 37 questions (the ones it was tuned on): first answer right 35; on 23 written
afterwards, for this and for two small manuals, 15. rank-bm25 0.2.2 (last release 2022) had 30 of
the 37 on two-syllable pieces, 16 on words.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from functools import lru_cache
from itertools import product as pairs_of
from typing import TYPE_CHECKING, NamedTuple

from responders.clauses import Clause, find_contradictions, is_citable_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from domain.types import SourceKind

_MAX_QUERY_CHARACTERS = 2_000

_PAIR = re.compile(r"(?=([가-힣]{2}))")
_WORD = re.compile(r"[a-z]+|\d+")
_ASKED_WORD = re.compile(r"[a-z]+|\d+(?!\d|\s?(?:일|시|분|개|번|원|만|천|주|달|년|월|마리))")
"""Counts find nothing: five days of waiting are not the 50,000 won of another clause."""

_ENDINGS = frozenset(
    "습니다세요시으면는데나어아서고지을를이가은해했하네게도에로와과의인있없되된될라던까였었았겠드리려주받"
)
"""Syllables of endings and particles: a piece made of two of them says nothing."""

_COMMON = frozenset(
    {"상품", "경우", "확인", "주문", "고객", "안녕", "감사", "문의", "번호", "부탁", "탁드"}
    | {"궁금", "제품", "이상", "까지", "바뀌", "뀌어", "보다", "각보", "일까", "전에"}
)

_SELF = re.compile(r"(?<![가-힣])제가 ")
"""Else it finds ``결제가``."""

_SILENT = _COMMON.union(map("".join, pairs_of(_ENDINGS, repeat=2))) - {"해지"}
_K1, _B = 1.2, 0.5

_RAREST = 5.4
"""Weight of a piece that one clause alone has, whatever the size of the manual: what counts as an
answer (``Passage.words``) is then the same for a shop of twelve clauses and of two hundred."""

_UNFIT_SHARE = 0.3

_NAME_SHARE = 0.25

_ALIKE = 0.5

_EVERYDAY = (
    (
        re.compile(r"언제\s*(?:와|오|옴|도착|받|출발|보내)|안\s*(?:와|왔|옴|오)|도착|늦"),
        " 배송 출고 발송 지연 도착 받아 보실",
    ),
    (
        re.compile(r"깨[져지졌진]|부서|금이?\s*가|찌그러|터[져졌지진]|샜|새(?:요|고|서)"),
        " 파손 불량 교환",
    ),
    (re.compile(r"샜|새(?:요|고|서)|흘러|터[져졌지진]"), " 새는 내용물이 샌"),
    (
        re.compile(
            r"몇\s?시까지\s?(?:하|영업|열)|여나요|영업|휴무|쉬[는나시]|요일인데 (?:하|여|열)"
        ),
        " 영업시간 쉽니다",
    ),
    (
        re.compile(r"환불[^.!?\n]{0,16}(?:언제|며칠|얼마나|걸리)"),
        " 환불은 반품 도착한 날부터 처리",
    ),
    (re.compile(r"두 ?번[^.!?\n]{0,8}(?:결제|빠져|나갔|출금)"), " 결제가 두 번 된 결제 기록"),
    (re.compile(r"돈\s*(?:돌려|언제)|돌려\s*(?:주|받)|입금"), " 환불"),
    (re.compile(r"덜 익|설익|핏물"), " 덜 익은 익거나"),
    (re.compile(r"없어지|사라지"), " 사라지며 되돌릴 남은"),
    (
        re.compile(
            r"(?:쿠폰|적립금|알림|주문|화면)[^.!?\n]{0,30}(?:안\s?보|안\s?떠|없어졌|사라졌)"
        ),
        " 보이지 않는",
    ),
    (re.compile(r"다시 보내야|돌려보내|반송"), " 돌려보내지 않으셔도"),
    (
        re.compile(r"(?:얼마나|언제까지)[^.!?\n]{0,4}(?:쓸|쓰|써|사용)"),
        " 개월 안에 사용하시는 것이",
    ),
    (re.compile(r"원산지|어디\s?산|국산|국내산|산인가|산이에요"), " 원산지 국내산"),
    (re.compile(r"안\s?(?:왔|들어\s?있|들었)|빠[졌진]|누락|없이\s?[왔옴]"), " 빠진 상품 빠졌"),
    (re.compile(r"상[했한]|곰팡|쉰|썩|냄새"), " 변질 신선 냉장 보관 상한"),
    (re.compile(r"물러|무르|썩"), " 무르거나 시든"),
    (re.compile(r"무료\s?배송|얼마\s?이상"), " 만원 이상 주문하시면 배송비 무료"),
    (re.compile(r"씻"), " 세척"),
    (re.compile(r"개봉[^.!?\n]{0,4}안|안\s?(?:뜯|열어)|미개봉"), " 개봉하지 않은"),
    (re.compile(r"뜯(?<!안뜯)(?<!안 뜯)[었고]|개봉했|발라\s?[봤보]|써\s?[봤보]"), " 개봉하신"),
    (re.compile(r"배송비|택배비"), " 배송비 택배 요금"),
    (
        re.compile(r"붉|빨갛|뒤집어|가[려렵]|간지|따[가갑]|뾰루지|좁쌀|트러블"),
        " 붉어짐 가려움 피부 트러블",
    ),
    (re.compile(r"고장|안\s*켜|작동|수리"), " 보증 수리 불량"),
    (re.compile(r"얼마나?\s*(?:보관|두고)|며칠(?:까지|\s?안에|\s?동안)"), " 보관 드실 제조일"),
    (re.compile(r"들어가|들었"), " 들어 있으며"),
    (
        re.compile(r"\d\d\s?(?:개|세트|상자|박스|마리|인분)[^.!?\n]{0,6}(?:주문|구매|사려|살)"),
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
    (
        re.compile(r"다친|다쳤|베[였인이]|화상|두드러기|배탈|토하|응급"),
        " 안전 증상 병원 진료",
    ),
    (re.compile(r"전자\s*렌지|전자레인지|데우|데워"), " 전자레인지 조리 데우"),
    (re.compile(r"인덕션|가스 ?불|하이라이트"), " 인덕션 열원"),
)
"""Everyday wording and the words manuals use for it."""

_SAME = {
    "바꿔 바꾸 바꿀 바꾼": "교환 변경",
    "주소": "배송지",
    "미리": "예약",
    "견과 호두 땅콩": "호두 땅콩",
    "길들 시즈": "길들입니다 기름을 얇게",
    "전화 연락 답변 답이": "상담 고객센터 답변",
    "변심": "마음이 바뀌어 돌려보내시는",
    "유통": "소비기한 제조일",
    "계란": "달걀",
    "알러": "알레르기",
    "대량 단체": "같은 상품 단체 주문으로 할인해",
    "수정": "고치실 바꾸실",
    "쉬고 건너 미루": "건너뛰실",
}
"""The same where two syllables show it, which are cut out of the text anyway."""

_HEAD = re.compile(
    r"^(.{2,40}?)(?:(?<![않있없하되새젖짧많받높좋넘늦])(?:은|는)|이면|으면|면|경우에는|경우에|에는|때에는|때에)(?:\s|,)"
)

_HEAD_WEIGHT, _REST_WEIGHT = 1.5, 0.8

_LEAST_HEAD = 5.4
"""What a condition weighs at least, as ``_RAREST``."""

_Postings = dict[str, list[tuple[int, float, float]]]
"""By piece: the clauses that have it, its weight there, and its share of the clause's condition."""

_ALL_TOPICS = ""


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
        self._by_topic = _index(self.clauses)
        self._joined: dict[tuple[str, ...], _Postings] = {}
        self._shares: dict[tuple[str, ...], list[float]] = {}

    def is_citable(self, clause: Clause) -> bool:
        """Tell whether ``clause`` is valid here, a full sentence, fillable and uncontradicted."""
        return clause.reference not in self._contradicted and is_citable_text(clause.text)

    def search(
        self,
        text: str,
        topics: Collection[str] = (),
        *,
        limit: int = 3,
        kinds: Collection[SourceKind] = (),
        product: str = "",
        only_topics: bool = False,
        least: float = 0.0,
    ) -> tuple[Passage, ...]:
        """Give the most relevant passages, best first.

        BM25 over two-syllable pieces, which needs no morphological analyser and finds ``환불`` in
        ``환불이``; a clause of a wanted topic counts more than any shared word.

        Args:
            text: What to look for; only its first 2,000 characters are read.
            topics: Complaint categories of the text, most likely first.
            limit: How many at most.
            kinds: Only these kinds of clause; empty for all.
            product: What the text is about. Its name finds no clause by itself (every clause on a
                product would come before the one that answers), but shows which clauses fit.
            only_topics: Leave out clauses of other topics.
            least: Give nothing where no clause has such ``Passage.words``.
        """
        wanted = tuple(topics)
        names = _pieces_of(product)
        scores: dict[int, float] = {}
        named: dict[int, float] = {}
        fits = [0.0] * len(self.clauses)
        postings = self._postings(wanted if only_topics else (_ALL_TOPICS,))
        # In order: sums of floats depend on it, and with them which of two equal clauses is cited.
        for piece in _asked(text[:_MAX_QUERY_CHARACTERS], product):
            counted = named if piece in names else scores
            for index, weight, fit in postings.get(piece, ()):
                counted[index] = counted.get(index, 0.0) + weight
                fits[index] += fit
        for index in scores:
            scores[index] *= _UNFIT_SHARE + (1 - _UNFIT_SHARE) * fits[index]
        best = max(scores.values(), default=0.0)
        if best < least:
            return ()
        # A product's name finds no clause by itself: all on that product would come first.
        shares = self._topic_shares(wanted)
        ranked: list[tuple[float, int]] = []
        for index, words in scores.items():
            if not kinds or self.clauses[index].kind in kinds:
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

    def _postings(self, topics: tuple[str, ...]) -> _Postings:
        """Give the index of some topics, joined once; a clause of two of them counts once."""
        if len(topics) == 1:
            return self._by_topic.get(topics[0], {})
        joined = self._joined.get(topics)
        if joined is None:
            merged: dict[str, dict[tuple[int, float, float], None]] = defaultdict(dict)
            for topic in topics:
                for piece, entries in self._by_topic.get(topic, {}).items():
                    merged[piece].update(dict.fromkeys(entries))
            joined = {piece: list(entries) for piece, entries in merged.items()}
            self._joined[topics] = joined
        return joined

    def _topic_shares(self, topics: tuple[str, ...]) -> list[float]:
        """Give how much each clause's topic counts, in shares of the best word score."""
        shares = self._shares.get(topics)
        if shares is None:
            shares = [_topic_share(clause, topics) for clause in self.clauses]
            self._shares[topics] = shares
        return shares


def shared(text: str, product: str, clause: Clause) -> int:
    """Count the pieces that a clause has of ``text``, without those of the product's name."""
    found = _pieces_of(clause.text).intersection(_asked(text[:_MAX_QUERY_CHARACTERS], product))
    return len(found - _pieces_of(product))


def alike(one: Clause, other: Clause) -> bool:
    """Tell whether two clauses say nearly the same: one of them is enough."""
    first, second = _pieces_of(one.text), _pieces_of(other.text)
    return len(first & second) > _ALIKE * min(len(first), len(second))


def _topic_share(clause: Clause, topics: Collection[str]) -> float:
    for rank, topic in enumerate(topics):
        if topic in clause.topics:
            return 1.0 / (1 + rank)
    return 0.0


@lru_cache(maxsize=8)
def _asked(text: str, product: str) -> tuple[str, ...]:
    """Give the pieces of what is asked, of the manual's words for it and of the product, sorted.

    One text is asked twice.
    """
    lowered = _SELF.sub(" ", text.lower())
    pieces = _pieces(lowered, _ASKED_WORD)
    for piece in pieces & _MEANT.keys():
        pieces |= _MEANT[piece]
    for is_said, meant in _SPOKEN:
        if is_said(lowered):
            pieces |= meant
    return tuple(sorted(pieces | _pieces_of(product)))


@lru_cache(maxsize=4096)
def _pieces_of(text: str) -> frozenset[str]:
    """Give the pieces of a clause or of a product's name, of which a brand has few."""
    return frozenset(_pieces(text.lower()))


def _pieces(text: str, word: re.Pattern[str] = _WORD) -> set[str]:
    """Cut lower-case text into two-syllable pieces; digits and Latin words stay whole."""
    return {*_PAIR.findall(text), *word.findall(text)} - _SILENT


_SPOKEN = tuple((shape.search, _pieces(meant)) for shape, meant in _EVERYDAY)
_MEANT = {piece: _pieces(meant) for pieces, meant in _SAME.items() for piece in pieces.split()}


def _index(clauses: Sequence[Clause]) -> dict[str, _Postings]:
    """Give, per topic and piece, the clauses with its BM25 weight and its share of conditions.

    Word weights are those of the whole manual, also in the index of one topic.
    """
    documents = [sorted(_pieces(f"{clause.text} {clause.product}".lower())) for clause in clauses]
    average = sum(map(len, documents)) / max(1, len(documents)) or 1.0
    frequency = Counter(piece for document in documents for piece in document)
    # In shares of what a piece of one clause alone is worth, or a short manual would have no answer.
    alone = math.log(1 + (max(1, len(clauses)) - 0.5) / 1.5)
    rarity = {
        piece: _RAREST * math.log(1 + (len(clauses) - count + 0.5) / (count + 0.5)) / alone
        for piece, count in frequency.items()
    }
    index: dict[str, _Postings] = {}
    for number, (clause, document) in enumerate(zip(clauses, documents, strict=True)):
        head = _HEAD.match(clause.text.lower())
        # A condition without a telling word, as of "모든 상품은", is none.
        head_pieces = (head and _pieces(head[1]).intersection(document)) or set(document)
        # A condition of one common word is met by too many texts.
        whole = max(_LEAST_HEAD, math.fsum(rarity[piece] for piece in head_pieces))
        saturation = (_K1 + 1) / (1 + _K1 * (1 - _B + _B * len(document) / average))
        for topic in (_ALL_TOPICS, *clause.topics):
            postings = index.setdefault(topic, defaultdict(list))
            for piece in document:
                is_head = piece in head_pieces
                weight = rarity[piece] * saturation * (_HEAD_WEIGHT if is_head else _REST_WEIGHT)
                postings[piece].append((number, weight, rarity[piece] / whole if is_head else 0.0))
    return index
