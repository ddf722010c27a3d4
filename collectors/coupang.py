"""Coupang (쿠팡 WING): product inquiries (상품별 고객문의) and contact-centre inquiries (고객센터 문의).

Source: https://developers.coupangcorp.com, CS API and HMAC pages (Checked: 2026-11).

* Every request is signed over the exact bytes of its path and query; there is no token.
* A question may span seven days at most, both ends included, so windows are six days long.
* ``code`` in the envelope is a number or a string; a failure may come inside a 200.
* "Read timed out" for a busy window is answered by asking day by day, ten rows at a time.
* A contact-centre inquiry is a thread: what to answer is what the agent wrote, and 24 hours
  later Coupang answers by itself and closes it. Every request after an answer is feedback of its
  own (``cc:INQUIRY:ANSWER``), for what was answered stays answered.

Unverified (see ``SPEC.unverified``): five calls a second, 1,000 characters for product inquiries,
what ``partnerCounselingStatus=NONE`` includes, the wording of refused signatures. Reviews: no API;
the seller centre's export is the channel ``seller_export``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from collectors.base import Build, ChannelSpec, CheckReason, CheckResult, check_by
from collectors.listing import (
    Listing,
    Place,
    address_of,
    changed,
    chosen_surfaces,
    count_in,
    days_between,
    list_in,
    number_in,
    read_rows,
    required_credential,
    required_option,
    rows_in,
    rows_of,
    text_in,
    when_in,
    word_in,
)
from collectors.values import parse_when
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    PublicationRefusedError,
    RateLimitedError,
    ReputationError,
)
from domain.types import (
    NEEDS_CONFIRM,
    NOT_WAITING,
    AnswerState,
    ChannelReply,
    CollectedFeedback,
    FeedbackKind,
    Page,
    ReplyRules,
)

if TYPE_CHECKING:
    from datetime import date

    from collectors.http import Answer, Refusal
    from collectors.listing import Row
    from domain.types import QuarantinedItem

ANSWER_WITHIN: Final = timedelta(hours=24)

SPEC = ChannelSpec(
    channel="coupang",
    kinds=(FeedbackKind.INQUIRY,),
    page_size=50,
    window=timedelta(days=6),
    overlap=timedelta(days=3),
    min_interval_s=0.25,
    writable=True,
    reply_rules=ReplyRules(
        max_length=1000, unverified=("1,000 characters, taken from the contact centre's rule",)
    ),
    reply_rules_by_space={
        "cc": ReplyRules(
            max_length=1000,
            min_length=2,
            visibility="private",
            answer_within=ANSWER_WITHIN,
            penalty="24시간 안에 답하지 않으면 쿠팡이 자동으로 답변하고 API 답변이 닫힙니다.",
            closes_when_due=True,
        )
    },
    state_reasons={
        AnswerState.CONFIRM: "고객센터가 넘긴 문의입니다. 답변은 받지 않고, 24시간 안에 확인 처리만 하면 됩니다.",
        AnswerState.CLOSED: "고객센터가 답변을 기다리지 않는 문의입니다. 종료되었거나 상담원이 이미 처리했습니다.",
    },
    reply_needs={"": "reply_by"},
    remedies={
        CheckReason.SECRET: "WING > 판매자정보 > 추가판매정보의 OPEN API 키(Access Key, Secret Key)와 "
        "인증 정보 파일을 다시 맞춰 주세요. 키는 만료되기 전에 재발급해야 합니다.",
        CheckReason.ADDRESS: "WING의 OPEN API 키 설정에 이 서버의 공인 IP를 등록해 주세요(변경은 주 10회까지).",
        CheckReason.PERMISSION: "WING의 OPEN API 키에 등록된 IP와 업체코드(vendor_id)를 확인해 주세요. "
        "쿠팡은 IP와 권한 문제를 모두 403으로 알립니다.",
    },
    credential_names=("access_key", "secret_key"),
    option_names=("base_url", "vendor_id", "reply_by", "surfaces"),
    source={"vendor_id": ""},
    unverified=(
        "five calls a second (we keep 250 ms between calls)",
        "product inquiry replies of up to 1,000 characters (the contact centre's rule)",
        "days of inquiryStartAt/inquiryEndAt are Korean days",
        "partnerCounselingStatus=NONE lists every state",
        "the wording of 401 and 403 bodies",
        "X-EXTENDED-TIMEOUT is honoured",
        "a confirmed inquiry leaves the list of partnerCounselingStatus=TRANSFER",
    ),
)

SURFACES: Final = ("product", "transfer", "cc")
"""The lists of an account: product inquiries, contact-centre items that want a confirmation, all
contact-centre inquiries. The second comes first of the two, so that its mark is the one stored."""

_DEFAULT_BASE_URL: Final = "https://api-gateway.coupang.com"
_API: Final = "/v2/providers/openapi/apis/api"
_PAGE_SIZES: Final = {"product": 50, "transfer": 30, "cc": 30}
_SLOW_PAGE_SIZE: Final = 10
_SLOW_TIMEOUT_MS: Final = "40000"


def parse_inquiries(body: object, *, surface: str, now: datetime) -> Listing:
    """Read one list page of inquiries. Pure.

    Args:
        body: The opened JSON answer.
        surface: One of `SURFACES`.
        now: When it was read.

    Raises:
        LayoutChangedError: Not the list this parser knows, or not one row of it can be read.
    """
    rows = rows_of(body, "data", "content")
    source = f"coupang {surface}"
    if surface == "product":
        read = partial(_read_product_inquiry, now=now)
        items, quarantined = read_rows(rows, read, source=source)
    else:
        needs_confirm = surface == "transfer"
        items, quarantined = _read_contacts(
            rows, needs_confirm=needs_confirm, now=now, source=source
        )
    return Listing(
        items,
        quarantined,
        rows=len(rows),
        total=count_in(body, "data", "pagination", "totalElements"),
        pages=count_in(body, "data", "pagination", "totalPages"),
    )


def parse_contact(body: object, *, now: datetime) -> tuple[CollectedFeedback, ...]:
    """Read the answer about a single contact-centre inquiry: its rounds, oldest first. Pure.

    Raises:
        LayoutChangedError: Another shape.
    """
    row = body.get("data") if isinstance(body, dict) else None
    items, quarantined = _read_contacts(
        [row], needs_confirm=False, now=now, source="coupang contact-centre inquiry"
    )
    if quarantined:
        raise changed(f"coupang contact-centre inquiry: {quarantined[0].reason}", body)
    return items


def _read_product_inquiry(row: Row, *, now: datetime) -> CollectedFeedback:
    asked = parse_when(when_in(row, "inquiryAt"), now=now)
    orders = list_in(row, "orderIds")
    return CollectedFeedback(
        kind=FeedbackKind.INQUIRY,
        native_id=f"product:{number_in(row, 'inquiryId')}",
        text=text_in(row, "content"),
        written_at=asked.at,
        written_at_is_exact=asked.exact,
        # The option that was bought: the one id that contact-centre inquiries have, too.
        product_id=word_in(row, "vendorItemId"),
        order_id=str(orders[0]) if orders and isinstance(orders[0], int | str) else "",
        replies=tuple(
            ChannelReply(
                text=text_in(comment, "content"),
                replied_at=parse_when(when_in(comment, "inquiryCommentAt"), now=now).at,
                receipt=word_in(comment, "inquiryCommentId"),
            )
            for comment in rows_in(row, "commentDtoList")
        ),
        extra={"asked_at": asked.at.isoformat()},
    )


def _read_contacts(
    rows: list[object], *, needs_confirm: bool, now: datetime, source: str
) -> tuple[tuple[CollectedFeedback, ...], tuple[QuarantinedItem, ...]]:
    """Read the rounds of each inquiry.

    An inquiry is a thread. When the agent asks again after an answer, that is feedback of its own,
    with its own deadline: what was answered stays answered.
    """
    rounds: list[object] = []
    for row in rows:
        found = _rounds(row, now=now) if isinstance(row, dict) else None
        rounds += [row] if found is None else found
    return read_rows(
        rounds, lambda row: _read_round(row, needs_confirm=needs_confirm, now=now), source=source
    )


_FIRST_ROUND: Final = "\0first round"
_IS_LAST: Final = "\0is last"
"""Keys that no answer has: what a round knows of the thread it was cut from."""


def _rounds(row: Row, *, now: datetime) -> list[object] | None:
    """Cut a thread before every request that follows an answer; None when it cannot be read."""
    try:
        thread = rows_in(row, "replies")
    except BadInputError:
        return None
    # In which order Coupang lists them is not documented.
    with suppress(BadInputError):
        thread.sort(key=lambda entry: parse_when(when_in(entry, "replyAt"), now=now).at)
    parts: list[list[Row]] = [[]]
    for entry in thread:
        was_answered = any(_is_ours(earlier) for earlier in parts[-1])
        if was_answered and not _is_ours(entry) and _is_request(entry):
            parts.append([])
        parts[-1].append(entry)
    return [
        {**row, "replies": part, _FIRST_ROUND: number == 0, _IS_LAST: number == len(parts) - 1}
        for number, part in enumerate(parts)
    ]


def _read_round(row: Row, *, needs_confirm: bool, now: datetime) -> CollectedFeedback:
    asked = parse_when(when_in(row, "inquiryAt"), now=now)
    thread = rows_in(row, "replies")
    number = number_in(row, "inquiryId")
    is_first, is_last = bool(row.get(_FIRST_ROUND)), bool(row.get(_IS_LAST))
    wants_answer = (
        is_last
        and word_in(row, "inquiryStatus") == "progress"
        and word_in(row, "csPartnerCounselingStatus") == "requestAnswer"
    )
    open_request = next((entry for entry in reversed(thread) if _is_open(entry)), None)
    extra = {"asked_at": asked.at.isoformat()}
    deadline_at = None
    if wants_answer and open_request is not None:
        extra["parent_answer_id"] = number_in(open_request, "answerId")
        deadline_at = parse_when(when_in(open_request, "replyAt"), now=now).at + ANSWER_WITHIN
    if needs_confirm and is_last:
        extra[NEEDS_CONFIRM] = "1"
        # Counted from the agent's last word, which is when it was handed over.
        deadline_at = deadline_at or _last_word(thread, asked.at, now=now) + ANSWER_WITHIN
    elif "parent_answer_id" not in extra:
        extra[NOT_WAITING] = "1"
    # "content" only says "상담이력" (history); the words are the agent's.
    words = [text_in(entry, "content") for entry in thread if not _is_ours(entry)]
    return CollectedFeedback(
        kind=FeedbackKind.INQUIRY,
        native_id=f"cc:{number}" if is_first else f"cc:{number}:{number_in(thread[0], 'answerId')}",
        text="\n\n".join(word for word in words if word) or text_in(row, "content"),
        # Also of a later round: the lists know no other date.
        written_at=asked.at,
        written_at_is_exact=asked.exact,
        title=word_in(row, "receiptCategory"),
        product_id=_first_number(list_in(row, "vendorItemId")),
        product_name=word_in(row, "itemName"),
        order_id=word_in(row, "orderId"),
        replies=tuple(
            ChannelReply(
                text=text_in(entry, "content"),
                replied_at=parse_when(when_in(entry, "replyAt"), now=now).at,
                receipt=word_in(entry, "answerId"),
            )
            for entry in thread
            if _is_ours(entry)
        ),
        deadline_at=deadline_at,
        extra=extra,
    )


def _last_word(thread: list[Row], asked_at: datetime, *, now: datetime) -> datetime:
    said = [parse_when(when_in(e, "replyAt"), now=now).at for e in thread if not _is_ours(e)]
    return max([asked_at, *said])


def _is_open(entry: Row) -> bool:
    return not _is_ours(entry) and entry.get("partnerTransferStatus") == "requestAnswer"


def _is_request(entry: Row) -> bool:
    return entry.get("partnerTransferStatus") in ("requestAnswer", "answered")


def _is_ours(entry: Row) -> bool:
    return entry.get("answerType") == "vendor"


def _first_number(values: list[object]) -> str:
    return str(values[0]) if values and isinstance(values[0], int | str) else ""


class CoupangApi:
    """Signed requests of one account; what the collector and the publisher share.

    Args:
        build: ``vendor_id`` is an option, the two keys are credentials.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._base_url = address_of(build, _DEFAULT_BASE_URL)
        self._access_key = required_credential(build, "access_key")
        self._secret_key = required_credential(build, "secret_key")
        self.vendor_id = required_option(build, "vendor_id")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", self.vendor_id, re.ASCII):
            raise ConfigurationError(f"{build.account.key}: vendor_id has strange characters")

    def ask(
        self, surface: str, first: date, last: date, page: int, *, is_slow: bool = False
    ) -> object:
        """Read one list page; ``first`` and ``last`` are Korean days, at most six apart."""
        size = page_size(surface, is_slow=is_slow)
        days = {"inquiryStartAt": first.isoformat(), "inquiryEndAt": last.isoformat()}
        paging = {"pageNum": str(page), "pageSize": str(size)}
        if surface == "product":
            path = f"{_API}/v5/vendors/{self.vendor_id}/onlineInquiries"
            query = {"vendorId": self.vendor_id, "answeredType": "ALL", **days, **paging}
        else:
            path = f"{_API}/v5/vendors/{self.vendor_id}/callCenterInquiries"
            status = "TRANSFER" if surface == "transfer" else "NONE"
            query = {"partnerCounselingStatus": status, **days, **paging}
        headers = {"X-EXTENDED-TIMEOUT": _SLOW_TIMEOUT_MS} if is_slow else {}
        return self._read(path, urlencode(query), headers)

    def ask_contact(self, number: str) -> object:
        """Read one contact-centre inquiry. Coupang blocks callers who do this too often.

        Raises:
            PublicationRefusedError: Coupang does not know the number (any more).
        """
        path = f"{_API}/v5/vendors/callCenterInquiries/{number}"
        return self._read(path, "", {}, refusal=_refused_single)

    def send(
        self,
        number: str,
        *,
        kind: str,
        action: str,
        content: dict[str, object],
        refusal: Refusal,
    ) -> Answer:
        """Write to one inquiry.

        Args:
            number: Its number.
            kind: ``onlineInquiries`` or ``callCenterInquiries``.
            action: ``replies`` or ``confirms``.
            content: The JSON body.
            refusal: Knows what Coupang's refusals of a write mean.
        """
        path = f"{_API}/v4/vendors/{self.vendor_id}/{kind}/{number}/{action}"
        return self._build.client.write(
            self._base_url + path,
            headers=self._headers("POST", path, ""),
            content=json.dumps(content, ensure_ascii=False).encode(),
            refusal=refusal,
        )

    def _read(
        self, path: str, query: str, headers: dict[str, str], refusal: Refusal | None = None
    ) -> object:
        answer = self._build.client.read(
            f"{self._base_url}{path}{'?' if query else ''}{query}",
            headers={**self._headers("GET", path, query), **headers},
            refusal=refusal or _refused,
        )
        return _opened(answer)

    def _headers(self, method: str, path: str, query: str) -> dict[str, str]:
        signed = authorization(
            self._access_key, self._secret_key, method, path, query, at=self._build.clock()
        )
        return {
            "Authorization": signed,
            "Content-Type": "application/json;charset=UTF-8",
            "X-Requested-By": self.vendor_id,
            "X-MARKET": "KR",
        }


