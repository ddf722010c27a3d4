"""When a channel may be asked again: intervals and the pauses it asks for."""

from __future__ import annotations

import email.utils
import re
import threading
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from domain.errors import RateLimitedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LONGEST_PAUSE_S: Final = 24 * 3600.0


class Pacer:
    """Keeps a least interval between requests to a host, and the pauses channels ask for.

    One per process, shared by all accounts and threads.

    Args:
        monotonic: Seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._free_at: dict[str, float] = {}

    def reserve(self, keys: Mapping[str, float], max_wait_s: float) -> float:
        """Take the next free slot of every key and give the seconds until it.

        Args:
            keys: Least interval in seconds, by host or account.
            max_wait_s: When the slot is further away, it is not taken.

        Raises:
            RateLimitedError: The next slot is further away than ``max_wait_s``.
        """
        with self._lock:
            now = self._monotonic()
            slot = max([now, *(self._free_at.get(key, now) for key in keys)])
            if slot - now > max_wait_s:
                raise RateLimitedError("waiting as the channel asked", retry_after_s=slot - now)
            for key, interval_s in keys.items():
                self._free_at[key] = slot + interval_s
            return slot - now

    def hold(self, key: str, pause_s: float) -> None:
        """Let nothing through for ``pause_s`` seconds."""
        with self._lock:
            until = self._monotonic() + min(pause_s, _LONGEST_PAUSE_S)
            self._free_at[key] = max(until, self._free_at.get(key, until))


def pause_asked_for(status: int, headers: Mapping[str, str], now: datetime) -> float:
    """Seconds a channel's headers ask us to wait before the next request; 0 when they do not.

    Understands Retry-After (with 429 and 503), Cafe24's bucket (``X-Api-Call-Limit: 39/40``,
    drains two a second, and ``X-Cafe24-Call-Remain`` seconds), Naver Commerce's token bucket
    (``GNCP-GW-RateLimit-*``), the RateLimit draft headers and App Store Connect's hourly budget.

    Source: channels.md sections 1, 4.1, 5.2 (Checked: 2026-11).
    """
    asked = 0.0
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        asked = seconds_or_date(headers.get("Retry-After", ""), now) or 1.0
    used, _, capacity = headers.get("X-Api-Call-Limit", "").partition("/")
    if capacity and plain_number(capacity) - plain_number(used) < 2:
        asked = max(asked, 1.0)
    asked = max(asked, plain_number(headers.get("X-Cafe24-Call-Remain", "")))
    if headers.get("GNCP-GW-RateLimit-Remaining", "").strip() == "0":
        rate = plain_number(headers.get("GNCP-GW-RateLimit-Replenish-Rate", "")) or 1.0
        asked = max(asked, 1.0 / rate)
    if headers.get("RateLimit-Remaining", "").strip() == "0":
        asked = max(asked, plain_number(headers.get("RateLimit-Reset", "")))
    if re.search(r"user-hour-rem:0\b", headers.get("X-Rate-Limit", "")):
        asked = max(asked, 60.0)
    return min(asked, _LONGEST_PAUSE_S)


def seconds_or_date(value: str, now: datetime) -> float | None:
    """Read a Retry-After header: seconds from ``now``, a day at most; None when it says neither."""
    value = value.strip()
    if value.isdecimal():
        return min(float(value), _LONGEST_PAUSE_S)
    until = http_date(value)
    if until is None:
        return None
    return min(max(0.0, (until - now).total_seconds()), _LONGEST_PAUSE_S)


def http_date(value: str) -> datetime | None:
    """Read the date in a header; None when it is not one."""
    try:
        parsed = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def plain_number(value: str) -> float:
    """Read a count from a header; 0 for anything that is not one."""
    value = value.strip()
    return float(value) if value.isascii() and value.isdecimal() and len(value) < 16 else 0.0
