"""What every fake marketplace has: a loopback server, a clock of its own, faults and a journal.

A fake is written from the channel reference alone, never from our collector. It checks what the
real channel checks (signatures, windows, paging, buckets) and refuses what the real one refuses.
Time is simulated: the client's pauses move the fake's clock, so rate limits are enforced without
anybody waiting.
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.brands import Account

NOON = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
"""Noon in Korea; when every fake begins."""


class Fault(StrEnum):
    """What goes wrong with the next requests."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    BUSY = "429"
    BROKEN = "500"
    SLOW = "timeout"
    PAGE = "html instead of data"
    WALL = "a page that asks for a human, with 200"
    HALF = "half a body"
    CHARSET = "another charset declared"
    CUT_BEFORE = "cut before storing"
    CUT_AFTER = "stored, then cut"


class On(StrEnum):
    """Which requests a fault hits; requests for tokens are never hit."""

    READS = "reads"
    WRITES = "writes"


class FakeClock:
    """The fake's time; the client's pauses move it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = NOON

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        return (self.now() - NOON).total_seconds()

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Asked:
    """One request as it arrived.

    Attributes:
        query: As sent, without the question mark.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> dict[str, object]:
        found = json.loads(self.body)
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Told:
    """One answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json;charset=UTF-8"
    headers: Mapping[str, str] = field(default_factory=dict)


def told(status: int, content: object, headers: Mapping[str, str] | None = None) -> Told:
    """Give an answer in JSON."""
    return Told(status, json.dumps(content, ensure_ascii=False).encode(), headers=headers or {})


class FakeMarketplace(ABC):
    """What the contract suite needs of a fake. A channel's fake gives what is abstract here.

    Attributes:
        channel: Key of `collectors.CHANNELS`.
        lacks: What this channel cannot show, by the word a test asks for, with the reason:
            ``edit``, ``delete``, ``answer_elsewhere``, ``overlap``, ``look_first``.
        breakages: Reasons of `collectors.base.CheckReason` that `break_account` can bring about.
        journal: Every request, in order.
        skew: How far the channel's clock runs ahead of ours.
    """

    channel: str = ""
    lacks: Mapping[str, str] = {}
    breakages: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.journal: list[Asked] = []
        self.skew = timedelta(0)
        self._lock = threading.RLock()
        self._faults: list[tuple[Fault, On]] = []
        self._ended = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    # What every channel's fake gives.

    @abstractmethod
    def answer(self, asked: Asked) -> Told:
        """Answer as the channel would; called for one request at a time."""

    @abstractmethod
    def account(self) -> Account:
        """Give an account with ``base_url`` and credentials that work, writable."""

    @abstractmethod
    def seed(self, text: str, written_at: datetime, surface: str = "") -> str:
        """Let a customer write; gives the native id our collector should find."""

    @abstractmethod
    def edit(self, native_id: str, text: str) -> None:
        """Let the customer change the text."""

    @abstractmethod
    def delete(self, native_id: str) -> None:
        """Let the customer take the item away."""

    @abstractmethod
    def answer_elsewhere(self, native_id: str, text: str) -> None:
        """Let a colleague answer in the seller centre."""

    @abstractmethod
    def stored_replies(self, native_id: str) -> list[str]:
        """Give the texts of the shop's replies that stand there, oldest first."""

    @abstractmethod
    def break_account(self, reason: str) -> None:
        """Bring about one of ``breakages``."""

    # What some replace.

    def error(self, status: int) -> Told:
        """Give the channel's own body for a status."""
        return told(status, {"code": status, "message": "fake error"})

    def is_write(self, asked: Asked) -> bool:
        """Tell whether a request changes something."""
        return asked.method != "GET"

    def is_token(self, asked: Asked) -> bool:
        """Tell whether a request is for a token; such requests are never hit by a fault."""
        return asked.path.endswith("/token")

    def expire_token(self) -> None:
        """Refuse every token given out so far; nothing for channels that sign each request."""
        return

    # What all share.

    @property
    def url(self) -> str:
        if self._server is None:
            raise AssertionError("the fake is not started")
        return f"http://{self._server.server_address[0]!s}:{self._server.server_address[1]}"

    @property
    def now(self) -> datetime:
        """The channel's time."""
        return self.clock.now() + self.skew

    @property
    def writes(self) -> list[Asked]:
        """The requests that changed something, or would have."""
        return [asked for asked in self.journal if self.is_write(asked)]

    def misbehave(self, fault: Fault, times: int = 1, on: On = On.READS) -> None:
        with self._lock:
            self._faults += [(fault, on)] * times

    def behave(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def start(self, host: str = "127.0.0.1") -> None:
        """Serve on a loopback address; politeness is kept per host, as with real marketplaces."""
        market = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle_one_request()

            def date_time_string(self, timestamp: float | None = None) -> str:
                del timestamp
                return email.utils.format_datetime(market.now, usegmt=True)

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                market._serve(self)

            def do_POST(self) -> None:
                market._serve(self)

            def do_PUT(self) -> None:
                market._serve(self)

            def do_DELETE(self) -> None:
                market._serve(self)

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        asked = Asked(
            handler.command,
            parts.path,
            parts.query,
            {name.lower(): value for name, value in handler.headers.items()},
            handler.rfile.read(int(handler.headers.get("Content-Length") or 0)),
        )
        with self._lock:
            self.journal.append(asked)
            fault = self._next_fault(asked)
            if fault is Fault.SLOW or fault is Fault.CUT_BEFORE:
                reply = None
            elif fault in _STATUSES:
                reply = self.error(_STATUSES[fault])
            else:
                reply = self.answer(asked)
        if fault is Fault.SLOW:
            self._ended.wait(10)
        if reply is not None and fault is not Fault.CUT_AFTER:
            _write(handler, _spoilt(reply, fault), half=fault is Fault.HALF)

    def _next_fault(self, asked: Asked) -> Fault | None:
        if self.is_token(asked):
            return None
        on = On.WRITES if self.is_write(asked) else On.READS
        for index, (fault, scope) in enumerate(self._faults):
            if scope is on:
                del self._faults[index]
                return fault
        return None


_STATUSES = {
    Fault.UNAUTHORIZED: 401,
    Fault.FORBIDDEN: 403,
    Fault.BUSY: 429,
    Fault.BROKEN: 500,
}


def _spoilt(reply: Told, fault: Fault | None) -> Told:
    if fault is Fault.PAGE:
        page = "<!DOCTYPE html><html><body><h1>시스템 점검 중입니다</h1></body></html>"
        return Told(200, page.encode(), "text/html; charset=utf-8")
    if fault is Fault.WALL:
        wall = "<html><body><div class='g-recaptcha'></div></body></html>"
        return Told(200, wall.encode(), "text/html; charset=utf-8")
    if fault is Fault.CHARSET:
        charset = "euc-kr" if "utf-8" in reply.content_type.lower() else "utf-8"
        kind = reply.content_type.partition(";")[0]
        return Told(reply.status, reply.body, f"{kind}; charset={charset}", reply.headers)
    return reply


def _write(handler: BaseHTTPRequestHandler, reply: Told, *, half: bool) -> None:
    handler.send_response(reply.status)
    handler.send_header("Content-Type", reply.content_type)
    handler.send_header("Content-Length", str(len(reply.body) + (50 if half else 0)))
    handler.send_header("Connection", "close")
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(reply.body[: len(reply.body) // 2] if half else reply.body)
