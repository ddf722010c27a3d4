"""A Slack that takes every message at once and remembers when it came."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator


class Slack:
    """Messages by arrival.

    Attributes:
        url: Goes where ``PYEONGPAN_SLACK_API_URL`` goes.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._arrived = threading.Condition()
        self._bodies: list[tuple[float, str]] = []

    def take(self, body: str) -> str:
        """Keep a message; gives its timestamp, unlike any other's."""
        with self._arrived:
            self._bodies.append((time.time(), body))
            self._arrived.notify_all()
            return f"{time.time():.0f}.{len(self._bodies):06}"

    def arrival(self, words: str, patience_s: float) -> float | None:
        """Give the Unix time at which a message with these words came; None if none comes."""

        def find() -> float | None:
            return next((at for at, body in self._bodies if words in body), None)

        with self._arrived:
            return self._arrived.wait_for(find, patience_s)

    def __len__(self) -> int:
        """Give how many messages came."""
        return len(self._bodies)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    slack: Slack

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        is_json = "json" in self.headers["Content-Type"]
        body = json.dumps(json.loads(raw), ensure_ascii=False) if is_json else unquote_plus(raw)
        answer = {"ok": True, "channel": "C0", "ts": self.slack.take(body)}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401 - inherited
        pass


@contextmanager
def slack() -> Iterator[Slack]:
    """Serve on loopback for the block."""

    class Handler(_Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.slack = found = Slack(f"http://127.0.0.1:{server.server_port}/api/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
