from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alerts.wording import deadline, duration, stars, when

NOW = datetime(2026, 11, 21, 5, 2, tzinfo=UTC)


def test_an_instant_is_written_in_the_brands_zone() -> None:
    assert when(NOW, "Asia/Seoul") == "11월 21일(토) 14:02"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=59), "1분 미만"),
        (timedelta(minutes=20), "20분"),
        (timedelta(hours=3, minutes=20), "3시간 20분"),
        (timedelta(hours=3), "3시간"),
        (timedelta(days=2, minutes=5), "2일"),
        (-timedelta(days=1, hours=4), "1일 4시간"),
    ],
)
def test_durations_have_two_units_at_most(span: timedelta, words: str) -> None:
    assert duration(span) == words


def test_a_deadline_says_what_was_left_when_it_was_written() -> None:
    due = NOW + timedelta(hours=2)
    assert deadline(due, NOW, "Asia/Seoul") == (
        "11월 21일(토) 16:02까지 (알림 시점 기준 2시간 남음)"
    )
    assert deadline(due, due + timedelta(hours=1), "Asia/Seoul").endswith("(1시간 지남)")
    assert deadline(None, NOW, "Asia/Seoul") == "없음"


def test_stars_are_drawn() -> None:
    assert stars(2) == "★★☆☆☆ 2점"
    assert stars(None) == "없음"
