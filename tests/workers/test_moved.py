"""An account whose options name another place: what the old place brought stays the old place's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from alerts.rules import AlertRule
from domain.errors import ChannelUnavailableError, OutcomeUnknownError
from domain.states import PublicationState
from domain.types import AnswerState
from storage import alerts, cases, publications
from storage.models import (
    AccountRow,
    AlertRow,
    AuditRow,
    CaseRow,
    FeedbackRow,
    IncidentRow,
    PublicationRow,
    TokenRow,
)
from storage.tokens import DatabaseTokenStore
from tests.fakes_runtime import (
    ACCOUNT,
    SEALER,
    Article,
    FakeChannel,
    House,
    Lost,
    make_account,
    make_brand,
)
from workers import collect, retain
from workers.draft import rules_of
from workers.publish import publish, verify
from workers.slack_messages import render
from workers.sweep import sweep

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes_runtime import StillClock

LOST = OutcomeUnknownError("no answer came")
Start = Callable[[str, FakeChannel], House]


@pytest.fixture
def here(clock: StillClock) -> FakeChannel:
    """Give the place that is read at first: six complaints."""
    return FakeChannel(
        clock,
        [Article(f"n{age}", f"별로 {age}", clock() - timedelta(hours=age)) for age in range(1, 7)],
    )


@pytest.fixture
def there(clock: StillClock) -> FakeChannel:
    """Give another place, which counts its articles from one as well."""
    return FakeChannel(clock, [Article("n1", "나빠요", clock() - timedelta(days=60))])


@pytest.fixture
def start(make_house: Callable[..., House], tmp_path: Path) -> Start:
    """Give what starts a process whose brand.toml names a board of the shop."""

    def start(board: str, channel: FakeChannel) -> House:
        account = make_account(options={"board": board} if board else {})
        return make_house(brand=make_brand(tmp_path, account), channel=channel)

    return start


def collected(house: House) -> House:
    """Let a process collect what is due, and draft."""
    collect.start_due(house.runtime)
    house.run()
    return house


def rows(house: House, table: Any) -> list[Any]:  # noqa: ANN401 - a mapped class
    with house.database.reading() as connection:
        return list(connection.execute(select(table.__table__).order_by(table.id)))


def case_of(house: House, text: str) -> Any:  # noqa: ANN401 - a result row
    with house.database.reading() as connection:
        (case_id,) = connection.execute(
            select(CaseRow.id)
            .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
            .where(FeedbackRow.text == text)
        ).scalars()
        (case,) = cases.load_for_drafting(connection, [case_id])
    return case


def states(house: House) -> set[str]:
    return {row.state for row in rows(house, PublicationRow)}


def test_another_place_is_read_from_its_beginning(
    start: Start, here: FakeChannel, there: FakeChannel, clock: StillClock
) -> None:
    collected(start("review", here))
    clock.advance(hours=1)
    after = collected(start("inquiry", there))
    assert rows(after, IncidentRow) == []
    found = rows(after, FeedbackRow)
    assert [(row.native_id, row.gone_at, row.revision) for row in found] == [
        *((f"n{age}", None, 1) for age in (1, 2, 3, 4, 5, 6)),
        ("n1", None, 1),
    ]
    assert (found[-1].text, found[-1].is_backfill) == ("나빠요", True)
    assert {row.state for row in rows(after, CaseRow)} == {"drafted"}


def test_another_place_that_is_empty_alarms_nobody(
    start: Start, here: FakeChannel, there: FakeChannel, clock: StillClock
) -> None:
    collected(start("review", here))
    clock.advance(hours=1)
    there.articles.clear()
    after = collected(start("inquiry", there))
    assert rows(after, IncidentRow) == []
    assert [row.gone_at for row in rows(after, FeedbackRow)] == [None] * 6


def test_what_names_the_same_place_in_other_words_changes_nothing(
    start: Start, here: FakeChannel
) -> None:
    collected(start("", here))
    after = collected(start("review", here))
    assert [row.source for row in rows(after, AccountRow)] == [{"board": "review"}]


def test_a_reply_does_not_leave_for_another_place(
    start: Start, here: FakeChannel, there: FakeChannel
) -> None:
    collected(start("review", here)).approve_all()
    after = start("inquiry", there)
    after.run()
    assert (here.sent, there.sent) == ([], [])
    found = rows(after, PublicationRow)
    assert [row.state for row in found] == ["handed_off"] * 6
    assert "계정이 읽는 곳이 바뀌어" in found[0].problem
    assert "read at storefront, board review and is read at storefront, board inquiry now" in (
        found[0].problem
    )


def test_a_case_of_a_place_that_was_left_says_who_posts_its_reply(
    start: Start, here: FakeChannel, there: FakeChannel
) -> None:
    collected(start("review", here))
    after = collected(start("inquiry", there))
    left, present = (rules_of(after.runtime, case_of(after, text)) for text in ("별로 1", "나빠요"))
    assert (left.state, present.state) == (AnswerState.BY_HAND, AnswerState.OPEN)
    assert "계정이 읽는 곳이 바뀌어" in left.state_reason
    after.approve_all()
    after.run()
    assert there.sent == ["n1"]
    assert states(after) == {"handed_off", "published"}


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_lost_answer_is_not_looked_for_at_another_place(
    start: Start, here: FakeChannel, there: FakeChannel, clock: StillClock, *, is_stored: bool
) -> None:
    del here.articles[1:]
    before = collected(start("review", here))
    here.writes.append(Lost(LOST) if is_stored else LOST)
    here.reads.extend([ChannelUnavailableError("503")] * 2)
    before.approve_all()
    before.run()
    assert states(before) == {"uncertain"}

    after = start("inquiry", there)
    after.run_on(timedelta(hours=2))
    (row,) = rows(after, PublicationRow)
    assert row.state == "attention"
    assert "계정이 읽는 곳이 바뀌어" in row.problem

    # Nor is it sent there when a person says that it never arrived.
    with after.database.unit_of_work() as connection:
        publications.settle_attention(
            connection,
            row.case_id,
            row.id,
            PublicationState.QUEUED,
            who="김담당",
            why="없음",
            now=clock(),
        )
    after.run_on(timedelta(hours=2))
    assert states(after) == {"handed_off"}
    assert there.sent == []


def test_what_the_old_place_accepted_is_not_missed_at_another(
    start: Start, here: FakeChannel, there: FakeChannel
) -> None:
    del here.articles[1:]
    here.moderated = True
    before = collected(start("review", here))
    before.approve_all()
    before.run()
    assert states(before) == {"pending"}
    after = start("inquiry", there)
    after.run_on(timedelta(hours=2))
    (row,) = rows(after, PublicationRow)
    assert row.state == "attention"
    assert "계정이 읽는 곳이 바뀌어" in row.problem
    assert there.sent == []


def test_a_reply_that_a_dead_worker_was_sending_is_not_sent_to_another_place(
    start: Start, here: FakeChannel, there: FakeChannel, clock: StillClock
) -> None:
    del here.articles[1:]
    before = collected(start("review", here))
    (sent,) = before.approve_all()
    with before.database.unit_of_work() as connection:
        assert publications.begin_sending(connection, sent, now=clock(), lease_until=clock())
    there.idempotent = True
    after = start("inquiry", there)
    clock.advance(minutes=10)
    sweep(after.runtime)
    after.run_on(timedelta(hours=2))
    assert states(after) == {"attention"}
    assert there.sent == []


def test_an_account_that_comes_back_to_a_place_goes_on_where_it_was(
    start: Start, here: FakeChannel, there: FakeChannel, clock: StillClock
) -> None:
    collected(start("review", here))
    read_until = clock()
    clock.advance(hours=1)
    collected(start("inquiry", there))
    clock.advance(hours=1)
    again = start("review", here)
    first, second = rows(again, AccountRow)
    assert (first.removed_at, first.watermark) == (None, read_until)
    assert second.removed_at == clock()
    collected(again)
    assert [row.run_id for row in rows(again, AccountRow)] == [2, 1]
    assert [row.gone_at for row in rows(again, FeedbackRow)] == [None] * 7
    assert rules_of(again.runtime, case_of(again, "별로 1")).state is AnswerState.OPEN
    again.approve_all()
    again.run()
    assert sorted(here.sent) == ["n1", "n2", "n3", "n4", "n5", "n6"]
    assert there.sent == []


def test_a_process_with_the_old_settings_keeps_to_the_old_place(
    start: Start, here: FakeChannel, there: FakeChannel, clock: StillClock
) -> None:
    before = collected(start("review", here))
    old = before.account_id()
    clock.advance(hours=1)
    after = collected(start("inquiry", there))
    after.approve_all()
    replies = {row.feedback_id: row.id for row in rows(after, PublicationRow)}
    theirs = replies[rows(after, FeedbackRow)[-1].id]
    here.asked.clear()
    assert "is read at storefront, board review now" in (
        collect.collect(before.runtime, after.account_id()).error
    )
    assert "is read at storefront, board inquiry now" in collect.collect(after.runtime, old).error
    assert here.asked == []
    publish(before.runtime, theirs)
    verify(before.runtime, theirs)
    assert (here.sent, there.sent) == ([], [])
    assert states(after) == {"queued"}
    publish(after.runtime, theirs)
    assert (here.sent, there.sent) == ([], ["n1"])


def test_rows_from_before_places_were_kept_take_the_present_one(
    start: Start, here: FakeChannel, there: FakeChannel
) -> None:
    before = collected(start("review", here))
    with before.database.unit_of_work() as connection:
        connection.execute(update(AccountRow).values(source=None))
    collected(start("inquiry", here))
    after = start("post", there)
    assert [row.source for row in rows(after, AccountRow)] == [
        {"board": "inquiry"},
        {"board": "post"},
    ]


def test_another_channel_is_another_place(
    make_house: Callable[..., House], start: Start, here: FakeChannel, tmp_path: Path
) -> None:
    collected(start("review", here)).approve_all()
    moved = make_account(channel="google_play", options={"package_name": "kr.saebyeok"})
    there = FakeChannel(here.clock)
    after = make_house(brand=make_brand(tmp_path, moved), channel=there)
    after.run()
    assert (here.sent, there.sent) == ([], [])
    assert states(after) == {"handed_off"}


def test_what_an_account_took_along_to_another_channel_is_not_answered_there(
    start: Start, here: FakeChannel
) -> None:
    house = collected(start("review", here))
    with house.database.unit_of_work() as connection:
        # As until places had rows of their own.
        connection.execute(update(FeedbackRow).values(channel="google_business"))
        connection.execute(update(CaseRow).values(channel="google_business"))
    house.approve_all()
    house.run()
    assert here.sent == []
    assert states(house) == {"handed_off"}


def test_each_place_has_a_digest_of_its_first_collection(
    start: Start, here: FakeChannel, there: FakeChannel, clock: StillClock
) -> None:
    here.articles[:] = [Article("n1", "별로", clock() - timedelta(days=9))]
    collected(start("review", here)).run_on(timedelta(hours=1))
    after = collected(start("inquiry", there))
    after.run_on(timedelta(hours=1))
    with after.database.reading() as connection:
        ids = connection.execute(
            select(AlertRow.id)
            .where(AlertRow.rule == AlertRule.BACKFILL_DIGEST)
            .order_by(AlertRow.id)
        ).scalars()
        jobs = [alerts.load(connection, alert_id) for alert_id in list(ids)]
    assert [job and job.state for job in jobs] == ["sent", "sent"]
    for job in jobs:
        assert job is not None
        assert "부정\\n1건" in str(render(after.runtime, job, clock()).message)


def test_a_move_ends_what_was_wrong_and_is_remembered(
    start: Start, here: FakeChannel, there: FakeChannel
) -> None:
    before = collected(start("review", here))
    here.articles.clear()
    before.clock.advance(hours=1)
    collected(before)
    (incident,) = rows(before, IncidentRow)
    assert incident.closed_at is None
    after = start("inquiry", there)
    (incident,) = rows(after, IncidentRow)
    assert incident.closed_at is not None
    (line,) = rows(after, AuditRow)
    assert (line.action, line.brand) == ("account_moved", "saebyeok")
    assert line.detail == (f"{ACCOUNT}: storefront, board review -> storefront, board inquiry")
    start("inquiry", there)
    assert len(rows(after, AuditRow)) == 1


def test_the_tokens_of_an_account_outlive_the_places_it_left(
    start: Start, here: FakeChannel, there: FakeChannel, clock: StillClock
) -> None:
    before = start("review", here)
    DatabaseTokenStore(before.database, SEALER.seal, SEALER.open).save(ACCOUNT, {"refresh": "r"})
    after = start("inquiry", there)
    clock.advance(days=400)
    retain.erase_expired(after.runtime)
    with after.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(TokenRow)).scalar_one() == 1
