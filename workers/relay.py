"""Handing messages from the database to the broker, and starting what is due."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import structlog

from storage import accounts, outbox
from storage.outage import DATABASE
from storage.session import DatabaseError, reason_of
from workers.collect import start_due
from workers.outage import BROKER

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.runtime import Runtime

log = structlog.get_logger()

IDLE_S = 1.0
"""How long a message that was not poked for waits at most."""
BATCH = 200


def relay(runtime: Runtime) -> int:
    """Hand over everything that is due.

    Returns:
        How many messages reached the broker.
    """
    total = 0
    while True:
        now = runtime.clock()
        with runtime.database.reading() as connection:
            next_at = outbox.next_available_at(connection)
        if next_at is None or next_at > now:
            return total
        with runtime.database.unit_of_work() as connection:
            sent = outbox.relay(connection, _send, now=now, limit=BATCH)
        total += sent
        if sent < BATCH:
            # All that was due, or all that no other process holds.
            return total


def _send(actor: str, args: list[Any]) -> None:
    dramatiq.get_broker().get_actor(actor).send(*args)


class RelayThread(threading.Thread):
    """Relays when poked, and every second anyway.

    Args:
        runtime: This process's tools.
        starts_due: Whether it also asks for the collection of due accounts.
        age_s: Gives how long ago the process's other duties, as a whole, gave a sign of life; None
            where it has none.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        starts_due: bool = False,
        age_s: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(name="relay", daemon=True)
        self._runtime = runtime
        self._starts_due = starts_due
        self._age_s = age_s
        self._poked = threading.Event()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Relay until stopped; a lost broker or database is tried again."""
        home = self._runtime.settings.home
        home.mkdir(parents=True, exist_ok=True)
        # One for each process of a worker: a brother's must not hide that this one hangs.
        alive = home / f"alive-{multiprocessing.current_process().name}"
        while not self._stopping.is_set():
            try:
                self._look()
                DATABASE.is_over()
                # A sign of life that costs nothing: the database answered, and the broker
                # if anything was due. It is as old as that of whatever else is done here.
                alive.touch()
                if self._age_s is not None and (age_s := self._age_s()):
                    at = time.time() - age_s
                    os.utime(alive, (at, at))
            except DatabaseError as error:
                DATABASE.goes_on(reason_of(error), step="relay")
                self._stopping.wait(IDLE_S)
            except dramatiq.errors.BrokerConnectionError as error:
                BROKER.goes_on(str(error))
                self._stopping.wait(IDLE_S)
            except OSError as error:
                log.warning("relay_failed", error=str(error) or type(error).__name__)
                self._stopping.wait(IDLE_S)
            except Exception:
                # A defect in starting one account must not end what every message goes through;
                # without a sign of life the health check tells.
                log.exception("relay_failed")
                self._stopping.wait(IDLE_S)
            self._poked.wait(IDLE_S)
            self._poked.clear()

    def _look(self) -> None:
        if self._starts_due:
            # One question for both: mostly there is neither.
            with self._runtime.database.reading() as connection:
                if not accounts.is_anything_due(connection, now=self._runtime.clock()):
                    return
            start_due(self._runtime)
        relay(self._runtime)

    def poke(self) -> None:
        """Say that messages were written."""
        self._poked.set()

    def stop(self) -> None:
        """End after the batch at hand."""
        self._stopping.set()
        self._poked.set()
        if self.is_alive():
            self.join(timeout=10)
