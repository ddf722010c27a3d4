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
from workers.actors import declare

if TYPE_CHECKING:
    from dramatiq import Broker


def middleware() -> list[Middleware]:
    """Give the middleware in the order it wraps a message."""
    return [
        # Interrupts an actor that hangs; leases end later than that.
        TimeLimit(),
        # Lets an actor end before the process does.
        ShutdownNotifications(),
        Callbacks(),
        Retries(),
        CurrentMessage(),
    ]


def set_up(url: str) -> Broker:
    """Make the broker of this process, with every actor declared on it.

    Args:
        url: ``memory://``, ``redis://...`` or ``amqp://...``.

    Raises:
        ConfigurationError: Another address.
    """
    broker = _make(url)
    dramatiq.set_broker(broker)
    declare(broker)
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


def ping(broker: Broker) -> None:
    """Prove that the broker answers.

    Raises:
        OSError: It does not (also as dramatiq's ``BrokerConnectionError``).
    """
    if isinstance(broker, StubBroker):
        return
    try:
        # The one question all brokers answer: how long is a queue.
        broker.declare_queue("pyeongpan.publish")
        broker.get_declared_queues()
        client = getattr(broker, "client", None)
        if client is not None:
            client.ping()
        else:
            _ = broker.connection  # type: ignore[attr-defined]
    except Exception as error:
        # Both clients have error families of their own; all of them mean the same here.
        raise OSError(type(error).__name__) from error