class CoupangCollector:
    """Reads the inquiries of one vendor.

    Args:
        build: ``surfaces`` chooses among `SURFACES`; all by default.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = CoupangApi(build)
        self._surfaces = chosen_surfaces(build, SURFACES, SURFACES)

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one list page; see `collectors.base.Collector.fetch`."""
        here = Place.read(cursor)
        if here.surface >= len(self._surfaces):
            raise BadInputError("unknown cursor", field="cursor")
        surface = self._surfaces[here.surface]
        first, last = days_between(since, until)
        is_slow = here.stretch >= 0
        if is_slow:
            first = last = first + timedelta(days=here.stretch)
        try:
            body = self._api.ask(surface, first, last, here.page, is_slow=is_slow)
        except _TooSlowError:
            if is_slow:
                raise
            day_by_day = Place(here.surface, stretch=0, shrank=here.shrank)
            return Page((), next_cursor=str(day_by_day))
        listing = parse_inquiries(body, surface=surface, now=self._build.clock())
        return self._page(listing, here, since, until)

    def _page(self, listing: Listing, here: Place, since: datetime, until: datetime) -> Page:
        size = page_size(self._surfaces[here.surface], is_slow=here.stretch >= 0)
        after = self._after(here, since, until)
        # What leaves the list of those that wait for a confirmation has not left the channel.
        lists = tuple(surface for surface in self._surfaces if surface != "transfer")
        return here.page_of(listing, size, after=after, window=(since, until), lists=lists)

    def _after(self, here: Place, since: datetime, until: datetime) -> Place | None:
        """Give the next day of a list read day by day, else the next list, else None."""
        first, last = days_between(since, until)
        if here.stretch >= 0 and first + timedelta(days=here.stretch) < last:
            return Place(here.surface, here.stretch + 1, shrank=here.shrank)
        if here.surface + 1 < len(self._surfaces):
            return Place(here.surface + 1, shrank=here.shrank)
        return None

    def check(self) -> CheckResult:
        """Ask for one page of today's inquiries of the first list."""
        return check_by(self._prove, SPEC.remedies)

    def _prove(self) -> str:
        now = self._build.clock()
        self._api.ask(self._surfaces[0], *days_between(now, now), 1)
        return ", ".join(self._surfaces)


