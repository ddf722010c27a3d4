"""A fake marketplace, our collector and publisher on it, and a small stand-in for the worker."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from collectors import CHANNELS
from collectors.base import Build
from collectors.http import Limits, Pacer, build_client
from domain.types import CollectedFeedback, QuarantinedItem, ReplyTarget
from responders.publishers import PUBLISHERS
from tests.contract.registry import CASES, Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from collectors.base import Collector
    from domain.brands import Account
    from responders.publishers.base import Publisher
    from tests.fakes.marketplace import FakeMarketplace

PATIENT = Limits(wait_s=15.0, total_s=30.0)
IMPATIENT = Limits(wait_s=1.0, total_s=2.0)
"""For tests of what does not answer; patience is for busy machines."""
BACKFILL = timedelta(days=10)


class MemoryTokens:
    """A token store for one process."""

    def __init__(self) -> None:
        self.tokens: dict[str, Mapping[str, str]] = {}

    def load(self, account_key: str) -> Mapping[str, str]:
        return self.tokens.get(account_key, {})

    def save(self, account_key: str, token: Mapping[str, str]) -> None:
        self.tokens[account_key] = dict(token)

    def exclusive(self, account_key: str) -> AbstractContextManager[None]:
        del account_key
        return nullcontext()


@dataclass
class Notebook:
    """What the worker and the store would remember, without a database.

    Attributes:
        items: As seen last, by native id.
        edits: Native ids whose text changed, in order.
        gone: Native ids that a complete reading did not show any more.
        pages: Cursors of the last run.
    """

    items: dict[str, CollectedFeedback] = field(default_factory=dict)
    edits: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    quarantined: list[QuarantinedItem] = field(default_factory=list)
    watermark: datetime | None = None
    pages: int = 0

    def collect(self, collector: Collector, now: datetime) -> None:
        """Read until the present, window after window, as ``workers.collect`` does."""
        spec = collector.spec
        self.pages = 0
        while self.watermark is None or self.watermark < now:
            since = now - BACKFILL if self.watermark is None else self.watermark - spec.overlap
            until = now if spec.window is None else min(now, since + spec.window)
            self._read_window(collector, since, until)
            self.watermark = until

    def _read_window(self, collector: Collector, since: datetime, until: datetime) -> None:
        seen: set[str] = set()
        cursor: str | None = None
        while True:
            page = collector.fetch(since, until, cursor)
            self.pages += 1
            assert self.pages < 500, "the collector does not come to an end"
            self.quarantined += page.quarantined
            for item in page.items:
                self._note(item)
                seen.add(item.native_id)
            cursor = page.next_cursor
            if cursor is None:
                break
        self.gone -= seen
        if page.covers is not None:
            self._note_absences(page.covers, seen)

    def _note(self, item: CollectedFeedback) -> None:
        known = self.items.get(item.native_id)
        if known is not None and known.text != item.text:
            self.edits.append(item.native_id)
        # The store, too, only ever learns of replies; it does not forget them.
        replies = item.replies or (known.replies if known is not None else ())
        self.items[item.native_id] = replace(item, replies=replies)

    def _note_absences(self, covers: tuple[datetime, datetime], seen: set[str]) -> None:
        for native_id, item in self.items.items():
            is_inside = item.written_at is not None and covers[0] <= item.written_at < covers[1]
            if is_inside and item.written_at_is_exact and native_id not in seen:
                self.gone.add(native_id)


@dataclass
class Stand:
    """A fake marketplace with our collector and our publisher on it.

    Attributes:
        surface: Which list of the fake the test is about.
        limits: How long the client waits; to be set before it is made.
    """

    market: FakeMarketplace
    surface: str
    limits: Limits = PATIENT
    tokens: MemoryTokens = field(default_factory=MemoryTokens)

    @cached_property
    def account(self) -> Account:
        return self.market.account()

    @cached_property
    def build(self) -> Build:
        client = build_client(
            self.account,
            CHANNELS[self.market.channel].spec,
            pacer=Pacer(self.market.clock.monotonic),
            clock=self.market.clock.now,
            allow_private=True,
            limits=self.limits,
            sleep=self.market.clock.advance,
        )
        return Build(self.account, client, self.market.clock.now, self.tokens)

    @cached_property
    def collector(self) -> Collector:
        return CHANNELS[self.market.channel].load().build(self.build)

    @cached_property
    def publisher(self) -> Publisher:
        return PUBLISHERS[self.market.channel].load().build(self.build)

    def needs(self, ability: str) -> None:
        """Skip what this channel cannot show, with the reason its fake gives."""
        if ability in self.market.lacks:
            pytest.skip(self.market.lacks[ability])

    def seed(self, text: str, age: timedelta = timedelta(hours=1)) -> str:
        """Let a customer write ``age`` ago."""
        return self.market.seed(text, self.market.clock.now() - age, self.surface)

    def collect(self, notebook: Notebook | None = None) -> Notebook:
        notebook = notebook or Notebook()
        notebook.collect(self.collector, self.market.clock.now())
        return notebook

    def target(self, native_id: str) -> ReplyTarget:
        """Collect an item and give what its publisher is given."""
        item = self.collect().items[native_id]
        return ReplyTarget(item.native_id, item.kind, item.extra)

    def close(self) -> None:
        if "build" in self.__dict__:
            self.build.client.close()


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def stand(case: Case) -> Iterator[Stand]:
    market = case.make()
    market.start()
    made = Stand(market, case.surface)
    try:
        yield made
    finally:
        made.close()
        market.stop()
