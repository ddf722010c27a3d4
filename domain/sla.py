"""When a first reply is due, from the brand's business hours. Pure and clock-free."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from domain.brands import Brand, BusinessHours

_LONGEST_CLOSURE_DAYS = 400


def reply_due_at(
    brand: Brand,
    account_key: str,
    *,
    written_at: datetime,
    waits_since: datetime,
    is_holiday: Callable[[date], bool],
    start: datetime | None = None,
) -> datetime:
    """Give when a first reply is due where the channel itself sets no deadline.

    That is the brand's promise in the account's hours, or the end of the platform's clock where
    that comes first. A clock that had run out before we came sets none: nobody could keep it.

    Args:
        brand: Whose promise it is.
        account_key: ``BRAND/NAME``; of an account that is gone the brand's hours count.
        written_at: When the platform's clock began.
        waits_since: When it was written; first seen, where a first collection found it of old.
        is_holiday: As for ``due_at``.
        start: When the brand's promise begins; ``waits_since`` where not given.
    """
    account = brand.find_account(account_key)
    hours = brand.hours_of(account_key)
    promised = due_at(start or waits_since, brand.reply_within, hours, brand.timezone, is_holiday)
    if account is None or account.answer_within is None:
        return promised
    ends_at = written_at + account.answer_within
    return min(promised, ends_at) if ends_at > waits_since else promised


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


def business_clock(
    hours: BusinessHours,
    timezone: str,
    is_holiday: Callable[[date], bool],
    *,
    since: datetime,
    until: datetime,
) -> Callable[[datetime], timedelta]:
    """Make a clock that runs in business hours only, for many instants of one stretch of time.

    Args:
        hours: As for ``due_at``.
        timezone: As for ``due_at``.
        is_holiday: As for ``due_at``.
        since: The earliest instant that will be asked for.
        until: The latest.

    Returns:
        What such a clock shows at an instant. Of two instants the difference is the business time
        between them.
    """
    zone = ZoneInfo(timezone)
    first = since.astimezone(zone).date()
    days = (until.astimezone(zone).date() - first).days + 1
    shifts = [
        shift
        for offset in range(days)
        for shift in _shifts(first + timedelta(days=offset), hours, zone, is_holiday)
    ]
    begins = [begin for begin, _ in shifts]
    shown = list(accumulate((end - begin for begin, end in shifts), initial=timedelta(0)))

    def at(instant: datetime) -> timedelta:
        last = bisect_right(begins, instant) - 1
        if last < 0:
            return timedelta(0)
        begin, end = shifts[last]
        return shown[last] + min(instant, end) - begin

    return at


def _shifts(
    day: date,
    hours: BusinessHours,
    zone: ZoneInfo,
    is_holiday: Callable[[date], bool],
) -> Iterator[tuple[datetime, datetime]]:
    open_day = hours.on(day.weekday())
    if open_day is None or is_holiday(day):
        return
    opens, closes = open_day
    shifts = [open_day]
    if hours.lunch_starts is not None and hours.lunch_ends is not None:
        # A short Saturday may be over before lunch, or begin after it.
        shifts = [(opens, min(hours.lunch_starts, closes)), (max(opens, hours.lunch_ends), closes)]
    for begins, ends in shifts:
        if begins < ends:
            yield _instant(day, begins, zone), _instant(day, ends, zone)


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
