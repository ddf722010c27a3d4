"""What every channel gives: its limits as data, one page per request, one doctor line.

The loop, the watermark and the storing are the worker's; waiting between requests, sizes and the
translation of HTTP into our errors are `collectors.http`'s. What is left for a channel is the
request, a pure parser and the words of its errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    RateLimitedError,
    ReputationError,
    RetryableError,
)

if TYPE_CHECKING:
    from collectors.http import ChannelClient
    from domain.brands import Account, TokenStore
    from domain.types import AnswerState, FeedbackKind, Page, ReplyRules

Clock = Callable[[], datetime]
"""Gives the present as an aware UTC instant; tests put their own in."""

WORKERS_OPTIONS = ("overlap", "backfill")
"""Options of every account, which no channel reads itself."""


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """A channel's limits as data, readable without running anything.

    Attributes:
        channel: Key in `collectors.CHANNELS` and in ``brand.toml``.
        kinds: What customers write there.
        page_size: Items asked for per request.
        window: Longest ``until - since`` one query may span; None without a limit. The worker
            cuts a longer range into such windows, oldest first.
        overlap: How far before the watermark every run reads again. Edits, deletions and replies
            made elsewhere are noticed within it.
        min_interval_s: Seconds between two requests to one host; the client keeps them.
        timeout_s: Seconds for one whole exchange.
        signs_time: True when requests carry a time (signature, JWT), so that a refused secret
            with a wrong clock is told as the clock's fault.
        reads_files: True for channels whose module has ``read_file`` (exports in a folder).
        writable: True when `responders.publishers.PUBLISHERS` has the channel; otherwise replies
            are handed to a person.
        reply_rules: What a reply may be; None where nobody can answer.
        reply_rules_by_space: Other rules for some id spaces, by the prefix of the native id
            (``inq`` for ``inq:123``).
        state_reasons: In Korean, why an item that the collector marked (`domain.types.NEEDS_CONFIRM`,
            ``NOT_WAITING``) takes no answer.
        any_character: Option of the account and the value of it that lifts the character set of
            the rules; None where nothing does.
        reply_needs: Options of the account without which nothing can be answered, by id space;
            ``""`` for all of them.
        remedies: In Korean, what the operator does where the channel refuses credentials, better than
            the usual words; by why it refuses.
        credential_names: Keys an account's credentials file must have.
        option_names: Keys of the ``[[accounts]]`` table that this channel reads.
        source: Those of them that say whose feedback is read (the shop, the app, the location), each
            with what is read where the account does not say; "" where that is nothing. With another
            value the account is at another place. Not what chooses among lists of one place, and
            not ``base_url``, the address at which it is found.
        unverified: What the reference could not prove, in English, for `docs/channels.md`.
    """

    channel: str
    kinds: tuple[FeedbackKind, ...]
    page_size: int
    window: timedelta | None = None
    overlap: timedelta = timedelta(0)
    min_interval_s: float = 0.0
    timeout_s: float = 45.0
    signs_time: bool = False
    reads_files: bool = False
    writable: bool = False
    reply_rules: ReplyRules | None = None
    reply_rules_by_space: Mapping[str, ReplyRules] = field(default_factory=dict)
    state_reasons: Mapping[AnswerState, str] = field(default_factory=dict)
    any_character: tuple[str, str] | None = None
    reply_needs: Mapping[str, str] = field(default_factory=dict)
    remedies: Mapping[CheckReason, str] = field(default_factory=dict)
    credential_names: tuple[str, ...] = ()
    option_names: tuple[str, ...] = ()
    source: Mapping[str, str] = field(default_factory=dict)
    unverified: tuple[str, ...] = ()

    def rules_for(self, native_id: str) -> ReplyRules | None:
        """Give the rules for a reply to one item, by the id space in its native id."""
        space = native_id.partition(":")[0]
        return self.reply_rules_by_space.get(space, self.reply_rules)


class CheckReason(StrEnum):
    """Why an account does not work; each has its own remedy."""

    OK = "ok"
    SECRET = "secret"  # noqa: S105 - a word, not a secret
    PERMISSION = "permission"
    ADDRESS = "address"
    CLOCK = "clock"
    EXPIRED = "expired"
    QUOTA = "quota"
    NETWORK = "network"
    BLOCKED = "blocked"
    LAYOUT = "layout"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One account's line in ``pyeongpan doctor``.

    Attributes:
        reason: `CheckReason.OK` exactly when ``ok``.
        remedy: In Korean, what the operator does about it; empty when ``ok``.
        detail: Codes and ids, never a secret and never a customer's text.
    """

    ok: bool
    reason: CheckReason = CheckReason.OK
    remedy: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Build:
    """Everything a channel's factory is given.

    Attributes:
        client: From `collectors.http.build_client`; belongs to one account.
        tokens: Where a rotating token is kept; shared by processes.
    """

    account: Account
    client: ChannelClient
    clock: Clock
    tokens: TokenStore


