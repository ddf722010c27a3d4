"""Bytes on the wire that no browser sends, to the console on a real port."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from console.security import MAX_BODY_BYTES
from tests.attacks.looking import rows

if TYPE_CHECKING:
    from tests.console.conftest import Desk


def say(address: str, raw: bytes, patience_s: float = 10) -> bytes:
    """Send bytes; give what comes back until the other side closes or has nothing more to say."""
    where = urlsplit(address)
    answer = b""
    with (
        socket.create_connection((where.hostname, where.port or 0), timeout=patience_s) as line,
        suppress(ConnectionError, TimeoutError),
    ):
        line.sendall(raw)
        while part := line.recv(65_536):
            answer += part
    return answer


def get(address: str, path: str, *headers: str, host: str = "") -> bytes:
    host = host or urlsplit(address).netloc
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    return say(address, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8420",
        "127.0.0.1:80@evil.example",
        "127.0.0.1@evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:evil",
        "[::1]evil.example",
        "127.0.0.1/evil.example",
        "127.0.0.1 evil.example",
        "localhost:8420,evil.example",
        "2130706433",
    ],
)
def test_a_request_under_another_name_is_answered_nothing(address: str, host: str) -> None:
    for path in ("/", "/name", "/people/", "/static/desk.js"):
        answer = get(address, path, host=host)
        assert status(answer) in {400, 421}
        assert b"evil" not in answer
    assert status(get(address, "/name", host="localhost:9")) == 200


def test_another_name_may_not_be_named_beside_ours(address: str) -> None:
    name = urlsplit(address).netloc
    for headers in (("X-Forwarded-Host: evil.example",), ("Forwarded: host=evil.example",)):
        answer = get(address, "/people/", *headers)
        assert b"evil.example" not in answer
    answer = get(address, "http://evil.example/people/", host=name)
    assert b"evil.example" not in answer
    assert get(address, "/name", "Host: evil.example").startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/%2e%2e%2f%2e%2e%2fsettings.py",
        "/static/..%5capp.py",
        "/static/....//app.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/..%c0%afapp.py",
        "/static/desk.js%00.css",
        "/static/desk.js/..%2f..%2fapp.py",
        "/../../../../etc/passwd",
        "/brands/..%2f..%2fetc%2fpasswd",
        "/cases/..%2f1",
        "/collection/..%2f..%2f",
        "/docs/../console/app.py",
    ],
)
def test_no_path_leads_out_of_the_static_files(address: str, path: str) -> None:
    answer = get(address, path, "Cookie: pyeongpan_name=kim")

    assert status(answer) in {303, 404, 405, 422}
    assert b"root:" not in answer
    assert b"import " not in answer
    assert status(get(address, "/static/desk.js")) == 200


@pytest.mark.parametrize(
    "end",
    ["%0d%0aset-cookie:%20evil=1", "%0aset-cookie:evil=1", "%E5%98%8A%E5%98%8Dset-cookie:evil=1"],
)
def test_no_line_break_gets_into_an_answers_head(address: str, end: str) -> None:
    for path in (
        f"/name?next=/{end}",
        f"/sign-in?next=/{end}",
        f"/?q={end}",
        f"/{end}",
        f"/cases/1?brand=x{end}",
        f"/sign-in/oidc?next=/{end}",
        f"/people/{end}/",
    ):
        head = get(address, path).partition(b"\r\n\r\n")[0].lower()
        assert b"\nset-cookie: evil" not in head
        assert b"\nset-cookie:evil" not in head
        assert head.count(b"\nlocation:") <= 1
    assert b"\nset-cookie: pyeongpan_visitor" in get(address, "/name").lower()


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /name HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n"
        b"GET /stats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /name HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /name HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: \xff\xfe\x00=\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=range(9),
)
def test_a_request_is_one_request_or_refused(desk: Desk, address: str, raw: bytes) -> None:
    before = rows(desk)

    answer = say(address, raw, patience_s=2)

    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b"HTTP/1.1 2" not in answer
    assert b"HTTP/1.1 5" not in answer
    assert rows(desk) == before
    assert status(get(address, "/healthz")) == 200


def test_a_body_in_pieces_is_counted_too(desk: Desk, address: str) -> None:
    desk.add()
    piece = b"%x\r\n" % 65_536 + b"a" * 65_536 + b"\r\n"
    head = (
        b"POST /name HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    answer = say(address, head + piece * (2 * MAX_BODY_BYTES // 65_536) + b"0\r\n\r\n")

    # The line may be cut before the refusal is read.
    assert not answer or status(answer) in {400, 413}
    assert status(get(address, "/healthz")) == 200
