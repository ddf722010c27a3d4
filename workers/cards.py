"""Keeping what stands in Slack true: cards follow their cases, threads their numbers."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING

import structlog

from alerts.rules import AlertRule
from alerts.slack import SlackReceipt
from domain.errors import (
    ConfigurationError,
    CredentialRejectedError,
    PermanentError,
    RetryableError,
)
from storage import alerts, turns
from workers.calls import calling
from workers.notices import BURST_IS_OVER
from workers.slack_messages import IN_TURN, render

if TYPE_CHECKING:
    from datetime import datetime

    from alerts.slack import SlackClient
    from workers.runtime import Runtime

log = structlog.get_logger()

PER_ROUND = 4
UPDATES = turns.Pace("chat.update", timedelta(seconds=1.35), timedelta(seconds=6))
"""At most 48 in any minute, however many schedulers there are: below Slack's 50."""


def refresh(runtime: Runtime) -> int:
    """Update some of the messages in Slack that no longer say what is.

    Each is leased, updated and released. Dying in between leaves it leased; a later round finds
    it outdated again, and an update may be repeated harmlessly.

    Returns:
        How many messages were updated.
    """
    slack = runtime.slack
    if slack is None:
        return 0
    ids = _outdated(runtime, runtime.clock())
    if not ids:
        return 0
    updated = 0
    try:
        with calling(runtime, UPDATES, len(ids)) as allowed:
            for alert_id in ids[:allowed]:
                try:
                    updated += _refresh_one(runtime, slack, alert_id)
                except ConfigurationError as error:
                    log.warning("card_not_rendered", alert_id=alert_id, error=str(error))
    except (RetryableError, CredentialRejectedError) as error:
        log.warning("cards_not_updated", error=str(error))
    return updated


def _outdated(runtime: Runtime, now: datetime) -> list[int]:
    """Give a round's messages: of each kind in turn, so that none waits for all of another."""
    with runtime.database.reading() as connection:
        about_cases = [
            sorted(
                alert_id
                for rule in kind
                for alert_id in alerts.outdated_cards(connection, rule, now=now, limit=PER_ROUND)
            )
            for kind in IN_TURN
        ]
        threads = [
            alert_id
            for rule in (AlertRule.BURST, AlertRule.BRAND_ASKED_BURST)
            for alert_id in alerts.outdated_bursts(
                connection, rule, over_since=now - BURST_IS_OVER, now=now, limit=PER_ROUND
            )
        ]
    mixed = chain.from_iterable(zip_longest(*about_cases, threads))
    return list(islice((alert_id for alert_id in mixed if alert_id is not None), PER_ROUND))


def _refresh_one(runtime: Runtime, slack: SlackClient, alert_id: int) -> int:
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        token = alerts.claim_update(
            connection, alert_id, now=now, lease_until=now + runtime.settings.lease
        )
        job = alerts.load(connection, alert_id)
    if token is None or job is None:
        return 0
    # What cannot be rendered, or not until an operator mends our token, stays leased, so that it
    # holds up nobody until the lease ends.
    rendered = render(runtime, job, now)
    shown, is_final = job.shown, False
    try:
        if rendered.shown != job.shown:
            slack.update(SlackReceipt(job.destination, job.receipt), rendered.message)
        shown, is_final = rendered.shown, rendered.is_final
    except CredentialRejectedError:
        raise
    except RetryableError:
        _note(runtime, alert_id, token, shown, is_final=False)
        raise
    except PermanentError as error:
        # The message is gone or may no longer be changed; the console has the truth.
        log.warning("card_lost", alert_id=alert_id, error=str(error))
        is_final = True
    _note(runtime, alert_id, token, shown, is_final=is_final)
    return int(shown != job.shown)


def _note(runtime: Runtime, alert_id: int, token: str, shown: str, *, is_final: bool) -> None:
    with runtime.database.unit_of_work() as connection:
        alerts.note_shown(connection, alert_id, token, shown, is_final=is_final)
