"""Drafting: a reply for every case, and the notices that go with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from alerts.rules import AlertEvent, AlertRule, alerts_for, request_alert
from collectors import CHANNELS
from collectors.reply_rules import rules_now
from domain.brands import Account
from domain.errors import ConfigurationError, ReputationError, SourceMovedError
from domain.types import AnswerState, ComplaintCategory, FeedbackKind, ReplyRules, Severity
from responders.drafting import DraftInput
from storage import cases, proposals
from storage.analyses import analysis_from_row
from storage.feedback import whole_text
from workers.notices import new_alert, tell
from workers.reasons import MOVED
from workers.runtime import is_holiday

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from domain.types import Analysis, DraftReply
    from responders.drafting import Drafter
    from storage.alerts import NewAlert
    from storage.cases import Drafted, ToDraft
    from storage.session import Connection
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
    analyses = {row.case_id: analysis_from_row(row) for row in rows}
    for row in rows:
        try:
            if row.brand not in drafters:
                drafters[row.brand] = runtime.drafter(runtime.brand(row.brand))
            rules = rules_of(runtime, row)
            finished.append(_write(drafters[row.brand], row, analyses[row.case_id], rules))
        except ReputationError as error:
            log.error("draft_failed", case_id=row.case_id, brand=row.brand, error=str(error))  # noqa: TRY400 - the message says it all
            failed.append(row.case_id)
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        if failed:
            cases.fail_drafts(connection, failed, token, retry_at=now + RETRY_AFTER)
        kept = cases.settle_drafts(connection, token, finished, now=now)
        events = [_event(runtime, drafted.case, analyses[drafted.case.case_id]) for drafted in kept]
        tell(runtime, connection, list(_notices(runtime, events, now)), now=now)
    runtime.poke()
    return len(kept)


def tell_of_edits(
    runtime: Runtime, connection: Connection, case_ids: Sequence[int], *, now: datetime
) -> None:
    """Tell of complaints and questions that their writers made of what was replied to before.

    Nothing drafts or reminds of them: a second reply is written by hand, or none is.
    """
    if not case_ids:
        return
    events = [
        replace(
            _event(runtime, row, analysis_from_row(row)),
            edited_after_reply=row.feedback_revision,
        )
        for row in cases.load_for_drafting(connection, case_ids)
    ]
    tell(runtime, connection, list(_notices(runtime, events, now)), now=now)


def tell_asked(runtime: Runtime, connection: Connection, case_id: int) -> None:
    """Tell whom the newest proposal of a case asks: the brand, or the agency once more.

    Somebody of the agency with a higher limit is given the case instead, and told nothing.

    Args:
        runtime: This process's tools.
        connection: The transaction of the proposal.
        case_id: Whose.
    """
    now = runtime.clock()
    for row in cases.load_for_drafting(connection, [case_id]):
        brand = runtime.brands.get(row.brand)
        if brand is None:
            continue
        waiting = proposals.proposal_of(connection, row)
        if waiting is None:
            continue
        if waiting.reason == "rewrite":
            rule = AlertRule.REWRITTEN
        elif proposals.waiting_for(connection, brand, limit=1, case_id=case_id):
            rule = AlertRule.BRAND_ASKED
        else:
            continue
        event = _event(runtime, row, analysis_from_row(row))
        alert = request_alert(event, rule, waiting.id, brand, now, is_holiday)
        payload = {"case_id": case_id, "proposal_id": waiting.id}
        tell(runtime, connection, [new_alert(alert, payload)], now=now)


def _write(drafter: Drafter, row: ToDraft, analysis: Analysis, rules: ReplyRules) -> Drafted:
    reply = drafter.draft(
        DraftInput(
            text=whole_text(row.title, row.text),
            kind=FeedbackKind(row.kind),
            title=row.title,
            product_name=row.product_name,
            rating=row.rating,
            analysis=analysis,
            written_at=row.written_at,
            feedback_id=str(row.feedback_id),
            rules=rules,
        )
    )
    return cases.Drafted(row, reply, _cited(reply))


def _cited(reply: DraftReply) -> dict[str, str]:
    """Give the clauses a draft rests on, each with the wording's hash."""
    pinned = (sentence.reference.partition("@") for sentence in reply.sentences)
    return {reference: digest for reference, _, digest in pinned if digest}


def rules_of(runtime: Runtime, case: ToDraft) -> ReplyRules:
    """Give the rules for a reply to a case, as channel, account and item say now."""
    if case.channel not in CHANNELS:
        return ReplyRules()
    origin = runtime.origin(case.account_id)
    why = ""
    try:
        account = runtime.account_at(origin.key, case.channel, origin.source)
        return _rules_now(runtime, account, case)
    except SourceMovedError:
        why = MOVED
    except ConfigurationError:
        # A wrong option is the doctor's matter; what was approved is then posted by hand.
        pass
    unknown = Account(case.brand, origin.key.partition("/")[2], case.channel)
    rules = _rules_now(runtime, unknown, case)
    is_by_hand = rules.state is AnswerState.BY_HAND
    return replace(rules, state_reason=why) if why and is_by_hand else rules


def _rules_now(runtime: Runtime, account: Account, case: ToDraft) -> ReplyRules:
    return rules_now(
        CHANNELS[case.channel].spec,
        account,
        case.native_id,
        case.extra,
        deadline_at=case.deadline_at,
        is_answered=case.replied_elsewhere_at is not None,
        now=runtime.clock(),
    )


def _notices(runtime: Runtime, events: Iterable[AlertEvent], now: datetime) -> Iterable[NewAlert]:
    """Turn events into rows; many old ones share one digest and so one key."""
    seen: set[str] = set()
    for event in events:
        brand = runtime.brands.get(event.account_key.partition("/")[0])
        if brand is None:
            continue
        for alert in alerts_for(event, brand, now, is_holiday):
            if alert.dedupe_key in seen:
                continue
            seen.add(alert.dedupe_key)
            yield new_alert(
                alert,
                {
                    "case_id": alert.case_id,
                    "account_key": event.account_key,
                    "account_id": event.account_id,
                    "is_first_backfill": event.is_first_backfill,
                    "wants_receipt": alert.wants_receipt,
                },
            )


def _event(runtime: Runtime, row: ToDraft, analysis: Analysis) -> AlertEvent:
    categories = tuple(found.category for found in analysis.categories)
    severity = Severity(row.severity)
    origin = runtime.origin(row.account_id)
    is_safety = ComplaintCategory.SAFETY in categories
    return AlertEvent(
        feedback_id=row.feedback_id,
        case_id=row.case_id,
        account_id=row.account_id,
        account_key=origin.key,
        place=origin.place,
        feedback_kind=FeedbackKind(row.kind),
        # What was edited is as new as its edit, however long ago it was written.
        written_at=row.seen_edited_at or row.written_at,
        is_negative=analysis.is_negative,
        severity=severity,
        categories=categories,
        # Critical and not about safety: law, authorities, press, personal data.
        is_legal=severity is Severity.CRITICAL and not is_safety,
        is_first_backfill=row.is_backfill,
    )
