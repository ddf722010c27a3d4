"""dramatiq's broker on RabbitMQ, which knows when an outage is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dramatiq.brokers.rabbitmq import RabbitmqBroker

from workers.outage import BROKER

if TYPE_CHECKING:
    from dramatiq import Message
    from dramatiq.broker import Consumer


class TellingRabbitmqBroker(RabbitmqBroker):
    """Tells when the server took a message or let a queue be read."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5_000) -> Consumer:
        """Give what reads a queue; ``timeout`` is in milliseconds."""
        consumer = super().consume(queue_name, prefetch, timeout)
        BROKER.is_over()
        return consumer

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Hand a message over."""
        message = super().enqueue(message, delay=delay)
        BROKER.is_over()
        return message
