"""Naver SmartStore (네이버 스마트스토어, 커머스API): product Q&A (상품 문의) and inquiries (고객 문의).

Source: https://apicenter.commerce.naver.com, 2.49-2.50 (Checked: 2026-11).

* A token is asked for with a bcrypt signature whose salt is the client secret; all processes share
  it. ``GW.AUTHN`` means an old token or a missing API group: a question is asked once more with
  a new token, and when that is refused, too, it is the group.
* Product Q&A and inquiries have id spaces of their own: ``qna:``, ``inq:``.
* Reviews: there is no interface; the seller centre's export is the channel ``seller_export``.

Unverified (see ``SPEC.unverified``): the reply's length, two calls a second, the longest range of
one question.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import bcrypt

from collectors.base import Build, ChannelSpec, CheckReason, CheckResult, check_by
from collectors.http import CLOCK_SKEW_LIMIT_S
from collectors.listing import (
    Listing,
    Place,
    address_of,
    chosen_surfaces,
    count_in,
    days_between,
    number_in,
    read_rows,
    required_credential,
    rows_of,
    text_in,
    when_in,
    word_in,
)
from collectors.tokens import Renewed, TokenKeeper, TokenRefusedError
from collectors.values import parse_when
from domain.errors import (
    BadInputError,
    CredentialRejectedError,
    LayoutChangedError,
    RateLimitedError,
    ReputationError,
)
from domain.korea import KST
from domain.types import ChannelReply, CollectedFeedback, FeedbackKind, Page, ReplyRules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from collectors.http import Answer, Refusal
    from collectors.listing import Row

SPEC = ChannelSpec(
    channel="naver_commerce",
    kinds=(FeedbackKind.INQUIRY,),
    page_size=100,
    window=timedelta(days=30),
    overlap=timedelta(days=7),
    min_interval_s=0.5,
    writable=True,
    reply_rules=ReplyRules(
        max_length=1000,
        editable=True,
        unverified=("1,000 characters, the counter of the seller centre",),
    ),
    reply_rules_by_space={
        "inq": ReplyRules(
            max_length=1000,
            editable=True,
            visibility="private",
            unverified=("1,000 characters, the counter of the seller centre",),
        )
    },
    remedies={
        CheckReason.SECRET: "커머스API센터 > 내 애플리케이션의 애플리케이션 ID와 시크릿을 인증 정보 파일과 다시 맞춰 주세요.",
        CheckReason.PERMISSION: "커머스API센터의 애플리케이션에 '문의' API 그룹을 추가해 주세요. "
        "새 토큰으로도 거절되었습니다.",
        CheckReason.ADDRESS: "커머스API센터의 애플리케이션에 이 서버의 고정 공인 IPv4를 등록해 주세요(최대 3개).",
        CheckReason.CLOCK: "서버 시계가 5분 넘게 어긋나 전자서명이 거절됩니다. NTP로 시각을 맞춰 주세요.",
    },
    credential_names=("client_id", "client_secret"),
    option_names=("base_url", "surfaces", "account_id", "reply_max_length"),
    source={"account_id": "the application's own"},
    unverified=(
        "replies of up to 1,000 characters (option reply_max_length)",
        "two calls a second for an own-store application",
        "the longest range of one question (we ask for 30 days)",
        "startSearchDate/endSearchDate are Korean days",
    ),
)

SURFACES: Final = ("qna", "inq")
"""The lists of an account: product Q&A, customer inquiries."""

_DEFAULT_BASE_URL: Final = "https://api.commerce.naver.com/external"
_CLOCK_ALLOWANCE: Final = timedelta(seconds=3)
"""The timestamp lies a little in the past, so that a fast clock of ours is not refused."""


def parse_questions(body: object, *, surface: str, now: datetime) -> Listing:
    """Read one list page of product Q&A or customer inquiries. Pure.

    Args:
        body: The JSON answer.
        surface: One of `SURFACES`.
        now: When it was read.

    Raises:
        LayoutChangedError: Not the list this parser knows, or not one row of it can be read.
    """
    rows = rows_of(body, "contents" if surface == "qna" else "content")
    read = _read_qna if surface == "qna" else _read_inquiry
    items, quarantined = read_rows(rows, lambda row: read(row, now=now), source=f"naver {surface}")
    return Listing(
        items,
        quarantined,
        rows=len(rows),
        total=count_in(body, "totalElements"),
        pages=count_in(body, "totalPages"),
    )


def _read_qna(row: Row, *, now: datetime) -> CollectedFeedback:
    asked = parse_when(when_in(row, "createDate"), now=now)
    return CollectedFeedback(
        kind=FeedbackKind.INQUIRY,
        native_id=f"qna:{number_in(row, 'questionId')}",
        text=text_in(row, "question"),
        written_at=asked.at,
        written_at_is_exact=asked.exact,
        author=word_in(row, "maskedWriterId"),
        product_id=word_in(row, "productId"),
        product_name=word_in(row, "productName"),
        replies=_answer_of(row, "answer"),
        extra={"asked_at": asked.at.isoformat()},
    )


def _read_inquiry(row: Row, *, now: datetime) -> CollectedFeedback:
    asked = parse_when(when_in(row, "inquiryRegistrationDateTime"), now=now)
    return CollectedFeedback(
        kind=FeedbackKind.INQUIRY,
        native_id=f"inq:{number_in(row, 'inquiryNo')}",
        text=text_in(row, "inquiryContent"),
        written_at=asked.at,
        written_at_is_exact=asked.exact,
        title=word_in(row, "title"),
        author=word_in(row, "customerName"),
        author_id=word_in(row, "customerId"),
        product_id=word_in(row, "productNo"),
        product_name=word_in(row, "productName"),
        order_id=word_in(row, "orderId"),
        replies=_answer_of(
            row,
            "answerContent",
            receipt="answerContentId",
            at="answerRegistrationDateTime",
            now=now,
        ),
        extra={"asked_at": asked.at.isoformat()},
    )


def _answer_of(
    row: Row, key: str, *, receipt: str = "", at: str = "", now: datetime | None = None
) -> tuple[ChannelReply, ...]:
    """Give the answer, if there is one; the first of several is all that Naver shows."""
    text = word_in(row, key)
    if not text and row.get("answered") is not True:
        return ()
    answered_at = row.get(at)
    return (
        ChannelReply(
            text=text,
            replied_at=parse_when(answered_at, now=now).at
            if now is not None and isinstance(answered_at, str) and answered_at
            else None,
            receipt=word_in(row, receipt),
        ),
    )


class NaverApi:
    """Requests with the account's token; what the collector and the publisher share.

    Args:
        build: ``client_id`` and ``client_secret`` are credentials; with the option ``account_id``
            the token is asked for on behalf of that seller.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._base_url = address_of(build, _DEFAULT_BASE_URL)
        self._client_id = required_credential(build, "client_id")
        self._client_secret = required_credential(build, "client_secret")
        self._account_id = build.account.option("account_id")
        made_from = "\0".join((self._client_id, self._client_secret, self._account_id))
        self._tokens = TokenKeeper(build, made_from, self._renew)

    def ask(self, surface: str, since: datetime, until: datetime, page: int) -> object:
        """Read one list page of what was asked in ``[since, until)``."""
        if surface == "qna":
            path = "/v1/contents/qnas"
            window = {"fromDate": _in_korea(since), "toDate": _in_korea(until)}
        else:
            path = "/v1/pay-user/inquiries"
            first, last = days_between(since, until)
            window = {"startSearchDate": first.isoformat(), "endSearchDate": last.isoformat()}
        query = urlencode({**window, "page": str(page), "size": str(SPEC.page_size)})
        return self._tokens.using(lambda token: self._read(f"{path}?{query}", token))

    def send(self, method: str, path: str, content: Mapping[str, str], refusal: Refusal) -> Answer:
        """Write; never repeated, also not with a new token."""
        token = self._tokens.current()
        try:
            return self._build.client.write(
                self._base_url + path,
                method=method,
                headers={**_bearer(token), "Content-Type": "application/json; charset=utf-8"},
                content=json.dumps(content, ensure_ascii=False).encode(),
                refusal=refusal,
            )
        except TokenRefusedError:
            # The next attempt has a new one; whether there is one is the caller's business.
            self._tokens.replaced(token)
            raise

    def _read(self, path: str, token: str) -> object:
        answer = self._build.client.read(
            self._base_url + path, headers=_bearer(token), refusal=gateway_refused
        )
        return answer.json()

    def _renew(self, _kept: Mapping[str, str]) -> Renewed:
        now = self._build.clock()
        timestamp = str(int((now - _CLOCK_ALLOWANCE).timestamp() * 1000))
        form = {
            "client_id": self._client_id,
            "timestamp": timestamp,
            "client_secret_sign": signature(self._client_id, self._client_secret, timestamp),
            "grant_type": "client_credentials",
            "type": "SELLER" if self._account_id else "SELF",
        }
        if self._account_id:
            form["account_id"] = self._account_id
        answer = self._build.client.read(
            f"{self._base_url}/v1/oauth2/token",
            method="POST",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=urlencode(form).encode(),
            refusal=lambda answer: _token_refused(answer, now),
        )
        return _token_in(answer, now)


