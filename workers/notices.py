"""From a notice that the rules decided to the row that is told; bursts become threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from alerts.rules import CONSOLE, Alert, AlertRule, BurstRule, alert_key, room_of
from domain.mail import MAIL
from storage import accounts, alerts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from storage.alerts import NewAlert, Waiting
    from storage.session import Connection
    from workers.runtime import Runtime

log = structlog.get_logger()

ESCALATED = "escalated"
"""The reminder that the brand hears, two hours after its review room did."""
BURSTS = BurstRule()
BURST_IS_OVER = 2 * BURSTS.window
"""After the last case; later than any transaction that may still add one."""


def new_alert(alert: Alert, payload: Mapping[str, Any]) -> NewAlert:
    """Give the row of one notice.

    Args:
        alert: As ``alerts.rules`` decided.
        payload: What the message is built from; masked text only.
    """
    return alerts.NewAlert(
        dedupe_key=alert.dedupe_key,
        rule=alert.rule,
        brand=alert.brand,
        destination=_column(alert.destination),
        payload=payload,
        feedback_id=alert.feedback_id,
        urgent=alert.is_urgent,
        available_at=alert.send_at,
    )


def _column(room: str) -> str:
    return "" if room == CONSOLE else room


def room_now(runtime: Runtime, waiting: Waiting) -> str:
    """Give the room that a notice's brand names for it now; empty for the console only.

    Of a brand whose folder is gone it is the one that it had.
    """
    brand = runtime.brands.get(waiting.brand)
    if brand is None:
        return waiting.destination
    is_escalated = waiting.reminder == ESCALATED
    return _column(room_of(AlertRule(waiting.rule), brand, is_escalated=is_escalated))


def rooms(runtime: Runtime) -> set[str]:
    """Give the rooms that any brand names."""
    return {
        room
        for brand in runtime.brands.values()
        for room in (brand.slack_review_destination, brand.slack_brand_destination)
    }


def readdress(runtime: Runtime) -> int:
    """Send what still waits to the rooms that the brands' folders name now.

    A room that a brand left may be somebody else's: it hears nothing more of the brand. What the
    new room was told of by itself, or what has no room any more, is shown in the console. That a
    room which all have left takes nothing is no problem any more.

    Returns:
        How many notices were moved.
    """
    if runtime.slack is None:
        return 0
    now, moved = runtime.clock(), 0
    with runtime.database.unit_of_work() as connection:
        for waiting in alerts.waiting_for_slack(connection):
            room = room_now(runtime, waiting)
            if room == waiting.destination:
                continue
            old, new = (
                alert_key(AlertRule(waiting.rule), name, "")
                for name in (waiting.destination, room or CONSOLE)
            )
            moved += alerts.readdress(connection, waiting, room, (old, new), now=now)
            if waiting.destination not in rooms(runtime):
                subject = accounts.slack_room(waiting.destination)
                accounts.close_incidents(connection, subject, now=now)
    if moved:
        log.info("alerts_readdressed", alerts=moved)
        runtime.poke()
    return moved


def tell(
    runtime: Runtime, connection: Connection, notices: Sequence[NewAlert], *, now: datetime
) -> None:
    """Store notices in the caller's transaction; too many cards at once share one thread.

    Without Slack they are shown in the console. Without a mail server nothing is kept of what
    would have been mailed: the same event has its notice there already.
    """
    has_slack = runtime.slack is not None
    mails = [notice for notice in notices if notice.destination.startswith(MAIL)]
    others = [notice for notice in notices if not notice.destination.startswith(MAIL)]
    if has_slack:
        others = _in_threads(connection, others, now=now)
    alerts.add(connection, others, now=now, is_told=has_slack)
    if runtime.mail is not None:
        alerts.add(connection, mails, now=now, is_told=True)


_THREADS: Mapping[str, AlertRule] = {
    AlertRule.CASE_CARD: AlertRule.BURST,
    AlertRule.BRAND_ASKED: AlertRule.BRAND_ASKED_BURST,
}
"""Of what many at once share one thread, and its rule."""


@dataclass(frozen=True, slots=True)
class _Group:
    """What may share a thread; ``opens_at`` where all of it waits for its brand's opening."""

    rule: str
    brand: str
    destination: str
    opens_at: datetime | None

    @property
    def thread(self) -> AlertRule:
        return _THREADS[self.rule]

    def thread_key(self, begun_at: datetime) -> str:
        """Give the key of a thread that begins; one opening has one."""
        return alert_key(
            self.thread, self.destination, f"{self.brand}:{(self.opens_at or begun_at).isoformat()}"
        )


def _in_threads(
    connection: Connection, notices: Sequence[NewAlert], *, now: datetime
) -> list[NewAlert]:
    placed: list[NewAlert] = []
    left: dict[_Group, int] = {}
    threads: dict[_Group, int] = {}
    for notice in notices:
        # What is urgent always gets a message of its own.
        if notice.rule not in _THREADS or notice.urgent or not notice.destination:
            placed.append(notice)
            continue
        send_at = notice.available_at or now
        opens_at = send_at if send_at > now else None
        group = _Group(notice.rule, notice.brand, notice.destination, opens_at)
        if group not in left:
            running, left[group] = _room(connection, group, now=now)
            if running is not None:
                threads[group] = running
        if left[group] > 0:
            left[group] -= 1
            placed.append(notice)
            continue
        if group not in threads:
            threads[group] = _begin_thread(connection, group, now=now)
        placed.append(replace(notice, burst_id=threads[group]))
    return placed


def _room(connection: Connection, group: _Group, *, now: datetime) -> tuple[int | None, int]:
    """Give the running thread, and how many cards may still be messages of their own."""
    about = (group.brand, group.destination)
    if group.opens_at is not None:
        # However long ago they were made, they are told at once.
        waiting = alerts.waiting_cards(connection, *about, group.rule, until=group.opens_at)
        return None, max(0, BURSTS.max_new - waiting)
    since = now - BURSTS.window
    running = alerts.running_burst(connection, *about, group.thread, since=since)
    if running is not None:
        return running, 0
    recent = alerts.recent_cards(connection, *about, group.rule, since=since)
    return None, max(0, BURSTS.max_new - recent)


def _begin_thread(connection: Connection, group: _Group, *, now: datetime) -> int:
    """Make a thread, or give the one that its opening has."""
    key = group.thread_key(now)
    parent = alerts.NewAlert(
        dedupe_key=key,
        rule=group.thread,
        brand=group.brand,
        destination=group.destination,
        payload={},
        urgent=True,
        available_at=group.opens_at,
    )
    alerts.add(connection, [parent], now=now, is_told=True)
    return alerts.find_by_key(connection, key)
