"""Telling people: one alert to one destination, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from alerts.slack import POST_INTERVAL
from domain.errors import (
    OutcomeUnknownError,
    PermanentError,
    RetryableError,
)
from domain.states import AlertState
from storage import alerts
from workers.backoff import pause
from workers.slack_messages import render

if TYPE_CHECKING:
    from datetime import datetime

    from storage.alerts import AlertJob
    from workers.runtime import Runtime

log = structlog.get_logger()

FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=5)
SLOWEST_COMMIT = timedelta(seconds=10)
"""How long after our time-out a message of ours may still appear in Slack's history."""
READS_TO_PROVE_ABSENCE = 2


def send(runtime: Runtime, alert_id: int) -> None:
    """Tell a queued alert, or look for an uncertain one.

    Claims it as ``sending``, posts with no transaction open, records the receipt. Dying in
    between: the sweep makes it ``uncertain``, and Slack's history tells whether it arrived.
    """
    if runtime.slack is None:
        return
    with runtime.database.reading() as connection:
        job = alerts.load(connection, alert_id)
    if job is None:
        return
    if job.state is AlertState.QUEUED:
        _post(runtime, job)
    elif job.state is AlertState.UNCERTAIN:
        _look(runtime, job)


def _post(runtime: Runtime, job: AlertJob) -> None:
    assert runtime.slack is not None  # noqa: S101 - checked by the only caller
    now = runtime.clock()
    rendered = render(runtime, job, now)
    thread_ts = _thread_of(runtime, job)
    with runtime.database.unit_of_work() as connection:
        turn_at = alerts.take_turn(connection, job, now=now, interval=POST_INTERVAL)
        if turn_at > now:
            return
        token = alerts.begin_sending(
            connection, job.id, now=now, lease_until=now + runtime.settings.lease
        )
    if token is None:
        return
    retry_at = None
    values: dict[str, str | bool] = {}
    try:
        receipt = runtime.slack.post(
            job.destination, rendered.message, alert_id=str(job.id), thread_ts=thread_ts
        )
        target, why = AlertState.SENT, "posted"
        values["receipt"] = receipt.ts
        values["shown"] = rendered.shown
        values["is_final"] = rendered.is_final
    except OutcomeUnknownError as error:
        target, why = AlertState.UNCERTAIN, str(error)
        retry_at = now + timedelta(seconds=runtime.slack.timeout_s) + SLOWEST_COMMIT
    except RetryableError as error:
        target, why = AlertState.QUEUED, str(error)
        retry_at = now + pause(error, job.attempts, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    except PermanentError as error:
        # Shown in the console with the reason; posting it again would fail again.
        target, why = AlertState.FAILED, str(error)
        values["problem"] = str(error)
    sending = replace(job, state=AlertState.SENDING)
    _settle(runtime, sending, token, target, why, retry_at=retry_at, **values)


def _thread_of(runtime: Runtime, job: AlertJob) -> str | None:
    """Give the thread of the burst that a card belongs to, once its parent stands in Slack."""
    if job.burst_id is None:
        return None
    with runtime.database.reading() as connection:
        parent = alerts.load(connection, job.burst_id)
    return parent.receipt or None if parent is not None else None


def _look(runtime: Runtime, job: AlertJob) -> None:
    """Settle an alert whose answer was lost, by reading Slack's history."""
    assert runtime.slack is not None  # noqa: S101 - checked by the only caller
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        token = alerts.claim_reading(
            connection, job.id, now=now, lease_until=now + runtime.settings.lease
        )
    if token is None:
        return
    sent_at = job.sent_at or now
    try:
        receipt = runtime.slack.find_posted(
            job.destination, str(job.id), sent_at, _thread_of(runtime, job)
        )
    except RetryableError as error:
        with runtime.database.unit_of_work() as connection:
            alerts.keep_waiting(
                connection,
                job,
                token,
                check_at=now
                + pause(error, job.failed_reads, first=FIRST_PAUSE, longest=LONGEST_PAUSE),
            )
        return
    except PermanentError as error:
        # Without the right to read history nobody knows; telling twice is worse than once less.
        _settle(runtime, job, token, AlertState.FAILED, str(error), problem=str(error))
        return
    proves = now >= sent_at + timedelta(seconds=runtime.slack.timeout_s) + SLOWEST_COMMIT
    reads = job.absent_reads + 1 if proves else job.absent_reads
    if receipt is not None:
        _settle(runtime, job, token, AlertState.SENT, "found in the history", receipt=receipt.ts)
    elif reads < READS_TO_PROVE_ABSENCE:
        with runtime.database.unit_of_work() as connection:
            alerts.keep_waiting(
                connection, job, token, check_at=now + FIRST_PAUSE, absent_reads=reads
            )
    else:
        why = f"absent on {reads} reads of the history"
        _settle(runtime, job, token, AlertState.QUEUED, why, retry_at=now)


def _settle(
    runtime: Runtime,
    job: AlertJob,
    token: str,
    target: AlertState,
    why: str,
    retry_at: datetime | None = None,
    **values: str | bool,
) -> None:
    with runtime.database.unit_of_work() as connection:
        alerts.settle(
            connection,
            job,
            token,
            job.state,
            target,
            now=runtime.clock(),
            why=why,
            retry_at=retry_at,
            **values,
        )
    runtime.poke()
    log.info("alert_settled", alert_id=job.id, rule=job.rule, state=target, why=why)


def expire_sending(runtime: Runtime) -> int:
    """Take attempts of dead workers up: nobody knows whether their message left.

    Returns:
        How many were found.
    """
    now = runtime.clock()
    with runtime.database.reading() as connection:
        expired = alerts.expired_sendings(connection, now=now)
        jobs = [(alerts.load(connection, row_id), token) for row_id, token in expired]
    for job, token in jobs:
        if job is not None:
            why = "the worker died while sending"
            _settle(runtime, job, token, AlertState.UNCERTAIN, why, retry_at=now)
    return len(jobs)
