"""Every status and every way a line can break becomes the promised error."""

from __future__ import annotations

import contextlib
import gzip
import random
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpcore
import httpx
import pytest

from collectors.base import CheckReason, check_by, explain
from collectors.http import (
    USER_AGENT,
    ChannelClient,
    Limits,
    build_client,
    conditional,
    leaving_within,
    redact,
)
from collectors.network import is_private
from collectors.pacing import Pacer, pause_asked_for
from domain.brands import Account
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
from tests.collectors.conftest import (
    NOW,
    PATIENT,
    PLAIN_SPEC,
    MakeClient,
    RawServer,
    answer,
    no_sleep,
)

pytestmark = pytest.mark.enable_socket

SECRET = "s3cret-key-value"
SECRET_ACCOUNT = Account("brand", "shop", "test", credentials={"api_key": SECRET})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, LayoutChangedError),
        (401, CredentialRejectedError),
        (403, CredentialRejectedError),
        (404, LayoutChangedError),
        (408, ChannelUnavailableError),
        (429, RateLimitedError),
        (500, ChannelUnavailableError),
        (502, ChannelUnavailableError),
        (503, ChannelUnavailableError),
        (504, ChannelUnavailableError),
    ],
)
def test_a_question_refused_by_status_is_the_promised_error(
    server: RawServer, make_client: MakeClient, status: int, error: type[ReputationError]
) -> None:
    server.answers = [answer(b"{}", status)]
    with pytest.raises(error):
        make_client().read(server.url)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, OutcomeUnknownError),
        (400, PublicationRefusedError),
        (401, CredentialRejectedError),
        (403, CredentialRejectedError),
        (404, PublicationRefusedError),
        (408, OutcomeUnknownError),
        (409, PublicationRefusedError),
        (422, PublicationRefusedError),
        (429, RateLimitedError),
        (500, OutcomeUnknownError),
        (503, OutcomeUnknownError),
    ],
)
def test_a_write_refused_by_status_is_the_promised_error(
    server: RawServer, make_client: MakeClient, status: int, error: type[ReputationError]
) -> None:
    server.answers = [answer(b'{"code": "E1"}', status)]
    with pytest.raises(error):
        make_client().write(server.url, content=b"{}")
    assert len(server.seen) == 1


