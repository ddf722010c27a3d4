"""Telling people: one alert to one destination, once."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from alerts.letters import compose, message_id
from alerts.rules import DIGEST_SETTLES, AlertRule, mailed, opens_again_at, operator_alert
from alerts.slack import POST_INTERVAL
from domain.errors import (
    ConfigurationError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PermanentError,
    ReputationError,
    RetryableError,
)
from domain.mail import MAIL
from domain.states import AlertState
from storage import accounts, alerts, turns
from storage.session import DatabaseError
from workers import letters
from workers.backoff import pause
from workers.calls import calling
from workers.notices import new_alert, readdress, room_now, rooms, tell
from workers.runtime import is_holiday
from workers.slack_messages import FOLLOW_CASES, is_settled, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from email.message import EmailMessage

    from alerts.slack import SlackClient, SlackReceipt
    from storage.alerts import AlertJob
    from storage.session import Connection
    from storage.turns import Turn
    from workers.runtime import Runtime

log = structlog.get_logger()

FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=5)
SLOWEST_COMMIT = timedelta(seconds=10)
"""How long after our time-out a message of ours may still appear in Slack's history."""
READS_TO_PROVE_ABSENCE = 2
READS = turns.Pace("conversations.history", timedelta(seconds=3), timedelta(seconds=9))
"""At most 23 looks in any minute: below Slack's 50 reads where each look takes two pages."""
LONGEST_MAIL_PAUSE = timedelta(minutes=30)
MAIL_PATIENCE = timedelta(days=2)
"""How long a mail is tried that no server takes; then it is a person's."""


def send(runtime: Runtime, alert_id: int) -> None:
    """Tell a queued alert, or look for an uncertain one.

    Claims it as ``sending``, posts with no transaction open, records the receipt. Dying in
    between: the sweep makes it ``uncertain``, and Slack's history tells whether it arrived. A
    mail's fate nothing tells: there a person decides.
    """
    with runtime.database.reading() as connection:
        job = alerts.load(connection, alert_id)
    if job is None:
        return
    if job.destination.startswith(MAIL):
        if runtime.mail is not None and job.state is AlertState.QUEUED:
            _mail(runtime, job)
        return
    if runtime.slack is None:
        return
    if job.state is AlertState.QUEUED:
        _post(runtime, job)
    elif job.state is AlertState.UNCERTAIN:
        _look(runtime, job)


def _post(runtime: Runtime, job: AlertJob) -> None:
    """Take the turn of an alert's destination, and post what is next there."""
    assert runtime.slack is not None  # noqa: S101 - checked by the only caller
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        turn = turns.take(connection, job, now=now, lease_until=now + runtime.settings.lease)
    if turn is None:
        return
    sending = replace(turn.job, state=AlertState.SENDING)
    if room_now(runtime, alerts.Waiting.of(turn.job)) != turn.job.destination:
        why = alerts.ANOTHER_ROOM
        _settle(runtime, sending, turn.token, AlertState.QUEUED, why, retry_at=now)
        readdress(runtime)
        return
    if is_settled(runtime, turn.job):
        # Its people would be asked for what is done.
        why = "settled before it was told"
        _settle(runtime, sending, turn.token, AlertState.SHOWN, why)
        return
    sent = _sent(runtime, runtime.slack, turn)
    _settle(
        runtime,
        sending,
        turn.token,
        sent.target,
        sent.why,
        retry_at=sent.retry_at,
        free_at=sent.free_at,
        failed=sent.failed,
        **sent.values,
    )


@dataclass(frozen=True, slots=True)
class _Sent:
    """What became of one post.

    Attributes:
        retry_at: When to look at it again.
        free_at: When the destination may hear something else; None for the usual interval.
        failed: Slack did not take it, or nobody knows.
    """

    target: AlertState
    why: str
    retry_at: datetime | None = None
    free_at: datetime | None = None
    failed: bool = False
    values: dict[str, Any] = field(default_factory=dict)


