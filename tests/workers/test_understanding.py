"""Analysing, drafting and the notices that follow."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from domain.brands import BusinessHours
from domain.errors import ConfigurationError
from domain.types import FeedbackKind
from storage.models import AlertRow, CaseRow, DraftRow, FeedbackRow, OutboxRow
from tests.fakes_runtime import BRAND, Article, Death, make_account, make_brand
from workers import analyze, collect, draft
from workers.draft import RETRY_AFTER
from workers.runtime import adapter_folder
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes_runtime import FakeChannel, House, RecordingSlack, StillClock


def stored(house: House, *texts: str, **changes: Any) -> list[int]:  # noqa: ANN401 - Article's own
    """Collect texts without reading them; gives their ids."""
    now = house.clock()
    house.channel.articles[:] = [
        Article(**{"native_id": text, "text": text, "written_at": now, **changes}) for text in texts
    ]
    house.clock.advance(seconds=1)
    collect.collect(house.runtime, house.account_id())
    with house.database.reading() as connection:
        return list(connection.execute(select(FeedbackRow.id).order_by(FeedbackRow.id)).scalars())


def rows(house: House, table: Any) -> list[Any]:  # noqa: ANN401 - a mapped class
    with house.database.reading() as connection:
        return list(connection.execute(select(table.__table__)))


def told(house: House) -> set[tuple[str, str, bool]]:
    return {(row.rule, row.destination, row.urgent) for row in rows(house, AlertRow)}


def test_a_page_is_understood_in_one_call_and_opens_its_cases(house: House) -> None:
    ids = stored(house, "좋아요", "별로예요", "벌레 나옴")
    assert analyze.analyze(house.runtime, ids) == 3
    assert [row.state for row in rows(house, FeedbackRow)] == ["analyzed"] * 3
    assert sorted(row.severity for row in rows(house, CaseRow)) == ["critical", "normal"]
    assert sorted(row.actor for row in rows(house, OutboxRow) if "draft" in row.actor) == [
        "case.draft",
        "case.draft_urgent",
    ]


def test_a_second_delivery_reads_nothing(house: House) -> None:
    ids = stored(house, "별로예요")
    assert [analyze.analyze(house.runtime, ids) for _ in range(2)] == [1, 0]
    assert house.classifier.read == ["별로예요"]
    assert len(rows(house, CaseRow)) == 1


def test_what_another_worker_reads_is_left_to_it(house: House) -> None:
    ids = stored(house, "별로예요")
    house.classifier.troubles.append(Death("killed"))
    with pytest.raises(Death):
        analyze.analyze(house.runtime, ids)
    assert analyze.analyze(house.runtime, ids) == 0
    house.clock.advance(minutes=10)
    assert analyze.analyze(house.runtime, ids) == 1


@pytest.mark.parametrize("content", ["x", "1"])
def test_a_brand_whose_language_is_damaged_is_read_by_the_shipped_model(
    house: House, content: str
) -> None:
    current = adapter_folder(house.runtime.settings, BRAND) / "current"
    current.parent.mkdir(parents=True)
    ids = stored(house, "별로예요", "나빠요")
    with capture_logs() as events:
        for state, page in ((content, ids[:1]), (content, ids[1:]), ("0", []), (content, [])):
            current.write_text(state, encoding="utf-8")
            assert analyze.analyze(house.runtime, page) == len(page)
            house.runtime.classifier_for(BRAND)
    assert {row.model_version for row in rows(house, FeedbackRow)} == {"scripted"}
    # Once for both pages, and once more after it had been mended.
    assert [event["event"] for event in events] == ["language_left_aside"] * 2
    assert "--rollback" in events[0]["reason"]


def test_an_inquiry_gets_a_case_however_polite(house: House) -> None:
    ids = stored(house, "선물 포장 되나요?", kind=FeedbackKind.INQUIRY)
    analyze.analyze(house.runtime, ids)
    (case,) = rows(house, CaseRow)
    assert case.is_negative is False


def test_a_reply_is_due_in_business_hours_from_writing(house: House) -> None:
    """Eight hours from Friday 17:00 in Seoul: one on Friday, seven on Monday."""
    house.clock.now = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    ids = stored(house, "별로예요")
    analyze.analyze(house.runtime, ids)
    assert rows(house, CaseRow)[0].due_at == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


FRIDAY = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
"""17:00 in Seoul."""
SATURDAYS = BusinessHours(saturday=(time(10), time(15)))


@pytest.mark.parametrize(
    ("of_account", "channels_own", "expected"),
    [
        pytest.param({"hours": SATURDAYS}, None, FRIDAY + timedelta(days=2, hours=19), id="hours"),
        pytest.param(
            {"answer_within": timedelta(hours=24)}, None, FRIDAY + timedelta(days=1), id="clock"
        ),
        pytest.param(
            {"answer_within": timedelta(hours=24), "hours": SATURDAYS},
            FRIDAY + timedelta(days=9),
            FRIDAY + timedelta(days=9),
            id="the channel's own",
        ),
    ],
)
def test_a_reply_is_due_by_what_its_account_promises(
    make_house: Callable[..., House],
    tmp_path: Path,
    of_account: dict[str, Any],
    channels_own: datetime | None,
    expected: datetime,
) -> None:
    """The brand alone would answer on Monday at 17:00, the account on Monday at noon."""
    house = make_house(brand=make_brand(tmp_path, make_account(**of_account)))
    house.clock.now = FRIDAY
    ids = stored(house, "별로예요", deadline_at=channels_own)
    analyze.analyze(house.runtime, ids)
    assert rows(house, CaseRow)[0].due_at == expected


def test_what_was_written_long_before_we_came_is_due_from_then_on(house: House) -> None:
    written_at = house.clock() - timedelta(days=30)
    ids = stored(house, "별로예요", written_at=written_at)
    analyze.analyze(house.runtime, ids)
    assert rows(house, CaseRow)[0].due_at > house.clock()


def test_every_case_gets_a_draft_and_a_card(house: House, slack: RecordingSlack) -> None:
    stored(house, "별로예요", "좋아요", "색이 나빠요")
    house.run_on()
    assert [row.state for row in rows(house, CaseRow)] == ["drafted", "drafted"]
    assert len(rows(house, DraftRow)) == 2
    assert [destination for destination, _ in slack.posts] == ["CREVIEW", "CREVIEW"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("별로예요", {("case_card", "CREVIEW", False)}),
        ("환불해 줘요", {("case_card", "CREVIEW", True), ("brand_severity", "CBRAND", True)}),
        ("벌레 나옴", {("case_card", "CREVIEW", True), ("brand_safety", "CBRAND", True)}),
    ],
)
def test_brand_owners_hear_of_what_is_severe(
    house: House, text: str, expected: set[tuple[str, str, bool]]
) -> None:
    stored(house, text)
    house.run()
    assert told(house) == expected


@pytest.mark.parametrize(("age_h", "rule"), [(47, "case_card"), (49, "backfill_digest")])
def test_two_days_are_the_limit_of_single_alerts(house: House, age_h: int, rule: str) -> None:
    stored(house, "별로예요", written_at=house.clock() - timedelta(hours=age_h))
    house.run()
    assert [alert[0] for alert in told(house)] == [rule]


def test_an_edit_does_not_tell_twice(
    house: House, slack: RecordingSlack, channel: FakeChannel
) -> None:
    stored(house, "별로예요")
    house.run_on()
    channel.articles[0].text = "역시 별로예요"
    house.clock.advance(minutes=1)
    collect.collect(house.runtime, house.account_id())
    house.run_on()
    (case,) = rows(house, CaseRow)
    assert (case.state, case.draft_number) == ("drafted", 2)
    assert len(slack.posts) == 1


def test_without_a_token_notices_are_shown(make_house: Callable[..., House]) -> None:
    house = make_house(slack=None)
    stored(house, "별로예요")
    house.run()
    assert [row.state for row in rows(house, AlertRow)] == ["shown"]


def test_without_a_destination_notices_are_shown(
    make_house: Callable[..., House], tmp_path: Path, slack: RecordingSlack
) -> None:
    brand = make_brand(tmp_path, slack_review_destination="", slack_brand_destination="")
    house = make_house(brand=brand)
    stored(house, "벌레 나옴")
    house.run_on()
    assert {row.state for row in rows(house, AlertRow)} == {"shown"}
    assert slack.attempts == 0


def test_one_failing_draft_does_not_stop_the_page(house: House, clock: StillClock) -> None:
    ids = stored(house, "별로 하나", "별로 둘")
    analyze.analyze(house.runtime, ids)
    house.drafter.troubles.append(ConfigurationError("manual/refund.md: no front matter"))
    case_ids = [row.id for row in rows(house, CaseRow)]
    assert draft.draft(house.runtime, case_ids) == 1
    assert draft.draft(house.runtime, case_ids) == 1
    assert len(rows(house, DraftRow)) == 2


def test_a_failed_draft_comes_again_by_the_sweep(house: House, clock: StillClock) -> None:
    ids = stored(house, "별로예요")
    analyze.analyze(house.runtime, ids)
    house.drafter.troubles.append(ConfigurationError("broken manual"))
    house.run()
    assert [row.state for row in rows(house, CaseRow)] == ["opened"]
    clock.now += RETRY_AFTER + house.runtime.settings.lease
    assert sweep(house.runtime) == {"cases_waiting": 1}
    house.run()
    assert [row.state for row in rows(house, CaseRow)] == ["drafted"]


def test_a_case_that_is_drafted_twice_at_once_has_one_draft(house: House) -> None:
    ids = stored(house, "별로예요")
    analyze.analyze(house.runtime, ids)
    (case,) = rows(house, CaseRow)
    assert [draft.draft(house.runtime, [case.id]) for _ in range(2)] == [1, 0]
    assert len(rows(house, DraftRow)) == 1