BROKEN: dict[str, bytes | None] = {
    "silence": None,
    "hung up": b"",
    "half a header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": answer(b"half", headers={"Content-Length": "400"}),
    "not HTTP": b"SSH-2.0-OpenSSH\r\n",
    "cut gzip": answer(gzip.compress(b"x" * 5000)[:-9], headers={"Content-Encoding": "gzip"}),
    "damaged gzip": answer(b"not gzip at all", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_line_is_retryable_for_a_question(
    server: RawServer, make_client: MakeClient, raw: bytes | None
) -> None:
    server.answers = [raw]
    client = make_client(limits=Limits(wait_s=0.2, total_s=1.0))
    with pytest.raises(ChannelUnavailableError):
        client.read(server.url)


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_line_leaves_a_write_unknown(
    server: RawServer, make_client: MakeClient, raw: bytes | None
) -> None:
    server.answers = [raw]
    client = make_client(limits=Limits(wait_s=0.2, total_s=1.0))
    with pytest.raises(OutcomeUnknownError):
        client.write(server.url, content=b"{}")
    assert len(server.seen) == 1


def test_a_write_that_never_left_is_retryable(make_client: MakeClient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(ChannelUnavailableError, match="not sent"):
        make_client().write(url, content=b"{}")


def test_a_write_never_leaves_later_than_the_client_says(
    server: RawServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [answer(b"{}")]
    connect = socket.create_connection

    def slowly(*args: Any, **values: Any) -> socket.socket:  # noqa: ANN401 - the real one's
        time.sleep(0.3)
        return connect(*args, **values)

    monkeypatch.setattr(socket, "create_connection", slowly)
    client = make_client(limits=Limits(wait_s=0.05, total_s=0.2))
    with pytest.raises(ChannelUnavailableError, match="not sent"):
        client.write(server.url, content=b"{}")
    assert not _requests(server)


def test_a_pause_before_a_write_counts(server: RawServer) -> None:
    server.answers = [answer(b"{}")]
    with build_client(
        Account("brand", "shop", "test"),
        replace(PLAIN_SPEC, min_interval_s=0.3),
        pacer=Pacer(),
        clock=lambda: NOW,
        allow_private=True,
        limits=Limits(wait_s=5.0, total_s=0.2),
    ) as client:
        client.write(server.url, content=b"{}")
        with pytest.raises(ChannelUnavailableError, match="not sent"):
            client.write(server.url, content=b"{}")
    assert len(_requests(server)) == 1


def test_a_write_leaves_within_what_its_caller_allows(
    server: RawServer, make_client: MakeClient
) -> None:
    server.answers = [answer(b"{}")]
    client = make_client()
    with leaving_within(10.0), pytest.raises(ChannelUnavailableError, match="not sent"):
        # Less than one wait is left, and sending may take that long.
        client.write(server.url, content=b"{}")
    with leaving_within(60.0):
        client.write(server.url, content=b"{}")
    client.write(server.url, content=b"{}")
    assert len(_requests(server)) == 2


def _requests(server: RawServer) -> list[str]:
    """Give what came over the lines that did not hang up at once."""
    return [exchange.line for exchange in server.seen if exchange.line]


def test_a_body_that_is_too_large_is_refused(server: RawServer, make_client: MakeClient) -> None:
    server.answers = [
        answer(b"x" * 200_001),
        answer(b"x" * 200_001, headers={"Content-Length": ""}),
    ]
    client = make_client()
    for _ in range(2):
        with pytest.raises(BadInputError, match="200000 bytes") as caught:
            client.read(server.url)
        assert "채널 주소" in caught.value.remedy


def test_a_gzip_bomb_is_refused_before_it_unpacks(
    server: RawServer, make_client: MakeClient
) -> None:
    packer = zlib.compressobj(9, wbits=31)
    block = b"\0" * 2**20
    bomb = b"".join(packer.compress(block) for _ in range(100)) + packer.flush()
    assert len(bomb) < 110_000
    server.answers = [answer(bomb, headers={"Content-Encoding": "gzip"})]
    with pytest.raises(BadInputError, match="200000 bytes") as caught:
        make_client().read(server.url)
    assert "채널 주소" in caught.value.remedy


def test_an_encoding_we_did_not_ask_for_is_refused(
    server: RawServer, make_client: MakeClient
) -> None:
    server.answers = [answer(b"x", headers={"Content-Encoding": "br"})]
    with pytest.raises(BadInputError, match="br") as caught:
        make_client().read(server.url)
    assert "채널 주소" in caught.value.remedy


def test_gzip_within_bounds_is_read(server: RawServer, make_client: MakeClient) -> None:
    body = "좋아요".encode() * 1000
    server.answers = [answer(gzip.compress(body), headers={"Content-Encoding": "gzip"})]
    assert make_client().read(server.url).body == body


@pytest.mark.parametrize("around", [b"", b"\0" * 100, b"padding"])
def test_gzip_of_several_members_is_read_whole(
    server: RawServer, make_client: MakeClient, around: bytes
) -> None:
    # Random bytes do not shrink, so that members begin anywhere in what arrives at once.
    parts = [random.Random(n).randbytes(size) for n, size in enumerate((65_515, 70_000, 1, 0))]
    packed = b"".join(gzip.compress(part) for part in parts) + around
    server.answers = [answer(packed, headers={"Content-Encoding": "gzip"})]
    assert make_client().read(server.url).body == b"".join(parts)


def test_the_members_of_gzip_are_bounded_together(
    server: RawServer, make_client: MakeClient
) -> None:
    packed = gzip.compress(b"\0" * 150_000) * 2
    server.answers = [answer(packed, headers={"Content-Encoding": "gzip"})]
    with pytest.raises(BadInputError, match="200000 bytes"):
        make_client().read(server.url)
    server.answers = [answer(gzip.compress(b"x") + b"\x1f", headers={"Content-Encoding": "gzip"})]
    with pytest.raises(ChannelUnavailableError):
        make_client().read(server.url)


@pytest.mark.parametrize(
    "body", [b"<html>\xec\xa0\x90\xea\xb2\x80 \xec\xa4\x91</html>", b'{"reviews": [', b"", b"{'a'}"]
)
def test_what_is_not_json_is_retryable(
    server: RawServer, make_client: MakeClient, body: bytes
) -> None:
    server.answers = [answer(body)]
    with pytest.raises(ChannelUnavailableError):
        make_client().read(server.url).json()


WALLS = (
    b"<html><div class='g-recaptcha'></div></html>",
    b'<script src="https://challenges.cloudflare.com/turnstile/v0/api.js"></script>',
    "<html>자동입력 방지 문자를 입력해 주세요</html>".encode(),
)


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("status", [200, 401, 403, 404, 429, 500, 503])
def test_a_captcha_stops_us(
    server: RawServer, make_client: MakeClient, status: int, wall: bytes
) -> None:
    server.answers = [answer(wall, status)]
    with pytest.raises(AccessBlockedError):
        make_client().read(server.url).json()


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, AccessBlockedError), (429, AccessBlockedError), (503, OutcomeUnknownError)],
)
def test_a_captcha_before_a_write_ends_it(
    server: RawServer, make_client: MakeClient, status: int, error: type[ReputationError]
) -> None:
    server.answers = [answer(WALLS[0], status, {"Retry-After": "5"})]
    with pytest.raises(error):
        make_client().write(server.url, content=b"{}")
    assert len(server.seen) == 1


def test_a_channels_own_refusal_does_not_hide_a_captcha(
    server: RawServer, make_client: MakeClient
) -> None:
    server.answers = [answer(WALLS[0], 403)]
    with pytest.raises(AccessBlockedError):
        make_client().read(server.url, refusal=lambda _: CredentialRejectedError("403"))


def test_a_public_page_that_refuses_us_is_left_alone(
    server: RawServer, make_client: MakeClient
) -> None:
    server.answers = [answer(b"no robots", 403)]
    with pytest.raises(AccessBlockedError):
        make_client().read(server.url, is_public_page=True)


@pytest.mark.parametrize(
    ("declared", "charset"),
    [("utf-8", "cp949"), ("euc-kr", "utf-8"), ("iso-8859-1", "cp949"), ("nonsense", "utf-8")],
)
def test_a_wrong_charset_header_does_not_spoil_the_text(
    server: RawServer, make_client: MakeClient, declared: str, charset: str
) -> None:
    text = "배송이 빨라요. 똠방각하 펲시"
    headers = {"Content-Type": f"text/html; charset={declared}"}
    server.answers = [answer(text.encode(charset), headers=headers)]
    assert make_client().read(server.url).text == text


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:9/",
        "http://localhost/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://2130706433/",
        "/elsewhere",
    ],
)
def test_a_redirect_to_a_private_address_is_always_refused(
    server: RawServer, make_client: MakeClient, location: str
) -> None:
    server.answers = [answer(b"", 302, {"Location": location})]
    with pytest.raises(BadInputError, match="private address") as caught:
        make_client(allow_private=True).read(server.url)
    assert caught.value.field == "Location"
    assert "채널 주소" in caught.value.remedy
    assert len(server.seen) == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.com/"])