def _sent(runtime: Runtime, slack: SlackClient, turn: Turn) -> _Sent:
    job = turn.job
    sent_at = runtime.clock()
    if _is_too_early(runtime, job):
        why = "its first collection goes on"
        return _Sent(AlertState.QUEUED, why, retry_at=sent_at + DIGEST_SETTLES)
    try:
        with _showing(job):
            rendered = render(runtime, job, sent_at)
        thread_ts = _thread_of(runtime, job)
        sent_at = runtime.clock()
        receipt = slack.post(
            job.destination, rendered.message, alert_id=str(job.id), thread_ts=thread_ts
        )
    except OutcomeUnknownError as error:
        # It may still appear; until nobody expects it any more, nothing else is posted there. Until
        # it left, connecting may have taken longer than the wait for its answer.
        sent_at = max(sent_at, runtime.clock() - timedelta(seconds=slack.timeout_s))
        known_at = sent_at + timedelta(seconds=slack.timeout_s) + SLOWEST_COMMIT
        free_at = max(known_at, sent_at + _pause(error, turn))
        values = {"sent_at": sent_at}
        return _Sent(
            AlertState.UNCERTAIN, str(error), known_at, free_at, failed=True, values=values
        )
    except (RetryableError, CredentialRejectedError, ConfigurationError) as error:
        if not isinstance(error, RetryableError):
            _is_mendable(runtime, job, error)
        retry_at = runtime.clock() + _pause(error, turn)
        return _Sent(AlertState.QUEUED, str(error), retry_at, retry_at, failed=True)
    except PermanentError as error:
        # Shown in the console with the reason; posting it again would fail again.
        problem = f"알림을 올리지 못했습니다. ({error})"
        return _Sent(AlertState.FAILED, str(error), values={"problem": problem})
    return _Sent(
        AlertState.SENT,
        "posted",
        values={
            "receipt": receipt.ts,
            "shown": rendered.shown,
            "is_final": rendered.is_final,
        },
    )


def _is_too_early(runtime: Runtime, job: AlertJob) -> bool:
    """Tell whether a digest of a first collection would count only a part of it."""
    if job.rule != AlertRule.BACKFILL_DIGEST or not job.payload.get("is_first_backfill"):
        return False
    with runtime.database.reading() as connection:
        account_id = accounts.told_of(connection, job.payload)
        return not accounts.is_first_collection_read(connection, account_id)


def _pause(error: ReputationError, turn: Turn) -> timedelta:
    return pause(error, turn.failures, first=FIRST_PAUSE, longest=LONGEST_PAUSE)


@contextmanager
def _showing(job: AlertJob) -> Iterator[None]:
    """Make a permanent error of a defect: what cannot be shown is not tried for ever."""
    try:
        yield
    except ConfigurationError as error:
        raise PermanentError(str(error)) from error
    except (ReputationError, DatabaseError):
        raise
    except Exception as error:
        log.exception("alert_not_rendered", alert_id=job.id, rule=job.rule)
        raise PermanentError(f"cannot be shown: {type(error).__name__}") from error


def _thread_of(runtime: Runtime, job: AlertJob) -> str | None:
    """Give the thread of the burst that a card belongs to, once its parent stands in that room."""
    if job.burst_id is None:
        return None
    with runtime.database.reading() as connection:
        parent = alerts.load(connection, job.burst_id)
    is_there = parent is not None and parent.destination == job.destination
    return parent.receipt or None if parent is not None and is_there else None


def _look(runtime: Runtime, job: AlertJob) -> None:
    """Settle an alert whose answer was lost, by reading Slack's history."""
    assert runtime.slack is not None  # noqa: S101 - checked by the only caller
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        token = alerts.claim_reading(
            connection, job.id, now=now, lease_until=now + runtime.settings.lease
        )
        # Whole attempts may have come and gone since: absence is counted from the last one.
        claimed = alerts.load(connection, job.id) if token is not None else None
    if token is None or claimed is None:
        return
    job = claimed
    sent_at = job.sent_at or now
    try:
        receipt = _found(runtime, runtime.slack, job, sent_at)
    except RetryableError as error:
        _look_later(runtime, job, token, error)
        return
    except PermanentError as error:
        lacks_right = isinstance(error, CredentialRejectedError) and error.reason == "permission"
        if not lacks_right and _is_mendable(runtime, job, error):
            _look_later(runtime, job, token, error)
            return
        # Without the right to read history nobody knows; telling twice is worse than once less.
        problem = f"전달되었는지 Slack에서 읽지 못했습니다. ({error})"
        _settle(runtime, job, token, AlertState.FAILED, str(error), problem=problem)
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


