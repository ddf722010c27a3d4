"""Publishing an approved reply exactly once, and proving that it is there.

This module (with the runtime that builds them) is the only one that reaches a publisher: nothing
else can speak to a customer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from alerts.rules import AlertRule, operator_alert
from collectors.http import leaving_within
from domain.errors import (
    AccessBlockedError,
    ConfigurationError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PermanentError,
    PublicationRefusedError,
    RetryableError,
    SourceMovedError,
)
from domain.states import PublicationState
from domain.types import ReplyAction, is_left_of, same_reply
from responders.publishers.base import Confirms
from storage import publications
from workers.backoff import pause
from workers.notices import new_alert, tell
from workers.reasons import alarm_of, explained

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.types import ChannelReply
    from responders.publishers.base import Publisher
    from storage.publications import PublicationJob
    from storage.session import Connection
    from workers.runtime import Runtime

log = structlog.get_logger()

MARGIN = timedelta(seconds=5)
"""Between committing ``sending`` and the request leaving; a slower worker gives up unsent."""
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=30)
MODERATION_PAUSE = timedelta(minutes=30)
CREDENTIAL_PAUSE = timedelta(minutes=10)
READS_BEFORE_ATTENTION = 8
"""Failed reads in a row after which a person looks."""
SENDS_BEFORE_ATTENTION = 10
"""Attempts that left and never arrived, about an hour of them; then the reply is a person's."""


def publish(runtime: Runtime, publication_id: int) -> None:
    """Send a due publication, or hand it to a person where the channel cannot be written.

    Claims it as ``sending``, sends with no transaction open, records the outcome. Dying before
    the request leaves or after it: the sweep finds ``sending`` past its lease and makes it
    ``uncertain``, which only reading the channel settles.
    """
    with runtime.database.reading() as connection:
        job = publications.load(connection, publication_id)
    if job is None or job.state is not PublicationState.QUEUED or _is_for_others(runtime, job):
        return
    now = runtime.clock()
    publisher, problem = _publisher(runtime, job)
    if publisher is None:
        # A person can still answer; the operator reads the reason in the history and doctor.
        why = problem or "the channel takes no replies"
        with runtime.database.unit_of_work() as connection:
            publications.hand_off(connection, job, now=now, why=why, problem=problem)
        return
    if not runtime.settings.publish_enabled:
        # The sweep asks again, of every one that waits; doctor and the console say why.
        log.debug("publication_switched_off", publication_id=job.id)
        return
    writing = timedelta(seconds=publisher.timeout_s)
    with runtime.database.unit_of_work() as connection:
        token = publications.begin_sending(
            connection, job.id, now=now, lease_until=now + MARGIN + writing + MARGIN
        )
    if token is not None:
        _send(runtime, job, token, publisher, claimed_at=now)
        runtime.poke()


def _is_for_others(runtime: Runtime, job: PublicationJob) -> bool:
    """Tell whether the account is at the job's place, and only this process is not.

    It has an older ``brand.toml``; the sweep asks again until another process is asked.
    """
    if job.is_left:
        return False
    try:
        runtime.account_at(job.account_key, job.channel, job.source)
    except SourceMovedError as error:
        log.warning("publication_elsewhere", publication_id=job.id, error=str(error))
        return True
    except ConfigurationError:
        pass
    return False


def _publisher(runtime: Runtime, job: PublicationJob) -> tuple[Publisher | None, str]:
    """Give what does the job's action, or None and, where it is a mistake, what is wrong.

    What was read at a place that the account has left is neither answered nor read back: in the
    new place the same id is somebody else's, and absence there proves nothing.
    """
    try:
        account = runtime.account_at(job.account_key, job.channel, job.source)
        publisher = runtime.publisher(account)
    except ConfigurationError as error:
        return None, explained(error, job.channel)
    if job.action is ReplyAction.ANSWER:
        return publisher, ""
    confirms: object = publisher
    return (confirms.confirmations if isinstance(confirms, Confirms) else None), ""


