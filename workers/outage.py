"""One line where an outage begins and one where it ends, however many threads meet it."""

from __future__ import annotations

import logging
import threading
import time

import structlog
from dramatiq.errors import BrokerConnectionError

log = structlog.get_logger()


class Outage:
    """What is lost at the moment, as far as this process knows.

    Args:
        what: Names the log's events: ``database_lost``, ``database_back``.
    """

    def __init__(self, what: str) -> None:
        self._events = f"{what}_lost", f"{what}_back"
        self._lock = threading.Lock()
        self._began_s: float | None = None

    def goes_on(self, reason: str, **about: str) -> None:
        """Say it where it is new."""
        with self._lock:
            if self._began_s is not None:
                return
            self._began_s = time.monotonic()
        log.warning(self._events[0], error=reason, **about)

    def is_over(self) -> None:
        """Say it where something was lost; costs nothing otherwise."""
        if self._began_s is None:
            return
        with self._lock:
            began_s, self._began_s = self._began_s, None
        if began_s is not None:
            log.warning(self._events[1], after_s=round(time.monotonic() - began_s))


BROKER = Outage("broker")
DATABASE = Outage("database")


class OncePerOutage(logging.Filter):
    """Keeps to itself what dramatiq logs each second for each queue while the broker is lost."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is about something else."""
        about = record.args if isinstance(record.args, tuple) else ()
        lost = [error for error in about if isinstance(error, BrokerConnectionError)]
        for error in lost:
            BROKER.goes_on(str(error))
        return not lost
