"""How long to wait before the next call to Slack: token buckets as values, never a sleep.

Source: https://docs.slack.dev/apis/web-api/rate-limits. Checked: 2026-11-21. A bucket is a small
value so that several processes can share one by keeping it in a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Rate:
    """One call per ``interval``, and ``burst`` calls at once after a pause."""

    interval: timedelta
    burst: int = 1


POST = Rate(timedelta(seconds=1))
"""``chat.postMessage``, per destination. Slack tolerates short bursts; we do not lean on it."""
UPDATE = Rate(timedelta(minutes=1) / 50, burst=5)
"""``chat.update`` (tier 3, 50 a minute), per workspace; half a dozen at once is tolerated."""
HISTORY = Rate(timedelta(minutes=1) / 50, burst=5)
"""``conversations.history`` and ``.replies`` (tier 3), per workspace. An app sold outside Slack's
Marketplace gets one a minute: it then answers 429 and says how long to wait."""
MODAL = Rate(timedelta(minutes=1) / 100, burst=10)
"""``views.*`` and ``chat.postEphemeral`` (tier 4, 100 a minute), per workspace."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """When the bucket would be full again; everything else follows from it."""

    full_at: datetime


def wait(bucket: Bucket | None, rate: Rate, now: datetime) -> timedelta:
    """Say how long to wait before one more call is allowed; zero means go."""
    if bucket is None:
        return timedelta(0)
    # A full bucket holds ``burst`` calls, so the queue may reach ``burst - 1`` intervals ahead.
    return max(bucket.full_at - now - rate.interval * (rate.burst - 1), timedelta(0))


def take(bucket: Bucket | None, rate: Rate, now: datetime) -> Bucket:
    """Give the bucket after one call made, or promised for when ``wait`` says, at ``now``."""
    starts = now if bucket is None else max(bucket.full_at, now)
    return Bucket(starts + rate.interval)


def hold(bucket: Bucket | None, rate: Rate, now: datetime, retry_after: timedelta) -> Bucket:
    """Give the bucket after a 429: no call before ``retry_after`` has passed."""
    until = now + retry_after + rate.interval * (rate.burst - 1)
    return Bucket(until if bucket is None else max(bucket.full_at, until))


class Pacer:
    """Buckets of one process, by key; safe to share between threads.

    Args:
        now: Gives the aware present.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._buckets: dict[str, Bucket] = {}
        self._lock = Lock()

    def reserve(self, key: str, rate: Rate) -> timedelta:
        """Take the next place in a key's queue and say how far away it is; zero means go now.

        The place stays taken: a caller that was told to wait calls Slack after that time without
        asking again.
        """
        with self._lock:
            now = self._now()
            bucket = self._buckets.get(key)
            self._buckets[key] = take(bucket, rate, now)
            return wait(bucket, rate, now)

    def hold(self, key: str, rate: Rate, retry_after_s: float) -> None:
        """Let nobody pass until Slack's ``Retry-After`` is over."""
        with self._lock:
            self._buckets[key] = hold(
                self._buckets.get(key), rate, self._now(), timedelta(seconds=retry_after_s)
            )
