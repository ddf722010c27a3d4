"""Keeping what stands in Slack true: cards follow their cases, threads their numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from alerts.rules import AlertRule
from alerts.slack import SlackReceipt
from domain.errors import ConfigurationError, PermanentError, RateLimitedError, RetryableError
from storage import alerts
from workers.slack_messages import render

if TYPE_CHECKING:
    from alerts.slack import SlackClient
    from workers.runtime import Runtime

log = structlog.get_logger()

PER_ROUND = 4
"""Updates in one round; with a round every five seconds below Slack's 50 a minute."""
_CHANGING = (AlertRule.BURST, AlertRule.BRAND_SAFETY)
_HOLD_S = 30.0


class CardRefresher:
    """Updates the messages in Slack that no longer say what is.

    An update may be repeated harmlessly, so there is no claim: a process that dies in between
    leaves a message that the next round finds outdated again.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._not_before = runtime.clock()

    def refresh(self) -> int:
        """Run one round.

        Returns:
            How many messages were updated.
        """
        runtime = self._runtime
        if runtime.slack is None or runtime.clock() < self._not_before:
            return 0
        with runtime.database.reading() as connection:
            ids = alerts.living(connection, _CHANGING)
            ids += alerts.outdated_cards(connection, AlertRule.CASE_CARD, limit=PER_ROUND)
        updated = 0
        for alert_id in ids:
            if updated == PER_ROUND:
                break
            try:
                updated += self._refresh_one(runtime.slack, alert_id)
            except RateLimitedError as error:
                pause = timedelta(seconds=error.retry_after_s or _HOLD_S)
                self._not_before = runtime.clock() + pause
                break
            except (RetryableError, ConfigurationError) as error:
                log.warning("card_not_updated", alert_id=alert_id, error=str(error))
                break
        return updated

    def _refresh_one(self, slack: SlackClient, alert_id: int) -> int:
        runtime = self._runtime
        with runtime.database.reading() as connection:
            job = alerts.load(connection, alert_id)
        if job is None:
            return 0
        rendered = render(runtime, job, runtime.clock())
        if rendered.shown == job.shown:
            return 0
        is_final = rendered.is_final
        try:
            slack.update(SlackReceipt(job.destination, job.receipt), rendered.message)
        except PermanentError as error:
            # The message is gone or may no longer be changed; the console has the truth.
            log.warning("card_lost", alert_id=alert_id, error=str(error))
            is_final = True
        with runtime.database.unit_of_work() as connection:
            alerts.note_shown(connection, alert_id, rendered.shown, is_final=is_final)
        return 1