def _send(
    runtime: Runtime,
    job: PublicationJob,
    token: str,
    publisher: Publisher,
    *,
    claimed_at: datetime,
) -> None:
    if runtime.clock() - claimed_at > MARGIN:
        why = "the worker was too slow to send within its lease"
        _settle(runtime, job, token, PublicationState.QUEUED, why, timedelta(0))
        return
    try:
        with leaving_within(publisher.timeout_s):
            reply = publisher.publish(job.target, job.text)
    except OutcomeUnknownError as error:
        target, why, wait = (
            PublicationState.UNCERTAIN,
            explained(error, job.channel),
            _settled(publisher),
        )
    except RetryableError as error:
        target, why, wait = (
            PublicationState.QUEUED,
            explained(error, job.channel),
            pause(error, job.attempts, first=FIRST_PAUSE, longest=LONGEST_PAUSE),
        )
    except CredentialRejectedError as error:
        # Not the reply's fault: it waits until the operator has repaired the account.
        target, why, wait = PublicationState.QUEUED, explained(error, job.channel), CREDENTIAL_PAUSE
        _report(runtime, job, error)
    except AccessBlockedError as error:
        # Never worked around: a person posts it, and looks at the channel before.
        target, why, wait = PublicationState.HANDED_OFF, explained(error, job.channel), None
        _report(runtime, job, error)
    except PermanentError as error:
        if _is_ended(runtime, replace(job, state=PublicationState.SENDING), token, error):
            return
        is_read_only = _code(error) == PublicationRefusedError.READ_ONLY
        # Refused by the channel or by its rules: back to the desk with the reason.
        target = PublicationState.HANDED_OFF if is_read_only else PublicationState.REFUSED
        why, wait = explained(error, job.channel), None
    else:
        _posted(runtime, job, token, reply)
        return
    _settle(runtime, job, token, target, why, wait)


def _is_ended(runtime: Runtime, job: PublicationJob, token: str, error: PermanentError) -> bool:
    """Close what needs no reply any more: answered by somebody else, or gone; False for the rest."""
    code, now = _code(error), runtime.clock()
    if code not in {PublicationRefusedError.ANSWERED_ELSEWHERE, PublicationRefusedError.GONE}:
        return False
    with runtime.database.unit_of_work() as connection:
        if code == PublicationRefusedError.GONE:
            publications.settle_gone(
                connection, job, token, now=now, why=explained(error, job.channel)
            )
        else:
            publications.settle_answered_elsewhere(connection, job, token, now=now)
    log.info("publication_ended", publication_id=job.id, why=code)
    return True


def _code(error: PermanentError) -> str:
    return error.code if isinstance(error, PublicationRefusedError) else ""


def _posted(runtime: Runtime, job: PublicationJob, token: str, reply: ChannelReply) -> None:
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        publications.settle(
            connection,
            job,
            token,
            PublicationState.SENDING,
            PublicationState.POSTED,
            now=now,
            why="the channel accepted it",
            check_at=now,
            receipt=reply.receipt,
        )
    log.info("publication_posted", publication_id=job.id, channel=job.channel)


def _settle(
    runtime: Runtime,
    job: PublicationJob,
    token: str,
    target: PublicationState,
    why: str,
    wait: timedelta | None,
) -> None:
    now = runtime.clock()
    check_at = None if wait is None else now + wait
    values = {"available_at": check_at} if target is PublicationState.QUEUED else {}
    with runtime.database.unit_of_work() as connection:
        settled = publications.settle(
            connection,
            job,
            token,
            PublicationState.SENDING,
            target,
            now=now,
            why=why,
            check_at=check_at,
            problem=why,
            **values,
        )
    level = log.info if settled else log.error
    level("publication_settled", publication_id=job.id, state=target, why=why, settled=settled)


