"""Rules for personal data that is written with digits or Latin letters.

Every quantifier is bounded and every pattern starts at a rare character or right after a
boundary, so that each rule is linear in the text. Rules see the folded copy.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stdnum import ean, luhn

if TYPE_CHECKING:
    from collections.abc import Iterator

_GAP = r"(?:[ \t\-./)(_,~*]{0,3}|[ ]?다시[ ]?)"
_FILLER = r"(?:[은는이가을를의도]|으로|로|에)?[ \t]{0,2}(?:[:=\-(\[#]|번호)?[ \t]{0,2}"
_COUNTED = r"(?![ \t]?(?:원|년|월|일|시|분|초|개|명|번째|점|호|층|동|m|k|g|%|만|천))"
_BORN = r"\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"


def _only_digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _before(text: str, start: int, length: int) -> str:
    """Give what stands before a place, up to what is masked there: its length is not the text's."""
    return re.split("[\ufffb\ufffc]", text[max(0, start - length) : start])[-1]


# --- e-mail -------------------------------------------------------------------------------

_LOCAL = r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]{1,64}"
_EMAIL = re.compile(
    _LOCAL
    + r"(?:[ ]?@[ ]?|[ ]{0,2}(?:골뱅이|앳|\(at\)|\[at\]|\(골뱅이\))[ ]{0,2})"
    + r"(?:(?:[A-Za-z0-9\-]{1,63}\.){1,5}[A-Za-z]{2,24}"
    + r"|(?:네이버|지메일|다음|한메일|네이트|카카오|핫메일|아웃룩|naver|gmail|daum|hanmail|nate|kakao)"
    + r"(?:[ ]?(?:점|쩜|닷|\.)[ ]?(?:컴|com|넷|net))?)",
    re.IGNORECASE,
)


def emails(text: str) -> Iterator[tuple[int, int]]:
    """Find e-mail addresses, also ``abc 골뱅이 naver.com`` and ``abc(at)gmail.com``."""
    return (match.span() for match in _EMAIL.finditer(text))


# --- resident numbers ---------------------------------------------------------------------

_RESIDENT = re.compile(
    rf"(?<!\d){_BORN}(?P<dash>[ ]{{0,2}}[\-~][ ]{{0,2}}|[ ])?[0-9][\d*xX●]{{6}}(?!\d)"
)
_RESIDENT_LABEL = re.compile(r"주민|외국인|등록번호|본인")
_RESIDENT_HALF = re.compile(
    r"(?:주민|외국인)(?:등록)?[ ]?번호[^\d\n\ufffb\ufffc]{0,10}(?P<half>\d{6,7}|\d[*xX●]{6})(?![\d\-])"
)


def resident_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Find resident and foreigner numbers by their birth date.

    The check digit is not asked: numbers given out since October 2020 have none. A bare run of
    13 digits that is a valid bar code is one, unless the text speaks of a resident number.
    """
    for match in _RESIDENT.finditer(text):
        bare = match["dash"] is None and match[0].isdigit()
        may_be_bar_code = bare and (match[0][6] in "09" or ean.is_valid(match[0]))
        if may_be_bar_code and not _RESIDENT_LABEL.search(_before(text, match.start(), 15)):
            continue
        yield match.span()
    yield from (match.span("half") for match in _RESIDENT_HALF.finditer(text))


# --- cards --------------------------------------------------------------------------------

_CARD_GROUPS = re.compile(
    r"(?<![\d\-])\d{4}[ \-.]{1,3}[\d*xX]{4}[ \-.]{1,3}[\d*xX]{4}[ \-.]{1,3}\d{3,4}(?![\d\-])"
)
_CARD_RUN = re.compile(r"(?<![\d\-])(?:3[47]\d{2}[ \-]?\d{6}[ \-]?\d{5}|[2-69]\d{13,15})(?![\d\-])")
_CARD_LABEL = re.compile(r"카드|card", re.IGNORECASE)
_CARD_NUMBER = re.compile(rf"카드[ ]?번호{_FILLER}(?P<value>\d{{15,16}})(?![\d\-])")


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Find card numbers: four groups of four, or a run that passes Luhn.

    A run right after 카드번호 needs no Luhn: one digit may be mistyped. A run that begins with a date
    is an order number unless the text says 카드 before it.
    """
    for match in _CARD_GROUPS.finditer(text):
        yield match.span()
    for match in _CARD_NUMBER.finditer(text):
        yield match.span("value")
    for match in _CARD_RUN.finditer(text):
        digits = _only_digits(match[0])
        if not luhn.is_valid(digits):
            continue
        before = _before(text, match.start(), 12)
        if not _DATED_ORDER.fullmatch(match[0]) or _CARD_LABEL.search(before):
            yield match.span()


