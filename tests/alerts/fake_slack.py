"""A fake Slack over real HTTP and WebSocket, strict where Slack is strict.

It checks tokens, scopes, Block Kit limits, one message a second per channel, each method's tier and
whether Retry-After is waited for (by its own clock), single-use triggers and the ownership of
messages; it keeps what was posted, signs what it sends, and misbehaves on request.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import struct
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.sync.server import Server, ServerConnection, serve

from tests.alerts.slack_limits import message_problems, view_problems

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

Answer = tuple[int, dict[str, str], bytes]

_SCOPES = {
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "conversations.history": ("channels:history", "groups:history"),
    "conversations.replies": ("channels:history", "groups:history"),
}
_TIERS = {
    "chat.update": 50,
    "chat.postEphemeral": 100,
    "conversations.history": 50,
    "conversations.replies": 50,
    "views.open": 100,
    "views.update": 100,
}
"""Calls in any minute. Source: https://docs.slack.dev/apis/web-api/rate-limits. Checked: 2026-11-27."""
_MINUTE = 60.0
_ROUNDING = 1e-6
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One scripted misbehaviour of one call.

    Attributes:
        does_it: The call takes effect before the trouble shows (a lost answer).
        cut: The connection is cut instead of an answer.
        answer: What is answered instead.
    """

    does_it: bool = False
    cut: bool = False
    answer: Answer | None = None


LOST_ANSWER = Trouble(does_it=True, cut=True)
"""Slack stores the message, and the answer never arrives."""
CUT_BEFORE = Trouble(cut=True)
"""The connection dies and nothing was stored; the client cannot tell it from ``LOST_ANSWER``."""


def says(error: str, **more: object) -> Trouble:
    """Answer 200 with ``ok:false``."""
    return Trouble(answer=_json({"ok": False, "error": error, **more}))


def http(status: int, body: bytes = b"<html>", headers: dict[str, str] | None = None) -> Trouble:
    """Answer with a status and a body that is not Slack's."""
    return Trouble(answer=(status, headers or {"Content-Type": "text/html"}, body))


def limited(retry_after: str = "30") -> Trouble:
    """Answer 429."""
    return Trouble(answer=_limited(retry_after))


