"""11번가 (Seller Open API): product questions (상품 Q&A) and urgent notices (긴급알리미).

Source: https://openapi.11st.co.kr, apiSeq 1626 and 1885 (Checked: 2026-11).

* XML in EUC-KR both ways; entity declarations are refused. Elements are known by their local names,
  for the namespace's address is not proved.
* A question may span seven days, both ends included, so windows are six days long. There is no
  paging: one answer has everything.
* Errors come inside a 200 as ``result_code`` and ``result_text``.

Unverified (see ``SPEC.unverified``): the length of answers, the wording of refusals, the fields of
urgent notices, which are only read, and only when ``surfaces`` names them.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from collectors.base import Build, ChannelSpec, CheckReason, CheckResult, check_by
from collectors.http import raise_if_captcha
from collectors.listing import (
    Listing,
    Row,
    address_of,
    chosen_surfaces,
    days_between,
    number_in,
    read_rows,
    required_credential,
    text_in,
    word_in,
)
from collectors.values import NOT_XML, parse_when
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    CredentialRejectedError,
    LayoutChangedError,
    RateLimitedError,
    ReputationError,
)
from domain.types import (
    AnswerState,
    ChannelReply,
    CollectedFeedback,
    FeedbackKind,
    Page,
    ReplyRules,
)

if TYPE_CHECKING:
    from datetime import date, datetime

    from collectors.http import Answer, Refusal

SPEC = ChannelSpec(
    channel="elevenst",
    kinds=(FeedbackKind.INQUIRY,),
    page_size=100,
    window=timedelta(days=6),
    overlap=timedelta(days=3),
    min_interval_s=0.5,
    timeout_s=30.0,
    writable=True,
    reply_rules=ReplyRules(
        max_length=1000,
        encoding="euc-kr",
        editable=True,
        unverified=("1,000 characters",),
    ),
    reply_rules_by_space={
        "urgent": ReplyRules(
            state=AnswerState.BY_HAND,
            state_reason="긴급알리미는 11번가 셀러오피스에서만 답변할 수 있습니다.",
        )
    },
    any_character=("beyond_euckr", "reference"),
    remedies={
        CheckReason.SECRET: "11번가 OPEN API CENTER에서 발급받은 32자리 키(openapikey)를 다시 확인해 주세요.",
        CheckReason.PERMISSION: "11번가 OPEN API CENTER에서 셀러 API(상품 Q&A) 사용 승인과 이 서버의 IP 등록을 "
        "확인해 주세요. 11번가는 둘 다 403으로 알릴 수 있습니다.",
        CheckReason.ADDRESS: "11번가 OPEN API CENTER에 이 서버의 고정 공인 IPv4 주소를 등록해 주세요.",
    },
    credential_names=("openapikey",),
    option_names=("base_url", "surfaces", "body_encoding", "beyond_euckr", "reply_max_length"),
    unverified=(
        "answers of up to 1,000 characters (reply_max_length sets another limit)",
        'EUC-KR for the body of an answer (body_encoding = "utf-8" changes it)',
        'what 11st stores for characters outside EUC-KR (refused; beyond_euckr = "reference" '
        "sends them as numeric references)",
        "the namespace's address (not looked at)",
        "which result codes mean a wrong key, an unregistered address or nothing found",
        "that the days asked for are those of createDt, in Korea",
        "requests a second (we keep 500 ms between them)",
        "urgent notices: fields other than emerNtceSeq and emerCtnt, and how they are answered",
    ),
)

SURFACES: Final = ("qna", "urgent")
_DEFAULT_BASE_URL: Final = "https://api.11st.co.kr"

_PREFIX: Final = re.compile(r"<(/?)[A-Za-z_][\w.-]*:")
_REFERENCE: Final = re.compile(r"&#(?:(\d{1,5})|x([0-9A-Fa-f]{1,4}));", re.ASCII)
_PAGE: Final = re.compile(r"\s*<(!doctype\s+html|html)", re.IGNORECASE)


def open_xml(text: str) -> Element:
    """Read an answer's XML. Pure.

    Prefixes are taken off, so that neither the namespace's address nor a missing declaration of
    it matters.

    Args:
        text: Decoded; its own declaration of a charset is not looked at.

    Raises:
        ChannelUnavailableError: A page came instead, or half an answer.
        LayoutChangedError: Broken XML, or XML that declares entities.
    """
    found = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.lstrip("\ufeff")).strip()
    if _PAGE.match(found) or not found.startswith("<"):
        raise ChannelUnavailableError("elevenst: another page came instead of XML")
    plain = _plain(NOT_XML.sub("", found))
    try:
        root: Element = fromstring(plain, forbid_dtd=True)
    except DefusedXmlException:
        raise _changed("the answer declares entities", text) from None
    except (ParseError, ValueError, RecursionError):
        # An answer that was cut off lacks the end of what it began with.
        name = re.match(r"<([A-Za-z_][\w.-]*)", plain)
        if name is not None and not plain.endswith((f"</{name[1]}>", "/>")):
            raise ChannelUnavailableError("elevenst: half an answer") from None
        raise _changed("the XML is broken", text) from None
    return root


def _plain(xml: str) -> str:
    """Make XML readable outside of CDATA, where customers may write what looks like markup.

    Prefixes go, and so do references to what is no character. 11st's server is likely to write
    what EUC-KR lacks as references, an emoji as two: the halves of its surrogate pair.
    """
    parts: list[str] = []
    place = 0
    while (start := xml.find("<![CDATA[", place)) >= 0 and (end := xml.find("]]>", start)) >= 0:
        parts += [_mended(xml[place:start]), xml[start:end]]
        place = end
    whole = "".join([*parts, _mended(xml[place:])])
    joined = whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return NOT_XML.sub("", joined)


def _mended(xml: str) -> str:
    return _REFERENCE.sub(_opened, _PREFIX.sub(r"<\1", xml))


def _opened(reference: re.Match[str]) -> str:
    char = chr(int(reference[1]) if reference[1] else int(reference[2], 16))
    return char if NOT_XML.match(char) else reference[0]


def parse_questions(text: str, *, now: datetime) -> Listing:
    """Read the answer to "which questions of these days". Pure.

    Args:
        text: The decoded XML.
        now: When it was read.

    Raises:
        ReputationError: As `open_xml`, or what the result code means.
        LayoutChangedError: Not the list this parser knows, or not one row of it can be read.
    """
    return _parse(text, rows="productQna", now=now)


def parse_notices(text: str, *, now: datetime) -> Listing:
    """Read the answer to "which urgent notices of these days". Pure; its fields are unverified.

    Raises:
        ReputationError: As `parse_questions`.
    """
    return _parse(text, rows="", now=now)


def _parse(text: str, *, rows: str, now: datetime) -> Listing:
    root = open_xml(text)
    refuse_by_code(root, text)
    children = [child for child in root if len(child) or child.tag == rows]
    if rows:
        is_known = root.tag == f"{rows}s" or (bool(outcome(root)[0]) and not children)
        if not is_known or any(child.tag != rows for child in children):
            raise _changed(f"this is no list of {rows!r}", text)
        if root.find("brdInfoNo") is not None:
            raise _changed("fields stand outside of rows", text)
    found: list[object] = [
        {field.tag: field.text or "" for field in child if not len(field)} for child in children
    ]
    read = _read_question if rows else _read_notice
    try:
        items, quarantined = read_rows(
            found, lambda row: read(row, now=now), source=f"elevenst {rows or 'urgent notices'}"
        )
    except LayoutChangedError as error:
        raise _changed(str(error), text) from None
    return Listing(items, quarantined, rows=len(found))


def _read_question(row: Row, *, now: datetime) -> CollectedFeedback:
    number = number_in(row, "brdInfoNo")
    asked = parse_when(text_in(row, "createDt"), now=now)
    return CollectedFeedback(
        kind=FeedbackKind.INQUIRY,
        native_id=f"qna:{number}",
        title=word_in(row, "brdInfoSbjct") or word_in(row, "qnaDtlsCdNm"),
        text=text_in(row, "brdInfoCont"),
        written_at=asked.at,
        written_at_is_exact=asked.exact,
        author=word_in(row, "memNM"),
        author_id=word_in(row, "memID"),
        product_id=number_in(row, "brdInfoClfNo"),
        product_name=word_in(row, "prdNm"),
        order_id=word_in(row, "ordNoDe"),
        replies=_replies(row, number, now),
        extra={"product_no": number_in(row, "brdInfoClfNo"), "asked_at": asked.at.isoformat()},
    )


def _replies(row: Row, number: str, now: datetime) -> tuple[ChannelReply, ...]:
    if word_in(row, "answerYn") != "Y":
        return ()
    day = word_in(row, "answerDt")
    return (
        ChannelReply(
            text=text_in(row, "answerCont"),
            replied_at=parse_when(day, now=now).at if day else None,
            receipt=number,
        ),
    )


def _read_notice(row: Row, *, now: datetime) -> CollectedFeedback:
    # Its date's name is not proved: without one it counts from when it was first seen.
    day = next((word_in(row, name) for name in _NOTICE_DATES if word_in(row, name)), "")
    written = parse_when(day, now=now) if day else None
    return CollectedFeedback(
        kind=FeedbackKind.INQUIRY,
        native_id=f"urgent:{number_in(row, 'emerNtceSeq')}",
        text=text_in(row, "emerCtnt"),
        written_at=written.at if written else None,
        written_at_is_exact=bool(written and written.exact),
        order_id=word_in(row, "ordNo"),
    )


_NOTICE_DATES: Final = ("emerNtceDt", "createDt")


_CANNOT: Final = re.compile(r"(?: |할|될)수[가는]? ?없")
"""Data that "cannot" be read is not data that is not there."""


# Days, lengths and sums can be exceeded, too: waiting would not help them.
_TOO_MANY_CALLS: Final = re.compile(
    r"호출 ?(건수|횟수|한도)|(호출|요청|트래픽) ?(가능 ?|허용 ?)?(건수|횟수|한도|수|량)?.? ?초과"
)


def refuse_by_code(root: Element, text: str) -> None:
    """Raise what the result code inside an answer means; nothing for a good one. Pure.

    Raises:
        ReputationError: A code other than success.
    """
    code, message = outcome(root)
    # Nothing found is not a failure, whatever its code.
    if code in {"", "0", "200", "210"} or re.search(
        r"(조회된|조회 ?결과|데이터).{0,12}없", _CANNOT.sub("", message)
    ):
        return
    about = f"elevenst: result code {code[:20]}"
    if re.search(r"조회 ?기간|기간.{0,12}초과", message):
        raise _changed(f"result code {code[:20]}, the days are refused", text)
    if re.search(r"(?i)(?<![a-z])ip(?![a-z])|아이피", message):
        raise CredentialRejectedError(about, reason="address")
    if re.search(r"(?i)권한|미승인|승인되지", message):
        raise CredentialRejectedError(about, reason="permission")
    if re.search(r"(?i)api ?key|인증|openapikey", message):
        raise CredentialRejectedError(about, reason="secret")
    if _TOO_MANY_CALLS.search(message):
        raise RateLimitedError(about)
    raise ChannelUnavailableError(f"{about} (maintenance)" if code == "-1000" else about)


def outcome(root: Element) -> tuple[str, str]:
    """Give an answer's result code and its message; empty where it has none."""
    said = {child.tag.replace("_", "").lower(): (child.text or "").strip() for child in root}
    code = said.get("resultcode", "")
    return code, said.get("resulttext") or said.get("resultmessage") or said.get("message", "")