# --- orders and parcels -------------------------------------------------------------------

_DATED_ORDER = re.compile(
    r"(?<![\d\-])20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?(?P<rest>\d{5,9})(?![\d\-])"
)
_ORDER_WORD = (
    r"주문|오더|결제|예약|접수|승인|반품|교환|취소|회수|환불|거래|배송|송장|등기|조회|문의"
)
_ORDER_NUMBER = re.compile(
    rf"(?:{_ORDER_WORD})[ ]?(?:번호|넘버|코드|[Nn][Oo]\.?){_FILLER}"
    r"(?P<value>(?=(?:[A-Za-z\-]{0,12}\d){3})[A-Za-z0-9][A-Za-z0-9\-]{3,27}[A-Za-z0-9])"
)
_ORDER_BARE = re.compile(
    rf"(?:주문|송장|등기|접수){_FILLER}(?P<value>\d(?:[ \-]?\d){{8,19}}){_COUNTED}(?!\d)"
)
_ORDER_AFTER = re.compile(
    r"(?<![\d\-])(?P<value>\d(?:-?\d){8,17})[ ]?(?:번[ ]?)?(?:운송장|송장|주문[ ]?번호|주문[ ]?건)"
)
_PARCEL = re.compile(
    r"(?:통운|택배|한진|롯데|로젠|등기)[ ]?(?:로지스틱스|택배)?[ :]{0,3}"
    r"(?P<value>\d{10,14}|\d{4}-\d{4}-\d{4,5})(?![\d\-])"
)
_DATE_RUN = re.compile(r"20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")


def orders(text: str) -> Iterator[tuple[int, int]]:
    """Find order, reservation, claim and parcel numbers by their word or their dated shape."""
    for pattern in (_ORDER_NUMBER, _ORDER_BARE, _ORDER_AFTER, _PARCEL):
        for match in pattern.finditer(text):
            if not _is_mobile(match["value"]):
                yield match.span("value")
    for match in _DATED_ORDER.finditer(text):
        if not _DATE_RUN.fullmatch(match["rest"]):
            yield match.span()


# --- accounts -----------------------------------------------------------------------------

_ACCOUNT = (
    r"(?<![\d\-])(?P<value>\d{2,6}(?:[ ]?-[ ]?\d{1,8}){1,4}"
    r"|\d{3,6}(?:[ ]\d{2,8}){1,3}|\d{10,14})(?![\d\-원])"
)
_BANK = (
    r"(?:국민|신한|우리|하나|기업|제일|씨티|부산|대구|광주|전북|경남|제주|산업|외환|수출입)은행"
    r"|농협(?:은행)?|수협(?:은행)?|신협|새마을(?:금고)?|우체국|카카오뱅크|카뱅|토스(?:뱅크)?"
    r"|케이뱅크|케뱅|[Ii][Mm]뱅크|SC제일|KB|NH|IBK|KEB|계좌"
)
_BANK_SHORT = r"국민|신한|우리|하나|기업|제일|씨티|부산|대구|광주|전북|경남|제주|산업|외환"
_ACCOUNT_AFTER_BANK = re.compile(
    rf"(?:(?:{_BANK})[^\d\n\ufffb\ufffc]{{0,12}}|(?:{_BANK_SHORT})[ :]{{1,2}}){_ACCOUNT}"
)
_ACCOUNT_BEFORE_BANK = re.compile(
    rf"{_ACCOUNT}[ (]{{0,2}}(?:{_BANK}|(?:{_BANK_SHORT})(?=이|입|으로|로|$|[^가-힣]))"
)


def accounts(text: str) -> Iterator[tuple[int, int]]:
    """Find bank account numbers: 10 to 14 digits beside a bank's name or the word 계좌."""
    for pattern in (_ACCOUNT_AFTER_BANK, _ACCOUNT_BEFORE_BANK):
        for match in pattern.finditer(text):
            value = match["value"]
            if 10 <= len(_only_digits(value)) <= 14 and not _PHONE.fullmatch(value):
                yield match.span("value")


# --- phones -------------------------------------------------------------------------------

