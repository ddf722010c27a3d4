"""One line where an outage begins and one where it ends, however many threads meet it."""

from __future__ import annotations

import threading
import time

import structlog

log = structlog.get_logger()

QUIET_S = 10.0
"""An outage is over when nothing failed for that long: a full disk still lets itself be read."""


class Outage:
    """What is lost at the moment, as far as this process knows.

    Args:
        what: Names the log's events: ``database_lost``, ``database_back``.
    """

    def __init__(self, what: str) -> None:
        self._events = f"{what}_lost", f"{what}_back"
        self._lock = threading.Lock()
        self._began_s: float | None = None
        self._seen_s = 0.0

    @property
    def is_on(self) -> bool:
        """Whether it was told and is not over."""
        return self._began_s is not None

    def goes_on(self, reason: str, **about: str) -> None:
        """Say it where it is new."""
        with self._lock:
            self._seen_s = time.monotonic()
            if self._began_s is not None:
                return
            self._began_s = self._seen_s
        log.warning(self._events[0], error=reason, **about)

    def is_over(self) -> None:
        """Say it where something was lost; costs nothing otherwise."""
        if not self.is_on:
            return
        with self._lock:
            now_s, began_s = time.monotonic(), self._began_s
            if began_s is None or now_s - self._seen_s < QUIET_S:
                return
            self._began_s = None
        log.warning(self._events[1], after_s=round(now_s - began_s))


DATABASE = Outage("database")