class Collector(Protocol):
    """Reads one account of one channel."""

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one page of what was written in ``[since, until)``, with one request.

        Args:
            since: Aware UTC, inclusive; the watermark less the overlap.
            until: Aware UTC, exclusive; at most ``spec.window`` after ``since``.
            cursor: None for the first page, else ``next_cursor`` of the page before. Opaque
                outside the collector and good in another process.

        Raises:
            RetryableError: The channel did not answer properly or asked us to wait.
            CredentialRejectedError: It refused our secret, address or permission.
            LayoutChangedError: The answer has another shape; carries the payload.
            BadInputError: The answer or file cannot be used (too large, redirected inwards).
            AccessBlockedError: The site does not want us.
        """

    def check(self) -> CheckResult:
        """Ask the channel the cheapest question that proves the account works.

        Never raises an error of our tree: it becomes the result.
        """


_REMEDIES: Mapping[CheckReason, str] = {
    CheckReason.SECRET: "계정의 인증 정보 파일에 적은 키와 비밀값을 판매자 센터의 값과 다시 맞춰 주세요.",
    CheckReason.PERMISSION: "판매자 센터에서 이 앱에 필요한 권한(API 그룹)을 신청해 주세요.",
    CheckReason.ADDRESS: "판매자 센터에 이 서버의 고정 공인 IPv4 주소를 등록해 주세요.",
    CheckReason.CLOCK: "서버 시계가 어긋나 있습니다. NTP로 시각을 맞춰 주세요.",
    CheckReason.EXPIRED: "인증이 만료되었습니다. 판매자 센터에서 다시 연결하거나 키를 재발급해 주세요.",
    CheckReason.QUOTA: "호출 한도를 다 썼습니다. 자동으로 다시 시도하며, 계속되면 수집 간격을 늘려 주세요.",
    CheckReason.NETWORK: "채널이 응답하지 않습니다. 네트워크와 채널의 공지를 확인해 주세요.",
    CheckReason.BLOCKED: "사이트가 수집을 허용하지 않습니다(robots.txt, CAPTCHA, 차단). 계정을 꺼 주세요.",
    CheckReason.LAYOUT: "채널의 화면이나 응답 형식이 바뀌었습니다. 저장된 원본과 함께 개발팀에 알려 주세요.",
    CheckReason.CONFIGURATION: "brand.toml의 이 계정 설정을 고쳐 주세요.",
}


def failed(reason: CheckReason, detail: str = "", remedy: str = "") -> CheckResult:
    """Give the doctor line of a failure, with the usual remedy unless there is a better one."""
    return CheckResult(ok=False, reason=reason, remedy=remedy or _REMEDIES[reason], detail=detail)


def explain(
    error: ReputationError, remedies: Mapping[CheckReason, str] | None = None
) -> CheckResult:
    """Turn an error of our tree into the doctor line that tells the operator what to do.

    Args:
        error: What the cheapest question met.
        remedies: The channel's own; see `ChannelSpec`.
    """
    detail = str(error)
    if isinstance(error, CredentialRejectedError):
        reason = CheckReason(error.reason)
        return failed(reason, detail, (remedies or {}).get(reason, ""))
    if isinstance(error, (BadInputError, ConfigurationError)):
        return failed(CheckReason.CONFIGURATION, detail, getattr(error, "remedy", ""))
    reasons: tuple[tuple[type[ReputationError], CheckReason], ...] = (
        (RateLimitedError, CheckReason.QUOTA),
        (RetryableError, CheckReason.NETWORK),
        (AccessBlockedError, CheckReason.BLOCKED),
        (LayoutChangedError, CheckReason.LAYOUT),
    )
    for family, reason in reasons:
        if isinstance(error, family):
            return failed(reason, detail)
    return failed(CheckReason.NETWORK, detail)


def check_by(
    question: Callable[[], object], remedies: Mapping[CheckReason, str] | None = None
) -> CheckResult:
    """Ask ``question`` and give the doctor line.

    Args:
        question: The cheapest request that proves the account works; a text it gives is the
            detail of a good line.
        remedies: As for `explain`.
    """
    try:
        found = question()
    except ReputationError as error:
        return explain(error, remedies)
    return CheckResult(ok=True, detail=found if isinstance(found, str) else "")
