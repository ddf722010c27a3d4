from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, func, select, update

from collectors import source_of
from collectors.seller_export import COLUMNS, read_file
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    RateLimitedError,
)
from domain.types import CollectedFeedback, FeedbackKind, Page, QuarantinedItem
from privacy.sealing import Sealer, generate_key
from storage import accounts, alerts
from storage.models import (
    AccountRow,
    AlertRow,
    CaseRow,
    FeedbackRow,
    IncidentRow,
    OutboxRow,
    QuarantineRow,
)
from tests.fakes_runtime import ACCOUNT, SEALER, Article, Death, make_account, make_brand
from workers import collect
from workers.collect import Collected, import_pages, start_due
from workers.slack_messages import render
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from tests.fakes_runtime import FakeChannel, House, StillClock


def fill(channel: FakeChannel, number: int) -> None:
    channel.articles[:] = [
        Article(f"n{index}", f"별로 {index}", channel.clock() - timedelta(hours=1, minutes=index))
        for index in range(number)
    ]


def run_once(house: House) -> Collected:
    return collect.collect(house.runtime, house.account_id())


def account(house: House) -> Any:  # noqa: ANN401 - a result row
    with house.database.reading() as connection:
        return connection.execute(select(AccountRow.__table__)).one()


def count(house: House, table: Any) -> int:  # noqa: ANN401 - a mapped class
    with house.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def incidents(house: House) -> list[Any]:
    with house.database.reading() as connection:
        return list(connection.execute(select(IncidentRow.__table__).order_by(IncidentRow.id)))


def alert_rules(house: House) -> list[str]:
    with house.database.reading() as connection:
        return list(connection.execute(select(AlertRow.rule)).scalars())


def test_all_pages_are_read_and_the_watermark_moves(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 5)
    done = run_once(house)
    assert (done.pages, done.rows, done.new, done.is_complete, done.error) == (3, 5, 5, True, "")
    assert channel.asked == [None, "2", "4"]
    assert account(house).watermark == clock()
    assert account(house).next_due_at == clock() + timedelta(minutes=1)
    assert count(house, FeedbackRow) == 5


def test_the_first_page_is_handed_on_while_the_rest_is_read(
    house: House, channel: FakeChannel
) -> None:
    fill(channel, 5)
    read_when_poked: list[int] = []
    house.runtime.poke = lambda: read_when_poked.append(len(channel.asked))
    run_once(house)
    assert read_when_poked == [1, 3]


def test_a_second_run_finds_nothing_new(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 3)
    run_once(house)
    clock.advance(minutes=1)
    done = run_once(house)
    assert (done.rows, done.new, done.changed, done.gone) == (3, 0, 0, 0)


def test_an_edit_and_a_deletion_are_noticed(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 3)
    run_once(house)
    clock.advance(minutes=1)
    channel.articles[0].text = "다시 별로"
    del channel.articles[1]
    done = run_once(house)
    assert (done.new, done.changed, done.gone) == (0, 1, 1)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_row_that_a_moving_list_hid_is_read_by_the_next_run(
    house: House, channel: FakeChannel, clock: StillClock, *, is_known: bool
) -> None:
    """As many rows deleted as dated back between two pages move the list, and no count tells."""

    def state() -> list[str]:
        with house.database.reading() as connection:
            query = select(CaseRow.state).join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
            hidden = query.where(FeedbackRow.native_id == "n2")
            return list(connection.execute(hidden).scalars())

    def move() -> None:
        del channel.articles[0]
        dated_back = channel.articles[1].written_at - timedelta(seconds=30)
        channel.articles.append(Article("late", "별로", dated_back))

    fill(channel, 4)
    if is_known:
        run_once(house)
        house.run()
        house.approve_all(undo_window=timedelta(hours=1))
        clock.advance(minutes=1)
    channel.fetches.extend([lambda: None, move])
    done = run_once(house)
    assert done.is_complete
    assert state() == (["gone"] if is_known else [])
    clock.advance(minutes=1)
    done = run_once(house)
    house.run()
    assert done.new == (0 if is_known else 1)
    # Whoever had decided about it decides again; nothing was sent meanwhile.
    assert state() == ["drafted"]
    assert channel.sent == []
    assert incidents(house) == []