def _settled(publisher: Publisher) -> timedelta:
    """How long after a lost answer a read can prove absence."""
    return MARGIN + timedelta(seconds=publisher.timeout_s + publisher.slowest_commit_s)


def verify(runtime: Runtime, publication_id: int) -> None:
    """Settle a posted, pending or uncertain publication by reading its channel.

    Leases it, reads with no transaction open, records what was seen. Dying in between only costs
    the read.
    """
    with runtime.database.reading() as connection:
        job = publications.load(connection, publication_id)
    if job is None or job.state not in publications.READABLE_STATES or _is_for_others(runtime, job):
        return
    publisher, problem = _publisher(runtime, job)
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        token = publications.claim_reading(
            connection, job.id, job.state, now=now, lease_until=now + runtime.settings.lease
        )
        if token is not None:
            # Whole attempts may have come and gone since: absence is counted from the last one.
            job = publications.load(connection, job.id)
    if token is None or job is None:
        return
    if publisher is None:
        _give_to_person(runtime, job, token, problem or "the account is no longer writable")
        return
    try:
        replies = publisher.read_back(job.target)
    except RetryableError as error:
        _read_later(runtime, job, token, error)
        return
    except CredentialRejectedError as error:
        # Not the reply's fault: it is proven once the operator has repaired the account.
        _report(runtime, job, error)
        check_at = runtime.clock() + CREDENTIAL_PAUSE
        with runtime.database.unit_of_work() as connection:
            publications.keep_waiting(connection, job, token, check_at=check_at)
        return
    except PermanentError as error:
        if not _is_ended(runtime, job, token, error):
            _give_to_person(runtime, job, token, explained(error, job.channel))
        return
    _settle_by(runtime, job, token, publisher, replies, read_at=now)
    runtime.poke()


def _settle_by(
    runtime: Runtime,
    job: PublicationJob,
    token: str,
    publisher: Publisher,
    replies: tuple[ChannelReply, ...],
    *,
    read_at: datetime,
) -> None:
    now = runtime.clock()
    ours = next((reply for reply in replies if same_reply(reply.text, job.text)), None)
    if ours is not None:
        with runtime.database.unit_of_work() as connection:
            publications.settle_found(
                connection, job, token, ours, now=now, check_at=now + MODERATION_PAUSE
            )
        log.info("publication_verified", publication_id=job.id, state=ours.state)
    elif any(is_left_of(reply.text, job.text) for reply in replies):
        _give_to_person(runtime, job, token, "it stands on the channel, cut short or changed")
    elif job.state is PublicationState.UNCERTAIN:
        _absent(runtime, job, token, publisher, others=bool(replies), read_at=read_at)
    else:
        _not_there(runtime, job, token)


def _absent(
    runtime: Runtime,
    job: PublicationJob,
    token: str,
    publisher: Publisher,
    *,
    others: bool,
    read_at: datetime,
) -> None:
    """Count an absence that proves something; two of them mean the reply never arrived."""
    sent_at = job.sent_at or read_at
    counts = read_at >= sent_at + _settled(publisher)
    reads = job.absent_reads + 1 if counts else job.absent_reads
    is_taken = others and publisher.rules.one_reply_only
    is_proven = reads >= publications.READS_TO_PROVE_ABSENCE
    why = f"absent on {reads} reads after it could still arrive"
    if is_proven and not is_taken:
        with runtime.database.reading() as connection:
            sends = publications.times_absent(connection, job) + 1
        if sends >= SENDS_BEFORE_ATTENTION:
            _give_to_person(runtime, job, token, f"{why}, at the last of {sends} attempts")
            return
    now = runtime.clock()
    next_read = max(now + FIRST_PAUSE / 5, sent_at + _settled(publisher))
    with runtime.database.unit_of_work() as connection:
        if not is_proven:
            publications.keep_waiting(
                connection, job, token, check_at=next_read, absent_reads=reads, failed_reads=0
            )
        elif is_taken:
            publications.settle_answered_elsewhere(connection, job, token, now=now)
        else:
            again_at = now + pause(
                OutcomeUnknownError(why), job.attempts, first=FIRST_PAUSE, longest=LONGEST_PAUSE
            )
            publications.settle(
                connection,
                job,
                token,
                job.state,
                PublicationState.QUEUED,
                now=now,
                why=why,
                check_at=again_at,
                available_at=again_at,
            )