def _changed(what: str, text: str) -> LayoutChangedError:
    return LayoutChangedError(f"elevenst: {what}", payload=text.encode("utf-8", "replace"))


class ElevenstApi:
    """The few calls of the seller interface."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._base_url = address_of(build, _DEFAULT_BASE_URL)
        self._key = required_credential(build, "openapikey")

    def ask_questions(self, first: date, last: date) -> str:
        """Read the questions of Korean days, answered or not; at most seven days."""
        return self._read(f"/rest/prodqnaservices/prodqnalist/{first:%Y%m%d}/{last:%Y%m%d}/00")

    def ask_notices(self, first: date, last: date) -> str:
        """Read the urgent notices of Korean days; at most thirty."""
        return self._read(f"/rest/alimi/getalimilist/{first:%Y%m%d}/{last:%Y%m%d}")

    def answer(
        self, number: str, product_no: str, body: bytes, *, encoding: str, refusal: Refusal
    ) -> Answer:
        """Write the answer to a question, or replace the one that stands there."""
        return self._build.client.write(
            f"{self._base_url}/rest/prodqnaservices/prodqnaanswer/{number}/{product_no}",
            method="PUT",
            headers=self._headers(encoding),
            content=body,
            refusal=refusal,
        )

    def _read(self, path: str) -> str:
        answer = self._build.client.read(
            self._base_url + path, headers=self._headers("euc-kr"), refusal=refused
        )
        if _PAGE.match(answer.text):
            raise_if_captcha(answer)
        return answer.text

    def _headers(self, encoding: str) -> dict[str, str]:
        return {"openapikey": self._key, "Content-Type": f"text/xml; charset={encoding}"}


def refused(answer: Answer) -> ReputationError | None:
    """Give what 11st's own words in a 4xx/5xx answer mean; None where it has none."""
    if answer.status < 400:
        return None
    try:
        refuse_by_code(open_xml(answer.text), answer.text)
    except (CredentialRejectedError, RateLimitedError) as error:
        return error
    except ReputationError:
        return None
    return None


