"""What dramatiq's command line imports in each worker process: broker, actors, tools, relay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq

import settings
from workers import broker as brokers
from workers import runtime as runtimes
from workers.ending import WORKER_ENDS_WITHIN_S, end_within
from workers.engine import keep_loaded
from workers.relay import RelayThread

if TYPE_CHECKING:
    from dramatiq import Broker, Worker


class RelayMiddleware(dramatiq.Middleware):
    """Relays in every worker process, so that what an actor wrote moves on at once."""

    def __init__(self) -> None:
        self._relay: RelayThread | None = None

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Start relaying."""
        keep_loaded()
        runtime = runtimes.current()
        self._relay = RelayThread(runtime)
        runtime.poke = self._relay.poke
        self._relay.start()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Stop relaying; what is left is relayed by others."""
        end_within(WORKER_ENDS_WITHIN_S)
        if self._relay is not None:
            self._relay.stop()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Close what the actors used."""
        runtimes.current().close()


_settings = settings.load()
broker = brokers.set_up(_settings.broker_url)
broker.add_middleware(RelayMiddleware())
runtimes.install(runtimes.build(_settings))
