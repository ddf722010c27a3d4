"""HTTP for every channel: limits, politeness and the translation into our errors, once.

A channel asks through a `ChannelClient`: `read` for questions, `write` for anything that changes
the channel. The difference matters when the line breaks: a question may simply be asked again,
while a write that may have left is `OutcomeUnknownError` and is settled by reading.

What the client sees to, so that no channel has to:

* time: per wait and for the whole exchange; size: of the body, also after decompression;
* addresses: names are resolved here and the checked address is the one connected to. Private
  addresses are refused unless the operator allowed them for the configured address; a redirect
  to one is always refused;
* politeness: a least interval per host, pauses asked for in headers, one honest name;
* secrets: messages carry method, host, path and codes only, with the account's secrets blanked.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, Self

import httpcore
import httpx

from collectors.network import PoolTransport, PrivateAddressError, give_up_after
from collectors.pacing import (
    Pacer,
    http_date,
    pause_asked_for,
    plain_number,
    seconds_or_date,
)
from collectors.values import decode_text
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    OutcomeUnknownError,
    PublicationRefusedError,
    RateLimitedError,
    ReputationError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from collectors.base import ChannelSpec, Clock
    from domain.brands import Account

__all__ = [
    "Answer",
    "ChannelClient",
    "Limits",
    "Pacer",
    "Refusal",
    "build_client",
    "conditional",
    "leaving_within",
    "raise_if_captcha",
    "redact",
]

USER_AGENT: Final = "Pyeongpan/0.1 (review monitoring for the shop's owner)"
MAX_REDIRECTS: Final = 3
CLOCK_SKEW_LIMIT_S: Final = 120.0
"""Coupang and Naver refuse signatures that are five minutes off; two leaves room."""

_LEAVE_BY: ContextVar[float] = ContextVar("leave_by")
_CHUNK_BYTES: Final = 64 * 1024
_SHORTEST_SECRET: Final = 6

Refusal = Callable[["Answer"], ReputationError | None]
"""Gives the error that a channel's own code in a 4xx/5xx answer means, or None."""


_SHORT_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much one exchange may be.

    Attributes:
        wait_s: Seconds for each wait on the connection.
        total_s: Seconds for the whole exchange, body included.
        max_bytes: Largest body, counted after decompression.
        max_pause_s: Longest politeness pause taken here; a longer one becomes
            `RateLimitedError`, so that a worker's thread is not blocked.
    """

    wait_s: float = 15.0
    total_s: float = 60.0
    max_bytes: int = 16 * 1024 * 1024
    max_pause_s: float = _SHORT_PAUSE_S


@dataclass(frozen=True, slots=True)
class Answer:
    """What a channel answered.

    Attributes:
        body: Decompressed bytes.
        url: Where it came from after redirects; may hold a secret in its query, do not log it.
    """

    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)
    url: str = field(repr=False)

    @property
    def not_modified(self) -> bool:
        """Tell whether a conditional question was answered "as before"."""
        return self.status == HTTPStatus.NOT_MODIFIED

    @property
    def validators(self) -> dict[str, str]:
        """Give what `conditional` needs to ask again: ``etag``, ``last_modified``."""
        names = {"etag": "ETag", "last_modified": "Last-Modified"}
        return {key: self.headers[name] for key, name in names.items() if name in self.headers}

    @property
    def text(self) -> str:
        """The body as text, by what its bytes are rather than what the header claims."""
        return decode_text(self.body, _declared_charset(self.headers.get("Content-Type", "")))

    def json(self) -> object:
        """Read the body as JSON.

        Raises:
            AccessBlockedError: It is a page that asks for a human (CAPTCHA).
            ChannelUnavailableError: It is another page (maintenance, gateway) or half an answer.
        """
        text = self.text.lstrip("\ufeff \t\r\n")
        if text.startswith("<"):
            raise_if_captcha(self)
            raise ChannelUnavailableError("a page came instead of JSON")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ChannelUnavailableError("the JSON answer is broken or incomplete") from None

    @property
    def error_code(self) -> str:
        """The channel's own code in an error body, or empty; safe to show."""
        try:
            return _code_in(json.loads(self.text))
        except (ValueError, RecursionError):
            return ""

    def clock_skew_s(self, now: datetime) -> float:
        """Seconds our clock is ahead of the channel's; 0 where it does not tell the time."""
        told = http_date(self.headers.get("Date", ""))
        return (now - told).total_seconds() if told else 0.0


