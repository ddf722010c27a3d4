"""A loopback server that answers exactly the bytes a test gives it, and accounts to ask it with."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import pytest

from collectors.base import Build, ChannelSpec
from collectors.http import ChannelClient, Limits, Pacer, build_client
from domain.brands import Account
from domain.types import FeedbackKind
from tests.collectors.samples import FIXTURES, NOW

__all__ = ["FIXTURES", "NOW"]


@dataclass
class Exchange:
    """One request as the server saw it."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RawServer:
    """Answers the scripted bytes in order; the last one stays.

    An answer of None keeps the line open without a word until the test ends; b"" hangs up.
    """

    url: str = ""
    answers: list[bytes | None] = field(default_factory=list)
    seen: list[Exchange] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


def answer(body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """Give a whole HTTP answer; headers that are given replace the usual ones."""
    lines = {"Content-Type": "text/html", "Content-Length": str(len(body)), "Connection": "close"}
    lines |= headers or {}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body


@pytest.fixture
def server() -> Iterator[RawServer]:
    state = RawServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self._answer()

        def _answer(self) -> None:
            line = self.rfile.readline().decode()
            headers: dict[str, str] = {}
            while (row := self.rfile.readline().decode().strip()) != "":
                name, _, value = row.partition(":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers.get("content-length", 0)))
            state.seen.append(Exchange(line.strip(), headers, body))
            scripted = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            if scripted is None:
                state.ended.wait(30)
                return
            self.wfile.write(scripted)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as tcp:
        state.url = f"http://127.0.0.1:{tcp.server_address[1]}"
        thread = threading.Thread(target=tcp.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        state.ended.set()
        tcp.shutdown()
        thread.join()


class MemoryTokens:
    """A token store that forgets."""

    def __init__(self) -> None:
        self.tokens: dict[str, Mapping[str, str]] = {}

    def load(self, account_key: str) -> Mapping[str, str]:
        return self.tokens.get(account_key, {})

    def save(self, account_key: str, token: Mapping[str, str]) -> None:
        self.tokens[account_key] = token

    def exclusive(self, account_key: str) -> AbstractContextManager[None]:
        del account_key
        return nullcontext()


PLAIN_SPEC = ChannelSpec(channel="test", kinds=(FeedbackKind.REVIEW,), page_size=10)
PATIENT = Limits(wait_s=15.0, total_s=30.0, max_bytes=200_000, max_pause_s=0.5)
"""For busy machines; whoever tests silence waits less."""


def no_sleep(seconds: float) -> None:
    """Stand in for waiting."""


MakeClient = Callable[..., ChannelClient]
MakeBuild = Callable[[Account], Build]


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    made: list[ChannelClient] = []

    def make(
        *,
        account: Account | None = None,
        limits: Limits = PATIENT,
        allow_private: bool = True,
        pacer: Pacer | None = None,
        spec: ChannelSpec = PLAIN_SPEC,
    ) -> ChannelClient:
        client = build_client(
            account or Account("brand", "shop", "test"),
            spec,
            pacer=pacer or Pacer(),
            clock=lambda: NOW,
            allow_private=allow_private,
            limits=limits,
            sleep=no_sleep,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def make_build(make_client: MakeClient) -> MakeBuild:
    def make(account: Account) -> Build:
        return Build(account, make_client(account=account), lambda: NOW, MemoryTokens())

    return make
