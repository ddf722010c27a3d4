"""Accounts on a fake marketplace, for tests of what is one channel's alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from collectors import CHANNELS
from collectors.base import Build
from collectors.http import Limits, Pacer, build_client
from domain.types import ReplyTarget
from tests.collectors.conftest import MemoryTokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.brands import TokenStore
    from domain.types import CollectedFeedback
    from tests.fakes.marketplace import FakeMarketplace


def build_on(
    market: FakeMarketplace,
    options: Mapping[str, object] | None = None,
    *,
    credentials: Mapping[str, str] | None = None,
    tokens: TokenStore | None = None,
    pacer: Pacer | None = None,
) -> Build:
    """Give what a factory is given, on a fake; ``options`` are laid over the fake's own."""
    account = market.account()
    account = replace(
        account,
        credentials=account.credentials if credentials is None else credentials,
        options={**account.options, **(options or {})},
    )
    client = build_client(
        account,
        CHANNELS[account.channel].spec,
        pacer=pacer or Pacer(market.clock.monotonic),
        clock=market.clock.now,
        allow_private=True,
        limits=Limits(wait_s=15.0, total_s=30.0),
        sleep=market.clock.advance,
    )
    return Build(account, client, market.clock.now, tokens or MemoryTokens())


def target_of(item: CollectedFeedback) -> ReplyTarget:
    return ReplyTarget(item.native_id, item.kind, item.extra)
