"""Calling a paced method of Slack, nobody else at the same time."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from domain.errors import RateLimitedError
from storage import turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.runtime import Runtime

HOLD_S = 30.0
"""How long a method rests that was refused without saying for how long."""


@contextmanager
def calling(runtime: Runtime, pace: turns.Pace, calls: int) -> Iterator[int]:
    """Hold the turn of a method; gives how many of ``calls`` may be made, none when it is taken.

    A ``RateLimitedError`` that leaves the block ends the turn with the wait that Slack asked for,
    so no call that was allowed before can follow it. Dying in between: the lease ends.
    """
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        turn = turns.begin(
            connection, pace, calls, now=now, lease_until=now + runtime.settings.lease
        )
    if turn is None:
        yield 0
        return
    wait_s = None
    try:
        yield turn.number
    except RateLimitedError as error:
        wait_s = HOLD_S if error.retry_after_s is None else error.retry_after_s
        raise
    finally:
        now = runtime.clock()
        until = None if wait_s is None else now + timedelta(seconds=wait_s)
        with runtime.database.unit_of_work() as connection:
            turns.end(connection, pace, turn, now=now, until=until)