_KOREAN_DIGIT = "[0-9공영빵일이삼사오육륙칠팔구]"
# Letters before the digits make a product's number of them, unless the letters say telephone.
_MOBILE = (
    r"(?:(?<![0-9A-Za-z+])|(?<=[Tt][Ee][Ll])|(?<=[Hh][Pp])|(?<=[Pp]hone))"
    rf"(?:\((?=.{{3}}\)))?[0Oo][1lI][016789Oo]{_GAP}\d{{3,4}}{_GAP}\d{{4}}(?!\d)"
)
_LANDLINE = (
    rf"(?<![\d.,\-+])(?:\((?=\d{{2,4}}\)))?0(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|80|50\d){_GAP}"
    rf"\d{{3,4}}{_GAP}\d{{4}}(?!\d)"
)
_SHARED_START = r"(?:15(?:22|33|44|66|77|88|99)|16(?:44|61|66|68|70|88)|18(?:11|33|55|77|99))"
_SHARED = (
    rf"(?<![\d.,\-])(?:{_SHARED_START}[ \-.)]?|\({_SHARED_START}\)[ \-.]?)"
    rf"\d{{4}}(?![\d\-]){_COUNTED}"
    rf"|(?<![\d.,\-])1(?:60|80)0-\d{{4}}(?![\d\-]){_COUNTED}"
)
_ABROAD = r"(?<!\d)\+[ ]?\d{1,3}(?:[ \-.()]{0,3}\d){7,13}(?!\d)"
# Korea's code is also written without the plus: 82-10-..., 0082 10 ....
_FROM_ABROAD = rf"(?<![\d.,\-])(?:00)?82{_GAP}0?10{_GAP}\d{{4}}{_GAP}\d{{4}}(?!\d)"
_SPOKEN = (
    r"(?<!\d)(?:[공영빵][1일][공영빵]|010(?=[0-9 \-.,]{0,12}[공영빵일이삼사오육륙칠팔구]))"
    rf"(?:(?:[ \-.,]{{0,2}}|에[ ]?|[ ]?다시[ ]?){_KOREAN_DIGIT}){{7,8}}(?!\d)"
)
_SPREAD = r"(?<!\d)(?<!\d[ .\-])0[ .\-]1[ .\-]0(?:[ .\-]{1,3}\d){8}(?![ .\-]?\d)"
_PHONE = re.compile(
    rf"{_MOBILE}|{_LANDLINE}|{_SHARED}|{_ABROAD}|{_FROM_ABROAD}|{_SPOKEN}|{_SPREAD}"
)
_PHONE_LABELLED = re.compile(
    rf"(?:연락처|휴대폰|핸드폰|휴대전화|전화번호|폰번호|폰번|☎){_FILLER}"
    rf"(?P<value>\d{{3,4}}[ \-.]\d{{4}}|10{_GAP}\d{{4}}{_GAP}\d{{4}})(?![\d\-]){_COUNTED}"
)


def _is_mobile(value: str) -> bool:
    digits = _only_digits(value)
    return digits.startswith("010") and len(digits) == 11


def phones(text: str) -> Iterator[tuple[int, int]]:
    """Find phone numbers: mobile, local, virtual, shared-cost, foreign, spelled (공일공 ...)."""
    for match in _PHONE.finditer(text):
        yield match.span()
    for match in _PHONE_LABELLED.finditer(text):
        yield match.span("value")


# --- identity, birth date, doors, accounts of the net -------------------------------------

_IDENTITY = re.compile(
    r"(?<![A-Za-z0-9])(?:[Pp][ ]?\d{12}(?!\d)|\d{2}-\d{2}-\d{6}-\d{2}(?![\d\-]))"
    r"|통관[^\d\n]{0,12}?(?P<customs>[Pp](?:[ \-]{0,2}\d{4}){3})(?!\d)"
    r"|여권(?:[ ]?번호)?" + _FILLER + r"(?P<passport>[A-Z]\d{3}[A-Z0-9]\d{4})(?![A-Z0-9])"
    r"|(?:차량|차|번호판)[ ]?(?:번호)?" + _FILLER + r"(?P<plate>\d{2,3}[가-힣][ ]?\d{4})(?!\d)"
    r"|(?<!\d)\d{2,3}[가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우하허호배자바사아]"
    r"[ ]?\d{4}(?=[ ]?(?:번[ ]?)?차(?:량|주|번호))"
)


def identity_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Find customs codes, driving licences, passports and number plates."""
    for match in _IDENTITY.finditer(text):
        yield match.span(match.lastgroup or 0)


_BIRTH = re.compile(
    rf"(?:생년[ ]?월일|생일|출생일?)(?:[ ]?앞[ ]?자리)?{_FILLER}"
    r"(?P<labelled>(?:19|20)?\d{2}[.\-/년 ]{0,3}\d{1,2}[.\-/월 ]{0,3}\d{1,2}(?!\d)(?:[ ]?일)?)"
    r"|(?<!\d)(?P<born>\d{6}|(?:19|20)?\d{2}"
    r"(?:년[ ]?\d{1,2}월[ ]?\d{1,2}일|(?P<dot>[.\-/])\d{1,2}(?P=dot)\d{1,2}))"
    r"[ ]?생(?:(?![가-힣])|(?=입니|인데|이[고구에]|여자|남자))"
)


def birth_dates(text: str) -> Iterator[tuple[int, int]]:
    """Find dates that are said to be somebody's birth date."""
    for match in _BIRTH.finditer(text):
        yield match.span(match.lastgroup or 0)


