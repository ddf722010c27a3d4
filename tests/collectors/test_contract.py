"""One suite for every channel that is read over HTTP: each failure becomes the promised error.

A new channel adds one line to `HARNESSES`: how its account looks, and one good answer to the first
request of ``fetch``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collectors import CHANNELS
from collectors.base import CheckReason, Collector
from domain.brands import Account
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ChannelUnavailableError,
    CredentialRejectedError,
    LayoutChangedError,
    RateLimitedError,
    ReputationError,
)
from tests.collectors.conftest import FIXTURES, NOW, MakeBuild, RawServer, answer

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.enable_socket


@dataclass(frozen=True)
class Harness:
    """What the suite needs to know of a channel.

    Attributes:
        account: Given the server's address, an account whose requests all go there.
        good: A good first answer.
        items: How many items the good answer has.
        reads_robots: Whether the site's robots.txt is the very first request.
    """

    account: Callable[[str], Account]
    good: bytes
    items: int
    reads_robots: bool = False


def _storefront(url: str) -> Account:
    return Account(
        "saebyeok",
        "shop",
        "storefront",
        credentials={"api_key": "storefront-key"},
        options={"base_url": f"{url}/saebyeok", "board": "review"},
    )


def _naver_search(url: str) -> Account:
    return Account(
        "saebyeok",
        "naver",
        "naver_search",
        credentials={"client_id": "naver-client-id", "client_secret": "naver-secret"},
        options={"base_url": url, "keywords": ["새벽상회"], "services": ["blog"]},
    )


def _kakao_search(url: str) -> Account:
    return Account(
        "saebyeok",
        "kakao",
        "kakao_search",
        credentials={"rest_api_key": "kakao-rest-key"},
        options={"base_url": url, "keywords": ["새벽상회"], "services": ["cafe"]},
    )


def _feed(url: str) -> Account:
    return Account("saebyeok", "feed", "feed", options={"url": f"{url}/rss"})


def _board(url: str) -> Account:
    return Account(
        "saebyeok",
        "board",
        "board",
        options={
            "enabled": True,
            "definition": "dcinside",
            "list_url": f"{url}/board/lists/?id={{board}}&page={{page}}",
            "board": "food",
        },
    )


HARNESSES = {
    "storefront": Harness(
        _storefront, answer((FIXTURES / "storefront" / "reviews.html").read_bytes()), 3
    ),
    "naver_search": Harness(
        _naver_search, answer((FIXTURES / "naver_search" / "blog.json").read_bytes()), 2
    ),
    "kakao_search": Harness(
        _kakao_search, answer((FIXTURES / "kakao_search" / "cafe.json").read_bytes()), 1
    ),
    "feed": Harness(_feed, answer((FIXTURES / "feed" / "ppomppu.xml").read_bytes()), 2),
    "board": Harness(
        _board,
        answer((FIXTURES / "board" / "dcinside.html").read_bytes()),
        2,
        reads_robots=True,
    ),
}

HTML = answer("<html><body>서비스 점검 중입니다.</body></html>".encode())
LOST = (ChannelUnavailableError,)
REFUSED = (CredentialRejectedError, AccessBlockedError)
FAILURES: dict[str, tuple[bytes | None, tuple[type[ReputationError], ...]]] = {
    "400": (answer(b"{}", 400), (LayoutChangedError, BadInputError)),
    "401": (answer(b"{}", 401), REFUSED),
    "403": (answer(b"{}", 403), REFUSED),
    "404": (answer(b"{}", 404), (LayoutChangedError,)),
    "429": (answer(b"{}", 429, {"Retry-After": "9"}), (RateLimitedError,)),
    "500": (answer(b"{}", 500), LOST),
    "503 with Retry-After": (answer(b"{}", 503, {"Retry-After": "9"}), (RateLimitedError,)),
    "hung up": (b"", LOST),
    "half a body": (answer(b"<html>", headers={"Content-Length": "900"}), LOST),
    "another page": (HTML, (ChannelUnavailableError, LayoutChangedError)),
    "nothing": (answer(b""), (ChannelUnavailableError, LayoutChangedError)),
    "too large": (answer(b"x" * 300_000), (BadInputError,)),
    "redirect inwards": (
        answer(b"", 302, {"Location": "http://169.254.169.254/"}),
        (BadInputError,),
    ),
}


@pytest.fixture(params=HARNESSES)
def harness(request: pytest.FixtureRequest) -> Harness:
    return HARNESSES[str(request.param)]


def _collector(harness: Harness, server: RawServer, make_build: MakeBuild) -> Collector:
    account = harness.account(server.url)
    collector = CHANNELS[account.channel].load().build(make_build(account))
    if harness.reads_robots:
        scripted, server.answers = server.answers, [answer(b"", 404)]
        assert collector.check().ok
        server.answers = scripted
        server.seen.clear()
    return collector


def test_every_channel_that_is_only_read_is_under_contract() -> None:
    # The others are proved against a fake of their market, in tests/contract.
    specs = [channel.spec for channel in CHANNELS.values()]
    only_read = {spec.channel for spec in specs if not spec.reads_files and not spec.writable}
    assert only_read <= set(HARNESSES)


def test_a_good_answer_is_read_with_one_request(
    harness: Harness, server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [harness.good]
    page = _collector(harness, server, make_build).fetch(NOW - timedelta(days=3), NOW, None)
    assert len(page.items) == harness.items
    assert len(server.seen) == 1


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_the_promised_error_and_the_next_run_reads_everything(
    harness: Harness,
    server: RawServer,
    make_build: MakeBuild,
    failure: tuple[bytes | None, tuple[type[ReputationError], ...]],
) -> None:
    raw, promised = failure
    server.answers = [raw, harness.good]
    with pytest.raises(promised):
        _collector(harness, server, make_build).fetch(NOW - timedelta(days=3), NOW, None)
    page = _collector(harness, server, make_build).fetch(NOW - timedelta(days=3), NOW, None)
    assert len(page.items) == harness.items


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_the_doctors_line_never_raises(
    harness: Harness,
    server: RawServer,
    make_build: MakeBuild,
    failure: tuple[bytes | None, tuple[type[ReputationError], ...]],
) -> None:
    server.answers = [failure[0]]
    line = _collector(harness, server, make_build).check()
    assert not line.ok
    assert line.reason is not CheckReason.OK
    assert line.remedy
