"""How long ago a customer bought or received the goods, and for how long a clause holds.

``두 달 썼는데``, ``6주 전에 샀고``, ``반년도 안 됐는데 벗겨졌어요`` and ``작년 봄에 산`` all say it. A length of
time tells nothing by itself (``한 달째 답이 없어요``): what stands around it must speak of buying, of
receiving, of use, or of what broke.
"""

from __future__ import annotations

import calendar
import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from responders.quantities import NAMED_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = NAMED_DAYS | {"엿새": 6, "백일": 100, "반년": 180}
_NUMERALS = {
    "한두": 1,
    "두세": 2,
    "두어": 2,
    "서너": 3,
    "너댓": 4,
    "몇": 2,
    "한": 1,
    "두": 2,
    "석": 3,
    "세": 3,
    "넉": 4,
    "네": 4,
    "다섯": 5,
    "여섯": 6,
    "일곱": 7,
    "여덟": 8,
    "아홉": 9,
    "열": 10,
    "일": 1,
    "이": 2,
    "삼": 3,
    "사": 4,
    "오": 5,
    "육": 6,
    "십": 10,
}
"""Of what is said loosely, the least."""
_UNITS = {"일": 1, "주일": 7, "주": 7, "달": 30, "개월": 30, "년": 365, "해": 365}
_PERIOD = (
    rf"(?P<word>{'|'.join(_WORDS)})"
    r"|(?<![\d.,가-힣])(?:(?P<count>\d{1,3}|한두|두세|두어|서너|너댓|몇|[한두석세넉네열]|다섯|여섯|일곱|여덟|아홉|[일이삼사오육십](?=\s?(?:년|개월)))"
    r"\s?(?P<unit>개월|주일|일(?![정요])|주(?![문말])|년(?![생식])|[달해])(?P<half>\s?반(?![품납환송]))?)"
)
_SPAN = re.compile(_PERIOD)

_BOUGHT = r"(?:산(?=[\s.,]|$|지|건|거)|샀|사서|구매|구입|주문|시킨|시켰|장만|배송(?!비|료)|도착|(?:(?<![가-힣])|선물)받(?!을|기로|아야))(?!을 때|\s?(?:된다|된대|될|예정|한다))"
_NOT_BOUGHT = (
    r"문의|신청|연락|전화|환불|반품|교환|접수|취소|해지|가입|답변|까지|못 |안 |에도|이어|또 |려고"
    r"|된다|예정|만든|만들|제조|생산|재고"
)
_GAP = rf"(?:(?!{_NOT_BOUGHT})[^.!?\n])"

_AGAIN = re.compile(r"^[^.!?\n]*(?:이번|(?<![가-힣])또\s|다시|재구매|올해)")
"""Then it was another one that was bought so long ago."""

_BUYS = r"(?:사(?=[\s.,]|$)|샀|사서|재구매|구매|구입|주문|시킨|시켰)"
_ANOTHER = re.compile(
    r"^[^.!?\n]*?(?:"
    rf"(?<![가-힣])이번(?:엔|에는|\s?[건것]|에\s?{_GAP}{{0,8}}?(?:{_BOUGHT}|왔|온\s))"
    rf"|(?<![가-힣])이건\s?(?:벌써|바로|금방|며칠|받자|오자|처음|[\d한두]|{'|'.join(_WORDS)})"
    rf"|재구매|(?<![가-힣])(?:또|다시)\s?{_BUYS}"
    rf"|(?<![가-힣])(?:어제|오늘|그제|방금|드디어|이제야?)(?:서야)?\s?(?:{_GAP}{{0,8}}?{_BOUGHT}|왔|온\s)"
    r")"
)
"""Then it was another one that was used so long, or this one came only now. ``또 고장 났어요`` and
``다시는 안 사요`` are of the same one, as is ``이번에 떨어졌어요``."""
_FORMER = re.compile(r"쓰던\s?(?:건|것은|거는)\s*$")

