"""Connections that lead outwards only.

Names are resolved here and the checked address is the one connected to, so that a name cannot
point elsewhere between the check and the connection. A whole exchange has an end, also while a
header is sent.
"""

from __future__ import annotations

import ipaddress
import math
import socket
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator


class PrivateAddressError(Exception):
    """A name that leads inwards."""


_GIVE_UP_AT: Final = ContextVar("give_up_at", default=math.inf)


@contextmanager
def give_up_after(seconds: float) -> Iterator[None]:
    """End every wait on the network in this block ``seconds`` from now.

    The library's own time-outs are for one wait each: a header that comes a letter at a time would
    hold a thread for ever.
    """
    token = _GIVE_UP_AT.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _GIVE_UP_AT.reset(token)


def _left(timeout: float | None, error: type[httpcore.TimeoutException]) -> float | None:
    """Give how long one wait may be; None without a limit."""
    left = _GIVE_UP_AT.get() - time.monotonic()
    if left <= 0:
        raise error("the whole exchange took too long")
    return min(left, math.inf if timeout is None else timeout) if left < math.inf else timeout


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        timeout = _left(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _TimedBackend(httpcore.SyncBackend):
    """Connects to whatever it is told, within `give_up_after`."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = _left(timeout, httpcore.ConnectTimeout)
        return _TimedStream(super().connect_tcp(host, port, timeout, local_address, socket_options))


class _GuardedBackend(_TimedBackend):
    """Connects only to public addresses, and to the very address that was checked."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"name not found: {type(error).__name__}") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        # One private address among public ones is how rebinding looks.
        for address in addresses:
            if is_private(address):
                raise PrivateAddressError(f"{host} is a private address")
        last: Exception = httpcore.ConnectError("name has no address")
        for address in addresses:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last


class PoolTransport(httpx.BaseTransport):
    """httpx over a pool of our own making, for httpx's transport takes no backend.

    Args:
        allow_private: False to refuse private addresses with `PrivateAddressError`.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_ssl_context(),
            max_connections=10,
            max_keepalive_connections=5,
            keepalive_expiry=30.0,
            network_backend=_TimedBackend() if allow_private else _GuardedBackend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the caller reads and closes the answer."""
        if not isinstance(request.stream, httpx.SyncByteStream):
            raise httpx.UnsupportedProtocol("only plain bodies are sent")
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_PoolStream(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _PoolStream(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@lru_cache(maxsize=1)
def _ssl_context() -> ssl.SSLContext:
    # Loading the certificates takes longer than everything else in a client; once is enough.
    return httpx.create_ssl_context(trust_env=False)


def is_private(address: str) -> bool:
    """Tell whether an IP address lies anywhere but in the public network."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return True
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is None and parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return is_private(str(inner))
    return not parsed.is_global or parsed.is_multicast


_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