def test_a_redirect_to_something_else_is_refused(
    server: RawServer, make_client: MakeClient, location: str
) -> None:
    server.answers = [answer(b"", 302, {"Location": location})]
    with pytest.raises(BadInputError, match="unusable redirect") as caught:
        make_client().read(server.url)
    assert "채널 주소" in caught.value.remedy


def test_a_private_address_needs_the_operators_switch(
    server: RawServer, make_client: MakeClient
) -> None:
    server.answers = [answer(b"hello")]
    with pytest.raises(ConfigurationError, match="switch"):
        make_client(allow_private=False).read(server.url)
    with pytest.raises(ConfigurationError, match="switch"):
        make_client(allow_private=False).write(server.url)
    assert server.seen == []


def test_a_name_with_one_private_address_is_refused(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rebound(*_: object, **__: object) -> list[Any]:
        stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*stream, ("93.184.216.34", 80)), (*stream, ("127.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    with pytest.raises(ConfigurationError, match="private"):
        make_client(allow_private=False).read("http://shop.example/")


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("8.8.8.8", False),
        ("2606:4700::1111", False),
        ("127.0.0.1", True),
        ("100.64.0.1", True),
        ("0.0.0.0", True),  # noqa: S104 - only asked about
        ("224.0.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("64:ff9b::7f00:1", True),
        ("2002:7f00:1::", True),
        ("fe80::1%eth0", True),
        ("not an address", True),
    ],
)
def test_private_addresses_are_known(address: str, private: bool) -> None:
    assert is_private(address) is private


Handler = Callable[[httpx.Request], httpx.Response]


def _said(status: int, body: bytes = b"", location: str = "") -> httpx.Response:
    headers = {"Location": location} if location else {}
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


def _with_mock(handler: Handler, account: Account = SECRET_ACCOUNT) -> ChannelClient:
    def session() -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(handler), trust_env=False)

    return ChannelClient(
        session(),
        session(),
        account_key=account.key,
        secrets=tuple(account.credentials.values()),
        spec=PLAIN_SPEC,
        limits=PATIENT,
        pacer=Pacer(),
        clock=lambda: NOW,
        sleep=no_sleep,
    )


