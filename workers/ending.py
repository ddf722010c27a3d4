"""Seeing that a process that was told to end does."""

from __future__ import annotations

import os
import threading

import structlog

log = structlog.get_logger()

CONSOLE_ENDS_WITHIN_S = 8
SCHEDULER_ENDS_WITHIN_S = 50
WORKER_ENDS_WITHIN_S = 170
"""A little less than the compose file, or Docker itself, waits before it kills."""
RUN_ENDS_WITHIN_S = 80
"""A little less than systemd waits, where nobody says otherwise."""


def end_within(limit_s: float) -> None:
    """See that this process ends, also where a database that hangs holds its threads.

    What they had at hand is then taken up like after any death.
    """

    def give_up() -> None:
        log.warning("stop_cut_short", after_s=limit_s)
        os._exit(1)

    limit = threading.Timer(limit_s, give_up)
    limit.daemon = True
    limit.start()
