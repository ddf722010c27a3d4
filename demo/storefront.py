"""The demo storefront: a small web shop on loopback that can be read, answered and made to fail.

Three boards per shop as paged HTML, a JSON endpoint for replies that accepts duplicates (so that a
double post shows), and ``/_control`` to make it misbehave. It is also a program of its own, so that
it outlives the process under test::

    python -m demo.storefront --port 8800 --journal var/storefront.jsonl
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import signal
import socket
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread, Timer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from demo.board import Boards, base_instant
from demo.content import SHOP_NAMES, Article, demo_articles
from demo.faults import CUT_AFTER, CUT_BEFORE, CUT_LATE, FAULT_WORDS, LIST, READ, REPLY, Faults
from demo.pages import (
    BOARD_NUMBERS,
    SKINS,
    Reply,
    render_article,
    render_index,
    render_list,
    render_stars,
)
from domain.errors import BadInputError
from domain.types import FeedbackKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from demo.faults import Fault

MAX_REPLY_CHARACTERS = 1000
_MAX_BODY_BYTES = 1_000_000
_MAX_STARS = 5
_KINDS_BY_NUMBER = {str(number): kind for kind, number in BOARD_NUMBERS.items()}
_REPLIES_PATH = re.compile(r"/(\w+)/api/articles/(\d{1,18})/replies")
_LIST_PATH = re.compile(r"/(\w+)/board/list\.html")
_ARTICLE_PATH = re.compile(r"/(\w+)/article/\w+/\d/(\d{1,18})/")
_STARS_PATH = re.compile(r"/img/ico_point([1-5])\.gif")


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    api_key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Answer:
    """What goes over the wire; ``cut`` is the share of it that does not arrive (0, 0.5 or 1)."""

    status: int
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: float = 0.0


class Storefront:
    """A shop server on 127.0.0.1, in threads of this process.

    Args:
        articles: What the boards show at the start.
        api_key: Wanted in ``X-Api-Key`` for replies.
        clock: Gives the present as aware UTC.
        journal: Keeps replies and changes over a restart; None keeps them in memory.
        page_size: Rows a list page has.
        names: Shop to the name people read.
    """

    def __init__(
        self,
        articles: Iterable[Article],
        *,
        api_key: str,
        clock: Callable[[], datetime],
        journal: Path | None = None,
        page_size: int = 100,
        names: Mapping[str, str] = SHOP_NAMES,
    ) -> None:
        self._boards = Boards(articles, clock, journal)
        self._faults = Faults()
        self._api_key = api_key
        self._clock = clock
        self._page_size = page_size
        self._names = dict(names)
        self._requests: Counter[str] = Counter()
        self._late: list[Timer] = []
        self._lock = Lock()
        self._stopping = Event()
        self._server: _Server | None = None
        self._thread: Thread | None = None

    def start(self, port: int = 0) -> str:
        """Listen on a port of 127.0.0.1 (0 for any free one) and give the base address.

        Raises:
            OSError: The port is taken.
        """
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = Thread(
            target=self._server.serve_forever, args=(0.05,), name="storefront", daemon=True
        )
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop listening, close open connections, let the journal go."""
        self._stopping.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server.close_connections()
        with self._lock:
            late, self._late = self._late, []
        for timer in late:
            timer.cancel()
            timer.join()
        self._boards.close()

    def reply_counts(self, shop: str) -> dict[int, int]:
        """Give how many replies each answered article has; more than 1 is a double post."""
        return self._boards.reply_counts(shop)

    def control(self, words: Mapping[str, object]) -> dict[str, object]:
        """Do what ``POST /_control`` does, and give the state.

        Raises:
            BadInputError: A word is unknown or has a wrong value.
        """
        added = self._control(dict(words))
        return {**self.state(), **({} if added is None else {"added": added})}

    def state(self) -> dict[str, object]:
        """Give skin, faults, request counts, article counts and replies per article."""
        with self._lock:
            requests = {scope: self._requests[scope] for scope in (LIST, REPLY, READ)}
        return {
            "skin": self._boards.skin,
            **self._faults.described(),
            "requests": requests,
            "articles": {shop: self._boards.article_counts()[shop] for shop in self._names},
            "replies": {shop: self._boards.reply_counts(shop) for shop in self._names},
        }

    def _control(self, words: dict[str, object]) -> int | None:
        if any(word in words for word in FAULT_WORDS):
            self._faults.add(words)
            return None
        if len(words) != 1:
            raise BadInputError("expected exactly one word, or a fault with its options")
        ((word, value),) = words.items()
        if word in ("edit", "delete", "add", "reply"):
            return self._change(word, value)
        if word == "chaos":
            self._faults.set_chaos(value)
        elif word == "skin" and value in SKINS:
            self._boards.set_skin(str(value))
        elif word in ("clear", "reset") and value is True:
            self._faults.clear()
            self._boards.set_skin(SKINS[0])
            if word == "reset":
                self._boards.reset()
        else:
            raise BadInputError(f"{word}: unknown word or value")
        return None

    def _change(self, word: str, value: object) -> int | None:
        if not isinstance(value, dict):
            raise BadInputError(f"{word}: expected an object")
        shop = _text(value, "shop")
        if shop not in self._names:
            raise BadInputError(f"shop: expected one of {', '.join(self._names)}")
        if word == "add":
            return self._boards.add(self._new_article(shop, value))
        no = value.get("no")
        if not isinstance(no, int):
            raise BadInputError("no: expected an article number")
        if word == "edit":
            self._boards.edit(shop, no, _text(value, "text"), _stars(value))
        elif word == "delete":
            self._boards.delete(shop, no)
        elif not self._boards.add_reply(shop, no, _text(value, "writer"), _text(value, "text")):
            raise BadInputError(f"{shop}/{no}: no such article")
        return None

    def _new_article(self, shop: str, words: dict[str, object]) -> Article:
        ago_s = words.get("ago_s", 0)
        board = _text(words, "board", "review")
        if board not in tuple(FeedbackKind) or not isinstance(ago_s, int | float):
            raise BadInputError("expected board review, inquiry or post, and ago_s in seconds")
        return Article(
            shop=shop,
            no=0,
            kind=FeedbackKind(board),
            written_at=(self._clock() - timedelta(seconds=ago_s)).replace(microsecond=0),
            author=_text(words, "author", "손님"),
            text=_text(words, "text"),
            rating=_stars(words),
            title=_text(words, "title", ""),
            product=_text(words, "product", ""),
            order_no=_text(words, "order", ""),
        )

    # Serving

    def answer(self, request: _Request) -> _Answer:
        """Give what a request gets, after misbehaving as told."""
        path = request.path
        if path == "/_control":
            return self._answer_control(request)
        scope = _scope(request)
        if scope:
            with self._lock:
                self._requests[scope] += 1
        fault = self._faults.take(scope) if scope else None
        if fault is None:
            return self._answer_properly(request)
        return self._answer_badly(request, fault)

    def _answer_badly(self, request: _Request, fault: Fault) -> _Answer:
        if fault.slow_ms:
            self._stopping.wait(fault.slow_ms / 1000)
        if fault.status:
            limited = fault.status == HTTPStatus.TOO_MANY_REQUESTS
            wait = {} if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
            return _json(
                fault.status, {"error": "too_many_requests" if limited else "internal"}, wait
            )
        if fault.cut in (CUT_BEFORE, CUT_LATE):
            if fault.cut == CUT_LATE:
                self._answer_later(request, fault.late_ms)
            return _Answer(HTTPStatus.OK, b"", cut=1)
        answer = self._answer_properly(request)
        share = 1.0 if fault.cut == CUT_AFTER else 0.5 * fault.cut_body
        return _Answer(answer.status, answer.body, answer.content_type, answer.headers, share)

    def _answer_later(self, request: _Request, late_ms: int) -> None:
        timer = Timer(late_ms / 1000, self._answer_properly, args=(request,))
        timer.daemon = True
        with self._lock:
            self._late.append(timer)
        timer.start()

    def _answer_properly(self, request: _Request) -> _Answer:
        if match := _REPLIES_PATH.fullmatch(request.path):
            return self._answer_replies(request, match[1], int(match[2]))
        if request.method == "GET":
            if match := _LIST_PATH.fullmatch(request.path):
                return self._answer_list(request, match[1])
            if match := _ARTICLE_PATH.fullmatch(request.path):
                row = self._boards.row(match[1], int(match[2]))
                return _not_found() if row is None else _html(render_article(match[1], row))
            if match := _STARS_PATH.fullmatch(request.path):
                return _Answer(HTTPStatus.OK, render_stars(int(match[1])).encode(), "image/svg+xml")
            if request.path == "/":
                return _html(render_index(self._names))
        return _not_found()

    def _answer_list(self, request: _Request, shop: str) -> _Answer:
        kind = _KINDS_BY_NUMBER.get(request.query.get("board_no", [""])[0])
        if shop not in self._names or kind is None:
            return _not_found()
        page_text = request.query.get("page", ["1"])[0]
        if not re.fullmatch(r"[1-9]\d{0,8}", page_text):
            return _bad_request("page: expected a number from 1")
        rows, total = self._boards.rows(shop, kind, int(page_text), self._page_size)
        sizes = (total, self._page_size)
        name = self._names[shop]
        return _html(render_list(name, kind, rows, int(page_text), sizes, self._boards.skin))

    def _answer_replies(self, request: _Request, shop: str, no: int) -> _Answer:
        if not secrets.compare_digest(request.api_key.encode(), self._api_key.encode()):
            return _json(HTTPStatus.UNAUTHORIZED, {"error": "bad_api_key"})
        if request.method == "GET":
            replies = self._boards.replies(shop, no)
            if replies is None:
                return _json(HTTPStatus.NOT_FOUND, {"error": "article_not_found"})
            listed = [_reply_json(reply) for reply in replies]
            return _json(HTTPStatus.OK, {"article_no": no, "replies": listed})
        try:
            words = _object(request.body)
            content, writer = _text(words, "content"), _text(words, "writer")
        except BadInputError as error:
            return _bad_request(str(error))
        if len(content) > MAX_REPLY_CHARACTERS:
            limit = {"error": "content_too_long", "limit": MAX_REPLY_CHARACTERS}
            return _json(HTTPStatus.UNPROCESSABLE_ENTITY, limit)
        reply = self._boards.add_reply(shop, no, writer, content)
        if reply is None:
            return _json(HTTPStatus.NOT_FOUND, {"error": "article_not_found"})
        created = {"article_no": no, **_reply_json(reply)}
        del created["writer"], created["content"]
        return _json(HTTPStatus.CREATED, created)

    def _answer_control(self, request: _Request) -> _Answer:
        if request.method == "GET":
            return _json(HTTPStatus.OK, self.state())
        try:
            return _json(HTTPStatus.OK, self.control(_object(request.body)))
        except BadInputError as error:
            return _bad_request(str(error))


