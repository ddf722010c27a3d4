"""Repairing what crashed or waits too long. Each check is small and has a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from domain.messages import Message
from storage import alerts, analyses, cases, outbox, publications
from workers import alert, publish
from workers.collect import ANALYZE_PAGE
from workers.notices import readdress

if TYPE_CHECKING:
    from datetime import datetime

    from workers.runtime import Runtime

log = structlog.get_logger()

LIMIT = 5_000
"""Most rows one check queues again at a time."""


def sweep(runtime: Runtime, *, queued_before: datetime | None = None) -> dict[str, int]:
    """Run every check once.

    Args:
        runtime: This process's tools.
        queued_before: A row queued then or earlier, and not worked on since, gets another
            message; a lease ago by default.

    Returns:
        What each check repaired; nothing repaired is not listed.
    """
    now = runtime.clock()
    if queued_before is None:
        queued_before = now - runtime.settings.lease
    found = {
        "publications_expired": publish.expire_sending(runtime),
        "alerts_expired": alert.expire_sending(runtime),
        "feedback_waiting": _queue_feedback(runtime, now, queued_before),
        "cases_waiting": _queue_cases(runtime, now, queued_before),
        "publications_waiting": _queue_publications(runtime, now, queued_before),
        "alerts_readdressed": readdress(runtime),
        "alerts_waiting": _queue_alerts(runtime, now, queued_before),
    }
    repaired = {check: number for check, number in found.items() if number}
    if repaired:
        log.info("sweep_repaired", **repaired)
        runtime.poke()
    return repaired


def _queue_feedback(runtime: Runtime, now: datetime, queued_before: datetime) -> int:
    with runtime.database.unit_of_work() as connection:
        fresh, backlog = analyses.take_lost(
            connection, now=now, queued_before=queued_before, limit=LIMIT
        )
        for message, ids in (
            (Message.FEEDBACK_ANALYZE, fresh),
            (Message.FEEDBACK_ANALYZE_BACKLOG, backlog),
        ):
            outbox.add_pages(connection, message, ids, page_size=ANALYZE_PAGE, available_at=now)
    return len(fresh) + len(backlog)


def _queue_cases(runtime: Runtime, now: datetime, queued_before: datetime) -> int:
    with runtime.database.unit_of_work() as connection:
        urgent, normal = cases.take_lost(
            connection, now=now, queued_before=queued_before, limit=LIMIT
        )
        cases.queue_drafts(connection, urgent, normal, now=now)
    return len(urgent) + len(normal)


def _queue_publications(runtime: Runtime, now: datetime, queued_before: datetime) -> int:
    with runtime.database.unit_of_work() as connection:
        to_send, to_read = publications.take_lost(connection, now=now, queued_before=queued_before)
        for message, ids in (
            (Message.PUBLICATION_PUBLISH, to_send),
            (Message.PUBLICATION_VERIFY, to_read),
        ):
            for publication_id in ids:
                outbox.add(connection, message, [publication_id], available_at=now)
    return len(to_send) + len(to_read)


def _queue_alerts(runtime: Runtime, now: datetime, queued_before: datetime) -> int:
    with runtime.database.unit_of_work() as connection:
        lost = alerts.take_lost(
            connection,
            now=now,
            queued_before=queued_before,
            has_slack=runtime.slack is not None,
            has_mail=runtime.mail is not None,
        )
        for alert_id, urgent in lost:
            outbox.add(connection, alerts.message_for(urgent), [alert_id], available_at=now)
    return len(lost)
