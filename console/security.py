"""What every request meets before a page sees it: its host, its size, its headers."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 256 * 1024
"""Far above the longest reply; a form that is larger is no form of ours."""
FORM = "application/x-www-form-urlencoded"
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

_CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def is_loopback(host: str) -> bool:
    """Tell whether an address to bind to can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_request(request: Request) -> bool:
    """Tell whether a request comes from this machine and names it."""
    host = _without_port(request.headers.get("host", ""))
    return (
        host in LOOPBACK_NAMES and request.client is not None and is_loopback(request.client.host)
    )


def refuse_open_host(host: str, *, has_sign_in: bool) -> None:
    """Refuse to listen where strangers could reach a console that asks nobody who they are.

    Raises:
        ConfigurationError: ``host`` is not loopback and nobody has to sign in.
    """
    if not has_sign_in and not is_loopback(host):
        raise ConfigurationError(
            f"PYEONGPAN_CONSOLE_HOST={host}: without sign-in the console listens on this machine "
            "only; use 127.0.0.1, or make the first operator with `pyeongpan operator`"
        )


def host_names(console_url: str) -> frozenset[str]:
    """Give the host names a request may carry: this machine's, and the console's own."""
    name = urlsplit(console_url).hostname or ""
    return LOOPBACK_NAMES | {f"[{name}]" if ":" in name else name} - {"", "0.0.0.0", "[::]"}  # noqa: S104 - taken out


class Guard:
    """Refuses foreign hosts and huge bodies; adds the security headers to every answer.

    A page of another site can make a browser send requests here under that site's own name (DNS
    rebinding); the ``Host`` header gives it away.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_static = scope["path"].startswith("/static/")

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer.setdefault(name, value)
                answer.setdefault(
                    "cache-control", "public, max-age=3600" if is_static else "no-store"
                )
            await send(message)

        refusal = self._refusal(headers)
        if refusal is not None:
            await refusal(scope, receive, send_guarded)
            return
        await self._app(scope, _Body(receive), send_guarded)

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        if _without_port(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("이 주소로는 열 수 없습니다.", status_code=421)
        if int_or_zero(headers.get("content-length", "")) > MAX_BODY_BYTES:
            return PlainTextResponse("너무 큰 요청입니다.", status_code=413)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {"", FORM}:
            # No page of ours uploads. A multipart form may name any character set, and with it
            # put into a text what cannot be written as UTF-8 again.
            return PlainTextResponse("양식만 받습니다.", status_code=415)
        return None


class _Body:
    """Ends a body that grows past the limit although its length was not announced."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size_bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._size_bytes += len(message.get("body", b""))
            if self._size_bytes > MAX_BODY_BYTES:
                return {"type": "http.disconnect"}
        return message


def int_or_zero(value: str) -> int:
    """Read a whole number a browser sent; anything else is zero."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else 0


def _without_port(host: str) -> str:
    """Give a ``Host`` header's name; empty for anything that is not a name and a port."""
    found = _HOST.fullmatch(host)
    return found[1].lower() if found else ""
