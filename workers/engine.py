"""The relay and the workers of a single process: the part of the daemon that does the work."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import dramatiq

from workers import runtime as runtimes
from workers.relay import RelayThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from dramatiq import Broker

    from workers.runtime import Runtime

QUICK_QUEUES = {
    "pyeongpan.urgent",
    "pyeongpan.urgent_alert",
    "pyeongpan.publish",
    "pyeongpan.alert",
}
"""Queues with threads of their own, so that nothing urgent waits for a backlog's thread."""
QUICK_THREADS = 3
BACKLOG_QUEUES = {"pyeongpan.backlog", "pyeongpan.draft"}
"""What may lie there by the thousand: it has few threads, and nobody else waits for one."""
BACKLOG_THREADS = 2
OTHER_THREADS = 3


def start_workers(broker: Broker, worker_timeout_ms: int = 1000) -> list[dramatiq.Worker]:
    """Start the threads of every pool of queues on the broker that the actors are declared on.

    Args:
        broker: With all its actors declared.
        worker_timeout_ms: How long an idle thread waits before it looks whether to stop.
    """
    usual = list(broker.middleware)
    workers = []
    for queues, threads in (
        (QUICK_QUEUES, QUICK_THREADS),
        (BACKLOG_QUEUES, BACKLOG_THREADS),
        (broker.get_declared_queues() - QUICK_QUEUES - BACKLOG_QUEUES, OTHER_THREADS),
    ):
        worker = dramatiq.Worker(
            broker, queues=queues, worker_threads=threads, worker_timeout=worker_timeout_ms
        )
        worker.start()
        # It leaves a listener for queues declared from now on, of which there are none; dramatiq
        # warns of two.
        broker.middleware[:] = usual
        workers.append(worker)
    return workers


def keep_loaded() -> None:
    """Keep what is loaded by now out of garbage collection: it stays as long as the process.

    Looking through all of it again would cost a page 150 ms each time.
    """
    gc.collect()
    gc.freeze()


class Engine:
    """Relay and worker threads on the broker that the actors are declared on.

    Args:
        runtime: This process's tools.
        broker: With all its actors declared.
        starts_due: Whether the relay also asks for the collection of due accounts.
        age_s: As the relay takes it.
    """

    def __init__(
        self,
        runtime: Runtime,
        broker: Broker,
        *,
        starts_due: bool = False,
        age_s: Callable[[], float] | None = None,
    ) -> None:
        self._runtime = runtime
        self._broker = broker
        self._relay = RelayThread(runtime, starts_due=starts_due, age_s=age_s)
        self._workers: list[dramatiq.Worker] = []

    def start(self) -> None:
        """Start working on an up-to-date database (``runtime.synchronize``)."""
        runtimes.install(self._runtime)
        keep_loaded()
        self._runtime.poke = self._relay.poke
        self._relay.start()
        # Starts the time limits, which dramatiq's own command line does elsewhere.
        self._broker.emit_after("process_boot")
        self._workers = start_workers(self._broker)

    def stop(self) -> None:
        """End the work at hand, then close the broker, the channels and the database."""
        for worker in self._workers:
            worker.stop(timeout=30_000)
        self._relay.stop()
        self._broker.close()
        self._runtime.close()
        gc.unfreeze()
