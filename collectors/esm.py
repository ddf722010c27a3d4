"""G마켓·옥션 (ESM Trading API): bulletin inquiries (게시판 문의) and urgent notices (긴급알리미).

Source: https://etapi.gmarket.com/47 and /48, ESM Trading API guide (Checked: 2026-11).

* Lists are asked for by POST. A JWT (HS256) signed with the issued secret goes with each request;
  it names the sellers of both sites.
* A question may span seven days and ``endDate`` means the start of that day, so one day is added
  and windows are five days long. There is no paging.
* To answer, the ``token`` of the listed inquiry is needed; it is looked up afresh before writing.

The guide's table of an inquiry's fields was captured in part. What is proved: ``token``,
``MessageNo``, ``SellerId``, ``InformStatus``, ``ReAsking``. The names of title, contents, date,
answer and product are guesses, tried in turn; ``fields`` in ``brand.toml`` says the right ones. An
inquiry whose contents are not found under any of them is quarantined, never guessed.

Unverified: see ``SPEC.unverified``. Urgent notices are only read, and only when ``surfaces`` names
them: neither their fields nor how they are answered is proved.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from collectors.base import Build, ChannelSpec, CheckReason, CheckResult, check_by
from collectors.listing import (
    Listing,
    Row,
    address_of,
    changed,
    chosen_surfaces,
    days_between,
    read_rows,
    required_credential,
    required_option,
    text_in,
    when_in,
    word_in,
)
from collectors.values import parse_when
from domain.errors import (
    BadInputError,
    ConfigurationError,
    CredentialRejectedError,
    RateLimitedError,
    ReputationError,
)
from domain.types import (
    AnswerState,
    ChannelReply,
    CollectedFeedback,
    FeedbackKind,
    LengthUnit,
    Page,
    ReplyRules,
)

if TYPE_CHECKING:
    from datetime import date, datetime

    from collectors.http import Answer, Refusal

SPEC = ChannelSpec(
    channel="esm",
    kinds=(FeedbackKind.INQUIRY,),
    page_size=100,
    window=timedelta(days=5),
    overlap=timedelta(days=3),
    min_interval_s=1.0,
    timeout_s=25.0,
    signs_time=True,
    writable=True,
    reply_rules=ReplyRules(
        max_length=1000,
        unit=LengthUnit.BYTES,
        encoding="utf-8",
        unverified=(
            "that the 1,000 bytes are counted in UTF-8 (3 a syllable), the stricter guess",
        ),
    ),
    reply_rules_by_space={
        "urgent": ReplyRules(
            state=AnswerState.BY_HAND,
            state_reason="긴급알리미는 ESM PLUS에서만 답변할 수 있습니다.",
        )
    },
    remedies={
        CheckReason.SECRET: "ESM PLUS에서 발급받은 마스터 ID(master_id)와 비밀키(secret_key)를 다시 확인해 주세요.",
        CheckReason.ADDRESS: "ESM Trading API에 이 서버의 고정 공인 IPv4 주소를 등록해 달라고 요청해 주세요.",
        CheckReason.PERMISSION: "ESM Trading API 사용 승인과 판매자 ID(auction_id, gmarket_id) 연결, IP 등록을 "
        "확인해 주세요.",
    },
    credential_names=("master_id", "secret_key"),
    option_names=(
        "base_url",
        "issuer",
        "auction_id",
        "gmarket_id",
        "surfaces",
        "fields",
        "answer_title",
    ),
    source={"auction_id": "", "gmarket_id": ""},
    unverified=(
        "names of an inquiry's title, contents, date, answer, product and order (option fields)",
        "that startDate and endDate are the days of the inquiry, in Korea",
        "the charset in which 1,000 bytes are counted",
        "titles of answers of up to 200 characters",
        "requests a second (we keep one second between them; order calls share one in five)",
        "iat in the JWT, and which message means a wrong clock or an unregistered address",
        "urgent notices: body of the question, fields, and how they are answered",
    ),
)

SURFACES: Final = ("gmarket", "auction", "secret", "urgent")
"""The lists of an account: G마켓 (``qnaType`` 3), 옥션 public (1) and secret (2) inquiries, urgent
notices of both."""
QNA_TYPES: Final = {"auction": 1, "secret": 2, "gmarket": 3}
_DEFAULT_BASE_URL: Final = "https://sa2.esmplus.com"
_BULLETIN: Final = "/item/v1/communications/customer/bulletin-board"
_URGENT: Final = "/assist/v1/Selling/GetEmergencyInformList"

Fields = Mapping[str, tuple[str, ...]]
FIELDS: Final[Fields] = {
    "id": ("MessageNo", "EmergencyNo", "InformNo"),
    "title": ("Title", "Subject", "QnaTitle"),
    "contents": ("Contents", "Content", "Comments", "Question", "QnaContents"),
    "date": ("ReceiptDate", "RegDate", "InsDate", "QuestionDate", "CreateDate"),
    "answer": ("AnswerContents", "AnswerComments", "Answer", "ReplyContents"),
    "answered_at": ("AnswerDate", "ReplyDate", "ProcessDate"),
    "product": ("GoodsNo", "ItemNo", "SiteGoodsNo"),
    "product_name": ("GoodsName", "ItemName"),
    "order": ("OrderNo",),
}
"""Where each fact may stand, most likely first; compared without regard to capitals."""


def parse_inquiries(
    body: object, *, surface: str, fields: Fields, days: tuple[date, date], now: datetime
) -> Listing:
    """Read a list of inquiries or notices. Pure.

    Args:
        body: The parsed JSON: a list.
        surface: One of `SURFACES`.
        fields: As `FIELDS`, with the account's own names first.
        days: Korean days that were asked for; kept for finding the inquiry again.
        now: When it was read.

    Raises:
        ReputationError: What the result code means, where one came instead of a list.
        LayoutChangedError: Neither, or not one row of it can be read.
    """
    if isinstance(body, dict):
        raise _by_code(body)
    if not isinstance(body, list):
        raise changed("esm: no list", body)
    read = partial(_read_row, surface=surface, fields=fields, days=days, now=now)
    items, quarantined = read_rows(body, read, source=f"esm {surface}")
    return Listing(items, quarantined, rows=len(body))


def _read_row(
    row: Row, *, surface: str, fields: Fields, days: tuple[date, date], now: datetime
) -> CollectedFeedback:
    named = _tidied(row, fields)
    number = word_in(named, "id")
    if not re.fullmatch(r"[\w-]{1,60}", number, re.ASCII):
        raise BadInputError("the number is missing", field="MessageNo")
    # Undated counts from when it was first seen, and is marked so.
    written = parse_when(when_in(named, "date"), now=now) if "date" in named else None
    is_bulletin = surface in QNA_TYPES
    return CollectedFeedback(
        kind=FeedbackKind.INQUIRY,
        native_id=f"{surface}:{number}",
        title=word_in(named, "title"),
        text=text_in(named, "contents"),
        written_at=written.at if written else None,
        written_at_is_exact=bool(written and written.exact),
        product_id=word_in(named, "product"),
        product_name=word_in(named, "product_name"),
        order_id=word_in(named, "order"),
        replies=_replies(named, now) if is_bulletin else (),
        extra={"from_day": days[0].isoformat(), "to_day": days[1].isoformat()},
    )


def _tidied(row: Row, fields: Fields) -> Row:
    """Give a row with our names for what stands under the channel's; absent facts are left out."""
    lowered = {key.lower(): value for key, value in row.items()}
    named: Row = {"status": lowered.get("informstatus")}
    for ours, theirs in fields.items():
        found = [lowered.get(name.lower()) for name in theirs]
        plain = [value for value in found if _is_plain(value)]
        if plain:
            # An empty value under one name does not hide what stands under the next.
            named[ours] = next((value for value in plain if value != ""), "")
    return named


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _replies(named: Row, now: datetime) -> tuple[ChannelReply, ...]:
    text = text_in(named, "answer") if isinstance(named.get("answer"), str) else ""
    if not text and word_in(named, "status") != DONE:
        return ()
    has_date = named.get("answered_at") not in {None, ""}
    at = parse_when(when_in(named, "answered_at"), now=now).at if has_date else None
    # Without its text an answer still counts: somebody has given it.
    return (ChannelReply(text=text, replied_at=at),)