class NaverCollector:
    """Reads the questions of one store.

    Args:
        build: ``surfaces`` chooses among `SURFACES`; both by default.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = NaverApi(build)
        self._surfaces = chosen_surfaces(build, SURFACES, SURFACES)

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one list page; see `collectors.base.Collector.fetch`."""
        here = Place.read(cursor)
        if here.surface >= len(self._surfaces) or here.stretch >= 0:
            raise BadInputError("unknown cursor", field="cursor")
        surface = self._surfaces[here.surface]
        body = self._api.ask(surface, since, until, here.page)
        listing = parse_questions(body, surface=surface, now=self._build.clock())
        is_last = here.surface + 1 == len(self._surfaces)
        after = None if is_last else Place(here.surface + 1, shrank=here.shrank)
        return here.page_of(
            listing,
            SPEC.page_size,
            after=after,
            window=(since, until),
            lists=tuple(self._surfaces),
        )

    def check(self) -> CheckResult:
        """Get a token and ask for the last hour's questions of the first list."""
        return check_by(self._prove, SPEC.remedies)

    def _prove(self) -> str:
        now = self._build.clock()
        self._api.ask(self._surfaces[0], now - timedelta(hours=1), now, 1)
        return ", ".join(self._surfaces)


def build(build: Build) -> NaverCollector:
    """Make the collector of one account."""
    return NaverCollector(build)


