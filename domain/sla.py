"""When a first reply is due, from the brand's business hours. Pure and clock-free."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from domain.brands import BusinessHours

_LONGEST_CLOSURE_DAYS = 400


def due_at(
    start: datetime,
    within: timedelta,
    hours: BusinessHours,
    timezone: str,
    is_holiday: Callable[[date], bool],
) -> datetime:
    """Add business time to an instant.

    Args:
        start: Aware instant the promise starts at.
        within: Business time promised.
        hours: When the brand works.
        timezone: IANA name of the brand's zone.
        is_holiday: Tells whether a local date is a public or substitute holiday.

    Returns:
        The aware UTC instant at which ``within`` has passed.

    Raises:
        ValueError: ``start`` is naive, or the brand never opens.
    """
    if start.tzinfo is None:
        raise ValueError("start must be aware")
    zone = ZoneInfo(timezone)
    left = within
    day = start.astimezone(zone).date()
    for offset in range(_LONGEST_CLOSURE_DAYS):
        for opens, closes in _shifts(day + timedelta(days=offset), hours, zone, is_holiday):
            begins = max(opens, start)
            if begins >= closes:
                continue
            if closes - begins >= left:
                return begins + left
            left -= closes - begins
    raise ValueError("these business hours never come")


def _shifts(
    day: date,
    hours: BusinessHours,
    zone: ZoneInfo,
    is_holiday: Callable[[date], bool],
) -> Iterator[tuple[datetime, datetime]]:
    if day.weekday() not in hours.weekdays or is_holiday(day):
        return
    edges = [hours.opens, hours.closes]
    if hours.lunch_starts is not None and hours.lunch_ends is not None:
        edges = [hours.opens, hours.lunch_starts, hours.lunch_ends, hours.closes]
    for opens, closes in zip(edges[::2], edges[1::2], strict=True):
        yield _instant(day, opens, zone), _instant(day, closes, zone)


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
