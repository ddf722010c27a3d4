from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.pacing import POST, UPDATE, Bucket, Pacer, Rate, hold, take, wait

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_the_first_post_goes_at_once_and_the_next_waits_a_second() -> None:
    pacer = Pacer(lambda: NOW)
    waits = [pacer.reserve("CREVIEW", POST).total_seconds() for _ in range(3)]
    assert waits == [0, 1, 2]
    assert pacer.reserve("CBRAND", POST) == timedelta(0)


def test_updates_come_in_short_bursts_and_then_fifty_a_minute() -> None:
    pacer = Pacer(lambda: NOW)
    waits = [pacer.reserve("update", UPDATE).total_seconds() for _ in range(10)]
    assert waits[:5] == [0] * 5
    assert waits[5:] == pytest.approx([1.2 * n for n in range(1, 6)])


def test_retry_after_holds_everybody() -> None:
    pacer = Pacer(lambda: NOW)
    pacer.hold("update", UPDATE, 30)
    assert pacer.reserve("update", UPDATE) == timedelta(seconds=30)
    assert pacer.reserve("update", UPDATE) == timedelta(seconds=31.2)


def test_a_hold_never_shortens_a_queue() -> None:
    bucket = Bucket(NOW + timedelta(minutes=5))
    assert hold(bucket, POST, NOW, timedelta(seconds=1)) == bucket


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=60),
    st.integers(1, 5),
    st.floats(0.1, 3),
)
def test_no_stretch_of_time_sees_more_calls_than_the_rate_allows(
    gaps: list[float], burst: int, interval_s: float
) -> None:
    rate = Rate(timedelta(seconds=interval_s), burst)
    bucket, now, made = None, NOW, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        made.append(now + wait(bucket, rate, now))
        bucket = take(bucket, rate, now)
    for index, start in enumerate(made):
        for later in range(index + 1, len(made)):
            calls = later - index + 1
            needed = rate.interval * (calls - burst)
            assert made[later] - start >= needed - timedelta(milliseconds=1)