def _scope(request: _Request) -> str:
    if _REPLIES_PATH.fullmatch(request.path):
        return REPLY if request.method == "POST" else READ
    return LIST if request.method == "GET" and _LIST_PATH.fullmatch(request.path) else ""


def _object(body: bytes) -> dict[str, object]:
    try:
        words = json.loads(body)
    except ValueError as error:
        raise BadInputError("body: expected JSON in UTF-8") from error
    if not isinstance(words, dict):
        raise BadInputError("body: expected a JSON object")
    return words


def _text(words: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = words.get(name, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise BadInputError(f"{name}: expected text")
    return value


def _stars(words: Mapping[str, object]) -> int | None:
    rating = words.get("rating")
    if rating is None or (isinstance(rating, int) and 1 <= rating <= _MAX_STARS):
        return rating
    raise BadInputError("rating: expected 1 to 5")


def _reply_json(reply: Reply) -> dict[str, object]:
    return {
        "reply_no": reply.no,
        "writer": reply.writer,
        "content": reply.content,
        "replied_at": reply.replied_at.isoformat(),
    }


def _json(status: int, words: object, headers: Mapping[str, str] | None = None) -> _Answer:
    # ASCII escapes also carry unpaired surrogates, which UTF-8 cannot.
    body = json.dumps(words).encode()
    return _Answer(status, body, "application/json", headers or {})


def _html(page: str) -> _Answer:
    return _Answer(HTTPStatus.OK, page.encode("utf-8", "replace"))


def _not_found() -> _Answer:
    return _json(HTTPStatus.NOT_FOUND, {"error": "not_found"})


def _bad_request(detail: str) -> _Answer:
    return _json(HTTPStatus.BAD_REQUEST, {"error": "bad_request", "detail": detail})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Connections are closed by `close_connections`; waiting for idle ones would never end.
    block_on_close = False

    def __init__(self, address: tuple[str, int], front: Storefront) -> None:
        self.front = front
        self._connections: set[socket.socket] = set()
        self._connections_lock = Lock()
        super().__init__(address, _Handler)

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Remember the connection for as long as its thread serves it."""
        assert isinstance(request, socket.socket)  # noqa: S101  a TCP server gets nothing else
        with self._connections_lock:
            self._connections.add(request)
        super().process_request_thread(request, client_address)
        with self._connections_lock:
            self._connections.discard(request)

    def close_connections(self) -> None:
        """End the connections that clients keep open."""
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about a client that went away; anything else is worth a traceback."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "demo-storefront"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        """Answer a read."""
        self._respond(b"")

    def do_POST(self) -> None:
        """Answer a write."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"\d{1,12}", length, re.ASCII):
            self.close_connection = True
            self._send(_json(HTTPStatus.LENGTH_REQUIRED, {"error": "length_required"}))
            return
        body = self.rfile.read(min(int(length), _MAX_BODY_BYTES))
        if int(length) > _MAX_BODY_BYTES:
            # Closing on unread bytes resets the connection, and the answer would be lost.
            unread = int(length) - _MAX_BODY_BYTES
            while unread > 0 and (skipped := self.rfile.read(min(unread, _MAX_BODY_BYTES))):
                unread -= len(skipped)
            self.close_connection = True
            self._send(_json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "body_too_large"}))
            return
        # A page in somebody's browser can post a form here, but not JSON without our consent.
        if self.headers.get_content_type() != "application/json":
            self._send(_json(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, {"error": "json_expected"}))
            return
        self._respond(body)

    def _respond(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        request = _Request(
            self.command,
            parts.path,
            parse_qs(parts.query),
            self.headers.get("X-Api-Key", ""),
            body,
        )
        self._send(self.server.front.answer(request))

    def _send(self, answer: _Answer) -> None:
        if answer.cut:
            self.close_connection = True
        if answer.cut == 1:
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: int(len(answer.body) * (1 - answer.cut))])

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: requests are counted, and paths name what customers wrote about."""


def main(arguments: list[str] | None = None) -> None:
    """Serve the demo's content until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m demo.storefront", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--journal", type=Path, help="keep replies and changes in this file")
    parser.add_argument("--api-key", default=os.environ.get("STOREFRONT_API_KEY", ""))
    parser.add_argument("--scale", type=int, help="show exactly so many articles")
    parser.add_argument(
        "--base-at", type=datetime.fromisoformat, help="date the articles back from this instant"
    )
    options = parser.parse_args(arguments)
    if not options.api_key:
        parser.error("an API key is needed: --api-key or STOREFRONT_API_KEY")
    # Blocked before any thread starts, so that only sigwait receives them.
    stop_signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    base_at = base_instant(options.journal, options.base_at or _now())
    front = Storefront(
        demo_articles(base_at, options.scale),
        api_key=options.api_key,
        clock=_now,
        journal=options.journal,
    )
    sys.stdout.write(f"storefront {front.start(options.port)}\n")
    sys.stdout.flush()
    signal.sigwait(stop_signals)
    front.stop()


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