def _not_there(runtime: Runtime, job: PublicationJob, token: str) -> None:
    """The channel accepted the reply but does not show it (yet)."""
    if job.failed_reads + 1 >= READS_BEFORE_ATTENTION:
        _give_to_person(runtime, job, token, "accepted by the channel, but it is not there")
        return
    check_at = runtime.clock() + FIRST_PAUSE * 2**job.failed_reads
    with runtime.database.unit_of_work() as connection:
        publications.keep_waiting(
            connection, job, token, check_at=check_at, failed_reads=job.failed_reads + 1
        )


def _read_later(runtime: Runtime, job: PublicationJob, token: str, error: RetryableError) -> None:
    if job.failed_reads + 1 >= READS_BEFORE_ATTENTION:
        _give_to_person(runtime, job, token, explained(error, job.channel))
        return
    with runtime.database.unit_of_work() as connection:
        publications.keep_waiting(
            connection,
            job,
            token,
            check_at=runtime.clock()
            + pause(error, job.failed_reads, first=FIRST_PAUSE, longest=LONGEST_PAUSE),
            failed_reads=job.failed_reads + 1,
        )


def _give_to_person(runtime: Runtime, job: PublicationJob, token: str, why: str) -> None:
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        if not publications.settle(
            connection,
            job,
            token,
            job.state,
            PublicationState.ATTENTION,
            now=now,
            why=why,
            problem=why,
        ):
            return
        # Who sends it again by hand hears of that attempt, too.
        subject = f"{job.id}:{job.attempts}"
        _tell(runtime, connection, job, AlertRule.PUBLICATION_UNCERTAIN, subject, {"detail": why})
    log.warning("publication_needs_person", publication_id=job.id, why=why)


def _report(runtime: Runtime, job: PublicationJob, error: PermanentError) -> None:
    """Tell the operator that the channel refuses the account; once a day."""
    words = {"detail": str(error), **alarm_of(error, job.channel)}
    with runtime.database.unit_of_work() as connection:
        _tell(runtime, connection, job, AlertRule.CREDENTIALS, job.account_key, words)


def _tell(
    runtime: Runtime,
    connection: Connection,
    job: PublicationJob,
    rule: AlertRule,
    subject: str,
    words: Mapping[str, str],
) -> None:
    brand = runtime.brands.get(job.brand)
    if brand is None:
        # Nobody to tell in Slack; the console shows what waits for a person.
        why = words["detail"]
        log.error("publication_without_brand", publication_id=job.id, brand=job.brand, why=why)
        return
    now = runtime.clock()
    alert = replace(
        operator_alert(rule, brand, subject, now),
        feedback_id=job.feedback_id,
    )
    payload = {"subject": job.account_key, "case_id": job.case_id, **words}
    tell(runtime, connection, [new_alert(alert, payload)], now=now)


def expire_sending(runtime: Runtime) -> int:
    """Take attempts of dead workers up: nobody knows whether their request left.

    Returns:
        How many were found.
    """
    now = runtime.clock()
    with runtime.database.reading() as connection:
        expired = publications.expired_sendings(connection, now=now)
        jobs = [(publications.load(connection, row_id), token) for row_id, token in expired]
    for job, token in jobs:
        if job is None:
            continue
        why = "the worker died while sending"
        publisher, _ = _publisher(runtime, job)
        if publisher is not None and publisher.idempotent:
            _settle(runtime, job, token, PublicationState.QUEUED, why, timedelta(0))
        else:
            _settle(runtime, job, token, PublicationState.UNCERTAIN, why, timedelta(0))
    return len(jobs)
