"""What time alone makes worth telling: deadlines, surges, digests. Nothing here approves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from alerts.rules import (
    Alert,
    AlertRule,
    Counts,
    SurgeRule,
    alert_key,
    digest_alert,
    is_surge,
    mailed,
    opens_again_at,
    previous_digest_at,
    room_of,
    surge_alert,
)
from storage import alerts, cases, health
from workers.notices import ESCALATED, new_alert, tell
from workers.runtime import is_holiday

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from domain.brands import Brand
    from storage.alerts import NewAlert
    from storage.session import Connection
    from workers.runtime import Runtime

REMIND_BEFORE = timedelta(hours=1)
ESCALATE_AFTER = timedelta(hours=2)
"""How long a case may be overdue until its brand is told too, once the lead was."""
SURGE_WINDOW = timedelta(hours=1)
SURGE_BASELINE = timedelta(days=14)
FIRST_DIGEST_WITHIN = timedelta(hours=1)
"""Whoever had no digest so far has missed none; from then on they wait for the next opening."""


def remind(runtime: Runtime) -> int:
    """Tell of deadlines that are near, broken, or broken for long: room, lead, brand.

    While the brand is closed it is told nothing: what became late meanwhile is told at its opening,
    together, and without what was answered by then.

    Returns:
        How many cases were told of.
    """
    now = runtime.clock()
    told = 0
    for brand in runtime.brands.values():
        is_open = opens_again_at(now, brand, is_holiday) == now
        for reminder, before, rule in (
            (ESCALATED, now - ESCALATE_AFTER, AlertRule.OVERDUE),
            ("overdue", now, AlertRule.OVERDUE),
            # What ends while nobody is there is told in the last hour before.
            (
                "due_soon",
                opens_again_at(now + REMIND_BEFORE, brand, is_holiday),
                AlertRule.DUE_SOON,
            ),
        ):
            if reminder == ESCALATED and not is_open:
                continue
            told += _remind(runtime, brand, reminder, before, rule, now=now)
    return told


def _remind(
    runtime: Runtime,
    brand: Brand,
    reminder: str,
    before: datetime,
    rule: AlertRule,
    *,
    now: datetime,
) -> int:
    destination = room_of(rule, brand, is_escalated=reminder == ESCALATED)
    with runtime.database.unit_of_work() as connection:
        ids = cases.take_due(connection, brand.slug, reminder, before=before)
        if not ids:
            return 0
        alert = Alert(
            rule=rule,
            destination=destination,
            dedupe_key=alert_key(rule, destination, f"{brand.slug}:{reminder}:{now.isoformat()}"),
            brand=brand.slug,
            send_at=now,
        )
        payload = {"case_ids": ids, "reminder": reminder}
        tell(runtime, connection, [new_alert(alert, payload)], now=now)
    runtime.poke()
    return len(ids)


def watch_surges(runtime: Runtime) -> int:
    """Tell brand owners when much more is negative than usual; at most once a day.

    Returns:
        How many brands surge now.
    """
    now = runtime.clock()
    surging = 0
    for brand in runtime.brands.values():
        with runtime.database.reading() as connection:
            window = health.count_written(connection, brand.slug, since=now - SURGE_WINDOW)
            longer = health.count_written(connection, brand.slug, since=now - SURGE_BASELINE)
        current = Counts(window["negative"], window["collected"])
        baseline = Counts(
            longer["negative"] - window["negative"], longer["collected"] - window["collected"]
        )
        if not is_surge(current, baseline, SurgeRule()):
            continue
        surging += 1
        payload = {
            "window_s": SURGE_WINDOW.total_seconds(),
            "negative": current.negative,
            "total": current.total,
            "baseline_rate": baseline.rate,
            "categories": window["categories"],
        }
        alert = surge_alert(brand, now, is_holiday)
        with runtime.database.unit_of_work() as connection:
            tell(runtime, connection, [new_alert(alert, payload)], now=now)
        runtime.poke()
    return surging


def send_digests(runtime: Runtime) -> None:
    """Make the daily and, at a week's first opening, the weekly digest of each brand.

    Called often, and each digest is made once. One that nobody made at the opening is made later
    in the brand's hours; whatever was missed, the next one tells of it.
    """
    now = runtime.clock()
    for brand in runtime.brands.values():
        if opens_again_at(now, brand, is_holiday) != now:
            continue
        with runtime.database.reading() as connection:
            notices = [
                *_digests(connection, AlertRule.DAILY_DIGEST, brand, now),
                *_digests(connection, AlertRule.WEEKLY_DIGEST, brand, now),
            ]
        if notices:
            with runtime.database.unit_of_work() as connection:
                tell(runtime, connection, notices, now=now)


def _digests(
    connection: Connection, rule: AlertRule, brand: Brand, now: datetime
) -> Iterator[NewAlert]:
    """Give the digests of one kind that are due and were not made so far."""
    opening = previous_digest_at(rule, now + timedelta.resolution, brand, is_holiday)
    for destination in (brand.slack_brand_destination, *mailed(rule, brand)):
        notice = new_alert(digest_alert(rule, brand, destination, opening), {})
        last = alerts.last_made(connection, rule, brand.slug, notice.destination)
        if last is None:
            if now >= opening + FIRST_DIGEST_WITHIN:
                continue
            last = previous_digest_at(rule, opening, brand, is_holiday)
        if last < opening:
            yield replace(notice, payload={"since": last.isoformat()})
