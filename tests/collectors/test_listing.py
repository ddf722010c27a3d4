"""A row is read or kept aside, and a list that moves is noticed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from collectors.listing import (
    MOST_BACKS,
    Listing,
    Place,
    Row,
    count_in,
    days_between,
    number_in,
    read_rows,
    when_in,
    word_in,
)
from collectors.values import parse_when
from domain.errors import BadInputError, LayoutChangedError
from domain.types import CollectedFeedback, FeedbackKind, Page, QuarantinedItem
from tests.collectors.conftest import NOW

BAD = QuarantinedItem(reason="bad", raw=b"{}")


def listing(rows: int, total: int, pages: int = -1) -> Listing:
    return Listing((), (), rows=rows, total=total, pages=pages)


def test_pages_follow_until_the_total_is_read() -> None:
    second = Place().within(listing(50, 60), 50)
    assert second == Place(page=2, total=60)
    assert second.within(listing(10, 60), 50) is None


def test_the_channels_own_count_of_pages_wins_when_its_pages_are_smaller() -> None:
    # Asked for 50, given 20: three pages, not two.
    assert Place().within(listing(20, 60, pages=3), 50) == Place(page=2, total=60)


def test_without_a_total_a_full_page_has_a_next() -> None:
    assert Place().within(listing(50, -1), 50) == Place(page=2)
    assert Place(page=2).within(listing(49, -1), 50) is None


@pytest.mark.parametrize(("gone", "page"), [(1, 3), (50, 3), (51, 2), (500, 1)])
def test_deletions_lead_back_over_the_pages_they_pulled_rows_across(gone: int, page: int) -> None:
    here = Place(page=4, total=600)
    there = here.within(listing(50, 600 - gone), 50)
    assert there == Place(page=page, total=600 - gone, shrank=True, backs=1)
    assert not there.has_all(listing(50, 600 - gone), 50)


def test_a_page_shorter_than_its_total_says_does_not_prove_absence() -> None:
    assert Place().has_all(listing(50, 50), 50)
    assert not Place().has_all(listing(49, 50), 50)


@pytest.mark.parametrize("is_newest_first", [False, True])
def test_as_many_rows_added_as_deleted_between_two_pages_prove_no_absence(
    *, is_newest_first: bool
) -> None:
    until = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    window = (until - timedelta(days=1), until)

    def page(here: Place, rows: list[int]) -> Page:
        if is_newest_first:
            rows = rows[::-1]
        shown = rows[(here.page - 1) * 2 : here.page * 2]
        items = tuple(
            CollectedFeedback(
                FeedbackKind.INQUIRY, str(row), "문의", until - timedelta(minutes=5 - row)
            )
            for row in shown
        )
        there = Listing(items, (), rows=len(shown), total=len(rows))
        return here.page_of(there, 2, after=None, window=window, lists=("qna",))

    first = page(Place(), [1, 2, 3, 4])
    # One of those that were read is deleted, and one is added after the run began.
    left = [1, 2, 3, 5] if is_newest_first else [2, 3, 4, 5]
    last = page(Place.read(first.next_cursor), left)
    assert last.next_cursor is None
    seen = {item.native_id for item in (*first.items, *last.items)}
    is_whole = {str(row) for row in left if row < 5} <= seen
    assert (last.covers is not None) is is_whole


def test_a_page_that_comes_again_as_the_next_is_a_changed_layout() -> None:
    rows = tuple(CollectedFeedback(FeedbackKind.INQUIRY, str(n), "문의", None) for n in range(2))
    page = Listing(rows, (), rows=2, total=6)
    second = Place.read(str(Place().within(page, 2)))
    with pytest.raises(LayoutChangedError, match="page 2 is the page before again"):
        second.within(page, 2)
    # A row that was added meanwhile pushes the last one of the page before onto this one.
    moved = Listing(rows[1:] + rows[:1], (), rows=2, total=7)
    third = second.within(moved, 2)
    assert third is not None
    # Going back over pages brings those that were read.
    back = third.within(Listing((), (), rows=2, total=4), 2)
    assert back is not None
    assert back.within(moved, 2) is not None


def test_a_row_in_quarantine_does_not_prove_absence() -> None:
    assert not Place().has_all(Listing((), (BAD,), rows=1, total=1), 50)


def test_an_empty_page_in_the_middle_is_a_changed_layout() -> None:
    with pytest.raises(LayoutChangedError):
        Place().within(listing(0, 60), 50)


def test_a_last_page_that_leaves_counted_rows_out_is_a_changed_layout() -> None:
    with pytest.raises(LayoutChangedError, match="300 rows are counted"):
        Place().within(listing(50, 300, pages=1), 50)


def test_a_count_that_falls_and_rises_for_ever_is_a_changed_layout() -> None:
    here = Place()
    for _ in range(2 * MOST_BACKS + 1):
        answered = listing(50, 60) if here.page == 1 else listing(0, 0)
        here = here.within(answered, 50) or Place()
    with pytest.raises(LayoutChangedError, match="counted fewer rows"):
        here.within(listing(0, 0), 50)


def test_a_later_page_that_lost_its_count_is_a_changed_layout() -> None:
    with pytest.raises(LayoutChangedError, match="counts no rows"):
        Place(page=2, total=60).within(listing(0, -1), 50)


def test_a_page_that_counts_nothing_does_not_prove_absence() -> None:
    assert not Place().has_all(listing(0, -1), 50)


def test_a_cursor_reads_back_as_the_same_place() -> None:
    place = Place(surface=1, stretch=3, page=12, total=99, shrank=True, backs=7, mark="0a1b2c3d")
    assert Place.read(str(place)) == place
    assert Place.read(None) == Place()


def test_a_window_touches_korean_days() -> None:
    # Three in the afternoon UTC is midnight in Korea.
    since = datetime(2026, 11, 20, 14, 59, tzinfo=UTC)
    until = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    assert [day.isoformat() for day in days_between(since, until)] == ["2026-11-20"] * 2
    later = until + timedelta(seconds=1)
    assert [day.isoformat() for day in days_between(since, later)] == ["2026-11-20", "2026-11-21"]


def test_rows_of_which_none_can_be_read_are_a_changed_layout() -> None:
    def refuse(_row: object) -> None:
        raise BadInputError("no")

    with pytest.raises(LayoutChangedError):
        read_rows([{}, {}, {}], refuse, source="test")
    assert read_rows([], refuse, source="test") == ((), ())
    _, quarantined = read_rows([{}, {}], refuse, source="test")
    assert [row.is_alone for row in quarantined] == [True, True]


@pytest.mark.parametrize("value", [None, True, "", "12a", -1, 1.0, "１２", [1], "1" * 20])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(BadInputError):
        number_in({"id": value}, "id")


def test_a_count_may_be_a_number_or_its_digits() -> None:
    given = [7, "7", "0", None, True, 7.0, "-1", "７", "", 10**9, "1" * 10, [7]]
    counts = [count_in({"total": value}, "total") for value in given]
    assert counts == [7, 7, 0, *[-1] * 9]


def test_a_date_that_cannot_be_read_is_nothing_a_person_writes_in_another_form() -> None:
    def read(row: Row) -> CollectedFeedback:
        at = parse_when(when_in(row, "date"), now=NOW).at
        return CollectedFeedback(FeedbackKind.INQUIRY, "1", "문의", at)

    rows: list[object] = [{"date": value} for value in ("soon", "2026-11-20")]
    _, (row,) = read_rows(rows, read, source="test")
    assert row.remedy == "판매자 센터에서 이 글을 직접 확인해 주세요."


def test_a_word_may_be_a_number_or_absent_but_not_a_list() -> None:
    assert word_in({"id": 12}, "id") == "12"
    assert word_in({}, "id") == ""
    with pytest.raises(BadInputError):
        word_in({"id": [12]}, "id")
