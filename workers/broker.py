"""The broker: one messenger for all actors, chosen by its address.

Middleware is what dramatiq ships, less what would hide our own rules: age limits would drop
messages that the database still counts on, and results are in the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import (
    Callbacks,
    CurrentMessage,
    Middleware,
    Retries,
    ShutdownNotifications,
    TimeLimit,
)

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from dramatiq import Broker

MAX_RETRIES = 3
"""For defects and lost databases only; everything foreseen is queued again by the database."""
MIN_BACKOFF_MS = 500
MAX_BACKOFF_MS = 30_000


def middleware() -> list[Middleware]:
    """Give the middleware in the order it wraps a message."""
    return [
        # Interrupts an actor that hangs; leases end later than that.
        TimeLimit(),
        # Lets an actor end before the process does.
        ShutdownNotifications(),
        Callbacks(),
        Retries(max_retries=MAX_RETRIES, min_backoff=MIN_BACKOFF_MS, max_backoff=MAX_BACKOFF_MS),
        CurrentMessage(),
    ]


def set_up(url: str) -> Broker:
    """Make the broker the actors declare themselves on; call before importing them.

    Args:
        url: ``memory://``, ``redis://...`` or ``amqp://...``.

    Raises:
        ConfigurationError: Another address.
    """
    broker = _make(url)
    dramatiq.set_broker(broker)
    return broker


def _make(url: str) -> Broker:
    scheme = url.partition("://")[0]
    if scheme == "memory":
        return StubBroker(middleware=middleware())
    if scheme in {"redis", "rediss"}:
        from dramatiq.brokers.redis import RedisBroker

        return RedisBroker(url=url, middleware=middleware())  # type: ignore[no-untyped-call]
    if scheme in {"amqp", "amqps"}:
        from dramatiq.brokers.rabbitmq import RabbitmqBroker

        return RabbitmqBroker(url=url, middleware=middleware(), confirm_delivery=True)
    raise ConfigurationError(
        "PYEONGPAN_BROKER_URL: use memory://, redis://host:6379/0 or amqp://user:pw@host:5672/"
    )