DONE: Final = "처리완료"


def own_fields(build: Build) -> Fields:
    """Give `FIELDS` with the names of the account's ``fields`` first.

    Raises:
        ConfigurationError: The option is not a table of names, or names a fact we do not know.
    """
    given = build.account.options.get("fields", {})
    if not isinstance(given, Mapping) or not all(
        key in FIELDS and isinstance(name, str) and name for key, name in given.items()
    ):
        raise ConfigurationError(
            f"{build.account.key}: fields must give names to some of {', '.join(FIELDS)}"
        )
    return {key: (given[key], *names) if key in given else names for key, names in FIELDS.items()}


def token_of(body: object, message_no: str) -> str:
    """Find the token that answers one inquiry in a list that was just read. Pure.

    Returns:
        The token; empty when the inquiry is not in the list or has none.
    """
    for row in body if isinstance(body, list) else []:
        if isinstance(row, dict):
            lowered = {str(key).lower(): value for key, value in row.items()}
            token = lowered.get("token")
            if str(lowered.get("messageno")) == message_no and isinstance(token, str):
                return token
    return ""


def sign_token(master_id: str, secret_key: str, *, issuer: str, ssi: str, issued_at: int) -> str:
    """Make the JWT of one request (HS256).

    Assembled here rather than by a library, for the guide fixes the order of the header's members
    and libraries choose their own.

    Args:
        master_id: Of ESM+; goes into the header as ``kid``.
        secret_key: Signs.
        issuer: Our domain, as registered.
        ssi: The sellers: ``A:<auction id>,G:<gmarket id>``.
        issued_at: Seconds since 1970.
    """
    header = {"alg": "HS256", "typ": "JWT", "kid": master_id}
    claims = {"iss": issuer, "sub": "sell", "aud": "sa.esmplus.com", "iat": issued_at, "ssi": ssi}
    content = b".".join(
        _base64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)
    )
    signature = hmac.new(secret_key.encode(), content, hashlib.sha256).digest()
    return (content + b"." + _base64(signature)).decode()