_KEY = r"(?:종|열쇠|호출|경비실?|별|샵|우물정)"
_DOOR = re.compile(
    r"(?:비밀[ ]?번호|비번|출입[ ]?(?:번호|코드)|번호키|도어락|현관[문키]?"
    rf"|출입문(?={_FILLER}(?:[#*]|\d{{3,8}}[ ]?[#*])))"
    rf"{_FILLER}(?P<value>(?:{_KEY}[ ]?)?[#*]{{0,2}}[ ]?\d{{3,8}}(?:[ ]?{_KEY}[ ]?\d{{3,8}})?"
    rf"[ ]?[#*]{{0,2}}"
    rf"(?:[ ]?{_KEY}(?![가-힣]))?[#*]{{0,2}}){_COUNTED}(?![\d\-])"
)


def door_codes(text: str) -> Iterator[tuple[int, int]]:
    """Find the codes that customers leave for the courier."""
    for match in _DOOR.finditer(text):
        start, end = match.span("value")
        yield start, end - (len(match["value"]) - len(match["value"].rstrip()))


_HANDLE = r"[A-Za-z][A-Za-z0-9._\-]{3,29}"
_MESSENGER = re.compile(
    r"(?:아이디|(?:카톡|카카오톡?|텔레(?:그램)?|라인|인스타(?:그램)?|트위터|페이스북|스레드|디엠)[ ]?[Ii][Dd])"
    rf"{_FILLER}(?P<named>@?{_HANDLE}(?<![._\-]))"
    rf"|(?<![A-Za-z])(?:ID|id){_FILLER}(?P<id>(?=[A-Za-z.]{{0,29}}[\d_]){_HANDLE}(?<![._\-]))"
    rf"|(?:카톡|카카오톡|텔레그램|인스타(?:그램)?){_FILLER}"
    r"(?P<plain>(?=[A-Za-z.]{0,29}[\d_@])@?[A-Za-z][A-Za-z0-9._\-]{3,29}(?<![._\-]))"
    rf"|(?<![A-Za-z0-9_@.])(?P<handle>@{_HANDLE}(?<![._\-]))"
)


def messengers(text: str) -> Iterator[tuple[int, int]]:
    """Find account names of messengers, social media and shops."""
    for match in _MESSENGER.finditer(text):
        yield match.span(match.lastgroup or 0)


_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d{2}|[1-9]?\d)"
_IP = re.compile(rf"(?<![\d.A-Za-z]){_OCTET}(?:\.{_OCTET}){{3}}(?![\d.])")
_VERSION = re.compile(r"(?:버전|버젼|ver|v)[ .:]{0,2}$", re.IGNORECASE)


_EVERYBODYS = re.compile(r"(?:0|10|127|192\.168|172\.(?:1[6-9]|2\d|3[01])|255)\.")
"""Begins an address that every home has: of a router, of the machine itself."""


def ip_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Find IPv4 addresses that are no version numbers (at least two parts of two digits)."""
    for match in _IP.finditer(text):
        if _EVERYBODYS.match(match[0]):
            continue
        long_parts = sum(len(part) > 1 for part in match[0].split("."))
        if long_parts >= 2 and not _VERSION.search(_before(text, match.start(), 6)):
            yield match.span()


# --- cheap tests that most texts fail -------------------------------------------------------

_SOME_DIGITS = re.compile(r"\d(?:[^\d\n]{0,3}\d){2}")
_AT = re.compile(r"@|골뱅이|앳|[Aa][Tt][)\]]")
_SPOKEN_START = re.compile(r"[공영빵][1일][공영빵]|[Oo][1lI][016789Oo]")


def may_hold_email(text: str) -> bool:
    """Tell whether any rule for e-mail could match."""
    return _AT.search(text) is not None


def may_hold_number(text: str) -> bool:
    """Tell whether any rule for numbers could match."""
    return bool(_SOME_DIGITS.search(text) or _SPOKEN_START.search(text))


def may_hold_messenger(text: str) -> bool:
    """Tell whether any rule for account names could match."""
    return _NETWORK.search(text) is not None


_NETWORK = re.compile("[@톡]|아이디|[Ii][Dd]|텔레|인스타")
