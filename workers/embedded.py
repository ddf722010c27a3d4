"""The pipeline alone in this process: relay and workers, without clock and console.

For benchmarks, which collect when they say so; the daemon adds the rest.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import dramatiq

from settings import Settings
from storage import accounts, schema
from workers import broker as brokers
from workers import runtime as runtimes
from workers.relay import RelayThread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workers.runtime import Runtime

WORKER_THREADS = 8


@contextmanager
def pipeline(home: Path, brands: Path) -> Iterator[Runtime]:
    """Run the embedded pipeline on a SQLite file in ``home``; nothing is collected unasked.

    Raises:
        ConfigurationError: The brand folders are wrong.
    """
    settings = Settings(home=home, brands=brands, allow_private_addresses=True)
    broker = brokers.set_up(settings.broker_url)
    runtime = runtimes.build(settings)
    runtimes.install(runtime)
    schema.upgrade(runtime.database)
    with runtime.database.unit_of_work() as connection:
        accounts.synchronize(connection, runtime.accounts.values(), now=runtime.clock())
    relay = RelayThread(runtime)
    runtime.poke = relay.poke
    worker = dramatiq.Worker(broker, worker_threads=WORKER_THREADS, worker_timeout=1000)
    relay.start()
    worker.start()
    try:
        yield runtime
    finally:
        worker.stop(timeout=30_000)
        relay.stop()
        broker.close()
        runtime.database.close()