@dataclass
class Clock:
    """Seconds that pass only when told."""

    seconds: float = 1_700_000_000.0

    def __call__(self) -> float:
        """Give Unix seconds."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@dataclass
class FakeSlack:
    """Use as a context manager; ``api_url`` goes where ``PYEONGPAN_SLACK_API_URL`` goes."""

    clock: Callable[[], float] = field(default_factory=Clock)
    bot_token: str = "xoxb-test"
    app_token: str = "xapp-test"
    signing_secret: str = "secret"
    channels: set[str] = field(default_factory=lambda: {"CREVIEW", "CBRAND"})
    scopes: set[str] = field(default_factory=lambda: {"chat:write", "channels:history"})
    history_page: int = 200
    is_down: bool = False
    empties_metadata: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)
    ephemerals: list[dict[str, Any]] = field(default_factory=list)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    acks: dict[str, dict[str, Any]] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    """Modals by the trigger that opened them."""

    def __post_init__(self) -> None:
        self._troubles: dict[str, deque[Trouble]] = defaultdict(deque)
        self._last_post: dict[str, float] = {}
        self._calls_at: dict[str, deque[float]] = defaultdict(deque)
        self._not_before: dict[tuple[str, str], float] = {}
        self._triggers: dict[str, float] = {}
        self._numbers = 0
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._sockets: list[ServerConnection] = []
        self._http: ThreadingHTTPServer
        self._ws: Server

    def __enter__(self) -> FakeSlack:
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self._ws = serve(self._socket_session, "127.0.0.1", 0)
        # The default poll of half a second is what every test would wait for at its end.
        listen = partial(self._http.serve_forever, poll_interval=0.01)
        for target in (listen, self._ws.serve_forever):
            threading.Thread(target=target, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_down = True
        self._ws.shutdown()
        self._http.shutdown()
        self._http.server_close()

    @property
    def api_url(self) -> str:
        """Base address including ``/api/``."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/api/"

    @property
    def socket_url(self) -> str:
        """Where Socket Mode connects."""
        return f"ws://127.0.0.1:{self._ws.socket.getsockname()[1]}/link"

    # --- what a test sets up and looks at ---

    def script(self, method: str, *troubles: Trouble) -> None:
        """Let the next calls of a method go wrong, in order."""
        self._troubles[method].extend(troubles)

    def heal(self) -> None:
        """Let nothing more go wrong."""
        with self._lock:
            self._troubles.clear()

    def posted(self, channel: str) -> list[dict[str, Any]]:
        """Give the messages standing in a channel."""
        with self._lock:
            return [message for message in self.messages if message["channel"] == channel]

    def standing(self) -> list[dict[str, Any]]:
        """Give all messages as they are now, while others may still write."""
        with self._lock:
            return list(self.messages)

    def click(self, ts: str, action_id: str, user: str = "U1") -> dict[str, Any]:
        """Press a message's first such button; gives the payload that Slack would send."""
        with self._lock:
            (message,) = (message for message in self.messages if message["ts"] == ts)
            (button, *_) = (
                element
                for block in message["blocks"]
                for element in [*block.get("elements", []), block.get("accessory", {})]
                if element.get("action_id") == action_id
            )
            return {
                "type": "block_actions",
                "team": {"id": "T1", "domain": "test"},
                "user": {"id": user, "username": "kim", "team_id": "T1"},
                "api_app_id": "A1",
                "container": {
                    "type": "message",
                    "message_ts": ts,
                    "channel_id": message["channel"],
                    "is_ephemeral": False,
                },
                "trigger_id": self._trigger(),
                "channel": {"id": message["channel"], "name": "room"},
                "message": message,
                "actions": [{**button, "action_ts": f"{self.clock():.6f}"}],
                "response_url": "https://hooks.slack.com/actions/T1/1/x",
                "state": {"values": {}},
            }

    def submit(self, view_id: str, values: dict[str, Any], user: str = "U1") -> dict[str, Any]:
        """Send an open modal; gives the payload that Slack would send."""
        with self._lock:
            view = self.views[view_id]
            return {
                "type": "view_submission",
                "team": {"id": "T1", "domain": "test"},
                "user": {"id": user, "username": "kim", "team_id": "T1"},
                "api_app_id": "A1",
                "trigger_id": self._trigger(),
                "view": {**view, "state": {"values": values}},
            }

    def sign(self, payload: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """Give the body and headers with which Slack would deliver a payload over HTTP."""
        return self.sign_body(urlencode({"payload": json.dumps(payload)}).encode())

    def sign_body(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        """Give a body and the headers that make it Slack's, whatever it says."""
        timestamp = str(int(self.clock()))
        digest = hmac.new(
            self.signing_secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256
        )
        return body, {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={digest.hexdigest()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    # --- Socket Mode ---

    def push(self, payload: dict[str, Any], kind: str = "interactive") -> str:
        """Send a payload over the newest WebSocket; gives the envelope's id."""
        with self._lock:
            envelope_id = f"envelope-{self._number()}"
            connection = next(
                (each for each in reversed(self._sockets) if each.state is State.OPEN),
                self._sockets[-1],
            )
        connection.send(
            json.dumps(
                {
                    "envelope_id": envelope_id,
                    "type": kind,
                    "payload": payload,
                    "accepts_response_payload": True,
                }
            )
        )
        return envelope_id

    def wait_for_ack(self, envelope_id: str, timeout_s: float = 15.0) -> dict[str, Any] | None:
        """Give an envelope's answer, or None when there is none; busy machines are slow."""
        with self._changed:
            self._changed.wait_for(lambda: envelope_id in self.acks, timeout_s)
            return self.acks.get(envelope_id)

    def wait_for_sockets(self, number: int, timeout_s: float = 15.0) -> bool:
        """Wait until so many WebSockets were opened in all."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._sockets) >= number, timeout_s)

    def ask_to_reconnect(self) -> None:
        """Send the envelope by which Slack announces that it closes the connection; close it."""
        connection = self._sockets[-1]
        connection.send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
        connection.close()

    def close_sockets(self) -> None:
        """Close every WebSocket from Slack's side."""
        for connection in list(self._sockets):
            connection.close()

    def _socket_session(self, connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        with self._changed:
            self._sockets.append(connection)
            self._changed.notify_all()
        try:
            for raw in connection:
                answer = json.loads(raw)
                with self._changed:
                    self.acks[answer["envelope_id"]] = answer
                    self._changed.notify_all()
        except ConnectionClosed:
            pass

    # --- Web API ---

    def answer(self, method: str, token: str, payload: dict[str, Any]) -> Answer | None:
        """Give the answer to one call; None cuts the connection."""
        with self._lock:
            self.calls.append(method)
            if self.is_down:
                return None
            trouble = self._troubles[method].popleft() if self._troubles[method] else Trouble()
            answer = trouble.answer
            if answer is None and (trouble.does_it or not trouble.cut):
                answer = self._too_fast(method, payload) or self._perform(method, token, payload)
            wait = "" if answer is None else answer[1].get("Retry-After", "")
            if wait.isdecimal():
                self._not_before[_counted(method, payload)] = self.clock() + float(wait)
            return None if trouble.cut else answer

    def _too_fast(self, method: str, payload: dict[str, Any]) -> Answer | None:
        now = self.clock()
        if now < self._not_before.get(_counted(method, payload), now) - _ROUNDING:
            self.refusals.append(f"too early: {method}")
            return _limited("1")
        if method == "chat.postMessage":
            channel = payload.get("channel", "")
            if now - self._last_post.get(channel, -1e9) < 1.0 - _ROUNDING:
                self.refusals.append("rate")
                return _limited("1")
        if method in _TIERS:
            recent = self._calls_at[method]
            while recent and now - recent[0] >= _MINUTE - _ROUNDING:
                recent.popleft()
            if len(recent) >= _TIERS[method]:
                self.refusals.append(f"tier: {method}")
                return _limited(str(int(recent[0] + _MINUTE - now) + 1))
            recent.append(now)
        return None

    def _perform(self, method: str, token: str, payload: dict[str, Any]) -> Answer:
        expected = self.app_token if method == "apps.connections.open" else self.bot_token
        if token != expected:
            return self._refuse("invalid_auth" if token else "not_authed")
        needed = _SCOPES.get(method, ())
        if needed and not self.scopes.intersection(needed):
            return self._refuse("missing_scope", needed=needed[0], provided=",".join(self.scopes))
        perform = getattr(self, "_" + method.replace(".", "_"), None)
        if perform is None:
            return self._refuse("unknown_method")
        answer: Answer = perform(payload)
        return answer

    def _auth_test(self, _payload: dict[str, Any]) -> Answer:
        status, headers, body = _json({"ok": True, "team_id": "T1", "user_id": "UBOT"})
        return status, {**headers, "X-OAuth-Scopes": ",".join(sorted(self.scopes))}, body

    def _chat_postMessage(self, payload: dict[str, Any]) -> Answer:  # noqa: N802
        channel = payload.get("channel", "")
        problem = self._content_problem(channel, payload)
        if problem is not None:
            return problem
        now = self.clock()
        thread_ts = payload.get("thread_ts")
        if thread_ts and not any(message["ts"] == thread_ts for message in self.posted(channel)):
            return self._refuse("thread_not_found")
        self._last_post[channel] = now
        ts = f"{int(now)}.{self._number():06d}"
        message = {**payload, "ts": ts, "bot_id": "B1", "posted_at": now}
        self.messages.append(message)
        return _json({"ok": True, "channel": channel, "ts": ts, "message": {"text": "…"}})

    def _chat_update(self, payload: dict[str, Any]) -> Answer:
        channel = payload.get("channel", "")
        problem = self._content_problem(channel, payload)
        if problem is not None:
            return problem
        for message in self.posted(channel):
            if message["ts"] == payload.get("ts"):
                message.update(text=payload["text"], blocks=payload["blocks"])
                return _json({"ok": True, "channel": channel, "ts": message["ts"]})
        return self._refuse("message_not_found")

    def _chat_postEphemeral(self, payload: dict[str, Any]) -> Answer:  # noqa: N802
        problem = self._content_problem(payload.get("channel", ""), payload)
        if problem is not None:
            return problem
        self.ephemerals.append(payload)
        return _json({"ok": True, "message_ts": f"{int(self.clock())}.{self._number():06d}"})

    def _conversations_history(self, payload: dict[str, Any]) -> Answer:
        return self._read(payload, lambda message: not message.get("thread_ts"))

    def _conversations_replies(self, payload: dict[str, Any]) -> Answer:
        thread = payload.get("ts")
        return self._read(payload, lambda message: thread in (message["ts"], message["thread_ts"]))

    def _read(self, payload: dict[str, Any], wanted: Callable[[dict[str, Any]], bool]) -> Answer:
        channel = payload.get("channel", "")
        if channel not in self.channels:
            return self._refuse("channel_not_found")
        oldest = float(payload.get("oldest") or 0)
        found = [
            {key: message.get(key) for key in ("ts", "text", "thread_ts", "metadata", "blocks")}
            for message in reversed(self.posted(channel))
        ]
        found = [item for item in found if float(item["ts"] or 0) >= oldest and wanted(item)]
        asks_for_all = payload.get("include_all_metadata") in {"1", "true"}
        if self.empties_metadata or not asks_for_all:
            found = [_without_payload(message) for message in found]
        start = int(payload.get("cursor") or 0)
        end = start + min(int(payload.get("limit") or 100), self.history_page)
        cursor = str(end) if end < len(found) else ""
        return _json(
            {
                "ok": True,
                "messages": found[start:end],
                "has_more": bool(cursor),
                "response_metadata": {"next_cursor": cursor},
            }
        )

    def _views_open(self, payload: dict[str, Any]) -> Answer:
        issued = self._triggers.pop(payload.get("trigger_id", ""), None)
        if issued is None:
            return self._refuse("invalid_trigger_id")
        if self.clock() - issued > 3:
            return self._refuse("expired_trigger_id")
        view_id = self.opened[payload["trigger_id"]] = f"V{self._number()}"
        return self._keep_view(view_id, payload["view"])

    def _views_update(self, payload: dict[str, Any]) -> Answer:
        view = self.views.get(payload.get("view_id", ""))
        if view is None:
            return self._refuse("not_found")
        if view["hash"] != payload.get("hash", view["hash"]):
            return self._refuse("hash_conflict")
        return self._keep_view(view["id"], payload["view"])

    def _keep_view(self, view_id: str, view: dict[str, Any]) -> Answer:
        problems = view_problems(view)
        if problems:
            return self._refuse("invalid_arguments", response_metadata={"messages": problems})
        self.views[view_id] = {**view, "id": view_id, "hash": f"h{self._number()}"}
        return _json({"ok": True, "view": self.views[view_id]})

    def _apps_connections_open(self, _payload: dict[str, Any]) -> Answer:
        return _json({"ok": True, "url": self.socket_url})

    def _content_problem(self, channel: str, payload: dict[str, Any]) -> Answer | None:
        if channel not in self.channels:
            return self._refuse("channel_not_found")
        problems = message_problems(payload)
        if problems:
            return self._refuse("invalid_blocks", response_metadata={"messages": problems})
        return None

    def _refuse(self, error: str, **more: object) -> Answer:
        self.refusals.append(error)
        return _json({"ok": False, "error": error, **more})

    def _trigger(self) -> str:
        trigger = f"{self._number()}.1.abc"
        self._triggers[trigger] = self.clock()
        return trigger

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent about connections that the other side cut."""


def _handler(slack: FakeSlack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            kind = self.headers.get("Content-Type", "")
            if kind.startswith("application/json"):
                payload = json.loads(raw) if raw else {}
            else:
                payload = {key: values[0] for key, values in parse_qs(raw).items()}
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            answer = slack.answer(self.path.removeprefix("/api/"), token, payload)
            if answer is None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self.close_connection = True
                self.connection.close()
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def _counted(method: str, payload: dict[str, Any]) -> tuple[str, str]:
    """Give what Slack counts together: posts by channel, everything else by method."""
    return method, payload.get("channel", "") if method == "chat.postMessage" else ""


def _without_payload(message: dict[str, Any]) -> dict[str, Any]:
    event_type = (message["metadata"] or {}).get("event_type")
    return {**message, "metadata": {"event_type": event_type, "event_payload": {}}}


def _json(facts: dict[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(facts).encode()


def _limited(retry_after: str) -> Answer:
    body = json.dumps({"ok": False, "error": "ratelimited"}).encode()
    return 429, {"Content-Type": "application/json", "Retry-After": retry_after}, body