def test_a_channel_that_proves_no_absence_loses_nothing(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.proves_absence = False
    fill(channel, 3)
    run_once(house)
    clock.advance(minutes=1)
    channel.articles.clear()
    assert run_once(house).gone == 0


def test_a_failure_in_the_middle_keeps_what_was_stored_and_goes_on(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 5)
    channel.fetches.extend([lambda: None, ChannelUnavailableError("502")])
    done = run_once(house)
    assert (done.new, done.error, done.is_complete) == (2, "502", False)
    row = account(house)
    assert (row.failures, row.last_error, row.watermark) == (1, "502", None)
    assert row.next_due_at > clock()
    clock.now = row.next_due_at
    done = run_once(house)
    assert (done.rows, done.new, done.is_complete) == (3, 3, True)
    assert channel.asked == [None, "2", "2", "4"]
    assert (account(house).failures, account(house).run_id) == (0, row.run_id)
    assert incidents(house) == []


def test_a_long_collection_of_a_flaky_channel_comes_to_its_end(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 60)
    for _ in range(30):
        channel.fetches.extend([lambda: None, ChannelUnavailableError("502")])
    started = clock()
    while not run_once(house).is_complete:
        # Each failure came after progress, so the next try is not put off longer and longer.
        assert account(house).failures == 1
        clock.now = account(house).next_due_at
    assert clock() - started < timedelta(minutes=30 * 15 / 60)
    assert len(channel.asked) == 59
    assert account(house).failures == 0


def test_a_run_that_went_on_after_a_failure_marks_what_is_missing_and_nothing_else(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 5)
    run_once(house)
    clock.advance(minutes=1)
    channel.fetches.extend([lambda: None, ChannelUnavailableError("502")])
    run_once(house)
    del channel.articles[4]
    clock.now = account(house).next_due_at
    assert run_once(house).gone == 1


def test_a_place_that_never_answers_is_given_up_and_the_run_begins_again(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 5)
    errors = [ChannelUnavailableError("500") for _ in range(collect.PLACE_TRIES)]
    channel.fetches.extend([lambda: None, *errors])
    for _ in errors:
        assert not run_once(house).is_complete
        clock.now = account(house).next_due_at
    assert run_once(house).is_complete
    assert channel.asked == [None, *["2"] * collect.PLACE_TRIES, None, "2", "4"]


def test_failures_before_a_stint_that_got_on_are_none_at_the_place_after_it(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 7)
    errors = [ChannelUnavailableError("500") for _ in range(collect.PLACE_TRIES - 1)]
    slowly = [lambda: clock.advance(seconds=30)]
    channel.fetches.extend([lambda: None, *errors, *slowly, ChannelUnavailableError("500")])
    for _ in errors:
        run_once(house)
        clock.now = account(house).next_due_at
    assert (run_once(house).pages, account(house).failures) == (1, 0)
    assert run_once(house).error == "500"
    clock.now = account(house).next_due_at
    assert run_once(house).is_complete
    assert channel.asked[len(errors) + 1 :] == ["2", "4", "4", "6"]


def test_a_page_that_broke_late_in_a_run_of_stints_is_tried_more_and_more_seldom(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 7)
    for failures in (1, 2, 3):
        slowly = [lambda: clock.advance(seconds=30)] * 2
        channel.fetches.extend([*slowly, LayoutChangedError("no rows")])
        for _ in range(3):
            run_once(house)
        assert account(house).failures == failures
        clock.now = account(house).next_due_at


def test_a_page_that_broke_is_read_again_from_the_first(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 5)
    channel.fetches.extend([lambda: None, LayoutChangedError("no rows")])
    run_once(house)
    clock.now = account(house).next_due_at
    assert run_once(house).rows == 5


def test_a_place_that_is_taken_no_more_begins_again_without_an_incident(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 5)
    old = BadInputError("400: the channel takes the next page's token no more", field="cursor")
    channel.fetches.extend([lambda: None, ChannelUnavailableError("502"), old])
    run_once(house)
    clock.advance(minutes=1)
    assert run_once(house).error
    clock.advance(minutes=1)
    done = run_once(house)
    assert (done.is_complete, done.rows) == (True, 5)
    assert (incidents(house), alert_rules(house)) == ([], [])


def test_a_place_of_its_own_that_a_collector_does_not_know_is_an_incident(
    house: House, channel: FakeChannel
) -> None:
    fill(channel, 5)
    unknown = BadInputError("unknown cursor", field="cursor")
    channel.fetches.extend([lambda: None, unknown])
    run_once(house)
    assert [row.kind for row in incidents(house)] == ["collection"]


@pytest.mark.parametrize("stint", [timedelta(hours=1), timedelta(0)])
@pytest.mark.parametrize("lead", [0, 3])
@pytest.mark.parametrize("length", [2, 7])
def test_pages_that_lead_in_a_circle_are_an_alarm_and_lose_nothing(
    house: House,
    channel: FakeChannel,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
    lead: int,
    length: int,
    stint: timedelta,
) -> None:
    asked: list[int] = []

    def fetch(since: datetime, until: datetime, cursor: str | None) -> Page:
        number = int(cursor or 0)
        asked.append(number)
        assert len(asked) <= 3 * (lead + length) + 1
        item = CollectedFeedback(FeedbackKind.REVIEW, f"n{number}", "별로", clock())
        following = number + 1 if number < lead + length else lead + 1
        return Page((item,), next_cursor=str(following))

    monkeypatch.setattr(channel, "fetch", fetch)
    done = Collected()
    while not done.error:
        # Each stint goes on from what the one before it stored, as after a death.
        clock.advance(seconds=1)
        done = collect.collect(house.runtime, house.account_id(), stint=stint)
    assert "leads back to a page before it" in done.error
    assert len(set(asked)) == count(house, FeedbackRow) == lead + length + 1
    assert [row.kind for row in incidents(house)] == ["layout_changed"]
    assert alert_rules(house) == ["layout_changed"]
    assert (account(house).watermark, account(house).run_cursor) == (None, None)


def test_a_collector_that_asks_something_else_first_is_in_no_circle(
    house: House, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [Page((), next_cursor=place) for place in "11233"]
    monkeypatch.setattr(channel, "fetch", lambda *_: answers.pop(0) if answers else Page(()))
    assert run_once(house).is_complete
    assert incidents(house) == []


def test_the_channels_own_waiting_time_is_kept_with_the_place(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 5)
    channel.fetches.extend([lambda: None, RateLimitedError("429", retry_after_s=300)])
    run_once(house)
    assert account(house).next_due_at == clock() + timedelta(seconds=300)
    assert start_due(house.runtime) == 0
    clock.advance(seconds=300)
    assert run_once(house).rows == 3
    assert channel.asked == [None, "2", "2", "4"]


def test_death_in_the_middle_goes_on_from_the_stored_page(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 5)
    channel.fetches.extend([lambda: None, Death("killed")])
    with pytest.raises(Death):
        run_once(house)
    assert run_once(house) == Collected()
    clock.advance(minutes=10)
    assert run_once(house).new == 3
    assert channel.asked == [None, "2", "2", "4"]
    assert count(house, FeedbackRow) == 5


def test_a_long_collection_makes_room_and_goes_on(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 5)
    channel.fetches.append(lambda: clock.advance(seconds=30))
    done = run_once(house)
    assert (done.pages, done.is_complete) == (1, False)
    house.run()
    assert channel.asked == [None, "2", "4"]
    assert account(house).watermark is not None


def test_a_page_that_another_run_overtook_is_not_compared_with_what_that_one_stored(
    house: House, channel: FakeChannel, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(channel, 1)
    run_once(house)
    prepare = collect._prepare

    def overtaken(*args: Any) -> Any:  # noqa: ANN401 - the real one's
        monkeypatch.undo()
        prepared = prepare(*args)
        clock.advance(minutes=10)
        channel.articles[0].text = "수정합니다. 별로"
        assert run_once(house).changed == 1
        return prepared

    monkeypatch.setattr(collect, "_prepare", overtaken)
    assert "somebody else took over" in run_once(house).error
    with house.database.reading() as connection:
        assert connection.execute(select(FeedbackRow.revision)).scalar_one() == 2


def test_whoever_lost_the_lease_stores_nothing(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 1)
    outcomes: list[Collected] = []

    def overtaken() -> None:
        clock.advance(minutes=10)
        outcomes.append(run_once(house))

    channel.fetches.append(overtaken)
    slow = run_once(house)
    assert outcomes[0].new == 1
    assert "somebody else took over" in slow.error
    assert count(house, FeedbackRow) == 1
    # The winner's success is not undone by the loser's failure.
    assert (account(house).failures, account(house).last_error) == (0, "")


def test_a_changed_layout_is_an_alarm_with_the_page_sealed_and_told_once(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    page = "<html>홍길동 010-1234-5678</html>".encode()
    error = LayoutChangedError("no rows where .review was", page)
    channel.fetches.extend([error, error])
    for _ in range(2):
        assert run_once(house).error == str(error)
        clock.advance(minutes=5)
    (incident,) = incidents(house)
    assert (incident.kind, incident.subject) == ("layout_changed", ACCOUNT)
    assert b"1234" not in incident.sealed_page
    assert SEALER.open(incident.sealed_page) == page
    assert alert_rules(house) == ["layout_changed"]


def test_a_success_closes_the_incident(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.fetches.append(LayoutChangedError("no rows"))
    run_once(house)
    clock.advance(minutes=5)
    run_once(house)
    assert incidents(house)[0].closed_at == clock()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CredentialRejectedError("401"), "credentials"),
        (AccessBlockedError("429: the site asks for a human (CAPTCHA)"), "access_blocked"),
        (ConfigurationError("no base_url"), "collection"),
    ],
)
def test_what_needs_a_person_is_told_once(
    house: House, channel: FakeChannel, error: Exception, kind: str
) -> None:
    channel.fetches.append(error)
    assert run_once(house).error == str(error)
    assert [incident.kind for incident in incidents(house)] == [kind]
    assert alert_rules(house) == ["credentials"]


def test_a_site_that_does_not_want_us_is_not_asked_again_soon(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.fetches.append(AccessBlockedError("503: the site asks for a human (CAPTCHA)"))
    run_once(house)
    clock.advance(minutes=29)
    assert start_due(house.runtime) == 0
    clock.advance(minutes=31)
    assert start_due(house.runtime) == 1


def test_a_board_that_is_suddenly_empty_is_an_alarm_not_a_deletion(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 5)
    run_once(house)
    kept = list(channel.articles)
    channel.articles.clear()
    clock.advance(minutes=1)
    done = run_once(house)
    assert "shows nothing where 5 items are known" in done.error
    assert done.gone == 0
    assert incidents(house)[0].kind == "layout_changed"
    channel.articles.extend(kept)
    clock.advance(minutes=1)
    assert run_once(house).gone == 0
    with house.database.reading() as connection:
        assert set(connection.execute(select(FeedbackRow.gone_at)).scalars()) == {None}


@pytest.mark.parametrize("known", [collect.SUDDENLY_EMPTY - 1, collect.SUDDENLY_EMPTY])
def test_a_list_of_several_that_is_suddenly_empty_is_an_alarm_not_a_deletion(
    house: House, channel: FakeChannel, clock: StillClock, known: int
) -> None:
    written_at = clock() - timedelta(hours=1)
    other, deleted = (Article(f"inq:{n}", "별로", written_at) for n in range(2))
    questions = [Article(f"qna:{n}", f"별로 {n}", written_at) for n in range(known)]
    channel.articles[:] = [other, deleted, *questions]
    run_once(house)
    clock.advance(minutes=1)
    channel.articles[:] = [other]
    done = run_once(house)
    assert done.is_complete
    if known < collect.SUDDENLY_EMPTY:
        assert (done.gone, incidents(house)) == (known + 1, [])
        return
    assert done.gone == 1
    assert [(row.kind, row.closed_at) for row in incidents(house)] == [("layout_changed", None)]
    assert alert_rules(house).count("layout_changed") == 1
    clock.advance(minutes=1)
    channel.articles[:] = [other, *questions[1:]]
    assert run_once(house).gone == 1
    assert incidents(house)[0].closed_at is not None


@pytest.mark.parametrize("known", [collect.SUDDENLY_EMPTY - 1, collect.SUDDENLY_EMPTY])
@pytest.mark.parametrize("others", [0, 1])
def test_what_stands_in_a_list_that_is_no_longer_read_is_neither_gone_nor_missed(
    house: House, channel: FakeChannel, clock: StillClock, known: int, others: int
) -> None:
    written_at = clock() - timedelta(hours=1)
    read = [Article(f"article:4:{n}", "별로", written_at) for n in range(others)]
    taken_out = [Article(f"article:40:{n}", f"별로 {n}", written_at) for n in range(known)]
    channel.articles[:] = [*read, *taken_out]
    run_once(house)
    clock.advance(minutes=1)
    channel.articles[:], channel.lists = read, ("article:4", "comment:4")
    done = run_once(house)
    assert (done.error, done.gone, done.is_complete) == ("", 0, True)
    assert (incidents(house), alert_rules(house)) == ([], [])
    # What is read is watched as before.
    clock.advance(minutes=1)
    channel.articles.clear()
    assert run_once(house).gone == others


def test_what_an_account_brought_from_another_channel_is_not_asked_for_there(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, collect.SUDDENLY_EMPTY)
    run_once(house)
    clock.advance(minutes=1)
    with house.database.unit_of_work() as connection:
        # As until places had rows of their own.
        connection.execute(update(FeedbackRow).values(channel="google_business"))
    channel.articles.clear()
    done = run_once(house)
    assert (done.error, done.gone, incidents(house)) == ("", 0, [])


def test_a_run_that_was_interrupted_by_other_settings_begins_again(
    make_house: Callable[..., House], channel: FakeChannel, clock: StillClock, tmp_path: Path
) -> None:
    house = make_house(brand=make_brand(tmp_path, make_account(options={"surfaces": ["qna"]})))
    fill(channel, 5)
    channel.fetches.extend([lambda: None, ChannelUnavailableError("502")])
    run_once(house)
    clock.now = account(house).next_due_at
    other = make_account(options={"surfaces": ["qna", "inq"]})
    house.runtime.brands = {"saebyeok": make_brand(tmp_path, other)}
    assert run_once(house).is_complete
    assert channel.asked == [None, "2", None, "2", "4"]
    assert incidents(house) == []


def test_an_article_that_is_deleted_takes_its_comments_along(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    written_at = clock() - timedelta(hours=1)
    kept = [
        Article(f"{kind}:4:1{of}", "별로", written_at)
        for kind, of in (("article", ""), ("comment", ":1"))
    ]
    deleted = [
        Article(f"comment:4:2:{n}", f"별로 {n}", written_at) for n in range(collect.SUDDENLY_EMPTY)
    ]
    channel.articles[:] = [*kept, Article("article:4:2", "별로", written_at), *deleted]
    run_once(house)
    clock.advance(minutes=1)
    channel.articles[:] = kept
    assert run_once(house).gone == 1 + len(deleted)
    assert incidents(house) == []


def test_where_only_something_older_is_seen_the_rest_is_not_called_gone(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, collect.SUDDENLY_EMPTY)
    run_once(house)
    clock.advance(minutes=1)
    # By its last change, as some channels list, an old review is there again.
    old = CollectedFeedback(FeedbackKind.REVIEW, "900", "별로", clock() - timedelta(days=900))
    channel.articles.clear()
    fetch = channel.fetch

    def fetch_old(since: datetime, until: datetime, cursor: str | None) -> Page:
        return replace(fetch(since, until, cursor), items=(old,))

    channel.fetch = fetch_old  # type: ignore[method-assign]
    assert run_once(house).gone == 0
    assert [row.kind for row in incidents(house)] == ["layout_changed"]


@pytest.mark.parametrize("is_seen_before", [False, True])
def test_a_run_that_was_interrupted_is_not_suddenly_empty_either(
    house: House,
    channel: FakeChannel,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
    is_seen_before: bool,
) -> None:
    fill(channel, 5)
    run_once(house)
    clock.advance(minutes=1)
    first = channel.fetch(clock() - timedelta(days=1), clock(), None).items[:1]
    answers: list[Page | Exception] = [
        Page(first if is_seen_before else (), next_cursor="second list"),
        ChannelUnavailableError("502"),
    ]

    def fetch(since: datetime, until: datetime, _cursor: str | None) -> Page:
        answered = answers.pop(0) if answers else Page((), covers=(since, until))
        if isinstance(answered, Exception):
            raise answered
        return answered

    monkeypatch.setattr(channel, "fetch", fetch)
    run_once(house)
    clock.now = account(house).next_due_at
    done = run_once(house)
    assert done.gone == (4 if is_seen_before else 0)
    assert ("shows nothing where 5 items are known" in done.error) is not is_seen_before


def test_a_few_items_may_all_be_deleted(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 4)
    run_once(house)
    channel.articles.clear()
    clock.advance(minutes=1)
    assert run_once(house).gone == 4


def test_an_unreadable_row_is_kept_sealed_and_hides_nothing(
    house: House, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = CollectedFeedback(FeedbackKind.REVIEW, "n1", "별로", channel.clock())
    bad = QuarantinedItem("no date", b"raw", row=2)
    monkeypatch.setattr(channel, "fetch", lambda *_: Page((item,), (bad,)))
    done = run_once(house)
    assert (done.new, done.quarantined, done.is_complete) == (1, 1, True)
    assert count(house, QuarantineRow) == 1


def test_an_odd_row_alone_on_its_page_is_told_once_and_holds_up_nothing(
    house: House, channel: FakeChannel, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = QuarantinedItem("no date", b"raw", row=1, is_alone=True)
    monkeypatch.setattr(channel, "fetch", lambda *_: Page((), (odd,)))
    done = run_once(house)
    assert (done.quarantined, done.is_complete, done.error) == (1, True, "")
    assert account(house).watermark == clock()
    assert [(row.kind, row.closed_at) for row in incidents(house)] == [("layout_changed", None)]
    assert SEALER.open(incidents(house)[0].sealed_page) == b"raw"
    assert alert_rules(house) == ["layout_changed"]
    # It is read again as long as it lies within the overlap, and waits in quarantine.
    clock.advance(minutes=1)
    assert run_once(house).quarantined == 0
    assert [row.closed_at for row in incidents(house)] == [clock()]
    assert alert_rules(house) == ["layout_changed"]


TOO_MUCH: dict[str, tuple[Any, str]] = {
    "native_id": ("9" * 400, "400 characters, more than 300"),
    "reach": (2**31, "a number above"),
    "product_name": ("이름\0", "a character that cannot be stored"),
    "extra": ({"token": "\ud800"}, "a character that cannot be stored"),
}


def page_with_a_bad_item(clock: StillClock, name: str) -> Page:
    good = CollectedFeedback(FeedbackKind.REVIEW, "n1", "별로", clock(), author="김하늘")
    changes: dict[str, Any] = {"native_id": "n2", name: TOO_MUCH[name][0]}
    bad = replace(good, **changes)
    return Page((good, bad, replace(good, native_id="n3")), source="r.csv", rows=(2, 5, 6))


def quarantine_row(house: House) -> Any:  # noqa: ANN401 - a result row
    with house.database.reading() as connection:
        return connection.execute(select(QuarantineRow.__table__)).one()


@pytest.mark.parametrize("name", TOO_MUCH)
def test_an_item_that_no_column_holds_is_quarantined_and_its_neighbours_are_stored(
    house: House, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    page = page_with_a_bad_item(house.clock, name)
    monkeypatch.setattr(channel, "fetch", lambda *_: page)
    done = run_once(house)
    assert (done.new, done.quarantined, done.is_complete) == (2, 1, True)
    row = quarantine_row(house)
    assert (row.source, row.row, row.field) == ("r.csv", 5, name)
    assert TOO_MUCH[name][1] in row.reason
    assert row.remedy
    assert "김하늘" in SEALER.open(row.sealed_raw).decode()
    assert run_once(house).quarantined == 0


@pytest.mark.parametrize("between", [0, 2], ids=["on one page", "pages apart"])
def test_two_texts_under_one_id_do_not_replace_each_other_in_every_run(
    house: House, channel: FakeChannel, clock: StillClock, between: int
) -> None:
    fill(channel, between)
    newest = Article("twice", "별로예요", clock() - timedelta(minutes=1))
    channel.articles += [newest, replace(newest, text="최악", written_at=newest.written_at)]
    if between:
        channel.articles[-1].written_at -= timedelta(hours=9)
    dones = []
    for _ in range(3):
        dones.append(run_once(house))
        clock.advance(minutes=1)
    assert [(done.new, done.changed, done.quarantined) for done in dones] == [
        (between + 1, 0, 1),
        (0, 0, 0),
        (0, 0, 0),
    ]
    with house.database.reading() as connection:
        query = select(FeedbackRow.text, FeedbackRow.revision, FeedbackRow.gone_at)
        row = connection.execute(query.where(FeedbackRow.native_id == "twice")).one()
        assert tuple(row) == ("별로예요", 1, None)
        kept = connection.execute(select(QuarantineRow.__table__)).one()
    assert "최악" in SEALER.open(kept.sealed_raw).decode()
    newest.text = "다시 별로"
    assert run_once(house).changed == 1


def test_an_edit_while_a_run_begins_again_and_again_is_one(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 3)
    channel.fetches.extend([lambda: None, LayoutChangedError("no rows")])
    assert run_once(house).error
    clock.now = account(house).next_due_at
    channel.articles[0].text = "다시 별로"
    assert (run_once(house).changed, count(house, QuarantineRow)) == (1, 0)


def test_a_new_seal_key_quarantines_no_row_again(
    house: House, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_with_a_bad_item(house.clock, next(iter(TOO_MUCH)))
    monkeypatch.setattr(channel, "fetch", lambda *_: page)
    old_key = generate_key()
    house.runtime.sealer = Sealer([old_key])
    assert run_once(house).quarantined == 1
    house.runtime.sealer = Sealer([generate_key(), old_key])
    assert run_once(house).quarantined == 0


def test_a_stored_item_whose_edit_no_column_holds_is_quarantined_and_not_gone(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    fill(channel, 2)
    run_once(house)
    clock.advance(minutes=1)
    channel.articles[0].text = "별로 0, 다시 \0"
    done = run_once(house)
    assert (done.quarantined, done.changed, done.gone) == (1, 0, 0)


def test_an_item_without_a_file_is_quarantined_under_its_account(
    house: House, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = replace(page_with_a_bad_item(house.clock, "native_id"), source="", rows=())
    monkeypatch.setattr(channel, "fetch", lambda *_: page)
    assert run_once(house).new == 2
    row = quarantine_row(house)
    assert (row.source, row.row) == (ACCOUNT, None)


def test_due_accounts_are_started_once_per_interval(house: House, clock: StillClock) -> None:
    assert [start_due(house.runtime), start_due(house.runtime)] == [1, 0]
    house.run()
    clock.advance(seconds=59)
    assert start_due(house.runtime) == 0
    clock.advance(seconds=1)
    assert start_due(house.runtime) == 1


@pytest.mark.parametrize("has_begun", [False, True], ids=["a new run", "an interrupted run"])
def test_what_was_asked_for_many_times_is_done_once(
    house: House, channel: FakeChannel, clock: StillClock, has_begun: bool
) -> None:
    fill(channel, 3)
    if has_begun:
        channel.fetches.append(ChannelUnavailableError("503"))
        run_once(house)
        clock.advance(hours=1)
    for _ in range(5):
        assert start_due(house.runtime) == 1
        # The broker is away, or every worker has its hands full.
        clock.advance(minutes=1)
    house.run()
    # One that failed before its first page begins again, under the next number.
    assert account(house).run_id == 1 + has_begun
    assert count(house, FeedbackRow) == 3
    clock.advance(minutes=1)
    start_due(house.runtime)
    house.run()
    assert account(house).run_id == 2 + has_begun


def test_an_account_of_an_unknown_channel_is_an_incident_not_a_crash(
    make_house: Callable[..., House], tmp_path: Path
) -> None:
    house = make_house(brand=make_brand(tmp_path, make_account(channel="myspace")))
    del house.runtime._made["collector", ACCOUNT]
    assert "unknown channel 'myspace'" in run_once(house).error
    assert [incident.kind for incident in incidents(house)] == ["collection"]


@pytest.mark.parametrize("option", ["bord", "retention", "exclude"])
def test_an_option_that_the_channel_does_not_read_is_an_incident(
    make_house: Callable[..., House], tmp_path: Path, option: str
) -> None:
    options = {"base_url": "https://shop.example", "backfill": "30d", option: "7d"}
    house = make_house(brand=make_brand(tmp_path, make_account(options=options)))
    del house.runtime._made["collector", ACCOUNT]
    error = run_once(house).error
    assert f"saebyeok/shop: {option} is no option" in error
    assert "known are base_url, board, writer, overlap, backfill" in error
    assert [incident.kind for incident in incidents(house)] == ["collection"]


@pytest.mark.parametrize("backfill", ["long", "999999d"])
def test_a_wrong_duration_is_refused_with_its_place(
    make_house: Callable[..., House], tmp_path: Path, backfill: str
) -> None:
    house = make_house(brand=make_brand(tmp_path, make_account(options={"backfill": backfill})))
    for _ in range(2):
        assert f"saebyeok/shop: backfill = '{backfill}'" in run_once(house).error
    assert [incident.kind for incident in incidents(house)] == ["collection"]
    row = account(house)
    assert (row.failures, row.run_until, row.lease_until) == (2, None, None)
    assert row.next_due_at > house.clock()


def test_an_incident_of_a_wrong_duration_ends_with_the_first_good_run(
    make_house: Callable[..., House], tmp_path: Path
) -> None:
    house = make_house(brand=make_brand(tmp_path, make_account(options={"backfill": "long"})))
    run_once(house)
    house.runtime.brands = {"saebyeok": make_brand(tmp_path, make_account())}
    assert run_once(house).is_complete
    assert [incident.closed_at is None for incident in incidents(house)] == [False]
    assert account(house).last_error == ""


def test_personal_data_is_masked_before_it_is_stored(house: House, channel: FakeChannel) -> None:
    channel.articles[0].text = "별로예요 010-1234-5678로 전화 주세요"
    run_once(house)
    with house.database.reading() as connection:
        row = connection.execute(select(FeedbackRow.__table__)).one()
    assert "1234" not in row.text
    assert row.author != "김하늘"
    assert "010-1234-5678" in SEALER.open(row.sealed_original).decode()
    assert "김하늘" in SEALER.open(row.sealed_original).decode()


def pages_of(*texts: str) -> list[Page]:
    return [Page((CollectedFeedback(FeedbackKind.REVIEW, text, text, None),)) for text in texts]


def test_an_import_stores_pages_and_a_second_one_changes_nothing(house: House) -> None:
    configured = house.runtime.account(ACCOUNT)
    done = import_pages(house.runtime, configured, pages_of("a", "b"), is_dry_run=False)
    assert (done.pages, done.new, done.is_complete) == (2, 2, True)
    again = import_pages(house.runtime, configured, pages_of("a", "b"), is_dry_run=False)
    assert (again.rows, again.new, again.changed) == (2, 0, 0)
    house.run()
    assert house.classifier.read == ["a", "b"]


def test_an_export_older_than_an_edit_is_old_news_under_a_new_seal_key(
    make_house: Callable[..., House], tmp_path: Path
) -> None:
    def export(text: str) -> list[Page]:
        return [Page((CollectedFeedback(FeedbackKind.REVIEW, "n1", text, None),))]

    house = make_house(brand=make_brand(tmp_path, make_account(channel="seller_export")))
    configured = house.runtime.account(ACCOUNT)
    old_key = generate_key()
    house.runtime.sealer = Sealer([old_key])
    for text in ("별로예요", "이제는 좋아요"):
        import_pages(house.runtime, configured, export(text), is_dry_run=False)
    house.runtime.sealer = Sealer([generate_key(), old_key])
    again = import_pages(house.runtime, configured, export("별로예요"), is_dry_run=False)
    assert (again.new, again.changed) == (0, 0)


def test_a_row_of_an_import_that_no_column_holds_costs_nothing_but_itself(
    make_house: Callable[..., House], tmp_path: Path
) -> None:
    house = make_house(brand=make_brand(tmp_path, make_account(channel="seller_export")))
    path = tmp_path / "export.csv"
    rows = [
        dict.fromkeys(COLUMNS.values(), "")
        | {"리뷰글번호": number, "리뷰상세내용": "좋아요", "리뷰등록일": "2026.11.20. 09:00:00"}
        for number in ("1", "9" * 400, "3")
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS.values())
        writer.writeheader()
        writer.writerows(rows)
    configured = house.runtime.account(ACCOUNT)
    pages = read_file(path, configured, house.clock())
    done = import_pages(house.runtime, configured, pages, is_dry_run=False)
    assert (done.new, done.quarantined, done.is_complete) == (2, 1, True)
    row = quarantine_row(house)
    assert (row.source, row.row, row.field) == ("export.csv", 3, "native_id")


def test_a_dry_run_counts_and_stores_nothing(house: House) -> None:
    configured = house.runtime.account(ACCOUNT)
    done = import_pages(house.runtime, configured, pages_of("a", "b"), is_dry_run=True)
    assert (done.rows, done.new) == (2, 2)
    assert (count(house, FeedbackRow), count(house, OutboxRow)) == (0, 0)
    assert run_once(house).is_complete


def test_an_import_never_marks_anything_gone(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    run_once(house)
    clock.advance(minutes=1)
    import_pages(house.runtime, house.runtime.account(ACCOUNT), pages_of("a"), is_dry_run=False)
    clock.advance(minutes=1)
    assert run_once(house).gone == 0


def test_a_long_import_keeps_the_account(house: House, clock: StillClock) -> None:
    def slow_pages() -> Iterator[Page]:
        for page in pages_of("a", "b", "c"):
            clock.advance(minutes=40)
            assert not run_once(house).is_complete
            yield page

    configured = house.runtime.account(ACCOUNT)
    assert import_pages(house.runtime, configured, slow_pages(), is_dry_run=False).new == 3


def test_an_import_that_lost_the_account_stores_nothing_more(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.articles.clear()

    def stalled_pages() -> Iterator[Page]:
        first, second = pages_of("a", "b")
        yield first
        clock.advance(hours=2)
        assert run_once(house).is_complete
        yield second

    configured = house.runtime.account(ACCOUNT)
    with pytest.raises(ChannelUnavailableError, match="import the file again"):
        import_pages(house.runtime, configured, stalled_pages(), is_dry_run=False)
    assert count(house, FeedbackRow) == 1


def test_an_import_waits_for_a_running_collection(house: House, channel: FakeChannel) -> None:
    refused: list[str] = []

    def import_meanwhile() -> None:
        with pytest.raises(ChannelUnavailableError, match="is being collected") as caught:
            import_pages(house.runtime, house.runtime.account(ACCOUNT), [], is_dry_run=False)
        refused.append(str(caught.value))

    channel.fetches.append(import_meanwhile)
    assert run_once(house).is_complete
    assert len(refused) == 1


def test_a_first_collection_alerts_singly_for_two_days_and_shares_a_digest_for_the_rest(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    """Cases and drafts are made for everything."""
    hours = (1, 47, 49, 500, 5000)
    channel.articles[:] = [
        Article(f"n{age}", f"별로 {age}", clock() - timedelta(hours=age)) for age in hours
    ]
    run_once(house)
    house.run()
    assert count(house, CaseRow) == 5
    assert sorted(alert_rules(house)) == ["backfill_digest", "case_card", "case_card"]
    # Later finds of the same age make no noise either; fresh ones do.
    clock.advance(minutes=1)
    channel.articles.append(Article("new", "별로 새 글", clock() - timedelta(seconds=5)))
    run_once(house)
    house.run()
    assert alert_rules(house).count("case_card") == 3
    assert alert_rules(house).count("backfill_digest") == 1


def digest_now(house: House) -> tuple[str, str]:
    """Give state and words of the only digest of old feedback."""
    with house.database.reading() as connection:
        alert_id = connection.execute(
            select(AlertRow.id).where(AlertRow.rule == "backfill_digest")
        ).scalar_one()
        job = alerts.load(connection, alert_id)
    assert job is not None
    return job.state, str(render(house.runtime, job, house.clock()).message)


def test_a_first_collections_digest_waits_for_its_end_and_for_the_model(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.articles[:] = [
        Article(f"n{age}", f"별로 {age}", clock() - timedelta(hours=age)) for age in range(50, 56)
    ]

    def fail() -> None:
        raise ChannelUnavailableError("503")

    channel.fetches.extend([lambda: None, fail])
    run_once(house)
    house.run_on(timedelta(minutes=25))
    assert count(house, FeedbackRow) == 2
    assert digest_now(house)[0] == "queued"

    # All is stored, but the model is behind.
    clock.advance(minutes=1)
    run_once(house)
    with house.database.unit_of_work() as connection:
        connection.execute(delete(OutboxRow).where(OutboxRow.actor != "alert.send"))
    house.run_on(timedelta(minutes=25))
    assert count(house, FeedbackRow) == 6
    assert digest_now(house)[0] == "queued"

    sweep(house.runtime)
    house.run_on(timedelta(minutes=25))
    state, words = digest_now(house)
    assert state == "sent"
    assert "첫 수집 요약" in words
    assert "부정\\n6건" in words


def test_what_is_collected_late_has_a_digest_with_its_own_numbers(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.articles[:] = [Article("n0", "별로", clock() - timedelta(hours=70))]
    run_once(house)
    house.run_on()
    assert "첫 수집 요약" in digest_now(house)[1]
    with house.database.unit_of_work() as connection:
        connection.execute(delete(AlertRow))
    clock.advance(days=1)
    channel.articles += [
        Article(f"n{age}", f"별로 {age}", clock() - timedelta(hours=age)) for age in (49, 50, 51)
    ]
    run_once(house)
    house.run_on()
    state, words = digest_now(house)
    assert state == "sent"
    assert "늦게 수집한 글 요약" in words
    assert "부정\\n3건" in words


def test_a_removed_account_is_not_collected(house: House) -> None:
    with house.database.unit_of_work() as connection:
        accounts.synchronize(connection, [], source_of=source_of, now=house.clock())
    assert start_due(house.runtime) == 0
