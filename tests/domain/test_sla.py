from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.brands import Account, Brand, BusinessHours
from domain.sla import business_clock, due_at, reply_due_at

SEOUL = "Asia/Seoul"
HOURS = BusinessHours()
NO_LUNCH = BusinessHours(lunch_starts=None, lunch_ends=None)
NEW_YEAR = date(2026, 1, 1)
DAY = timedelta(days=1)


def is_holiday(day: date) -> bool:
    return day == NEW_YEAR


def seoul(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    year = 2025 if month == 12 else 2026
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(SEOUL))


def due(start: datetime, hours: float, rules: BusinessHours = HOURS) -> datetime:
    return due_at(start, timedelta(hours=hours), rules, SEOUL, is_holiday)


@pytest.mark.parametrize(
    ("start", "within", "expected"),
    [
        pytest.param(seoul(23, 9), 2, seoul(23, 11), id="inside the morning"),
        pytest.param(seoul(23, 11), 2, seoul(23, 14), id="over lunch"),
        pytest.param(seoul(23, 9), 3, seoul(23, 12), id="ends when lunch begins"),
        pytest.param(seoul(23, 12, 30), 1, seoul(23, 14), id="written at lunch"),
        pytest.param(seoul(23, 13), 5, seoul(23, 18), id="ends when the day ends"),
        pytest.param(seoul(23, 17, 30), 1, seoul(24, 9, 30), id="over night"),
        pytest.param(seoul(23, 18), 1, seoul(24, 10), id="written at closing time"),
        pytest.param(seoul(23, 8, 59), 1, seoul(23, 10), id="written before opening"),
        pytest.param(seoul(20, 17), 2, seoul(23, 10), id="over the weekend"),
        pytest.param(seoul(21, 12), 1, seoul(23, 10), id="written on Saturday"),
        pytest.param(seoul(23, 9), 8, seoul(23, 18), id="a whole day"),
        pytest.param(seoul(23, 9), 16, seoul(24, 18), id="two whole days"),
        pytest.param(seoul(23, 10), 0, seoul(23, 10), id="no time, while open"),
        pytest.param(seoul(22, 10), 0, seoul(23, 9), id="no time, while closed"),
        pytest.param(seoul(31, 17, month=12), 2, seoul(2, 10, month=1), id="over a holiday"),
    ],
)
def test_business_time_is_added(start: datetime, within: float, expected: datetime) -> None:
    assert due(start, within) == expected


@given(
    minutes=st.integers(0, 60 * 24 * 60),
    within=st.timedeltas(timedelta(0), timedelta(hours=60)),
    rules=st.sampled_from([HOURS, NO_LUNCH, BusinessHours(saturday=(time(10), time(12, 30)))]),
)
def test_a_clock_of_business_hours_counts_what_was_added(
    minutes: int, within: timedelta, rules: BusinessHours
) -> None:
    begins = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ends = due_at(begins, within, rules, SEOUL, is_holiday)
    clock = business_clock(rules, SEOUL, is_holiday, since=begins, until=ends)

    assert clock(ends) - clock(begins) == within


def test_a_clock_of_business_hours_stands_while_nobody_works() -> None:
    clock = business_clock(HOURS, SEOUL, is_holiday, since=seoul(21, 3), until=seoul(24, 12))
    shown = [clock(seoul(day, hour)) for day, hour in ((21, 3), (22, 12), (23, 9), (23, 10))]
    assert shown == [timedelta(0)] * 3 + [timedelta(hours=1)]


def test_the_result_is_utc() -> None:
    assert due(seoul(23, 9), 1).tzinfo is UTC


def test_without_lunch_the_day_is_one_shift() -> None:
    assert due(seoul(23, 9), 9, NO_LUNCH) == seoul(23, 18)


WEEKEND = BusinessHours(saturday=(time(10), time(15)))


@pytest.mark.parametrize(
    ("start", "within", "expected"),
    [
        pytest.param(seoul(20, 17), 2, seoul(21, 11), id="goes on on Saturday"),
        pytest.param(seoul(21, 11, 30), 1, seoul(21, 13, 30), id="over Saturday's lunch"),
        pytest.param(seoul(21, 14, 30), 1, seoul(23, 9, 30), id="past Saturday and Sunday"),
        pytest.param(seoul(14, 9, month=8), 9, seoul(17, 10, month=8), id="Saturday is a holiday"),
    ],
)
def test_a_saturday_has_a_shift_of_its_own(
    start: datetime, within: float, expected: datetime
) -> None:
    def is_closed(day: date) -> bool:
        return day == date(2026, 8, 15)  # Liberation Day, a Saturday

    assert due_at(start, timedelta(hours=within), WEEKEND, SEOUL, is_closed) == expected


