from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from alerts.rules import (
    CONSOLE,
    Alert,
    AlertEvent,
    AlertRule,
    Counts,
    SurgeRule,
    alerts_for,
    digest_alert,
    is_surge,
    opens_again_at,
    operator_alert,
    previous_digest_at,
    request_alert,
    surge_alert,
)
from domain.brands import Brand, DigestEmails
from domain.types import ComplaintCategory, FeedbackKind, Severity

BRAND = Brand(
    "saebyeok", "새벽나무", Path(), slack_review_destination="CREVIEW",
    slack_brand_destination="CBRAND",
)  # fmt: skip
WORKDAY = datetime(2026, 11, 19, 5, 0, tzinfo=UTC)  # Thursday 14:00 in Seoul
NIGHT = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)  # Friday 23:00 in Seoul
MONDAY_OPENING = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
EVENT = AlertEvent(
    11, 7, 3, "saebyeok/smartstore", 1, FeedbackKind.REVIEW, WORKDAY,
    is_negative=True, severity=Severity.NORMAL,
)  # fmt: skip


def no_holiday(day: date) -> bool:
    return False


def told(event: AlertEvent, now: datetime = WORKDAY, brand: Brand = BRAND) -> list[tuple[str, str]]:
    return [
        (alert.rule.value, alert.destination) for alert in alerts_for(event, brand, now, no_holiday)
    ]


def test_a_normal_negative_review_is_a_card_in_the_review_room_only() -> None:
    assert told(EVENT) == [("case_card", "CREVIEW")]


def test_a_polite_question_is_a_card_too() -> None:
    event = replace(EVENT, is_negative=False, feedback_kind=FeedbackKind.INQUIRY)
    assert told(event) == [("case_card", "CREVIEW")]


def test_praise_without_a_case_tells_nobody() -> None:
    assert told(replace(EVENT, case_id=None, is_negative=False)) == []


@pytest.mark.parametrize("severity", [Severity.HIGH, Severity.CRITICAL])
def test_severity_high_and_above_reaches_the_brand_owners(severity: Severity) -> None:
    event = replace(EVENT, severity=severity)
    assert told(event) == [("case_card", "CREVIEW"), ("brand_severity", "CBRAND")]
    assert all(alert.is_urgent for alert in alerts_for(event, BRAND, WORKDAY, no_holiday))


@pytest.mark.parametrize(
    "event",
    [
        replace(EVENT, categories=(ComplaintCategory.SAFETY,)),
        replace(EVENT, is_legal=True, severity=Severity.CRITICAL),
    ],
)
def test_safety_and_legal_break_quiet_hours_and_ask_for_a_receipt(
    event: AlertEvent,
) -> None:
    event = replace(event, written_at=NIGHT)
    card, owners = alerts_for(event, BRAND, NIGHT, no_holiday)
    assert (owners.rule, owners.send_at) == (AlertRule.BRAND_SAFETY, NIGHT)
    assert owners.wants_receipt
    assert not card.wants_receipt


def test_other_brand_alerts_wait_for_business_hours_and_cards_do_not() -> None:
    event = replace(EVENT, severity=Severity.HIGH, written_at=NIGHT)
    card, owners = alerts_for(event, BRAND, NIGHT, no_holiday)
    assert card.send_at == NIGHT
    assert owners.send_at == MONDAY_OPENING


def test_each_proposal_is_asked_of_the_brand_once_and_in_its_hours() -> None:
    def ask(rule: AlertRule, proposal_id: int, event: AlertEvent = EVENT) -> Alert:
        return request_alert(event, rule, proposal_id, BRAND, NIGHT, no_holiday)

    asked = ask(AlertRule.BRAND_ASKED, 3)
    assert (asked.destination, asked.send_at) == ("CBRAND", MONDAY_OPENING)
    assert asked.is_urgent is False
    assert ask(AlertRule.BRAND_ASKED, 3).dedupe_key == asked.dedupe_key
    assert ask(AlertRule.BRAND_ASKED, 4).dedupe_key != asked.dedupe_key
    # The agency works at any hour, and safety and law do not wait.
    again = ask(AlertRule.REWRITTEN, 5)
    assert (again.destination, again.send_at) == ("CREVIEW", NIGHT)
    legal = ask(AlertRule.BRAND_ASKED, 6, replace(EVENT, is_legal=True))
    assert (legal.send_at, legal.is_urgent, legal.wants_receipt) == (NIGHT, True, False)