_SINCE = re.compile(
    r"(?:산|받은|구입한|구매한|쓴|사용한|도착한|배송받은|배송 받은|장만한|들인|입은|신은|먹은)\s?지[도는가]?\s?"
    r"(?:(?:이제|벌써|겨우|한|막|고작|거의|딱|약|대략|어느새|채)\s?)*$"
)
_AND_THEN = re.compile(
    r"(?:(?<![가-힣])사|구매하|구입하|(?<![가-힣])받)고(?:\s?나서)?\s?(?:한|약)?\s*$"
)
_LATER = re.compile(r"\s?(?:쯤|정도|가량)?\s?(?:이|도)?\s?(?:지나|지났|만에|뒤|후|됐|넘)")
_SINCE_OTHER = re.compile(
    r"(?:주문|신청|문의|예약|결제|요청|취소|해지|접수)한\s?지|(?:시킨|보낸|맡긴|기다린)\s?지"
)
_ABOUT = r"\s?(?:(?:쯤|정도|가량|남짓|째|이나)\s?)?"
_NOT_EVEN = r"[도이]?\s?(?:채\s?)?(?:안|못|되지|지나지|넘지)\s?"
_AGO = re.compile(rf"{_ABOUT}\s?전(?:쯤)?에?[는도]?\s?{_GAP}{{0,14}}?{_BOUGHT}")
_USED = re.compile(
    rf"{_ABOUT}(?:동안|간|내내|넘게|이상|가까이|만|밖에)?\s?(?:{_NOT_EVEN})?(?:조금|좀|잘|매일|겨우)?\s?"
    r"(?:써(?=\s|[봤보])|썼|쓰(?!레|일)|쓴|사용(?!법|기)|입었|입으|입고|신었|신고\s|신으|먹었|먹으|먹고|타고|탔)"
)
_BROKE = re.compile(
    rf"{_ABOUT}(?:(?:{_NOT_EVEN}|넘게|[이도]?\s?(?:조금|좀|훌쩍)?\s?(?=넘))\s?)?"
    r"(?:만에|됐|되었|됩|된|돼|지났|지나|넘|가서|가지\s?않)[^.!?\n]{0,30}?"
    r"(?:고장|망가|깨[졌져진]|갈라|쪼개|부러|부서|녹이|녹슬|녹 슬|벗겨|찢|터[졌져]|먹통|곰팡|떨어[졌져]|헐거|금이|변색|구멍|"
    r"휘[었어]|흔들|새[는요고서네]|꺼[졌져]|작동|해[졌져]|풀[렸려]|보풀|들떴|들뜨|닳|죽었|안 ?(?:켜|들어와|나와|눌|열리|닫히|움직))"
)
_LESS = re.compile(rf"{_ABOUT}{_NOT_EVEN}(?:돼|됐|되|된|됩|지나|넘|쓰|썼|써|사용|가|않)")
_MORE = re.compile(rf"{_ABOUT}[이가을를은는도]?\s?(?:조금|좀|훌쩍|한참)?\s?(?:넘|이상)")
_ONLY = re.compile(rf"{_ABOUT}밖에\s?안\s?(?:지났|지나|됐|되었)")
_ONCE_BOUGHT = re.compile(r"샀|(?:구매|구입|주문)했|(?<![가-힣])산\s?[건거지]")
"""``샀는데 지금은 더 싸네요. 일주일밖에 안 지났는데`` says when, in the sentence behind."""
_NEARLY, _OVER = 0.8, 1.1
"""What ``한 달도 안 됐는데`` and ``한 달 넘게`` make of a month: within its limits, and past them."""

_READ = 2_000
"""Characters of a text that are looked at."""
_MOST_BEFORE, _MOST_AFTER = 24, 48

_WINTER, _EARLY = "겨울", 3
_SEASONS = {"봄": 5, "여름": 8, "가을": 11, _WINTER: 2, "설": 2, "추석": 10}
"""The month with which each is over at the latest; a year's beginning is over with March."""
_YEARS_AGO = {"올해": 0, "올": 0, "금년": 0, "작년": 1, "지난해": 1, "재작년": 2}
_WHEN = re.compile(
    r"(?<![가-힣])(?:(?P<year>20\d\d)년(?!산|형|식|\s?모델)|(?P<last>지난)(?=\s?[봄여가겨설추])|(?P<ago>(?:재작년|작년|지난해|올해|금년)(?!산|형|식|\s?모델)|올(?=\s?[봄여가겨초설추])))?\s?"
    r"(?:(?P<season>봄|여름|가을|겨울|설(?=날|에|\s)|추석)|(?<![\d.])(?P<month>1[0-2]|[1-9])월|(?P<early>초)(?=에|쯤))?"
    rf"(?:날|달|말|초|중순| 전| 연휴)?(?P<when>에(?!도| 이어)|쯤에?|경에?|\s?때)?\s?{_GAP}{{0,12}}?{_BOUGHT}"
)