def _base64(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


class EsmApi:
    """The few calls of the interface.

    Args:
        build: ``issuer`` (our registered domain) and ``auction_id``, ``gmarket_id`` or both are
            options of the account.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._base_url = address_of(build, _DEFAULT_BASE_URL)
        self._issuer = required_option(build, "issuer")
        auction, gmarket = build.account.option("auction_id"), build.account.option("gmarket_id")
        if not auction and not gmarket:
            raise ConfigurationError(f"{build.account.key}: auction_id or gmarket_id is missing")
        sellers = (("A", auction), ("G", gmarket))
        self._ssi = ",".join(f"{site}:{seller}" for site, seller in sellers if seller)
        sites = (("gmarket", gmarket), ("auction", auction), ("secret", auction))
        self.surfaces = chosen_surfaces(
            build, SURFACES, tuple(surface for surface, seller in sites if seller)
        )
        for name in SPEC.credential_names:
            required_credential(build, name)

    def ask(self, surface: str, first: date, last: date) -> object:
        """Read one list of Korean days, both included; at most six."""
        days = {
            "startDate": first.isoformat(),
            # The end is the start of its day.
            "endDate": (last + timedelta(days=1)).isoformat(),
        }
        if surface == "urgent":
            return self._read(_URGENT, dict(days))
        return self._read(
            _BULLETIN, {"qnaType": QNA_TYPES[surface], "status": 1, "type": 1, **days}
        )

    def answer(self, content: Mapping[str, object], refusal: Refusal) -> Answer:
        """Write the answer to an inquiry."""
        return self._build.client.write(
            f"{self._base_url}{_BULLETIN}/qna",
            headers=self._headers(),
            content=json.dumps(content, ensure_ascii=False).encode(),
            refusal=refusal,
        )

    def _read(self, path: str, content: Mapping[str, object]) -> object:
        return self._build.client.read(
            self._base_url + path,
            method="POST",
            headers=self._headers(),
            content=json.dumps(content).encode(),
            refusal=refused,
        ).json()

    def _headers(self) -> dict[str, str]:
        token = sign_token(
            required_credential(self._build, "master_id"),
            required_credential(self._build, "secret_key"),
            issuer=self._issuer,
            ssi=self._ssi,
            issued_at=int(self._build.clock().timestamp()),
        )
        return {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json; charset=utf-8",
        }


class EsmCollector:
    """Reads the inquiries of one seller on both sites.

    Args:
        build: ``surfaces`` chooses among `SURFACES`; all but urgent notices by default. ``fields``
            corrects `FIELDS`.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = EsmApi(build)
        self._fields = own_fields(build)

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one list; see `collectors.base.Collector.fetch`."""
        place, is_whole = self._place(cursor)
        surface = self._api.surfaces[place]
        days = days_between(since, until)
        listing = parse_inquiries(
            self._api.ask(surface, *days),
            surface=surface,
            fields=self._fields,
            days=days,
            now=self._build.clock(),
        )
        is_whole = is_whole and not listing.quarantined
        if place + 1 < len(self._api.surfaces):
            following = f"{place + 1}:{is_whole:d}"
            return Page(listing.items, listing.quarantined, next_cursor=following)
        covers = (since, until) if is_whole else None
        lists = tuple(self._api.surfaces)
        return Page(listing.items, listing.quarantined, covers=covers, lists=lists)

    def _place(self, cursor: str | None) -> tuple[int, bool]:
        """Give which list is read, and whether every row before could be."""
        found = re.fullmatch(r"(\d):([01])", "0:1" if cursor is None else cursor, re.ASCII)
        if found is None or int(found[1]) >= len(self._api.surfaces):
            raise BadInputError("unknown cursor", field="cursor")
        return int(found[1]), found[2] == "1"

    def check(self) -> CheckResult:
        """Ask for today's inquiries of the first list."""
        return check_by(self._prove, SPEC.remedies)

    def _prove(self) -> str:
        days = days_between(self._build.clock(), self._build.clock())
        body = self._api.ask(self._api.surfaces[0], *days)
        if isinstance(body, dict):
            raise _by_code(body)
        return ", ".join(self._api.surfaces)


def build(build: Build) -> EsmCollector:
    """Make the collector of one account."""
    return EsmCollector(build)


def outcome(body: object) -> tuple[str, str]:
    """Give an answer's result code and message; empty where it has none. Pure."""
    if not isinstance(body, dict):
        return "", ""
    lowered = {str(key).lower(): value for key, value in body.items()}
    status = lowered.get("status")
    if isinstance(status, dict):
        return outcome({"resultCode": status.get("status_code"), "message": status.get("message")})
    code, message = lowered.get("resultcode"), lowered.get("message")
    is_code = isinstance(code, int | str) and not isinstance(code, bool)
    return (str(code)[:20] if is_code else ""), (message[:500] if isinstance(message, str) else "")


def _by_code(body: object) -> ReputationError:
    """Give what an object means that came instead of a list."""
    code, message = outcome(body)
    if error := refusal_of(code, message):
        return error
    return changed(f"esm: result code {code or 'none'} instead of a list", body)


def refusal_of(code: str, message: str) -> ReputationError | None:
    """Give what a result code with its message means, where we know. Pure."""
    about = f"esm: result code {code}"
    if code == "3000":
        return RateLimitedError(about)
    if code not in {"401", "403"}:
        return None
    if re.search(r"(?i)(?<![a-z])ip(?![a-z])|아이피", message):
        return CredentialRejectedError(about, reason="address")
    if re.search(r"(?i)expired|(?<![a-z])iat(?![a-z])|만료", message):
        return CredentialRejectedError(about, reason="clock")
    return CredentialRejectedError(about, reason="permission") if code == "403" else None


def refused(answer: Answer) -> ReputationError | None:
    """Give what ESM's own words in a 4xx/5xx answer mean; None where the status says it all."""
    try:
        body = json.loads(answer.text)
    except (ValueError, RecursionError):
        return None
    code, message = outcome(body)
    is_credential = answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    return refusal_of(str(answer.status) if is_credential else code, message)