def test_a_holiday_is_quiet_all_day() -> None:
    holiday = date(2026, 11, 23)
    opening = opens_again_at(NIGHT, BRAND, lambda day: day == holiday)
    assert opening == MONDAY_OPENING + timedelta(days=1)
    assert opens_again_at(WORKDAY, BRAND, no_holiday) == WORKDAY


def test_lunch_is_not_quiet() -> None:
    lunch = datetime(2026, 11, 19, 3, 30, tzinfo=UTC)
    assert opens_again_at(lunch, BRAND, no_holiday) == lunch


def test_a_brand_that_works_on_saturdays_hears_of_it_then() -> None:
    hours = replace(BRAND.hours, saturday=(time(10), time(15)))
    brand = replace(BRAND, hours=hours)
    saturday = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
    assert opens_again_at(NIGHT, brand, no_holiday) == saturday
    assert opens_again_at(saturday + timedelta(hours=5), brand, no_holiday) == MONDAY_OPENING
    assert opens_again_at(NIGHT, brand, lambda day: day.weekday() == 5) == MONDAY_OPENING


def test_the_same_feedback_rule_and_destination_have_one_key() -> None:
    first = alerts_for(EVENT, BRAND, WORKDAY, no_holiday)
    edited = replace(EVENT, severity=Severity.HIGH, written_at=WORKDAY - timedelta(hours=1))
    again = alerts_for(edited, BRAND, WORKDAY + timedelta(hours=2), no_holiday)
    assert first[0].dedupe_key == again[0].dedupe_key
    assert len({alert.dedupe_key for alert in (*first, *again)}) == 2
    other = alerts_for(replace(EVENT, feedback_id=12), BRAND, WORKDAY, no_holiday)
    assert other[0].dedupe_key != first[0].dedupe_key


def test_old_feedback_of_a_first_collection_shares_one_digest() -> None:
    old = replace(
        EVENT, written_at=WORKDAY - timedelta(hours=48, seconds=1), is_first_backfill=True
    )
    events = [replace(old, feedback_id=n, severity=Severity.CRITICAL) for n in range(100)]
    alerts = [alert for event in events for alert in alerts_for(event, BRAND, WORKDAY, no_holiday)]
    assert {alert.rule for alert in alerts} == {AlertRule.BACKFILL_DIGEST}
    assert len({alert.dedupe_key for alert in alerts}) == 1
    assert alerts[0].send_at > WORKDAY


def test_feedback_of_the_last_48_hours_is_told_singly_even_in_a_first_collection() -> None:
    event = replace(EVENT, written_at=WORKDAY - timedelta(hours=48), is_first_backfill=True)
    assert told(event) == [("case_card", "CREVIEW")]


def test_an_unknown_time_is_old_in_a_first_collection_and_new_afterwards() -> None:
    event = replace(EVENT, written_at=None)
    assert told(event) == [("case_card", "CREVIEW")]
    assert told(replace(event, is_first_backfill=True)) == [("backfill_digest", "CREVIEW")]


def test_old_feedback_found_after_an_outage_is_digested_once_a_day() -> None:
    event = replace(EVENT, written_at=WORKDAY - timedelta(days=5))
    today = alerts_for(event, BRAND, WORKDAY, no_holiday)
    tomorrow = alerts_for(event, BRAND, WORKDAY + timedelta(days=1), no_holiday)
    assert today[0].rule is AlertRule.BACKFILL_DIGEST
    assert today[0].dedupe_key != tomorrow[0].dedupe_key


def test_without_destinations_everything_appears_in_the_console() -> None:
    bare = Brand("bare", "이름", Path())
    event = replace(EVENT, severity=Severity.HIGH, written_at=NIGHT)
    alerts = alerts_for(event, bare, NIGHT, no_holiday)
    # The console is open at night.
    assert [(alert.rule, alert.destination, alert.send_at) for alert in alerts] == [
        (AlertRule.CASE_CARD, CONSOLE, NIGHT),
        (AlertRule.BRAND_SEVERITY, CONSOLE, NIGHT),
    ]


