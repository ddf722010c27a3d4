"""What happens by the clock; the relay starts what is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from apscheduler.schedulers.background import BackgroundScheduler

from workers.cards import refresh
from workers.deadlines import remind, send_digests, watch_surges
from workers.hand_over import hand_over
from workers.retain import erase_expired
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.duties import Duties
    from workers.runtime import Runtime

SWEEP_S = 5
CARDS_S = 5
REMIND_S = 60
SURGE_S = 300
ERASE_AFTER = timedelta(minutes=30)


def build_scheduler(runtime: Runtime, duties: Duties) -> BackgroundScheduler:
    """Make the scheduler; several of them at once are harmless, each step is a claim.

    Args:
        runtime: This process's tools.
        duties: Where the steps are looked after.
    """
    scheduler = BackgroundScheduler(
        timezone="UTC",
        # A second late is late enough to be left out otherwise, for a whole day in the end. Two at
        # once never are: the second finds the first at work, and says so where that takes long.
        job_defaults={"coalesce": True, "max_instances": 2, "misfire_grace_time": None},
    )

    def add(step: Callable[[Runtime], Any], trigger: str, **when: Any) -> None:  # noqa: ANN401 - the trigger's
        duty = duties.of(step, when.get("seconds"))
        # Named, because the scheduler logs the name.
        scheduler.add_job(duty, trigger, name=duty.name, **when)

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
