"""How long to wait before trying again."""

from __future__ import annotations

import random
from datetime import timedelta

from domain.errors import RateLimitedError, ReputationError


def pause(error: ReputationError, tries: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """Give the channel's own waiting time, or one that doubles with every try.

    Args:
        error: Why it failed.
        tries: Failures so far.
        first: Longest wait after the first failure.
        longest: Never longer than that.
    """
    if isinstance(error, RateLimitedError) and error.retry_after_s is not None:
        return timedelta(seconds=error.retry_after_s)
    doubled: timedelta = min(first * 2 ** min(tries, 10), longest)
    # Spread, so that many failures at once do not come back at once.
    return doubled * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
