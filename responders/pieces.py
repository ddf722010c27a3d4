"""What texts and clauses are compared by: pieces of two syllables, things, and states.

Two-syllable pieces need no morphological analyser and find ``환불`` in ``환불이``; what both sides may
call by other words is a thing (``responders.wording``).
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product as pairs_of
from typing import TYPE_CHECKING

from responders.wording import states_in, things_in, without_states

if TYPE_CHECKING:
    from responders.clauses import Clause

MAX_QUERY_CHARACTERS = 2_000

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

_SELF = re.compile(r"(?<![가-힣])제가 |것 같[가-힣]+|소리를? ?(?=지르|지른|질[러렀])")
"""Else it finds ``결제가``, ``것 같은데`` finds ``같은 상품``, and who was shouted at the sound of a film."""

_SILENT = _COMMON.union(map("".join, pairs_of(_ENDINGS, repeat=2))) - {"해지"}

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
    (
        re.compile(
            r"(?:각자|각각|따로따로|여러 (?:곳|군데))[^.!?\n]{0,12}(?:보내|배송)"
            r"|(?:주소|배송지|받는 (?:곳|사람))[가는은도]?\s?(?:다|모두|전부|각각|서로)?\s?(?:달라|다른|다르)"
        ),
        " 받으실 분 마다 나누어 보내",
    ),
    (re.compile(r"처음 (?:쓰|써|사용)|첫 사용"), " 길들여"),
    (
        re.compile(
            r"(?:냉동실|냉동고|전자레인지|전자렌지|오븐|에어프라이어|끓는 물|뜨거운 (?:물|것|음식))[^.!?\n]{0,14}"
            r"(?:넣|돌|써|쓰|쓸|사용|가능|되나|돼|괜찮|담)"
        ),
        " 영하 영상 도에서 도까지 견디는 사용하실",
    ),
    (re.compile(r"들어가|들었"), " 들어 있으며"),
    (
        re.compile(
            r"\d\d\s?(?:개|세트|상자|박스|마리|인분)[^.!?\n]{0,10}(?:주문|구매|사려|살|하려|필요|생각|맞추)"
        ),
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
        re.compile(
            r"(?:내일|다음\s?날)[^.!?\n]{0,10}(?:오나|와요|올까|받을|받나|받아|도착하)"
            r"|(?:주문|결제|시키|배송)[^.!?\n]{0,10}몇 시까지|몇 시까지[^.!?\n]{0,6}(?:주문|결제|시키)"
        ),
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


def shared(text: str, product: str, clause: Clause) -> frozenset[str]:
    """Give the pieces that a clause has of ``text``, without those of the product's name."""
    found = pieces_of(clause.text).intersection(asked(text[:MAX_QUERY_CHARACTERS], product))
    return found - (pieces_of(product) - said_besides(text, product))


@lru_cache(maxsize=64)
def said_besides(text: str, product: str) -> frozenset[str]:
    """Give the things of a product's name that ``text`` speaks of beside the name itself.

    Who asks for a milder 매운 갈비찜 speaks of how hot it is; who only names it does not.
    """
    things = frozenset(piece for piece in pieces_of(product) if piece[0] == "#")
    if not things:
        return things
    return things.intersection(told(text[:MAX_QUERY_CHARACTERS].replace(product, " ")))


def names(clause: Clause, product: str) -> bool:
    """Tell whether a clause has a piece of a product's name."""
    return not pieces_of(clause.text).isdisjoint(pieces_of(product))


def says_beside_name(clause: Clause, product: str) -> frozenset[str]:
    """Give the pieces of a clause without the words of a product's name."""
    rest = clause.text
    for word in product.split():
        rest = rest.replace(word, " ")
    return pieces_of(rest)


def alike(one: Clause, other: Clause) -> bool:
    """Tell whether two clauses say nearly the same: one of them is enough."""
    first, second = pieces_of(one.text), pieces_of(other.text)
    return len(first & second) > _ALIKE * min(len(first), len(second))


@lru_cache(maxsize=64)
def asked(text: str, product: str) -> tuple[str, ...]:
    """Give the pieces of a question, of the manual's words for it and of the product, sorted."""
    pieces = set(told(text))
    lowered = text.lower()
    for is_said, meant in _SPOKEN:
        if is_said(lowered):
            pieces |= meant
    return tuple(sorted(pieces | pieces_of(product)))


@lru_cache(maxsize=1024)
def queried(query: str) -> tuple[str, ...]:
    """Give the pieces of one of the few queries that are asked again and again, sorted."""
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
def pieces_of(text: str) -> frozenset[str]:
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


def stems_of(text: str) -> frozenset[str]:
    """Give what words begin with; endings and particles would count as much as what they end."""
    starts = {word[at : at + 2] for word in _HANGUL.findall(text) for at in (0, 2)}
    return frozenset(
        piece
        for piece in pieces_of(text)
        if piece in starts or (not "가" <= piece[0] <= "힣" and not piece.isdigit())
    )


def _pieces(text: str, word: re.Pattern[str] = _WORD) -> set[str]:
    """Cut lower-case text into two-syllable pieces; digits and Latin words stay whole."""
    return {*_PAIR.findall(text), *word.findall(text)} - _SILENT


_SPOKEN = tuple((shape.search, _pieces_of_clause(meant)) for shape, meant in _EVERYDAY)