def test_a_redirect_to_another_host_does_not_take_the_key_along() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.host == "one.example":
            return _said(302, location="https://two.example/x")
        return _said(200, b"ok")

    read = _with_mock(handler).read("https://one.example/", headers={"X-Api-Key": SECRET})
    assert read.body == b"ok"
    assert "x-api-key" in seen[0].headers
    assert "x-api-key" not in seen[1].headers


def test_a_redirect_on_the_same_host_keeps_the_headers() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/":
            return _said(301, location="/new")
        return _said(200, b"ok")

    _with_mock(handler).read("https://one.example/", headers={"X-Api-Key": SECRET})
    assert seen[1].headers["x-api-key"] == SECRET


def test_endless_redirects_end() -> None:
    client = _with_mock(lambda _: _said(302, location="/again"))
    with pytest.raises(BadInputError, match="redirects") as caught:
        client.read("https://one.example/")
    assert "채널 주소" in caught.value.remedy


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectTimeout("x"),
        httpx.PoolTimeout("x"),
        httpcore.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.WriteError("x"),
        httpcore.ReadError("x"),
        httpcore.RemoteProtocolError("x"),
    ],
)
def test_only_a_write_that_cannot_have_left_may_be_repeated(failure: Exception) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise failure

    client = _with_mock(handler)
    unsent = (httpx.ConnectTimeout, httpx.PoolTimeout, httpcore.ConnectError)
    promised = ChannelUnavailableError if isinstance(failure, unsent) else OutcomeUnknownError
    with pytest.raises(promised):
        client.write("https://one.example/")
    with pytest.raises(ChannelUnavailableError):
        client.read("https://one.example/")


def test_errors_show_neither_secret_nor_query(server: RawServer, make_client: MakeClient) -> None:
    server.answers = [answer(f'{{"code": "{SECRET}"}}'.encode(), 500)]
    client = make_client(account=SECRET_ACCOUNT)
    with pytest.raises(ChannelUnavailableError) as caught:
        client.read(f"{server.url}/{SECRET}/reviews", params={"q": "customer words", "k": SECRET})
    assert SECRET not in str(caught.value)
    assert "customer" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert SECRET not in repr(SECRET_ACCOUNT)


def test_redaction_also_finds_the_encoded_form() -> None:
    assert redact("key=a%2Fb%3D%3D and a/b==", ["a/b=="]) == "key=*** and ***"


def test_the_client_says_who_it_is(server: RawServer, make_client: MakeClient) -> None:
    server.answers = [answer(b"ok")]
    make_client().read(server.url)
    assert server.seen[0].headers["user-agent"] == USER_AGENT


