"""robots.txt is read once a day, shared, and obeyed."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.http import USER_AGENT
from collectors.robots import PRODUCT, Robots
from domain.brands import Account
from domain.errors import (
    AccessBlockedError,
    ChannelUnavailableError,
    RateLimitedError,
    ReputationError,
)
from tests.collectors.conftest import NOW, MakeBuild, RawServer, answer
from tests.collectors.mangling import totality

if TYPE_CHECKING:
    from collectors.base import Build

pytestmark = pytest.mark.enable_socket

ACCOUNT = Account("saebyeok", "board", "board")


def _robots(build: Build) -> Robots:
    return Robots(build, min_interval_s=10.0)


def _at(build: Build, when: datetime) -> Robots:
    return _robots(dataclasses.replace(build, clock=lambda: when))


def test_we_are_called_in_the_header_as_in_the_rules() -> None:
    assert USER_AGENT.startswith(f"{PRODUCT}/")


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("", "/list", True),
        ("User-agent: *\nDisallow: /", "/list", False),
        ("User-agent: *\nDisallow: /private", "/list", True),
        ("User-agent: *\nDisallow: /private", "/private/1", False),
        ("User-agent: *\nDisallow: /\nAllow: /list", "/list?page=1", True),
        ("User-agent: Pyeongpan\nDisallow: /", "/list", False),
        ("User-agent: pyeongpan\nAllow: /\n\nUser-agent: *\nDisallow: /", "/list", True),
        ("User-agent: Googlebot\nDisallow: /", "/list", True),
        ("User-agent: *\nDisallow: /*?page=", "/list?page=1", False),
        ("<html>not rules</html>", "/list", True),
    ],
)
def test_rules_are_obeyed(
    rules: str, path: str, allowed: bool, server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [answer(rules.encode())]
    robots = _robots(make_build(ACCOUNT))
    robots.learn(f"{server.url}{path}")
    if allowed:
        robots.require(f"{server.url}{path}")
        return
    with pytest.raises(AccessBlockedError, match=r"robots\.txt"):
        robots.require(f"{server.url}{path}")


def test_rules_are_read_once_a_day_for_all_accounts(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [answer(b"User-agent: *\nDisallow: /x")]
    build = make_build(ACCOUNT)
    url = f"{server.url}/list"
    assert not _robots(build).is_known(url)
    _robots(build).learn(url)
    assert server.seen[0].line.startswith("GET /robots.txt ")
    assert server.seen[0].headers["user-agent"] == USER_AGENT
    other = dataclasses.replace(build, account=Account("nalda", "board", "board"))
    assert _robots(other).is_known(f"{server.url}/another")
    assert _at(build, NOW + timedelta(hours=23)).is_known(url)
    assert not _at(build, NOW + timedelta(hours=25)).is_known(url)
    assert not _at(build, NOW - timedelta(hours=1)).is_known(url)


@pytest.mark.parametrize("status", [400, 404, 410, 451])
def test_without_rules_everything_is_allowed(
    status: int, server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [answer(b"User-agent: *\nDisallow: /", status)]
    robots = _robots(make_build(ACCOUNT))
    robots.learn(server.url)
    robots.require(f"{server.url}/list")


@pytest.mark.parametrize(
    ("raw", "promised"),
    [
        (answer(b"", 401), AccessBlockedError),
        (answer(b"", 403), AccessBlockedError),
        (answer(b'<div class="g-recaptcha">', 503), AccessBlockedError),
        (answer(b"", 429, {"Retry-After": "9"}), RateLimitedError),
        (answer(b"", 500), ChannelUnavailableError),
        (b"", ChannelUnavailableError),
    ],
)
def test_rules_that_cannot_be_read_allow_nothing(
    raw: bytes, promised: type[ReputationError], server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [raw]
    robots = _robots(make_build(ACCOUNT))
    with pytest.raises(promised):
        robots.learn(server.url)
    assert not robots.is_known(server.url)
    with pytest.raises(ChannelUnavailableError):
        robots.require(f"{server.url}/list")


def test_a_longer_delay_is_kept_by_all_accounts(server: RawServer, make_build: MakeBuild) -> None:
    server.answers = [answer(b"User-agent: *\nCrawl-delay: 60")]
    build = make_build(ACCOUNT)
    url = f"{server.url}/list"
    _robots(build).learn(url)
    _robots(build).require(url)
    with pytest.raises(RateLimitedError) as caught:
        _at(build, NOW + timedelta(seconds=20)).require(url)
    assert caught.value.retry_after_s == 40
    _at(build, NOW + timedelta(seconds=60)).require(url)


def test_a_shorter_delay_is_the_clients(server: RawServer, make_build: MakeBuild) -> None:
    server.answers = [answer(b"User-agent: *\nCrawl-delay: 5")]
    robots = _robots(make_build(ACCOUNT))
    robots.learn(server.url)
    robots.require(server.url)
    robots.require(server.url)


class _NoTokens:
    def __init__(self, text: str) -> None:
        self.text = text

    def load(self, account_key: str) -> dict[str, str]:
        del account_key
        return {"text": self.text, "read_at": NOW.isoformat()}


@totality
@given(rules=st.text(max_size=300), path=st.text(max_size=60))
def test_any_rules_give_an_answer(rules: str, path: str) -> None:
    build = type("Fixed", (), {})()
    build.tokens, build.account, build.clock = _NoTokens(rules), ACCOUNT, lambda: NOW
    try:
        Robots(build, min_interval_s=1e9).require(f"https://board.example/{path}")
    except ReputationError:
        return