def build(build: Build) -> CoupangCollector:
    """Make the collector of one account."""
    return CoupangCollector(build)


def page_size(surface: str, *, is_slow: bool = False) -> int:
    """Give how many rows are asked for."""
    return _SLOW_PAGE_SIZE if is_slow else _PAGE_SIZES[surface]


class _TooSlowError(ChannelUnavailableError):
    """Coupang's own time-out: the question was too big."""


def _opened(answer: Answer) -> object:
    """Take the envelope off an answer that came with 200.

    Raises:
        LayoutChangedError: There is no code.
        ReputationError: What the code means.
    """
    body = answer.json()
    code = body.get("code") if isinstance(body, dict) else None
    if isinstance(code, bool) or not isinstance(code, int | str):
        raise LayoutChangedError("coupang: no code in the answer", payload=answer.body)
    if str(code).strip() == "200":
        return body
    raise _by_code(str(code)[:20], said(answer), answer)


def _by_code(code: str, message: str, answer: Answer) -> ReputationError:
    about = f"coupang: code {code} inside {answer.status}"
    if code == "429":
        return RateLimitedError(about)
    if code in {"401", "403"}:
        return _credential_error(about, message, is_forbidden=code == "403")
    if "timed out" in message.lower():
        return _TooSlowError(about)
    if code.startswith("5") and len(code) == 3:
        return ChannelUnavailableError(about)
    return LayoutChangedError(about, payload=answer.body)