def test_a_conditional_question_may_be_answered_as_before(
    server: RawServer, make_client: MakeClient
) -> None:
    server.answers = [answer(b"feed", headers={"ETag": '"7"'}), answer(b"", 304)]
    client = make_client()
    first = client.read(server.url)
    second = client.read(server.url, headers=conditional(first.validators))
    assert server.seen[1].headers["if-none-match"] == '"7"'
    assert second.not_modified


def test_a_channels_own_code_comes_before_the_status(
    server: RawServer, make_client: MakeClient
) -> None:
    server.answers = [answer(b'{"code": "GW.IP_NOT_ALLOWED"}', 403)]
    with pytest.raises(CredentialRejectedError) as caught:
        make_client().read(
            server.url,
            refusal=lambda said: CredentialRejectedError(said.error_code, reason="address"),
        )
    assert explain(caught.value).reason is CheckReason.ADDRESS


def test_a_refused_secret_with_a_wrong_clock_blames_the_clock(
    server: RawServer, make_client: MakeClient
) -> None:
    said_at = (NOW - timedelta(minutes=10)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    off = answer(b"{}", 401, {"Date": said_at})
    server.answers = [off, answer(b"{}", 401), off]
    signing = make_client(spec=replace(PLAIN_SPEC, signs_time=True))
    assert check_by(lambda: signing.read(server.url)).reason is CheckReason.CLOCK
    assert check_by(lambda: signing.read(server.url)).reason is CheckReason.SECRET
    assert check_by(lambda: make_client().read(server.url)).reason is CheckReason.SECRET


def test_the_doctor_tells_the_reasons_apart() -> None:
    told = {
        CheckReason.SECRET: CredentialRejectedError("x"),
        CheckReason.PERMISSION: CredentialRejectedError("x", reason="permission"),
        CheckReason.ADDRESS: CredentialRejectedError("x", reason="address"),
        CheckReason.CLOCK: CredentialRejectedError("x", reason="clock"),
        CheckReason.QUOTA: RateLimitedError("x"),
        CheckReason.NETWORK: ChannelUnavailableError("x"),
        CheckReason.BLOCKED: AccessBlockedError("x"),
        CheckReason.LAYOUT: LayoutChangedError("x"),
        CheckReason.CONFIGURATION: ConfigurationError("x"),
    }
    lines = {reason: explain(error) for reason, error in told.items()}
    assert all(line.reason is reason and not line.ok for reason, line in lines.items())
    assert len({line.remedy for line in lines.values()}) == len(told)


@pytest.fixture
def dripping() -> Iterator[str]:
    """Give the address of a server that sends its header a letter at a time, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def serve() -> None:
            with contextlib.suppress(OSError):
                line, _ = listener.accept()
                with line:
                    line.recv(65536)
                    line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while not ended.wait(0.05):
                        line.sendall(b"a")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        ended.set()
        thread.join()


def test_a_header_that_never_ends_is_no_answer(dripping: str, make_client: MakeClient) -> None:
    client = make_client(limits=Limits(wait_s=1.0, total_s=0.5))
    started = time.monotonic()
    with pytest.raises(ChannelUnavailableError):
        client.read(dripping)
    assert time.monotonic() - started < 5


def test_a_write_gives_up_when_it_says_it_does(dripping: str, make_client: MakeClient) -> None:
    client = make_client(limits=Limits(wait_s=1.0, total_s=0.5))
    started = time.monotonic()
    with pytest.raises(OutcomeUnknownError):
        client.write(dripping)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("asked", ["Fri, 31 Dec 9999 23:59:59 GMT", "9" * 30])
def test_nobody_makes_us_wait_for_years(
    server: RawServer, make_client: MakeClient, asked: str
) -> None:
    server.answers = [answer(b"{}", 429, {"Retry-After": asked})]
    with pytest.raises(RateLimitedError) as told:
        make_client().read(server.url)
    assert told.value.retry_after_s == 24 * 3600


def test_retry_after_is_kept_without_asking_again(
    server: RawServer, make_client: MakeClient
) -> None:
    server.answers = [answer(b"{}", 429, {"Retry-After": "40"})]
    client = make_client()
    with pytest.raises(RateLimitedError) as told:
        client.read(server.url)
    assert told.value.retry_after_s == 40
    with pytest.raises(RateLimitedError) as kept:
        client.read(server.url)
    assert kept.value.retry_after_s == pytest.approx(40, abs=2)
    assert len(server.seen) == 1


def test_the_pause_of_one_account_does_not_stop_another(
    server: RawServer, make_client: MakeClient
) -> None:
    server.answers = [answer(b"{}", 429, {"Retry-After": "40"}), answer(b"ok")]
    pacer = Pacer()
    with pytest.raises(RateLimitedError):
        make_client(account=SECRET_ACCOUNT, pacer=pacer).read(server.url)
    other = Account("brand", "other", "test", credentials={"api_key": "another-key"})
    assert make_client(account=other, pacer=pacer).read(server.url).body == b"ok"


def test_requests_to_one_host_keep_their_interval() -> None:
    pacer = Pacer(monotonic=lambda: 100.0)
    waits = [pacer.reserve({"host": 0.7}, max_wait_s=5) for _ in range(3)]
    assert waits == pytest.approx([0.0, 0.7, 1.4])
    assert pacer.reserve({"other": 0.7}, max_wait_s=5) == 0


def test_a_slot_too_far_away_is_not_taken() -> None:
    pacer = Pacer(monotonic=lambda: 100.0)
    pacer.hold("host", 10)
    with pytest.raises(RateLimitedError):
        pacer.reserve({"host": 1.0}, max_wait_s=5)
    assert pacer.reserve({"host": 1.0}, max_wait_s=10) == 10


@pytest.mark.parametrize(
    ("status", "headers", "pause_s"),
    [
        (200, {}, 0),
        (429, {}, 1),
        (429, {"Retry-After": "7"}, 7),
        (503, {"Retry-After": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30),
        (200, {"Retry-After": "7"}, 0),
        (429, {"Retry-After": "soon"}, 1),
        (429, {"Retry-After": "99999999999"}, 86400),
        (200, {"X-Api-Call-Limit": "1/40"}, 0),
        (200, {"X-Api-Call-Limit": "39/40"}, 1),
        (200, {"X-Api-Call-Limit": "39/" + "9" * 5000}, 1),
        (200, {"X-Api-Call-Limit": "unlimited"}, 0),
        (200, {"X-Cafe24-Call-Remain": "12"}, 12),
        (
            200,
            {"GNCP-GW-RateLimit-Remaining": "0", "GNCP-GW-RateLimit-Replenish-Rate": "2"},
            0.5,
        ),
        (200, {"RateLimit-Remaining": "0", "RateLimit-Reset": "9"}, 9),
        (200, {"X-Rate-Limit": "user-hour-lim:3600;user-hour-rem:0;"}, 60),
        (200, {"X-Rate-Limit": "user-hour-lim:3600;user-hour-rem:04;"}, 0),
    ],
)
def test_pauses_are_read_from_headers(status: int, headers: dict[str, str], pause_s: float) -> None:
    assert pause_asked_for(status, httpx.Headers(headers), NOW) == pause_s


def test_an_unusable_address_is_a_configuration_error(make_client: MakeClient) -> None:
    for url in ("shop.example/x", "ftp://shop.example", "http://", f"http://{'a' * 70}.example"):
        with pytest.raises(ConfigurationError):
            make_client().read(url)


def test_a_header_that_cannot_be_sent_is_a_configuration_error(
    server: RawServer, make_client: MakeClient
) -> None:
    server.answers = [answer(b"ok")]
    for value in ("two\nlines", "한글"):
        with pytest.raises(ConfigurationError):
            make_client().write(server.url, headers={"X-Api-Key": value})
    assert not any(exchange.line for exchange in server.seen)


def test_a_clock_is_compared_with_the_channels(server: RawServer, make_client: MakeClient) -> None:
    server.answers = [answer(b"", headers={"Date": "Sat, 21 Nov 2026 11:59:00 GMT"})]
    read = make_client().read(server.url)
    assert read.clock_skew_s(datetime(2026, 11, 21, 12, 0, tzinfo=UTC)) == 60
