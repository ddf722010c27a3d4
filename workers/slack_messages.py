"""What a stored alert looks like in Slack, rendered when it is sent: as the case is then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.blocks import (
    AlarmKind,
    CaseCard,
    CaseLine,
    DigestCounts,
    DigestPeriod,
    SlackMessage,
    brand_alert,
    case_card,
    digest,
    notice,
    operator_alarm,
    overdue_alert,
)
from alerts.rules import AlertRule
from collectors import CHANNELS
from domain.types import FeedbackKind, Severity
from storage import accounts, cases
from storage.feedback import analysis_from_row, whole_text

if TYPE_CHECKING:
    from datetime import datetime

    from storage.alerts import AlertJob
    from storage.cases import CaseView
    from workers.runtime import Runtime

_ALARMS = {
    AlertRule.LAYOUT_CHANGED: AlarmKind.LAYOUT_CHANGED,
    AlertRule.PUBLICATION_UNCERTAIN: AlarmKind.PUBLICATION_UNCERTAIN,
    AlertRule.CREDENTIALS: AlarmKind.CREDENTIALS,
}


def render(runtime: Runtime, job: AlertJob, now: datetime) -> SlackMessage:
    """Build the message of one alert.

    Raises:
        ConfigurationError: The brand's folder is gone.
    """
    rule = AlertRule(job.rule)
    brand = runtime.brand(job.brand)
    if rule in _ALARMS:
        return operator_alarm(
            _ALARMS[rule],
            brand.name,
            job.payload["subject"],
            job.payload["detail"],
            runtime.console_url,
        )
    if rule is AlertRule.BACKFILL_DIGEST:
        return _backfill(runtime, job)
    with runtime.database.reading() as connection:
        view = cases.load_view(connection, job.payload["case_id"])
    if view is None:
        return notice("삭제된 케이스입니다.")
    card = card_of(runtime, view)
    if rule is AlertRule.CASE_CARD:
        return case_card(card, now)
    if rule in {AlertRule.DUE_SOON, AlertRule.OVERDUE}:
        line = CaseLine(
            case_id=card.case_id,
            revision=card.revision,
            severity=card.severity,
            summary=card.text,
            rating=card.rating,
            categories=card.categories,
            due_at=card.due_at,
        )
        return overdue_alert(brand.name, [line], 1, now, brand.timezone, card.console_url)
    return brand_alert(card, now, wants_receipt=bool(job.payload.get("wants_receipt")))


def card_of(runtime: Runtime, view: CaseView) -> CaseCard:
    """Put a case on a card; everything in it is masked text."""
    case = view.case
    brand = runtime.brand(case.brand)
    analysis = analysis_from_row(case)
    return CaseCard(
        case_id=case.case_id,
        revision=case.draft_number,
        brand_name=brand.name,
        channel_name=CHANNELS[case.channel].spec.title,
        kind=FeedbackKind(case.kind),
        severity=Severity(case.severity),
        text=whole_text(case.title, case.text),
        console_url=f"{runtime.console_url}/cases/{case.case_id}",
        product_name=case.product_name,
        rating=case.rating,
        categories=tuple(found.category for found in analysis.categories),
        abuse_spans=analysis.abuse_spans,
        written_at=case.written_at,
        due_at=case.due_at,
        draft=view.draft_text,
        missing=tuple(view.missing),
        rating_mismatch=analysis.rating_mismatch,
        unsure=analysis.unsure,
        timezone=brand.timezone,
    )


def _backfill(runtime: Runtime, job: AlertJob) -> SlackMessage:
    key = job.payload["account_key"]
    with runtime.database.reading() as connection:
        counts = accounts.count_backfill(connection, key)
    return digest(
        DigestPeriod.BACKFILL,
        runtime.brand(job.brand).name,
        DigestCounts(
            collected=counts["total"],
            negative=counts["negative"],
            inquiries=counts["inquiries"],
            answered=counts["answered"],
            waiting=counts["waiting"],
            overdue=0,
        ),
        [],
        key.partition("/")[2],
        runtime.console_url,
    )
