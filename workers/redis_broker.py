"""dramatiq's broker on Redis, which looks less often for what is delayed, and more for an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name
from dramatiq.errors import ConnectionClosed
from redis.exceptions import RedisError

from workers.outage import BROKER

if TYPE_CHECKING:
    from collections.abc import Callable

    from dramatiq.broker import Consumer

DELAYED_MS = 5_000
"""Longest pause between two looks at a delay queue, where only retries of defects are."""
ALARM_MS = 200
ALARM_QUEUES = frozenset({"pyeongpan.analyze", "pyeongpan.urgent", "pyeongpan.urgent_alert"})
"""What a safety matter goes through; dramatiq pauses a second before it looks at an idle queue."""


class QuietRedisBroker(RedisBroker):
    """Half of dramatiq's looks are at delay queues that are nearly always empty."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5_000) -> Consumer:
        """Give what reads a queue; ``timeout`` is in milliseconds."""
        pause = timeout
        if queue_name == dq_name(queue_name):
            pause = DELAYED_MS
        elif queue_name in ALARM_QUEUES:
            pause = min(timeout, ALARM_MS)
        return super().consume(queue_name, prefetch, pause)

    def _dispatch(self, command: str) -> Callable[..., Any]:
        # All that is asked of Redis goes through here. dramatiq translates a refused connection
        # only where it consumes; a full, a loading and a silent server are lost just the same, and
        # what it does not expect ends the thread of a delay queue.
        ask = super()._dispatch(command)  # type: ignore[no-untyped-call]

        def asked(*words: Any) -> Any:  # noqa: ANN401 - Redis' own
            try:
                answer = ask(*words)
            except RedisError as error:
                raise ConnectionClosed(str(error)) from None  # type: ignore[no-untyped-call]
            BROKER.is_over()
            return answer

        return asked