def _look_later(runtime: Runtime, job: AlertJob, token: str, error: ReputationError) -> None:
    wait = pause(error, job.failed_reads, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    with runtime.database.unit_of_work() as connection:
        alerts.keep_waiting(connection, job, token, check_at=runtime.clock() + wait)


def _is_mendable(runtime: Runtime, job: AlertJob, error: PermanentError) -> bool:
    """Note what reaches Slack only once an operator mends it: our token, or one of the rooms.

    Returns:
        False for anything else, and for a room that the brand has left.
    """
    now = runtime.clock()
    if isinstance(error, CredentialRejectedError):
        kind, subject = "credentials", accounts.SLACK
    elif isinstance(error, ConfigurationError):
        kind, subject = "room", accounts.slack_room(job.destination)
    else:
        return False
    with runtime.database.unit_of_work() as connection:
        if kind == "room" and job.destination not in rooms(runtime):
            accounts.close_incidents(connection, subject, now=now)
            return False
        accounts.open_incident(connection, kind, subject, str(error), now=now)
    return True


def _found(
    runtime: Runtime, slack: SlackClient, job: AlertJob, sent_at: datetime
) -> SlackReceipt | None:
    """Read the history once, if nobody else does and Slack takes one more read now."""
    thread_ts = _thread_of(runtime, job)
    with calling(runtime, READS, 1) as allowed:
        if not allowed:
            raise RetryableError("another read of the history, or too many in this minute")
        return slack.find_posted(job.destination, str(job.id), sent_at, thread_ts)


def _mail(runtime: Runtime, job: AlertJob) -> None:
    """Hand a mail over, at most once as far as anybody can know.

    Whom the brand names no more for it gets nothing: who left is told nothing of its customers.
    """
    now = runtime.clock()
    brand = runtime.brands.get(job.brand)
    if brand is not None and job.destination not in mailed(AlertRule(job.rule), brand):
        with runtime.database.unit_of_work() as connection:
            dropped = alerts.drop_mail(connection, job.id, now=now)
        if dropped:
            log.info("mail_dropped", alert_id=job.id, rule=job.rule)
        return
    try:
        message, problem = _written(runtime, job, now), ""
    except PermanentError as error:
        message, problem = None, str(error)
    with runtime.database.unit_of_work() as connection:
        token = alerts.begin_sending(
            connection, job, now=now, lease_until=now + runtime.settings.lease
        )
    if token is None:
        return
    sending = replace(job, state=AlertState.SENDING)
    if message is None:
        _settle(runtime, sending, token, AlertState.FAILED, problem, problem=problem)
        return
    target, why = _hand_over(runtime, job, message)
    if target is AlertState.QUEUED and _is_given_up(runtime, job, now):
        why = f"{MAIL_PATIENCE.days}일 동안 보내지 못해 그만두었습니다. ({why})"
        target = AlertState.FAILED
    if target is AlertState.QUEUED:
        _settle(runtime, sending, token, target, why, retry_at=_again_at(runtime, job, now))
    elif target is AlertState.SENT:
        _settle(runtime, sending, token, target, why, receipt=message["Message-ID"], is_final=True)
    else:
        _settle(runtime, sending, token, target, why, problem=why)


def _is_given_up(runtime: Runtime, job: AlertJob, now: datetime) -> bool:
    """Tell whether a mail was tried for days; a person who sends it again begins them anew."""
    since = now - MAIL_PATIENCE
    if job.made_at > since:
        return False
    with runtime.database.reading() as connection:
        return not alerts.was_asked_for(connection, job.id, since=since)


def _written(runtime: Runtime, job: AlertJob, now: datetime) -> EmailMessage:
    assert runtime.mail is not None  # noqa: S101 - checked by the only caller
    sender = runtime.mail.sender
    with _showing(job):
        return compose(
            letters.write(runtime, job, now),
            sender=sender,
            recipient=job.destination.removeprefix(MAIL),
            identity=_identity(job, sender),
            now=now,
        )


def _identity(job: AlertJob, sender: str) -> str:
    return message_id(job.dedupe_key, job.id, job.made_at, sender)


def _hand_over(runtime: Runtime, job: AlertJob, message: EmailMessage) -> tuple[AlertState, str]:
    """Give what became of a mail, and why."""
    assert runtime.mail is not None  # noqa: S101 - checked by the only caller
    try:
        runtime.mail.send(job.destination.removeprefix(MAIL), message)
    except OutcomeUnknownError as error:
        why = f"메일 서버의 답을 받지 못했습니다. {_look_for(message['Message-ID'])} ({error})"
        return AlertState.UNCERTAIN, why
    except (CredentialRejectedError, ConfigurationError) as error:
        # Nobody's mail leaves until an operator mends it; then all of them do.
        _report(
            runtime,
            job,
            f"메일 서버의 설정을 고쳐 주세요. 기다리던 메일은 그때 나갑니다. ({error})",
        )
        return AlertState.QUEUED, str(error)
    except RetryableError as error:
        return AlertState.QUEUED, str(error)
    except PermanentError as error:
        return AlertState.FAILED, f"메일 서버가 거절했습니다. 주소를 확인해 주세요. ({error})"
    return AlertState.SENT, "accepted by the mail server"


def _look_for(identity: str) -> str:
    return f"받는 사람의 메일함에 식별자가 {identity}인 메일이 있는지 확인해 주세요."


def _again_at(runtime: Runtime, job: AlertJob, now: datetime) -> datetime:
    """Give when to try again; a digest waits for the brand's hours."""
    error = RetryableError("no server took it")
    at = now + pause(error, job.attempts, first=FIRST_PAUSE, longest=LONGEST_MAIL_PAUSE)
    return at if job.urgent else opens_again_at(at, runtime.brand(job.brand), is_holiday)


def _report(runtime: Runtime, job: AlertJob, problem: str) -> None:
    with runtime.database.unit_of_work() as connection:
        _tell_operator(runtime, connection, job, "메일 서버", problem)
    runtime.poke()


def _tell_operator(
    runtime: Runtime, connection: Connection, job: AlertJob, subject: str, detail: str
) -> None:
    """Make the notice that a mail needs a person; for one subject at most once a day."""
    brand = runtime.brands.get(job.brand)
    if brand is None:
        return
    now = runtime.clock()
    alarm = operator_alert(AlertRule.MAIL_UNDELIVERED, brand, subject, now)
    tell(runtime, connection, [new_alert(alarm, {"subject": subject, "detail": detail})], now=now)


def _settle(
    runtime: Runtime,
    job: AlertJob,
    token: str,
    target: AlertState,
    why: str,
    retry_at: datetime | None = None,
    free_at: datetime | None = None,
    *,
    failed: bool = False,
    **values: Any,  # noqa: ANN401 - column values
) -> None:
    now = runtime.clock()
    is_mail = job.destination.startswith(MAIL)
    is_a_persons = is_mail and target in {AlertState.UNCERTAIN, AlertState.FAILED}
    with runtime.database.unit_of_work() as connection:
        if job.state is AlertState.SENDING and not is_mail:
            turns.give_back(
                connection,
                job.destination,
                token,
                now=now,
                free_at=max(now + POST_INTERVAL, free_at or now),
                failed=failed,
            )
        settled = alerts.settle(
            connection,
            job,
            token,
            job.state,
            target,
            now=now,
            why=why,
            retry_at=retry_at,
            **values,
        )
        if settled and target is AlertState.SENT and not is_mail:
            for subject in (accounts.SLACK, accounts.slack_room(job.destination)):
                accounts.close_incidents(connection, subject, now=now)
        if settled and not is_mail and job.rule in FOLLOW_CASES and values.get("is_final"):
            alerts.wake_reopened(connection, job.id)
        if settled and is_a_persons:
            subject = f"{job.destination.removeprefix(MAIL)} (알림 {job.id})"
            _tell_operator(runtime, connection, job, subject, why)
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
        if job is None:
            continue
        why = "the worker died while sending"
        if job.destination.startswith(MAIL):
            if runtime.mail is not None:
                found = _look_for(_identity(job, runtime.mail.sender))
                why = f"보내는 중에 프로그램이 멈췄습니다. {found}"
            _settle(runtime, job, token, AlertState.UNCERTAIN, why, problem=why)
        else:
            _settle(runtime, job, token, AlertState.UNCERTAIN, why, retry_at=now, failed=True)
    return len(jobs)