class ChannelClient:
    """Asks one account's channel. Made by `build_client`; safe to use from several threads.

    Args:
        session: Sends where private addresses are allowed or not, as the operator said.
        redirects: Sends redirected questions; never to a private address.
        account_key: For pauses that concern this account only.
        secrets: Blanked in messages.
    """

    def __init__(
        self,
        session: httpx.Client,
        redirects: httpx.Client,
        *,
        account_key: str,
        secrets: tuple[str, ...],
        spec: ChannelSpec,
        limits: Limits,
        pacer: Pacer,
        clock: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        self._session = session
        self._redirects = redirects
        self._account_key = account_key
        self._secrets = secrets
        self._min_interval_s = spec.min_interval_s
        self._signs_time = spec.signs_time
        self._limits = limits
        self._pacer = pacer
        self._clock = clock
        self._sleep = sleep

    @property
    def write_timeout_s(self) -> float:
        """Seconds after its call within which a `write` has left, or never will."""
        return self._limits.total_s + self._limits.wait_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._redirects.close()

    def read(
        self,
        url: str,
        *,
        method: str = "GET",
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        accepted: tuple[int, ...] = (),
        is_public_page: bool = False,
        refusal: Refusal | None = None,
    ) -> Answer:
        """Ask a question that changes nothing.

        Args:
            url: Absolute.
            method: GET, or POST for the channels that ask by POST.
            params: Query; leave None when the exact bytes are signed and already in ``url``.
            headers: Beside the client's own.
            content: The exact body.
            accepted: Statuses that are answers too, beside 2xx and 304.
            is_public_page: A page for everybody, where 401/403 mean "no robots".
            refusal: Knows the channel's own error codes.

        Returns:
            The answer, after redirects.

        Raises:
            ReputationError: As `collectors.base.Collector.fetch` promises.
        """
        request = self._request(method, url, params, headers, content)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._ask(request)
            request_after = self._redirected(request, answer)
            if request_after is None:
                break
            request = request_after
        else:
            raise self._redirect_error(f"more than {MAX_REDIRECTS} redirects")
        if answer.status < 300 or answer.not_modified or answer.status in accepted:
            return answer
        raise_if_captcha(answer)
        raise (refusal and refusal(answer)) or self._read_refused(
            request, answer, is_public_page=is_public_page
        )

    def write(
        self,
        url: str,
        *,
        method: str = "POST",
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        refusal: Refusal | None = None,
    ) -> Answer:
        """Change something on the channel; never sent twice, never redirected.

        Returns:
            An answer of the 2xx family.

        Raises:
            ChannelUnavailableError: Nothing left this machine, or it would have left too late.
            RateLimitedError: The channel did not take it, or we may not ask yet.
            AccessBlockedError: A wall that asks for a human refused it (4xx); behind a 5xx nobody
                knows what was stored.
            CredentialRejectedError: 401 or 403.
            PublicationRefusedError: Another 4xx.
            OutcomeUnknownError: Anything else: cut, timed out, 5xx, redirect.
        """
        request = self._request(method, url, params, headers, content)
        leave_by = time.monotonic() + self._limits.total_s
        # What is sent by then has left within one wait more.
        leave_by = min(
            leave_by, _LEAVE_BY.get(leave_by + self._limits.wait_s) - self._limits.wait_s
        )
        request.extensions["trace"] = _Punctual(leave_by)
        self._pause(request)
        try:
            answer = self._exchange(request, self._session)
        except _FailedExchangeError as failure:
            raise self._write_error(request, failure) from None
        self._note_pause(request, answer)
        if answer.status < 300:
            return answer
        if answer.status < 500:
            raise_if_captcha(answer)
        raise (refusal and refusal(answer)) or self._write_refused(request, answer)

    def _request(
        self,
        method: str,
        url: str,
        params: Mapping[str, str | int] | None,
        headers: Mapping[str, str] | None,
        content: bytes | None,
    ) -> httpx.Request:
        try:
            request = self._session.build_request(
                method, url, params=params, headers=headers, content=content
            )
        except (httpx.InvalidURL, ValueError, TypeError):
            raise ConfigurationError(
                f"{self._account_key}: the address or a header is not usable"
            ) from None
        if request.url.scheme not in {"http", "https"} or not request.url.host:
            raise ConfigurationError(f"{self._account_key}: the address must be http or https")
        return request

    def _ask(self, request: httpx.Request) -> Answer:
        is_redirect = bool(request.extensions.get("redirected"))
        self._pause(request)
        try:
            answer = self._exchange(request, self._redirects if is_redirect else self._session)
        except _FailedExchangeError as failure:
            raise self._read_error(request, failure, is_redirect=is_redirect) from None
        self._note_pause(request, answer)
        return answer

    def _exchange(self, request: httpx.Request, session: httpx.Client) -> Answer:
        try:
            with give_up_after(self._limits.total_s):
                response = session.send(request, stream=True)
                try:
                    body = _read_body(response, self._limits)
                finally:
                    response.close()
        except PrivateAddressError as error:
            raise _FailedExchangeError("private", str(error)) from None
        except _UNUSABLE as error:
            raise _FailedExchangeError("unusable", type(error).__name__) from None
        except _BEFORE_SENDING as error:
            raise _FailedExchangeError("unsent", type(error).__name__) from None
        except _TRANSPORT_ERRORS as error:
            raise _FailedExchangeError("broken", type(error).__name__) from None
        return Answer(response.status_code, response.headers, body, str(response.url))

    def _redirected(self, request: httpx.Request, answer: Answer) -> httpx.Request | None:
        location = answer.headers.get("Location")
        if answer.status not in _REDIRECTS or not location:
            return None
        if request.method != "GET":
            raise ChannelUnavailableError(self._about(request, "redirected"))
        try:
            url = request.url.join(location)
        except (httpx.InvalidURL, ValueError):
            raise self._redirect_error("unusable redirect") from None
        if url.scheme not in {"http", "https"} or not url.host:
            raise self._redirect_error("unusable redirect")
        kept = {"Accept", "Accept-Language", "If-None-Match", "If-Modified-Since"}
        headers = (
            # Keys and signatures stay with the host they were made for.
            {name: request.headers[name] for name in kept if name in request.headers}
            if _origin(url) != _origin(request.url)
            else {k: v for k, v in request.headers.items() if k.lower() != "host"}
        )
        return self._redirects.build_request(
            "GET", url, headers=headers, extensions={**request.extensions, "redirected": True}
        )

    def _pause(self, request: httpx.Request) -> None:
        host = request.url.host
        keys = {host: self._min_interval_s, f"{self._account_key}@{host}": 0.0}
        pause_s = self._pacer.reserve(keys, self._limits.max_pause_s)
        if pause_s > 0:
            self._sleep(pause_s)

    def _note_pause(self, request: httpx.Request, answer: Answer) -> None:
        pause_s = pause_asked_for(answer.status, answer.headers, self._clock())
        if pause_s > 0:
            # Markets count per account; pages without an account count per address, that is, us.
            key = f"{self._account_key}@" if self._secrets else ""
            self._pacer.hold(f"{key}{request.url.host}", pause_s)

    def _about(self, request: httpx.Request, what: str) -> str:
        """Say what happened where, without the query and without a secret."""
        url = request.url
        return redact(
            f"{self._account_key}: {request.method} {url.host}{url.path}: {what}", self._secrets
        )

    def _read_error(
        self, request: httpx.Request, failure: _FailedExchangeError, *, is_redirect: bool
    ) -> ReputationError:
        if failure.kind in {"private", "unusable"} and is_redirect:
            return self._redirect_error(
                f"redirect to a private or unusable address refused ({failure.reason})"
            )
        if failure.kind in {"private", "unusable"}:
            return self._setting_error(request, failure)
        about = self._about(request, failure.reason)
        if failure.kind == "oversized":
            return BadInputError(
                about,
                source=self._account_key,
                field="body",
                remedy="채널 주소가 내려받기 파일이나 다른 페이지가 아닌지, 사이트가 변조되지 않았는지 "
                "확인해 주세요.",
            )
        return ChannelUnavailableError(about)

    def _redirect_error(self, what: str) -> BadInputError:
        return BadInputError(
            what,
            source=self._account_key,
            field="Location",
            remedy="채널 주소가 맞는지, 사이트가 변조되지 않았는지 확인해 주세요.",
        )

    def _write_error(
        self, request: httpx.Request, failure: _FailedExchangeError
    ) -> ReputationError:
        if failure.kind in {"private", "unusable"}:
            return self._setting_error(request, failure)
        if failure.kind == "unsent":
            return ChannelUnavailableError(self._about(request, f"not sent ({failure.reason})"))
        return OutcomeUnknownError(self._about(request, f"no answer ({failure.reason})"))

    def _setting_error(
        self, request: httpx.Request, failure: _FailedExchangeError
    ) -> ConfigurationError:
        if failure.kind == "unusable":
            return ConfigurationError(
                self._about(request, f"the address or a header is not usable ({failure.reason})")
            )
        needs = f"{failure.reason}; private addresses need the operator's switch"
        return ConfigurationError(self._about(request, needs))

    def _read_refused(
        self, request: httpx.Request, answer: Answer, *, is_public_page: bool
    ) -> ReputationError:
        about = self._about(request, _said(answer))
        if answer.status in _CREDENTIAL_STATUSES:
            if is_public_page:
                return AccessBlockedError(f"{about}: the site refuses us")
            return self._credential_error(about, answer)
        retry_after_s = _retry_after(answer, self._clock())
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS or (
            answer.status == HTTPStatus.SERVICE_UNAVAILABLE and retry_after_s is not None
        ):
            return RateLimitedError(about, retry_after_s)
        if answer.status >= 500 or answer.status in _TEMPORARY_STATUSES:
            return ChannelUnavailableError(about)
        return LayoutChangedError(about, payload=answer.body)

    def _write_refused(self, request: httpx.Request, answer: Answer) -> ReputationError:
        about = self._about(request, _said(answer))
        if answer.status in _CREDENTIAL_STATUSES:
            return self._credential_error(about, answer)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimitedError(about, _retry_after(answer, self._clock()))
        if 400 <= answer.status < 500 and answer.status != HTTPStatus.REQUEST_TIMEOUT:
            return PublicationRefusedError(about, code=answer.error_code)
        return OutcomeUnknownError(about)

    def _credential_error(self, about: str, answer: Answer) -> CredentialRejectedError:
        if answer.status == HTTPStatus.FORBIDDEN:
            return CredentialRejectedError(about, reason="permission")
        skew_s = answer.clock_skew_s(self._clock())
        if self._signs_time and abs(skew_s) > CLOCK_SKEW_LIMIT_S:
            return CredentialRejectedError(
                f"{about}, our clock is off by {skew_s:.0f} s", reason="clock"
            )
        return CredentialRejectedError(about, reason="secret")


def build_client(
    account: Account,
    spec: ChannelSpec,
    *,
    pacer: Pacer,
    clock: Clock,
    allow_private: bool = False,
    limits: Limits | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> ChannelClient:
    """Make the client of one account.

    Args:
        account: Whose secrets are blanked in messages.
        spec: For the interval and the time-out.
        pacer: The process's; accounts on one host share its interval.
        clock: For Retry-After dates and clock skew.
        allow_private: The operator's switch for a private ``base_url`` (demo, tests, an inner
            network). Redirects to private addresses stay refused.
        limits: Others than ``spec.timeout_s`` gives.
        sleep: Waits out short politeness pauses.
    """
    limits = limits or Limits(
        wait_s=spec.timeout_s / 3,
        total_s=spec.timeout_s,
        # The interval is our own promise: waiting it out is not a refusal by the channel.
        max_pause_s=max(_SHORT_PAUSE_S, spec.min_interval_s),
    )
    secrets = tuple(
        value for value in account.credentials.values() if len(value) >= _SHORTEST_SECRET
    )
    return ChannelClient(
        _session(limits, allow_private=allow_private),
        _session(limits, allow_private=False),
        account_key=account.key,
        secrets=secrets,
        spec=spec,
        limits=limits,
        pacer=pacer,
        clock=clock,
        sleep=sleep,
    )


@contextmanager
def leaving_within(seconds: float) -> Iterator[None]:
    """Let no `ChannelClient.write` of this block leave later than so many seconds from now.

    What comes before it, a look, a token, a name to resolve, may take longer than anybody thought;
    who reads afterwards that nothing was stored must know that nothing is under way either.
    """
    outer = _LEAVE_BY.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _LEAVE_BY.reset(outer)


def conditional(validators: Mapping[str, str]) -> dict[str, str]:
    """Give the headers that ask "only if it changed", from `Answer.validators`."""
    names = {"etag": "If-None-Match", "last_modified": "If-Modified-Since"}
    return {names[key]: value for key, value in validators.items() if key in names and value}


def redact(text: str, secrets: Iterable[str]) -> str:
    """Blank every secret in ``text``, also where it stands percent-encoded."""
    for secret in sorted(secrets, key=len, reverse=True):
        for form in {secret, str(httpx.QueryParams({"s": secret}))[2:]}:
            text = text.replace(form, "***")
    return text


def raise_if_captcha(answer: Answer) -> None:
    """Stop at a page that wants a human; of what a channel refuses, every answer is looked at.

    Such a wall also comes with 429 and 503, which would otherwise be asked again and again.

    Raises:
        AccessBlockedError: The page is a CAPTCHA or a bot wall; it is never worked around.
    """
    head = answer.body[: 64 * 1024].lower()
    if any(mark in head for mark in _CAPTCHA_MARKS):
        raise AccessBlockedError(f"{answer.status}: the site asks for a human (CAPTCHA)")


_CAPTCHA_MARKS: Final = (
    b"g-recaptcha",
    b"hcaptcha",
    b"h-captcha",
    b"cf-challenge",
    b"challenges.cloudflare.com",
    b"px-captcha",
    b"captcha-delivery.com",
    b"_incapsula_resource",
    b"awswaf.com",
    b"captcha.naver.com",
    "자동입력 방지".encode(),
    "자동등록방지".encode(),
)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CREDENTIAL_STATUSES: Final = frozenset({401, 403})
_TEMPORARY_STATUSES: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.LOCKED, HTTPStatus.TOO_EARLY}
)
_BEFORE_SENDING: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
)
# Raised before the first byte leaves: a header with a line break, a name DNS cannot spell.
_UNUSABLE: Final = (httpx.LocalProtocolError, httpcore.LocalProtocolError, UnicodeError)
_TRANSPORT_ERRORS: Final = (
    httpx.HTTPError,
    httpx.StreamError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    OSError,
)