_LIMIT = re.compile(
    r"(?:구입|구매|받으|받은|받고|사신|도착|수령|배송 완료)[가-힣 ]{0,8}?(?<!영업일)(?<!영업일 )"
    rf"(?:{_PERIOD})\s?(?:안|이내|내|동안|간|까지|입니다|이며)"
)
_SENT_IN = re.compile(
    r"(?:(?:반품|교환|회수|수거|수리)\s?(?:하신|하실|된|한)?\s?(?:상품|물건|제품)이?|(?:센터|창고)[에로])\s*$"
)
_HANDLED = re.compile(r"(?:반품|교환|환불|회수|수거|수리)[^.]*$")
_BRAND_ACTS = re.compile(
    r"(?!의)(?:(?!신청|접수|알려|연락|시면)[^.])*?(?:처리|환불해|환불됩|보내 드|돌려 드|고쳐 드)"
)
"""What the brand does within a time, and not the customer: the time is its own."""


def _days(match: re.Match[str]) -> float:
    if word := match["word"]:
        return _WORDS[word]
    unit = _UNITS[match["unit"]]
    count = match["count"]
    return float(_NUMERALS.get(count) or count) * unit + (unit / 2 if match["half"] else 0)


@lru_cache(maxsize=512)
def days_passed(text: str, written: date | None = None) -> float:
    """Give how long ago somebody says to have bought or received the goods; 0 where they do not.

    Args:
        text: What they wrote.
        written: The day they wrote it, for ``작년 봄에 산``; None leaves such words unread.

    Returns:
        Days, at least so many: ``작년에`` is as late as its last day, and of several times the
        least counts.
    """
    text = text[:_READ]
    found = [*_lengths(text), *(_dates(text, written) if written else ())]
    return min(found, default=0.0)


def _lengths(text: str) -> Iterator[float]:
    for match in _SPAN.finditer(text):
        before = text[max(0, match.start() - _MOST_BEFORE) : match.start()]
        after = text[match.end() : match.end() + _MOST_AFTER]
        if _SINCE_OTHER.search(before) or _FORMER.search(before) or _ANOTHER.match(after):
            continue
        is_told = _SINCE.search(before) or (_AND_THEN.search(before) and _LATER.match(after))
        is_told = is_told or _USED.match(after) or _BROKE.match(after)
        is_just = None if before.rstrip().endswith("지") else _ONLY.match(after)
        is_told = is_told or (is_just and _ONCE_BOUGHT.search(text, 0, match.start()))
        if is_told or (_AGO.match(after) and not _AGAIN.match(after)):
            days = _days(match)
            if _LESS.match(after):
                days *= _NEARLY
            elif _MORE.match(after):
                days *= _OVER
            yield days


def _dates(text: str, written: date) -> Iterator[float]:
    for match in _WHEN.finditer(text):
        after = text[match.end() :]
        is_other = _AGAIN.match(after) or _ANOTHER.match(after)
        end = None if is_other else _last_day(match, written)
        if end is not None and end < written:
            yield float((written - end).days)


def _last_day(match: re.Match[str], written: date) -> date | None:
    """Give the last day of what is named: a season, a month, a year; None where nothing is."""
    year: int | None = None
    if match["year"]:
        year = int(match["year"])
    elif match["ago"]:
        year = written.year - _YEARS_AGO[match["ago"]]
    elif not (match["last"] or match["when"]):
        return None  # "여름 이불을 샀는데" does not say when.
    season, month = match["season"], int(match["month"] or 12)
    if season:
        month = _SEASONS[season]
        # The winter of a year ends in the next one.
        year = year + 1 if year is not None and season == _WINTER else year
    elif match["early"]:
        month = _EARLY
    if year is None:
        if not season and not match["month"]:
            return None
        year = written.year if month <= written.month else written.year - 1
    return date(year, month, calendar.monthrange(year, month)[1])


@lru_cache(maxsize=4096)
def days_allowed(clause: str) -> float:
    """Give for how long after buying or receiving a clause holds, in days; 0 where it has no end.

    How long the brand itself takes (``반품 상품이 도착한 날부터 3일 안에 환불해``) is no such end.
    """
    match = _LIMIT.search(clause)
    if match is None or (match[0].startswith("도착") and _is_sent_in(clause, match)):
        return 0.0
    return _days(match)


def _is_sent_in(clause: str, limit: re.Match[str]) -> bool:
    """Tell whether what arrives is what the customer sends, and not what they bought."""
    before, after = clause[: limit.start()], clause[limit.end() :]
    is_handled = _HANDLED.search(before) and _BRAND_ACTS.match(after)
    return bool(_SENT_IN.search(before) or is_handled)
