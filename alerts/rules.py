"""Which notices an event makes, for whom, and when. Pure; nothing here sends or stores.

A notice is decided here and rendered when it is sent, so that it shows the case as it is then.
"Never twice" is the ``dedupe_key``: the caller keeps it unique and ignores a second one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from domain.mail import MAIL
from domain.types import ComplaintCategory, FeedbackKind, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.brands import Brand

CONSOLE = "console"
"""Destination of a notice for which no Slack destination is configured."""
SINGLE_ALERT_AGE = timedelta(hours=48)
"""Older feedback never makes a notice of its own."""
DIGEST_SETTLES = timedelta(minutes=10)
"""How long the first old feedback waits for the others of its collection."""
_LONGEST_CLOSURE_DAYS = 400


class AlertRule(StrEnum):
    """Why somebody is told."""

    CASE_CARD = "case_card"
    EDITED_AFTER_REPLY = "edited_after_reply"
    BURST = "burst"
    """One thread that stands for many case cards."""
    BRAND_SEVERITY = "brand_severity"
    BRAND_SAFETY = "brand_safety"
    BRAND_ASKED = "brand_asked"
    """A reply waits for the brand's approval."""
    BRAND_ASKED_BURST = "brand_asked_burst"
    """One message that stands for many of them."""
    REWRITTEN = "rewritten"
    """The brand changed the words of a reply, and the agency must approve again."""
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    SURGE = "surge"
    BACKFILL_DIGEST = "backfill_digest"
    DAILY_DIGEST = "daily_digest"
    WEEKLY_DIGEST = "weekly_digest"
    LAYOUT_CHANGED = "layout_changed"
    PUBLICATION_UNCERTAIN = "publication_uncertain"
    CREDENTIALS = "credentials"
    MAIL_UNDELIVERED = "mail_undelivered"


_OWNERS = frozenset(
    {
        AlertRule.BRAND_SEVERITY,
        AlertRule.BRAND_SAFETY,
        AlertRule.BRAND_ASKED,
        AlertRule.BRAND_ASKED_BURST,
        AlertRule.SURGE,
        AlertRule.DAILY_DIGEST,
        AlertRule.WEEKLY_DIGEST,
    }
)
"""What the brand's own room is told; the review room hears all else, until it is escalated."""


def room_of(rule: AlertRule, brand: Brand, *, is_escalated: bool = False) -> str:
    """Give the room in Slack that a rule tells, or ``CONSOLE`` where the brand names none."""
    if rule in _OWNERS or is_escalated:
        return brand.slack_brand_destination or CONSOLE
    return brand.slack_review_destination or CONSOLE


