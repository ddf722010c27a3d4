from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.slack import SlackClient
from tests.alerts.fake_slack import Clock, FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[FakeSlack]:
    with FakeSlack(clock) as fake:
        yield fake


@pytest.fixture
def client(slack: FakeSlack) -> SlackClient:
    return SlackClient(slack.bot_token, slack.api_url, timeout_s=15)