@pytest.mark.parametrize(
    ("sunday", "expected"),
    [
        ((time(9), time(11)), seoul(23, 10)),
        ((time(9), time(12, 30)), seoul(22, 12)),
        ((time(12, 30), time(14)), seoul(23, 11)),
        ((time(14), time(20)), seoul(22, 17)),
    ],
)
def test_a_short_sunday_need_not_reach_lunch(sunday: tuple[time, time], expected: datetime) -> None:
    assert due(seoul(21, 12), 3, BusinessHours(sunday=sunday)) == expected


def brand_with(**of_account: Any) -> Brand:  # noqa: ANN401 - the dataclass's fields
    account = Account("alpha", "shop", "storefront", **of_account)
    return Brand("alpha", "알파", Path(), accounts=(account,))


@pytest.mark.parametrize(
    ("of_account", "expected"),
    [
        pytest.param({}, seoul(23, 17), id="the brand's own"),
        pytest.param({"hours": WEEKEND}, seoul(23, 12), id="the account's hours"),
        pytest.param({"answer_within": DAY}, seoul(21, 17), id="the platform is sooner"),
        pytest.param({"answer_within": 7 * DAY}, seoul(23, 17), id="the brand is sooner"),
    ],
)
def test_an_account_has_hours_and_a_clock_of_its_own(
    of_account: dict[str, Any], expected: datetime
) -> None:
    """Eight hours from Friday 17:00."""
    written_at = seoul(20, 17)
    found = reply_due_at(
        brand_with(**of_account),
        "alpha/shop",
        written_at=written_at,
        waits_since=written_at,
        is_holiday=is_holiday,
    )
    assert found == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(3, seoul(23, 18), id="it had run out before we came"),
        pytest.param(7.25, seoul(23, 15), id="it still ran"),
    ],
)
def test_a_clock_nobody_could_keep_sets_no_deadline(days: float, expected: datetime) -> None:
    """Found by a first collection on Monday at nine, a week after it was written."""
    found = reply_due_at(
        brand_with(answer_within=days * DAY),
        "alpha/shop",
        written_at=seoul(16, 9),
        waits_since=seoul(23, 9),
        is_holiday=is_holiday,
    )
    assert found == expected


def test_an_account_that_is_gone_has_its_brands_hours() -> None:
    at = seoul(20, 17)
    brand = brand_with(answer_within=DAY)
    found = reply_due_at(brand, "alpha/old", written_at=at, waits_since=at, is_holiday=is_holiday)
    assert found == seoul(23, 17)


def test_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        due(datetime(2026, 11, 23, 9), 1)  # noqa: DTZ001 - the point of the test


def test_a_brand_that_never_opens_is_refused() -> None:
    with pytest.raises(ValueError, match="never come"):
        due(seoul(23, 9), 1, BusinessHours(weekdays=()))


def test_summer_time_moves_the_shift_not_its_length() -> None:
    # New York sets its clocks back on Sunday 2026-11-01.
    friday = datetime(2026, 10, 30, 17, tzinfo=ZoneInfo("America/New_York"))
    monday = datetime(2026, 11, 2, 10, tzinfo=ZoneInfo("America/New_York"))
    hours = BusinessHours(lunch_starts=None, lunch_ends=None)
    found = due_at(friday, timedelta(hours=2), hours, "America/New_York", lambda _: False)
    assert found == monday


instants = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
minutes = st.integers(0, 3000).map(lambda number: timedelta(minutes=number))


@given(instants, minutes, minutes)
def test_two_promises_in_a_row_are_one_promise(
    start: datetime, one: timedelta, other: timedelta
) -> None:
    together = due_at(start, one + other, HOURS, SEOUL, is_holiday)
    assert due_at(
        due_at(start, one, HOURS, SEOUL, is_holiday), other, HOURS, SEOUL, is_holiday
    ) in (
        together,
        # A promise that ends exactly at a shift's end may also be read as the next one's begin.
        due_at(together, timedelta(0), HOURS, SEOUL, is_holiday),
    )


@given(instants, minutes)
def test_what_is_due_is_due_in_working_hours(start: datetime, within: timedelta) -> None:
    local = due_at(start, within, HOURS, SEOUL, is_holiday).astimezone(ZoneInfo(SEOUL))
    assert local.weekday() < 5
    assert local.date() != NEW_YEAR
    assert time(9) <= local.time() <= time(18)
    assert not time(12) < local.time() < time(13)


@given(instants, minutes)
def test_nothing_is_due_before_its_time(start: datetime, within: timedelta) -> None:
    assert due_at(start, within, HOURS, SEOUL, is_holiday) >= start + within