def _refused(answer: Answer) -> ReputationError | None:
    """Give what a 4xx/5xx answer to a question means, where Coupang's message says more."""
    message = said(answer).lower()
    if answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR}:
        if "timed out" in message:
            return _TooSlowError(f"coupang: {answer.status}, the window was too big")
        if "invalid vendor" in message:
            return CredentialRejectedError(
                "coupang: the vendor_id is not ours", reason="permission"
            )
    return credential_refused(answer)


def _refused_single(answer: Answer) -> ReputationError | None:
    is_unknown = answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
    return _refused(answer) or (
        PublicationRefusedError("coupang: the inquiry is gone") if is_unknown else None
    )


def credential_refused(answer: Answer) -> CredentialRejectedError | None:
    """Give what a 401 or 403 means, where Coupang's message says more than the status."""
    if answer.status == HTTPStatus.FORBIDDEN:
        return _credential_error("coupang: 403", said(answer), is_forbidden=True)
    if answer.status == HTTPStatus.UNAUTHORIZED and _is_about_time(said(answer).lower()):
        return CredentialRejectedError("coupang: 401, the signing date is refused", reason="clock")
    return None


def _credential_error(about: str, message: str, *, is_forbidden: bool) -> CredentialRejectedError:
    message = message.lower()
    if _is_about_time(message):
        return CredentialRejectedError(about, reason="clock")
    if re.search(r"(?<![a-z])ip(?![a-z])|ip address|허용되지 않은 ip", message):
        return CredentialRejectedError(about, reason="address")
    return CredentialRejectedError(about, reason="permission" if is_forbidden else "secret")


def _is_about_time(message: str) -> bool:
    return "signed-date" in message or "expired" in message or "signature is too old" in message


def said(answer: Answer) -> str:
    """Give Coupang's own message, or nothing."""
    try:
        body = json.loads(answer.text)
    except (ValueError, RecursionError):
        return ""
    message = body.get("message") if isinstance(body, dict) else None
    return message[:500] if isinstance(message, str) else ""


def authorization(
    access_key: str, secret_key: str, method: str, path: str, query: str, *, at: datetime
) -> str:
    """Sign a request (CEA, HMAC-SHA256).

    Args:
        access_key: Names the key.
        secret_key: Signs.
        method: In capitals.
        path: As sent, without host.
        query: As sent, without the question mark; may be empty.
        at: When it is sent, aware.
    """
    signed_date = at.astimezone(UTC).strftime("%y%m%dT%H%M%SZ")
    message = f"{signed_date}{method}{path}{query}"
    signature = hmac.new(secret_key.encode(), message.encode(), hashlib.sha256).hexdigest()
    return (
        f"CEA algorithm=HmacSHA256, access-key={access_key}, "
        f"signed-date={signed_date}, signature={signature}"
    )