class _FailedExchangeError(Exception):
    """An exchange that gave no answer, before it becomes one of our errors."""

    def __init__(
        self,
        kind: Literal["unsent", "broken", "oversized", "private", "unusable"],
        reason: str,
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class _Punctual:
    """Stops a request that is about to leave after its time; httpcore tells it of every step."""

    def __init__(self, leave_by: float) -> None:
        self._leave_by = leave_by

    def __call__(self, step: str, _info: Mapping[str, object]) -> None:
        if time.monotonic() <= self._leave_by:
            return
        if step.endswith("send_request_headers.started"):
            raise _FailedExchangeError("unsent", "too late")
        if step.endswith("send_request_body.started"):
            raise _FailedExchangeError("broken", "too late")


def _session(limits: Limits, *, allow_private: bool) -> httpx.Client:
    return httpx.Client(
        transport=PoolTransport(allow_private=allow_private),
        timeout=limits.wait_s,
        trust_env=False,
        headers={
            "User-Agent": USER_AGENT,
            # Only what _read_body can unpack within bounds.
            "Accept-Encoding": "gzip",
            "Accept-Language": "ko-KR,ko;q=0.9",
        },
    )


def _read_body(response: httpx.Response, limits: Limits) -> bytes:
    """Collect the body, unpacking it within ``limits``."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    unpacker = None
    if encoding in {"gzip", "x-gzip"}:
        unpacker = _Gzip()
    elif encoding not in {"identity", ""}:
        raise _FailedExchangeError("oversized", f"Content-Encoding {encoding[:20]!r} unasked for")
    if plain_number(response.headers.get("Content-Length", "")) > limits.max_bytes:
        raise _FailedExchangeError("oversized", f"body over {limits.max_bytes} bytes")
    body = bytearray()
    chunk = b""
    for chunk in response.iter_raw(_CHUNK_BYTES):
        room = limits.max_bytes - len(body)
        body += unpacker.unpack(chunk, room + 1) if unpacker else chunk
        if len(body) > limits.max_bytes:
            raise _FailedExchangeError("oversized", f"body over {limits.max_bytes} bytes")
    if unpacker and chunk and not unpacker.is_whole:
        raise _FailedExchangeError("broken", "compressed body is cut off")
    return bytes(body)


_GZIP_MAGIC: Final = b"\x1f\x8b"


class _Gzip:
    """Unpacks gzip of one member or several; what is none behind a whole member is left out."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    @property
    def is_whole(self) -> bool:
        """Whether the last member came to its end."""
        return self._member.eof

    def unpack(self, chunk: bytes, max_length: int) -> bytes:
        """Give what a chunk unpacks to, of more than ``max_length`` bytes only so many."""
        unpacked = b""
        try:
            while chunk and len(unpacked) < max_length:
                if self._member.eof:
                    if not _GZIP_MAGIC.startswith(chunk[:2]):
                        break
                    self._member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
                unpacked += self._member.decompress(chunk, max_length - len(unpacked))
                chunk = self._member.unused_data
        except zlib.error:
            raise _FailedExchangeError("broken", "compressed body is damaged") from None
        return unpacked


def _retry_after(answer: Answer, now: datetime) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return seconds_or_date(value, now) if value else None


def _declared_charset(content_type: str) -> str:
    found = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    return found.group(1) if found else ""


def _code_in(body: object) -> str:
    """Find a code in an error body: ``code``, ``errorCode``, ``error``, one level deep."""
    if not isinstance(body, dict):
        return ""
    for key in ("code", "errorCode", "error_code", "resultCode", "error", "status"):
        value = body.get(key)
        if isinstance(value, dict):
            if found := _code_in(value):
                return found
        elif isinstance(value, str | int) and re.fullmatch(r"[\w.\-]{1,60}", str(value), re.ASCII):
            return str(value)
    return ""


def _said(answer: Answer) -> str:
    code = answer.error_code
    return f"{answer.status} {code}".rstrip()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