def alert_key(rule: AlertRule, destination: str, subject: object) -> str:
    """Give a ``dedupe_key``: of one rule a destination hears once about one thing."""
    return f"{rule}:{destination}:{subject}"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One piece of feedback was analysed, perhaps again after an edit.

    Attributes:
        feedback_id: Of the feedback, not of its revision: an edit does not tell a rule twice,
            unless it came after the reply.
        case_id: None while the feedback has no case; such an event makes no notice.
        account_id: Of the account's row; it has one for each place that it was ever read at.
        account_key: ``BRAND/NAME``.
        place: Which of these it is, from 1: each has a first collection.
        written_at: When its writer wrote or last edited it; None where the channel does not say.
        is_negative: As the analysis says.
        is_legal: The text threatens or names legal steps or an authority.
        is_first_backfill: It came with the account's first collection.
        edited_after_reply: The revision that its writer made once the reply had left, which
            nothing answers; each is told. 0 for any other.
    """

    feedback_id: int
    case_id: int | None
    account_id: int
    account_key: str
    place: int
    feedback_kind: FeedbackKind
    written_at: datetime | None
    is_negative: bool
    severity: Severity
    categories: tuple[ComplaintCategory, ...] = ()
    is_legal: bool = False
    is_first_backfill: bool = False
    edited_after_reply: int = 0

    @property
    def is_safety_or_legal(self) -> bool:
        """Tell whether it breaks quiet hours and asks for a read receipt."""
        return self.is_legal or ComplaintCategory.SAFETY in self.categories

    @property
    def is_serious(self) -> bool:
        """Tell whether brand owners are told."""
        return self.is_safety_or_legal or self.severity is not Severity.NORMAL


@dataclass(frozen=True, slots=True)
class Alert:
    """One notice to be made.

    Attributes:
        destination: A Slack channel id, ``mailto:`` with an address, or ``CONSOLE``.
        dedupe_key: At most one notice has it, ever.
        send_at: Not before; later than now in quiet hours.
        is_urgent: It overtakes the backlog.
        wants_receipt: The reader is asked to confirm.
    """

    rule: AlertRule
    destination: str
    dedupe_key: str
    brand: str
    send_at: datetime
    case_id: int | None = None
    feedback_id: int | None = None
    is_urgent: bool = False
    wants_receipt: bool = False


def alerts_for(
    event: AlertEvent,
    brand: Brand,
    now: datetime,
    is_holiday: Callable[[date], bool],
) -> tuple[Alert, ...]:
    """Give the notices of one event.

    The review room gets a card for every negative feedback and every inquiry, and a notice of each
    that became one only after its reply; brand owners hear
    of severity high and above, and of safety and legal matters (these by mail too). What was
    written more than 48 hours ago, or at an unknown time in a first collection, shares one digest
    instead. Safety and legal matters are never delayed.
    """
    if event.case_id is None:
        return ()
    if not _is_fresh(event, now):
        found = [_backfill_digest(event, brand, now)]
    else:
        found = [
            _alert(rule, destination, event, brand, now)
            for rule, destination in _told(event, brand)
        ]
    return tuple(_after_quiet_hours(alert, brand, now, is_holiday) for alert in found)


def request_alert(
    event: AlertEvent,
    rule: AlertRule,
    proposal_id: int,
    brand: Brand,
    now: datetime,
    is_holiday: Callable[[date], bool],
) -> Alert:
    """Give the notice that a reply waits for an approval: one for each proposal.

    The brand's waits for its hours, unless it is about a safety or legal matter.

    Args:
        event: The case's feedback as it was read.
        rule: ``BRAND_ASKED`` or ``REWRITTEN``.
        proposal_id: Whose words are to be approved.
        brand: Whose case it is.
        now: Instant of the proposal.
        is_holiday: Tells public holidays.
    """
    destination = room_of(rule, brand)
    alert = replace(
        _alert(rule, destination, event, brand, now),
        dedupe_key=alert_key(rule, destination, proposal_id),
    )
    if event.is_safety_or_legal:
        return alert
    return _after_quiet_hours(alert, brand, now, is_holiday)


def surge_alert(brand: Brand, now: datetime, is_holiday: Callable[[date], bool]) -> Alert:
    """Give the notice of a surge to brand owners: at most one a day."""
    destination = room_of(AlertRule.SURGE, brand)
    key = alert_key(AlertRule.SURGE, destination, f"{brand.slug}:{_local_day(brand, now)}")
    alert = Alert(AlertRule.SURGE, destination, key, brand.slug, now)
    return _after_quiet_hours(alert, brand, now, is_holiday)


def digest_alert(rule: AlertRule, brand: Brand, destination: str, send_at: datetime) -> Alert:
    """Give the daily or weekly digest that goes out at ``send_at``."""
    target = destination or CONSOLE
    key = alert_key(rule, target, f"{brand.slug}:{_local_day(brand, send_at)}")
    return Alert(rule, target, key, brand.slug, send_at)


def operator_alert(rule: AlertRule, brand: Brand, subject: str, now: datetime) -> Alert:
    """Give an alarm for the operator, who is told in the review room.

    Args:
        rule: What broke.
        brand: Whose account.
        subject: What it is about: ``BRAND/NAME`` for an account (then once a day until it is
            repaired), or a publication's id and attempt.
        now: When it was found.
    """
    target = room_of(rule, brand)
    day = "" if rule is AlertRule.PUBLICATION_UNCERTAIN else f":{_local_day(brand, now)}"
    key = alert_key(rule, target, f"{subject}{day}")
    return Alert(rule, target, key, brand.slug, now, is_urgent=True)


def opens_again_at(now: datetime, brand: Brand, is_holiday: Callable[[date], bool]) -> datetime:
    """Give ``now`` in the brand's hours, otherwise their next opening; lunch is not quiet.

    Raises:
        ValueError: The brand never opens.
    """
    zone = ZoneInfo(brand.timezone)
    today = now.astimezone(zone).date()
    for offset in range(_LONGEST_CLOSURE_DAYS):
        day = today + timedelta(days=offset)
        open_day = brand.hours.on(day.weekday())
        if open_day is None or is_holiday(day):
            continue
        opens, closes = (datetime.combine(day, at, zone).astimezone(UTC) for at in open_day)
        if now < closes:
            return max(now, opens)
    raise ValueError("these business hours never come")


def previous_digest_at(
    rule: AlertRule, before: datetime, brand: Brand, is_holiday: Callable[[date], bool]
) -> datetime:
    """Give the last opening before ``before`` at which a digest was due.

    Raises:
        ValueError: The brand was never open.
    """
    zone = ZoneInfo(brand.timezone)
    first, step = before.astimezone(zone).date(), timedelta(days=1)
    if rule is AlertRule.WEEKLY_DIGEST:
        first, step = first - timedelta(days=first.weekday()), timedelta(days=7)
    for back in range(_LONGEST_CLOSURE_DAYS):
        opening = opens_again_at(_midnight(first - back * step, zone), brand, is_holiday)
        if opening < before:
            return opening
    raise ValueError("these business hours never came")


@dataclass(frozen=True, slots=True)
class BurstRule:
    """More than ``max_new`` notices to one destination in ``window`` become one thread.

    What is urgent always gets a message of its own. The thread ends when no notice came for a
    whole window.
    """

    max_new: int = 10
    window: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Counts:
    """Feedback of one brand in a stretch of time."""

    negative: int
    total: int

    @property
    def rate(self) -> float:
        """Share of negative feedback, 0-1; never exactly either, so that it can be compared."""
        return (self.negative + 1) / (self.total + 2)


@dataclass(frozen=True, slots=True)
class SurgeRule:
    """When a negative rate is above its baseline.

    Attributes:
        min_negative: Fewer are never a surge.
        min_baseline: With less history there is no baseline.
        ratio: Times the baseline's rate.
        z: Standard deviations above it, for a share of that many.
    """

    min_negative: int = 5
    min_baseline: int = 50
    ratio: float = 2.0
    z: float = 3.0


def is_surge(window: Counts, baseline: Counts, rule: SurgeRule) -> bool:
    """Tell whether the window's negative rate is above the baseline's by more than chance."""
    if window.negative < rule.min_negative or baseline.total < rule.min_baseline:
        return False
    usual = baseline.rate
    rate = window.negative / window.total
    deviation = math.sqrt(usual * (1 - usual) / window.total)
    return rate >= rule.ratio * usual and rate >= usual + rule.z * deviation


def _is_fresh(event: AlertEvent, now: datetime) -> bool:
    if event.written_at is None:
        return not event.is_first_backfill
    return now - event.written_at <= SINGLE_ALERT_AGE


def _told(event: AlertEvent, brand: Brand) -> list[tuple[AlertRule, str]]:
    told = []
    if event.is_negative or event.feedback_kind is FeedbackKind.INQUIRY:
        is_late = bool(event.edited_after_reply)
        rule = AlertRule.EDITED_AFTER_REPLY if is_late else AlertRule.CASE_CARD
        told.append((rule, room_of(rule, brand)))
    if event.is_serious:
        rule = AlertRule.BRAND_SAFETY if event.is_safety_or_legal else AlertRule.BRAND_SEVERITY
        told.append((rule, room_of(rule, brand)))
    if event.is_safety_or_legal:
        told += [(AlertRule.BRAND_SAFETY, to) for to in mailed(AlertRule.BRAND_SAFETY, brand)]
    return told


def mailed(rule: AlertRule, brand: Brand) -> list[str]:
    """Give the destinations that a brand names for mails of a rule, each once."""
    emails = brand.digest_emails
    addresses = {
        AlertRule.BRAND_SAFETY: emails.immediate,
        AlertRule.DAILY_DIGEST: emails.daily,
        AlertRule.WEEKLY_DIGEST: emails.weekly,
    }.get(rule, ())
    return [MAIL + address for address in dict.fromkeys(addresses)]


def _alert(
    rule: AlertRule, destination: str, event: AlertEvent, brand: Brand, now: datetime
) -> Alert:
    subject = f"{event.feedback_id}"
    if event.edited_after_reply:
        subject += f":{event.edited_after_reply}"
    return Alert(
        rule=rule,
        destination=destination,
        dedupe_key=alert_key(rule, destination, subject),
        brand=brand.slug,
        send_at=now,
        case_id=event.case_id,
        feedback_id=event.feedback_id,
        is_urgent=event.is_serious,
        wants_receipt=rule is AlertRule.BRAND_SAFETY,
    )


def _backfill_digest(event: AlertEvent, brand: Brand, now: datetime) -> Alert:
    destination = room_of(AlertRule.BACKFILL_DIGEST, brand)
    run = "first" if event.is_first_backfill else _local_day(brand, now)
    if event.place > 1:
        run = f"{run} at {event.place}"
    key = alert_key(AlertRule.BACKFILL_DIGEST, destination, f"{event.account_key}:{run}")
    return Alert(AlertRule.BACKFILL_DIGEST, destination, key, brand.slug, now + DIGEST_SETTLES)


_WAITS_FOR_OWNERS = frozenset({AlertRule.BRAND_SEVERITY, AlertRule.BRAND_ASKED, AlertRule.SURGE})


def _after_quiet_hours(
    alert: Alert, brand: Brand, now: datetime, is_holiday: Callable[[date], bool]
) -> Alert:
    if alert.rule not in _WAITS_FOR_OWNERS or alert.destination == CONSOLE:
        return alert
    return replace(alert, send_at=opens_again_at(now, brand, is_holiday))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _local_day(brand: Brand, instant: datetime) -> date:
    return instant.astimezone(ZoneInfo(brand.timezone)).date()