def gateway_refused(answer: Answer) -> ReputationError | None:
    """Give what a code of Naver's gateway means; None for what the status says well enough."""
    code = answer.error_code
    about = f"naver: {answer.status} {code}"
    if code == "GW.IP_NOT_ALLOWED":
        return CredentialRejectedError(about, reason="address")
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return TokenRefusedError(about, reason="permission")
    if code in {"ERR-NC-101007", "ERR-NC-101008"}:
        return CredentialRejectedError(about, reason="permission")
    if (
        code in {"GW.RATE_LIMIT", "GW.QUOTA_LIMIT"}
        and answer.status != HTTPStatus.TOO_MANY_REQUESTS
    ):
        return RateLimitedError(about)
    return None


def _token_refused(answer: Answer, now: datetime) -> ReputationError | None:
    if answer.status >= 500 or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return None
    code = answer.error_code
    about = f"naver token: {answer.status} {code}"
    if code == "GW.IP_NOT_ALLOWED":
        return CredentialRejectedError(about, reason="address")
    if abs(answer.clock_skew_s(now)) > CLOCK_SKEW_LIMIT_S or "timestamp" in _wrong_inputs(answer):
        return CredentialRejectedError(about, reason="clock")
    return CredentialRejectedError(about, reason="secret")


def _wrong_inputs(answer: Answer) -> set[str]:
    """Give the names in ``invalidInputs`` of an error body."""
    try:
        body = json.loads(answer.text)
    except (ValueError, RecursionError):
        return set()
    inputs = body.get("invalidInputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list):
        return set()
    return {str(wrong.get("name")) for wrong in inputs if isinstance(wrong, dict)}


def _token_in(answer: Answer, now: datetime) -> Renewed:
    body = answer.json()
    token = body.get("access_token") if isinstance(body, dict) else None
    seconds = count_in(body, "expires_in")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or seconds < 0:
        # The body may hold a token: it is not kept as evidence.
        raise LayoutChangedError("naver token: no access_token or expires_in")
    return Renewed(token, now + timedelta(seconds=seconds), {})


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _in_korea(at: datetime) -> str:
    return at.astimezone(KST).isoformat(timespec="milliseconds")


_ALPHABET: Final = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SALT_LENGTH: Final = len("$2a$04$") + 22


def signature(client_id: str, client_secret: str, timestamp: str) -> str:
    """Sign a request for a token: bcrypt with the secret as salt, in Base64.

    Args:
        client_id: Of the application.
        client_secret: Looks like ``$2a$04$`` and 22 characters.
        timestamp: Milliseconds since 1970, as sent.

    Raises:
        CredentialRejectedError: The secret has not that form.
    """
    salt = client_secret[:_SALT_LENGTH]
    last = _ALPHABET.find(salt[-1:])
    # The last character carries two bits; other libraries ignore the stray ones, this one refuses.
    salt = salt[:-1] + _ALPHABET[last & 0b110000] if last >= 0 else salt
    try:
        hashed = bcrypt.hashpw(f"{client_id}_{timestamp}".encode(), salt.encode())
    except ValueError:
        raise CredentialRejectedError(
            "naver: client_secret is not one of the commerce API ($2a$04$...)", reason="secret"
        ) from None
    return base64.b64encode(hashed).decode()
