"""What happens by the clock; the relay starts what is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from apscheduler.schedulers.background import BackgroundScheduler

from storage.outage import DATABASE
from storage.session import DatabaseError, reason_of
from workers.cards import refresh
from workers.deadlines import remind, send_digests, watch_surges
from workers.hand_over import hand_over
from workers.retain import erase_expired
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.runtime import Runtime

SWEEP_S = 5
CARDS_S = 5
REMIND_S = 60
SURGE_S = 300
ERASE_AFTER = timedelta(minutes=30)


def build_scheduler(runtime: Runtime) -> BackgroundScheduler:
    """Make the scheduler; several of them at once are harmless, each step is a claim."""
    scheduler = BackgroundScheduler(
        timezone="UTC",
        # A second late is late enough to be left out otherwise, for a whole day in the end.
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )

    def add(step: Callable[[Runtime], Any], trigger: str, **when: Any) -> None:  # noqa: ANN401 - the trigger's
        # Named, because the scheduler logs the name.
        job = partial(_guarded, step, runtime)
        scheduler.add_job(job, trigger, name=step.__name__, **when)

    add(sweep, "interval", seconds=SWEEP_S)
    if runtime.slack is not None:
        add(refresh, "interval", seconds=CARDS_S)
    for step in (hand_over, remind, send_digests):
        add(step, "interval", seconds=REMIND_S)
    add(watch_surges, "interval", seconds=SURGE_S)
    add(erase_expired, "cron", hour=18, minute=30)
    # Whose machine is off at night must hold retention too.
    add(erase_expired, "date", run_date=datetime.now(UTC) + ERASE_AFTER)
    return scheduler


def _guarded(step: Callable[[Runtime], Any], runtime: Runtime) -> None:
    # A lost database is tried again at the next tick; everything else is a defect and is logged
    # by the scheduler with its traceback.
    try:
        step(runtime)
    except DatabaseError as error:
        DATABASE.goes_on(reason_of(error), step=step.__name__)