@pytest.mark.parametrize(
    ("window", "baseline", "expected"),
    [
        (Counts(30, 60), Counts(100, 1000), True),
        (Counts(6, 60), Counts(100, 1000), False),
        (Counts(4, 4), Counts(1, 1000), False),
        (Counts(20, 20), Counts(5, 20), False),
        (Counts(9, 45), Counts(100, 1000), False),
        (Counts(5, 5), Counts(0, 1000), True),
    ],
)
def test_a_surge_is_large_unlikely_and_measured_against_history(
    window: Counts, baseline: Counts, expected: bool
) -> None:
    assert is_surge(window, baseline, SurgeRule()) is expected


def test_a_surge_is_told_once_a_day_in_the_brands_hours() -> None:
    first = surge_alert(BRAND, WORKDAY, no_holiday)
    second = surge_alert(BRAND, WORKDAY + timedelta(hours=1), no_holiday)
    night = surge_alert(BRAND, NIGHT, no_holiday)
    assert first.dedupe_key == second.dedupe_key != night.dedupe_key
    assert night.send_at == MONDAY_OPENING


def test_a_digests_period_begins_where_the_one_before_ended() -> None:
    def before(rule: AlertRule, opening: datetime) -> datetime:
        return previous_digest_at(rule, opening, BRAND, no_holiday)

    tuesday = MONDAY_OPENING + timedelta(days=1)
    assert before(AlertRule.DAILY_DIGEST, tuesday) == MONDAY_OPENING
    assert before(AlertRule.DAILY_DIGEST, MONDAY_OPENING) == MONDAY_OPENING - timedelta(days=3)
    last_week = MONDAY_OPENING - timedelta(days=7)
    assert before(AlertRule.WEEKLY_DIGEST, MONDAY_OPENING) == last_week
    # A Monday that was a holiday moved the digest before it to Tuesday.
    assert previous_digest_at(
        AlertRule.WEEKLY_DIGEST, MONDAY_OPENING, BRAND, {last_week.date()}.__contains__
    ) == last_week + timedelta(days=1)


def test_safety_and_law_are_mailed_at_once_and_nothing_else() -> None:
    brand = replace(BRAND, digest_emails=DigestEmails(immediate=("a@example.com",) * 2))
    safety = replace(EVENT, severity=Severity.CRITICAL, categories=(ComplaintCategory.SAFETY,))
    (mail,) = [
        alert
        for alert in alerts_for(safety, brand, NIGHT, no_holiday)
        if alert.destination.startswith("mailto:")
    ]
    assert (mail.rule, mail.send_at, mail.is_urgent) == (AlertRule.BRAND_SAFETY, NIGHT, True)
    assert mail.dedupe_key == f"brand_safety:mailto:a@example.com:{safety.feedback_id}"
    for event in (replace(EVENT, severity=Severity.HIGH), EVENT):
        told = alerts_for(event, brand, NIGHT, no_holiday)
        assert not [alert for alert in told if alert.destination.startswith("mailto:")]


def test_digests_of_one_day_have_one_key() -> None:
    first = digest_alert(AlertRule.DAILY_DIGEST, BRAND, "CBRAND", MONDAY_OPENING)
    again = digest_alert(AlertRule.DAILY_DIGEST, BRAND, "CBRAND", MONDAY_OPENING)
    assert first == again
    assert first.dedupe_key == "daily_digest:CBRAND:saebyeok:2026-11-23"


def test_an_operators_alarm_comes_once_a_day_per_account_and_once_per_publication() -> None:
    def key(rule: AlertRule, subject: str, now: datetime) -> str:
        alert: Alert = operator_alert(rule, BRAND, subject, now)
        assert alert.destination == "CREVIEW"
        return alert.dedupe_key

    layout = AlertRule.LAYOUT_CHANGED
    assert key(layout, "saebyeok/a", WORKDAY) == key(layout, "saebyeok/a", WORKDAY)
    assert key(layout, "saebyeok/a", WORKDAY) != key(layout, "saebyeok/b", WORKDAY)
    assert key(layout, "saebyeok/a", WORKDAY) != key(layout, "saebyeok/a", NIGHT)
    uncertain = AlertRule.PUBLICATION_UNCERTAIN
    assert key(uncertain, "91", WORKDAY) == key(uncertain, "91", NIGHT)
