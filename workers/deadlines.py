"""What time alone makes worth telling: deadlines, surges, digests. Nothing here approves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from alerts.rules import (
    CONSOLE,
    Alert,
    AlertRule,
    Counts,
    SurgeRule,
    digest_alert,
    is_surge,
    mailed,
    opens_again_at,
    previous_digest_at,
    surge_alert,
)
from storage import cases, health
from workers.notices import new_alert, tell
from workers.runtime import is_holiday

if TYPE_CHECKING:
    from datetime import datetime

    from domain.brands import Brand
    from workers.runtime import Runtime

REMIND_BEFORE = timedelta(hours=1)
ESCALATE_AFTER = timedelta(hours=2)
"""How long a case may be overdue until its brand is told too, once the lead was."""
SURGE_WINDOW = timedelta(hours=1)
SURGE_BASELINE = timedelta(days=14)
DIGEST_WITHIN = timedelta(hours=1)
"""A digest that was missed for longer than this is left out."""


def remind(runtime: Runtime) -> int:
    """Tell of deadlines that are near, broken, or broken for long: room, lead, brand.

    Returns:
        How many cases were told of.
    """
    now = runtime.clock()
    told = 0
    for brand in runtime.brands.values():
        review = brand.slack_review_destination or CONSOLE
        owners = brand.slack_brand_destination or CONSOLE
        for reminder, before, rule, destination in (
            ("escalated", now - ESCALATE_AFTER, AlertRule.OVERDUE, owners),
            ("overdue", now, AlertRule.OVERDUE, review),
            ("due_soon", now + REMIND_BEFORE, AlertRule.DUE_SOON, review),
        ):
            told += _remind(runtime, brand, reminder, before, rule, destination, now=now)
    return told


def _remind(
    runtime: Runtime,
    brand: Brand,
    reminder: str,
    before: datetime,
    rule: AlertRule,
    destination: str,
    *,
    now: datetime,
) -> int:
    with runtime.database.unit_of_work() as connection:
        ids = cases.take_due(connection, brand.slug, reminder, before=before)
        if not ids:
            return 0
        send_at = now if reminder != "escalated" else opens_again_at(now, brand, is_holiday)
        alert = Alert(
            rule=rule,
            destination=destination,
            dedupe_key=f"{rule}:{destination}:{brand.slug}:{reminder}:{now.isoformat()}",
            brand=brand.slug,
            send_at=send_at,
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
            window = health.count_period(connection, brand.slug, since=now - SURGE_WINDOW, now=now)
            longer = health.count_period(
                connection, brand.slug, since=now - SURGE_BASELINE, now=now
            )
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
    """Make the daily and, on a week's first working day, the weekly digest of each brand.

    Called often; the key of the day makes each digest once.
    """
    now = runtime.clock()
    for brand in runtime.brands.values():
        opening = _todays_opening(brand, now)
        if opening is None or not opening <= now < opening + DIGEST_WITHIN:
            continue
        digests = {AlertRule.DAILY_DIGEST: brand.digest_emails.daily}
        if _is_first_working_day(brand, opening):
            digests[AlertRule.WEEKLY_DIGEST] = brand.digest_emails.weekly
        notices = []
        for rule, addresses in digests.items():
            since = previous_digest_at(rule, opening, brand, is_holiday)
            notices += [
                new_alert(
                    digest_alert(rule, brand, destination, opening), {"since": since.isoformat()}
                )
                for destination in (brand.slack_brand_destination, *mailed(addresses))
            ]
        with runtime.database.unit_of_work() as connection:
            tell(runtime, connection, notices, now=now)


def _todays_opening(brand: Brand, now: datetime) -> datetime | None:
    """Give the opening that was at most a digest's patience ago."""
    opening = opens_again_at(now - DIGEST_WITHIN, brand, is_holiday)
    return opening if now - DIGEST_WITHIN < opening <= now else None


def _is_first_working_day(brand: Brand, opening: datetime) -> bool:
    """Tell whether no working day of the same week came before."""
    for days in range(1, 7):
        earlier = opening - timedelta(days=days)
        if earlier.isocalendar().week != opening.isocalendar().week:
            return True
        if opens_again_at(earlier, brand, is_holiday) == earlier:
            return False
    return True
