"""Turns: one message at a time to a destination, and never two within an interval.

A destination's turn is a row. Whoever takes it posts what waits there longest, urgent notices
before all others, and gives it back with the instant of the next one. Only then does the next
message come, so thousands that wait cost nothing; whoever finds the turn taken need not ask.

A method has a turn as well: Slack's wish to wait must be known before the next call may leave.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update

from domain.messages import Message
from storage import alerts, outbox
from storage.models import TurnRow
from storage.session import insert_ignoring

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from sqlalchemy import Row

    from storage.alerts import AlertJob


@dataclass(frozen=True, slots=True)
class Turn:
    """A destination that is ours for one message.

    Attributes:
        job: What to post.
        token: The lease on both, the alert and the destination.
        failures: How many posts before this one Slack did not take.
    """

    job: AlertJob
    token: str
    failures: int


def take(
    connection: Connection, job: AlertJob, *, now: datetime, lease_until: datetime
) -> Turn | None:
    """Take the turn of a waiting alert's destination and claim what is to be posted there.

    That is often another alert than the one whose message came.

    Returns:
        None when it is somebody's, who will look for the next one, or when its time has not
        come: then a message is asked for at that time, unless one is.
    """
    turn = _lock(connection, job.destination, now)
    if turn.free_at > now:
        message = alerts.message_for(job.urgent)
        asked = {Message.ALERT_SEND_URGENT, message}
        # What was asked for and does not wait any more was handed over, by a clock ahead of ours:
        # it may be this very message.
        if turn.holder is None and not (
            turn.next_message in asked
            and outbox.is_waiting(connection, asked, available_at=turn.free_at)
        ):
            _write(connection, job.destination, next_message=message)
            outbox.add(connection, message, [job.id], available_at=turn.free_at)
        return None
    chosen = alerts.next_waiting(connection, job.destination, at=now)
    if chosen is None:
        return None
    token = alerts.begin_sending(connection, chosen, now=now, lease_until=lease_until)
    if token is None:
        return None
    _write(connection, job.destination, free_at=lease_until, holder=token, next_message="")
    return Turn(chosen, token, turn.failures)


def give_back(
    connection: Connection,
    destination: str,
    token: str,
    *,
    now: datetime,
    free_at: datetime,
    failed: bool,
) -> None:
    """Say when the next message may be posted, and ask for it where one waits.

    Nothing happens when the turn has become somebody else's meanwhile.
    """
    turn = _lock(connection, destination, now)
    if turn.holder != token:
        return
    following = alerts.next_waiting(connection, destination, at=free_at)
    message = "" if following is None else alerts.message_for(following.urgent)
    _write(
        connection,
        destination,
        free_at=free_at,
        holder=None,
        failures=turn.failures + 1 if failed else 0,
        next_message=message,
    )
    if following is not None:
        outbox.add(connection, message, [following.id], available_at=free_at)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a method may be called, whoever calls.

    Attributes:
        interval: Between two calls in the long run.
        ahead: After a pause, as many at once as fit into it.
    """

    method: str
    interval: timedelta
    ahead: timedelta


def allow(connection: Connection, pace: Pace, calls: int, *, now: datetime) -> int:
    """Give how many of ``calls`` may be made now; they are counted as made."""
    free_at = max(now, _lock(connection, pace.method, now).free_at)
    allowed: int = max(0, min(calls, (now + pace.ahead - free_at) // pace.interval))
    _write(connection, pace.method, free_at=free_at + allowed * pace.interval)
    return allowed


def pause(connection: Connection, pace: Pace, *, now: datetime, until: datetime) -> None:
    """Allow no call before ``until``, and then one."""
    free_at = _lock(connection, pace.method, now).free_at
    first_at = until + pace.ahead - pace.interval
    _write(connection, pace.method, free_at=max(free_at, first_at))


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of a method that are ours to make, one after another.

    Attributes:
        number: How many.
        token: The lease on the method.
        free_at: When it would have been free without them.
    """

    number: int
    token: str
    free_at: datetime


def begin(
    connection: Connection, pace: Pace, calls: int, *, now: datetime, lease_until: datetime
) -> Calls | None:
    """Take the turn of a method for at most ``calls`` calls.

    Returns:
        None when somebody else's calls are under way, or when none may be made now.
    """
    free_at = _lock(connection, pace.method, now).free_at
    allowed = allow(connection, pace, calls, now=now)
    if not allowed:
        return None
    token = secrets.token_hex(8)
    pause(connection, pace, now=now, until=lease_until)
    _write(connection, pace.method, holder=token)
    return Calls(allowed, token, free_at)


def end(
    connection: Connection, pace: Pace, calls: Calls, *, now: datetime, until: datetime | None
) -> None:
    """Give the turn of a method back; its calls count as made now.

    Args:
        connection: A transaction.
        pace: The method.
        calls: As given by ``begin``; a turn that was lost meanwhile is not given back.
        now: Instant after the last call.
        until: How long Slack wants to be left alone; None when it did not say so.
    """
    if _lock(connection, pace.method, now).holder == calls.token:
        free_at = max(now, calls.free_at) + calls.number * pace.interval
        _write(connection, pace.method, free_at=free_at, holder=None)
    if until is not None:
        pause(connection, pace, now=now, until=until)


def end_leases(connection: Connection, paces: Iterable[Pace], *, now: datetime) -> None:
    """End the leases on methods at the start of a single-process daemon: their holders are dead."""
    for pace in paces:
        connection.execute(
            update(TurnRow)
            .where(TurnRow.destination == pace.method, TurnRow.holder.is_not(None))
            .values(free_at=now + pace.ahead - pace.interval, holder=None)
        )


def _lock(
    connection: Connection, destination: str, now: datetime
) -> Row[datetime, str | None, int, str]:
    connection.execute(
        insert_ignoring(connection, TurnRow), [{"destination": destination, "free_at": now}]
    )
    return connection.execute(
        select(TurnRow.free_at, TurnRow.holder, TurnRow.failures, TurnRow.next_message)
        .where(TurnRow.destination == destination)
        .with_for_update()
    ).one()


def _write(connection: Connection, destination: str, **values: object) -> None:
    connection.execute(update(TurnRow).where(TurnRow.destination == destination).values(**values))
