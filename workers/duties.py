"""What a process does again and again by the clock, and when each last gave a sign of life."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import structlog

from storage.outage import DATABASE
from storage.session import DatabaseError, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.runtime import Runtime

log = structlog.get_logger()

STALLED_S = 60.0
"""So long without a sign is worth a line in the log; the health check turns red by then."""


class Duty:
    """One step, for a scheduler to call; never done twice at once.

    While it works, each answer of the database is a sign of life, so that slow work is none that
    hangs; while it rests, it lives until it should have begun again.

    Args:
        step: What is done.
        runtime: This process's tools.
        every_s: How often it is done; None where it may rest as long as it likes.
        now_s: A clock that never goes back.
    """

    def __init__(
        self,
        step: Callable[[Runtime], Any],
        runtime: Runtime,
        every_s: float | None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = step.__name__
        self._step = step
        self._runtime = runtime
        self._every_s = every_s
        self._now_s = now_s
        self._turn = threading.Lock()
        self._thread: int | None = None
        self._sign_s = now_s()
        self._stalled_s: float | None = None

    def __call__(self) -> None:
        """Do it, unless it is still being done."""
        if not self._turn.acquire(blocking=False):
            self._look()
            return
        try:
            self._thread = threading.get_ident()
            self._sign_s = self._now_s()
            # A lost database is tried again at the next tick; everything else is a defect and is
            # logged by the scheduler with its traceback.
            self._step(self._runtime)
        except DatabaseError as error:
            DATABASE.goes_on(reason_of(error), step=self.name)
        finally:
            self._thread = None
            self._sign_s = self._now_s()
            self._resume()
            self._turn.release()

    def answered(self) -> None:
        """Take an answer of the database to this thread for a sign of life, if it is this duty's."""
        if self._thread == threading.get_ident():
            self._sign_s = self._now_s()

    def age_s(self) -> float:
        """Give how long ago the last sign of life was; 0 while it rests as it should."""
        age_s = self._now_s() - self._sign_s
        if self._thread is not None:
            return age_s
        return 0.0 if self._every_s is None else max(0.0, age_s - self._every_s)

    def _look(self) -> None:
        """Say once that it hangs."""
        if self._stalled_s is None and self.age_s() >= STALLED_S:
            self._stalled_s = self._sign_s
            log.warning("step_stalled", step=self.name, after_s=round(self.age_s()))

    def _resume(self) -> None:
        if self._stalled_s is not None:
            stalled_s, self._stalled_s = self._stalled_s, None
            log.warning("step_resumed", step=self.name, after_s=round(self._now_s() - stalled_s))


class Duties:
    """All of a process's duties.

    Args:
        runtime: This process's tools.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._all: dict[str, Duty] = {}
        runtime.database.watch(self._answered)

    def of(self, step: Callable[[Runtime], Any], every_s: float | None = None) -> Duty:
        """Give the duty of a step."""
        duty = self._all.get(step.__name__)
        if duty is None:
            duty = self._all[step.__name__] = Duty(step, self._runtime, every_s)
        return duty

    def age_s(self) -> float:
        """Give how long ago the one that has been silent for longest gave a sign of life."""
        return max((duty.age_s() for duty in tuple(self._all.values())), default=0.0)

    def _answered(self) -> None:
        for duty in tuple(self._all.values()):
            duty.answered()
