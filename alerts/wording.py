"""How instants, durations and stars read in Korean."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime

_WEEKDAYS = "월화수목금토일"


def when(instant: datetime, timezone: str) -> str:
    """Write an instant in a brand's time zone: ``11월 21일(토) 14:02``."""
    local = instant.astimezone(ZoneInfo(timezone))
    return f"{local.month}월 {local.day}일({_WEEKDAYS[local.weekday()]}) {local:%H:%M}"


def duration(span: timedelta) -> str:
    """Write a length of time with its two largest units: ``3시간 20분``."""
    minutes = int(abs(span) / timedelta(minutes=1))
    if minutes == 0:
        return "1분 미만"
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(days, "일"), (hours, "시간"), (minutes, "분")]
    first = next(index for index, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number}{unit}" for number, unit in parts[first : first + 2] if number)


def deadline(due_at: datetime | None, now: datetime, timezone: str) -> str:
    """Write a deadline and what is left of it at ``now``; a message ages, so it says so."""
    if due_at is None:
        return "없음"
    left = due_at - now
    if left < timedelta(0):
        return f"{when(due_at, timezone)} ({duration(left)} 지남)"
    return f"{when(due_at, timezone)}까지 (알림 시점 기준 {duration(left)} 남음)"


def stars(rating: int | None) -> str:
    """Write 1-5 stars: ``★★☆☆☆ 2점``."""
    return "별점 없음" if rating is None else f"{'★' * rating}{'☆' * (5 - rating)} {rating}점"