class ElevenstCollector:
    """Reads the questions of one seller.

    Args:
        build: ``surfaces`` chooses among `SURFACES`; questions only by default.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = ElevenstApi(build)
        self._surfaces = chosen_surfaces(build, SURFACES, SURFACES[:1])

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one list; see `collectors.base.Collector.fetch`."""
        place, is_whole = self._place(cursor)
        listing = self._ask(self._surfaces[place], since, until)
        is_whole = is_whole and not listing.quarantined
        if place + 1 < len(self._surfaces):
            return Page(listing.items, listing.quarantined, next_cursor=f"{place + 1}:{is_whole:d}")
        return Page(
            listing.items,
            listing.quarantined,
            covers=(since, until) if is_whole else None,
            lists=tuple(self._surfaces),
        )

    def _place(self, cursor: str | None) -> tuple[int, bool]:
        """Give which list is read, and whether every row before could be."""
        found = re.fullmatch(r"(\d):([01])", cursor or "0:1", re.ASCII)
        if found is None or int(found[1]) >= len(self._surfaces) or cursor == "":
            raise BadInputError("unknown cursor", field="cursor")
        return int(found[1]), found[2] == "1"

    def _ask(self, surface: str, since: datetime, until: datetime) -> Listing:
        first, last = days_between(since, until)
        now = self._build.clock()
        if surface == "qna":
            return parse_questions(self._api.ask_questions(first, last), now=now)
        return parse_notices(self._api.ask_notices(first, last), now=now)

    def check(self) -> CheckResult:
        """Ask for today's questions."""
        return check_by(self._prove, SPEC.remedies)

    def _prove(self) -> str:
        now = self._build.clock()
        self._ask("qna", now, now)
        return ", ".join(self._surfaces)


def build(build: Build) -> ElevenstCollector:
    """Make the collector of one account."""
    return ElevenstCollector(build)
