"""dramatiq's broker on Redis, which looks less often for what is delayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name

if TYPE_CHECKING:
    from dramatiq.broker import Consumer

DELAYED_MS = 5_000
"""Longest pause between two looks at a delay queue, where only retries of defects are."""


class QuietRedisBroker(RedisBroker):
    """Half of dramatiq's looks are at delay queues that are nearly always empty."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5_000) -> Consumer:
        """Give what reads a queue; ``timeout`` is in milliseconds."""
        pause = DELAYED_MS if queue_name == dq_name(queue_name) else timeout
        return super().consume(queue_name, prefetch, pause)
