"""The broker: one messenger for all actors, chosen by its address.

Middleware is what dramatiq ships, less what would hide our own rules: age limits would drop
messages that the database still counts on, and results are in the database.
"""

from __future__ import annotations

import logging
from queue import Empty, PriorityQueue, Queue
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.common import dq_name
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
from workers.outage import NoRetriesExceeded, OncePerOutage

if TYPE_CHECKING:
    from dramatiq import Broker, Worker

_ONCE, _NO_RETRIES = OncePerOutage(), NoRetriesExceeded()


class _Quiet(Queue[Any]):
    """A queue whose readers sleep until something comes, where dramatiq's look every second."""

    _must_look = False

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: ANN401, FBT001, FBT002 - Queue's own
        """Give what is next, or raise ``Empty``, as every loop of dramatiq's expects at any time.

        What was taken and is not done may be a delayed message: then ``timeout`` counts.
        """
        with self.not_empty:
            if block and not self._qsize():
                self.not_empty.wait(timeout if self._must_look or self.unfinished_tasks else None)
            if not self._qsize():
                raise Empty
            return self._get()

    def wake(self) -> None:
        """Let the readers see that they must stop."""
        with self.mutex:
            self._must_look = True
            self.not_empty.notify_all()


class _QuietByPriority(_Quiet, PriorityQueue[Any]):
    pass


class _EmbeddedBroker(StubBroker):
    """dramatiq's broker in memory, which costs nothing while it has nothing."""

    queues: dict[str, Queue[Any]]

    def declare_queue(self, queue_name: str) -> None:
        if queue_name not in self.queues:
            super().declare_queue(queue_name)
            for name in (queue_name, dq_name(queue_name)):
                self.queues[name] = _Quiet()


class _QuietWork(Middleware):
    """Lets idle threads of a worker sleep, and wakes them when it stops."""

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        worker.work_queue = _QuietByPriority()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        queues = broker.queues.values() if isinstance(broker, _EmbeddedBroker) else ()
        for queue in (worker.work_queue, *queues):
            if isinstance(queue, _Quiet):
                queue.wake()


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
        _QuietWork(),
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
    for queue in (*broker.get_declared_queues(), *broker.get_declared_delay_queues()):
        logging.getLogger(f"dramatiq.worker.ConsumerThread({queue})").addFilter(_ONCE)
    logging.getLogger("dramatiq.middleware.retries.Retries").addFilter(_NO_RETRIES)
    return broker


def _make(url: str) -> Broker:
    scheme = url.partition("://")[0]
    if scheme == "memory":
        return _EmbeddedBroker(middleware=middleware())
    if scheme in {"redis", "rediss"}:
        from workers.redis_broker import QuietRedisBroker

        return QuietRedisBroker(url=url, middleware=middleware())  # type: ignore[no-untyped-call]
    if scheme in {"amqp", "amqps"}:
        from workers.rabbitmq_broker import TellingRabbitmqBroker

        return TellingRabbitmqBroker(url=url, middleware=middleware(), confirm_delivery=True)
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
        if hasattr(broker, "client"):
            # Unlike Redis' own ping this writes, which a full server and a replica refuse.
            broker.do_qsize("pyeongpan.publish")  # type: ignore[attr-defined]
        else:
            _ = broker.connection  # type: ignore[attr-defined]
    except Exception as error:
        # Both clients have error families of their own; all of them mean the same here.
        reason = str(error) or ", ".join(map(repr, error.args))
        raise OSError(f"{type(error).__name__}: {reason}") from error
