"""Drafting: a reply for every case, and the notices that go with it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from alerts.rules import AlertEvent, EventKind, alerts_for
from collectors import CHANNELS
from domain.errors import ReputationError
from domain.types import ComplaintCategory, FeedbackKind, ReplyRules, Severity
from responders.drafting import DraftInput
from storage import cases
from storage.feedback import analysis_from_row, whole_text
from workers.notices import new_alert, tell
from workers.runtime import is_holiday

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from domain.types import Analysis, DraftReply
    from responders.drafting import Drafter
    from storage.alerts import NewAlert
    from storage.cases import Drafted, ToDraft
    from workers.runtime import Runtime

log = structlog.get_logger()

RETRY_AFTER = timedelta(minutes=5)


def draft(runtime: Runtime, case_ids: Sequence[int]) -> int:
    """Draft what of the given cases nobody else works on.

    Claims the cases, writes drafts with no transaction open, stores them and the notices they
    cause. Dying in between leaves leased cases, which the sweep queues again; a second delivery
    finds nothing to claim.

    Returns:
        How many drafts were stored.
    """
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        token, rows = cases.claim(connection, case_ids, now=now, until=now + runtime.settings.lease)
    finished: list[Drafted] = []
    failed: list[int] = []
    drafters: dict[str, Drafter] = {}
    for row in rows:
        try:
            if row.brand not in drafters:
                drafters[row.brand] = runtime.drafter(runtime.brand(row.brand))
            finished.append(_write(drafters[row.brand], row, "standard"))
        except ReputationError as error:
            log.error("draft_failed", case_id=row.case_id, brand=row.brand, error=str(error))  # noqa: TRY400 - the message says it all
            failed.append(row.case_id)
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        if failed:
            cases.fail_drafts(connection, failed, token, retry_at=now + RETRY_AFTER)
        kept = cases.settle_drafts(connection, token, finished, now=now)
        notices = list(_notices(runtime, kept, now))
        tell(runtime, connection, notices, now=now)
    runtime.poke()
    return len(kept)


def draft_one(runtime: Runtime, row: ToDraft, strategy: str = "standard") -> Drafted:
    """Write one draft.

    Raises:
        ConfigurationError: The brand is gone or its manual cannot be used.
    """
    return _write(runtime.drafter(runtime.brand(row.brand)), row, strategy)


def _write(drafter: Drafter, row: ToDraft, strategy: str) -> Drafted:
    reply = drafter.draft(
        DraftInput(
            text=whole_text(row.title, row.text),
            kind=FeedbackKind(row.kind),
            title=row.title,
            product_name=row.product_name,
            rating=row.rating,
            analysis=analysis_from_row(row),
            written_at=row.written_at,
            feedback_id=str(row.feedback_id),
            rules=rules_of(row.channel, row.native_id),
        ),
        strategy=strategy,
    )
    return cases.Drafted(row, reply, _cited(reply))


def _cited(reply: DraftReply) -> dict[str, str]:
    """Give the clauses a draft rests on, each with the wording's hash."""
    pinned = (sentence.reference.partition("@") for sentence in reply.sentences)
    return {reference: digest for reference, _, digest in pinned if digest}


def rules_of(channel: str, native_id: str) -> ReplyRules:
    """Give the channel's rules for a reply to one item; the usual ones where nobody can answer."""
    spec = CHANNELS[channel].spec if channel in CHANNELS else None
    return (spec.rules_for(native_id) if spec else None) or ReplyRules()


def _notices(runtime: Runtime, drafts: Iterable[Drafted], now: datetime) -> Iterable[NewAlert]:
    """Turn events into rows; many old ones share one digest and so one key."""
    seen: set[str] = set()
    for drafted in drafts:
        row = drafted.case
        analysis = analysis_from_row(row)
        event = _event(runtime, row, analysis)
        for alert in alerts_for(event, runtime.brand(row.brand), now, is_holiday):
            if alert.dedupe_key in seen:
                continue
            seen.add(alert.dedupe_key)
            yield new_alert(
                alert,
                {
                    "case_id": alert.case_id,
                    "account_key": event.account_key,
                    "wants_receipt": alert.wants_receipt,
                },
            )


def _event(runtime: Runtime, row: ToDraft, analysis: Analysis) -> AlertEvent:
    categories = tuple(found.category for found in analysis.categories)
    severity = Severity(row.severity)
    is_safety = ComplaintCategory.SAFETY in categories
    return AlertEvent(
        kind=EventKind.UNDERSTOOD,
        feedback_id=row.feedback_id,
        case_id=row.case_id,
        account_key=runtime.account_key(row.account_id),
        feedback_kind=FeedbackKind(row.kind),
        written_at=row.written_at,
        is_negative=analysis.is_negative,
        severity=severity,
        categories=categories,
        # Critical and not about safety: law, authorities, press, personal data.
        is_legal=severity is Severity.CRITICAL and not is_safety,
        is_first_backfill=row.is_backfill,
    )
