"""Rules for Korean addresses: road name, lot number, building and unit.

A region alone (서울 강남구) is not personal and stays: it says where a parcel was late.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROVINCE = (
    r"(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충청[남북]|충[남북]|전라[남북]|전[남북]"
    r"|경상[남북]|경[남북]|제주)(?:특별자치시|특별자치도|특별시|광역시|시|도)?"
)
_DISTRICT = r"(?:[가-힣]{2,5}(?:시|군|읍|면)|[가-힣]{1,5}구)"
_VILLAGE = r"[가-힣]{1,6}(?:\d{0,2}[동리](?:\d가)?|\d{1,2}가)"
_ROAD = r"[가-힣]{1,10}\d{0,3}(?:대로|(?<!으)로|길)(?:[ ]?\d{1,4}번?[가나다라]?길)?[ ]?\d{1,4}(?:-\d{1,4})?"
_LOT = r"(?:산[ ]?)?\d{1,4}(?:-\d{1,4})?(?:[ ]?번지)?"
_COUNTED = (
    r"(?![\d\-~])(?![ ]?(?:개|번째|원|년|월|일|시간|분|초|명|박스|세트|켤레|만원|천원|%|ml|kg|cm))"
    r"(?!(?:번|살|화|탄|편|구역|시|병|장|권|점|회|주|배|잔|벌|차|등|위|만|천|g))"
)
_FLATS = (
    r"래미안|푸르지오|자이|힐스테이트|[eE이]편한세상|아이파크|더샵|롯데캐슬|위브|스카이뷰|호반베르디움"
    r"|꿈에그린|데시앙|센트럴파크"
)
_BUILDING = (
    r"(?:[가-힣A-Za-z0-9]{1,10}(?:아파트|빌라|오피스텔|빌딩|타워|맨션|연립|하이츠|팰리스|하우스"
    rf"|주공|캐슬|타운|기숙사|고시원|원룸)|{_FLATS})"
)
_UNIT = (
    r"(?:[0-9]{1,4}|[A-Za-z]|[가나다라마바사])동[ ,]{0,2}(?:지하[ ]?)?(?:\d{1,2}층[ ]?)?\d{1,4}호"
    r"|(?:지하[ ]?)?\d{1,2}층(?:[ ,]{0,2}\d{1,4}호)?|\d{1,4}호|\d{1,4}동(?![가-힣])"
)
_DETAIL = (
    rf"(?:[ ,]{{0,2}}\([가-힣0-9, ]{{1,20}}\))?(?:[ ,]{{1,2}}{_BUILDING})?"
    rf"(?:[ ,]{{0,3}}(?:{_UNIT})){{0,3}}"
)
_LABEL = r"(?:주소지?|배송지|사는[ ]?곳|집은|거주지)(?:[은는이가를]|로)?[ ]?[:=]?[ ]?"

_PATTERNS = (
    # A region, then a road or a lot.
    re.compile(
        rf"(?<![가-힣]){_PROVINCE}[ ]?(?:{_DISTRICT}[ ]?){{0,3}}"
        rf"(?:{_ROAD}{_COUNTED}|{_VILLAGE}[ ](?:{_ROAD}|{_LOT}){_COUNTED}){_DETAIL}"
        rf"|(?<![가-힣])[가-힣]{{1,5}}[시군구][ ]?(?:{_DISTRICT}[ ]?){{0,2}}"
        rf"(?:{_ROAD}{_COUNTED}|{_VILLAGE}[ ](?:{_ROAD}|\d{{1,4}}-\d{{1,4}}){_COUNTED}){_DETAIL}"
    ),
    # A road with a unit behind it, or after the word 주소.
    re.compile(
        rf"(?<![가-힣]){_ROAD}[ ,]{{1,3}}(?:{_BUILDING}[ ]?)?(?:{_UNIT}){_DETAIL}"
        rf"|{_LABEL}(?P<labelled>{_ROAD}{_COUNTED}{_DETAIL})"
    ),
    re.compile(
        rf"(?<![가-힣]){_VILLAGE}[ ]?(?:산[ ]?)?\d{{1,4}}(?:-\d{{1,4}})?[ ]?번지{_DETAIL}"
        # 운동 300-500 is no lot; nor is what else moves.
        rf"|(?<![가-힣])[가-힣]{{2,5}}(?<![운활이행감작자수연변노충진아공구가시전유])동"
        rf"[ ]\d{{3,4}}-\d{{1,4}}{_COUNTED}{_DETAIL}"
    ),
    # A unit of a block of flats.
    re.compile(
        rf"(?<![0-9A-Za-z])(?:{_BUILDING}[ ]?)?(?:\d{{1,4}}|[A-Za-z])동[ ]?\d{{1,4}}호"
        rf"|{_BUILDING}[ ]?(?:\d{{1,4}}동[ ]?)?\d{{2,4}}호"
        rf"|(?:아파트|{_FLATS})[ ]?\d{{3,4}}-\d{{3,4}}(?![\d\-])"
    ),
)
_LONE_UNIT = re.compile(r"(?<![\d가-힣A-Za-z])\d{3,4}호(?![가-힣])")
_GATE = re.compile(
    r"\d(?:(?<=[동리가로길산층]\d)|(?<=[동리가로길산층][ ,]\d)|[ ]?(?:동|호|층|번지|번?길)|\d{2,3}-\d{3,4})"
)


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Find addresses that lead to one building or door.

    A lone ``203호`` counts only in a text that gives another address: it may be a shoe size.
    """
    seen = False
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            seen = True
            yield match.span(match.lastgroup or 0)
    if seen:
        yield from (match.span() for match in _LONE_UNIT.finditer(text))


def may_hold_address(text: str) -> bool:
    """Tell whether any rule for addresses could match."""
    return bool(_GATE.search(text))
