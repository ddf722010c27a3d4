"""Looking for words in the queue, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage import dossier, doubts, overview, queue_pages, search
from storage.queue_pages import QueueFilter
from storage.search import searchable

if TYPE_CHECKING:
    from tests.console.conftest import Desk

BOTH = frozenset({"alpha", "beta"})


@pytest.fixture(autouse=True, params=[2000, 0], ids=["few", "many"])
def _finds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at each find, or through the queue until a page is full."""
    monkeypatch.setattr(search, "_FEW", request.param)


def found(shelf: Desk, words: str, brands: frozenset[str] = BOTH) -> set[int]:
    with shelf.database.reading() as connection:
        wanted = QueueFilter(brands=brands, words=words, view="todo")
        return {item.case_id for item in queue_pages.queue(connection, wanted)}


def test_words_of_two_syllables_are_found_inside_others(shelf: Desk) -> None:
    refund = shelf.add("전액환불을 요청했는데 답이 없네요", categories=())
    other = shelf.add("배송이 늦어요", categories=())

    assert found(shelf, "환불") == {refund}
    assert found(shelf, "전액 환불") == {refund}
    assert found(shelf, "불을요청") == {refund}
    assert found(shelf, "늦어요") == {other}
    assert found(shelf, "환불 늦어요") == set()
    assert found(shelf, "없는말") == set()


def test_title_and_product_are_searched_and_case_does_not_count(shelf: Desk) -> None:
    case_id = shelf.add(
        "별로예요", title="제목에만 있는 낱말", product_name="USB-C Charger 65W", categories=()
    )

    for words in ("낱말", "usb-c", "CHARGER", "65w"):
        assert found(shelf, words) == {case_id}


def test_characters_that_share_pairs_but_not_the_word_are_not_found(shelf: Desk) -> None:
    shelf.add("가나다 나다라", categories=())

    assert found(shelf, "가나다나다라")
    assert found(shelf, "나다가나") == set()


def test_an_edited_text_is_found_by_what_it_says_now(shelf: Desk) -> None:
    case_id = shelf.add("환불해 주세요", native_id="n", categories=())
    shelf.add("교환해 주세요", native_id="n", categories=())

    assert found(shelf, "환불") == set()
    assert found(shelf, "교환") == {case_id}


@pytest.mark.parametrize(
    "words",
    ["'", '"', '") OR 1=1 --', "%_", "\\", "NEAR(", "a*", "*", "^환불", "🙂🙂", "!!", "\x00\x00"],
)
def test_signs_are_text_and_not_a_language(shelf: Desk, words: str) -> None:
    shelf.add("환불", categories=())

    assert found(shelf, words) <= {1}


def test_other_brands_are_not_searched(shelf: Desk) -> None:
    shelf.add("환불해 주세요", brand="beta", categories=())

    assert found(shelf, "환불", frozenset({"alpha"})) == set()


def test_a_query_is_bounded() -> None:
    assert searchable("가") == []
    assert len(searchable(" ".join(f"낱말{number}" for number in range(50)))) == 6
    assert searchable("가" * 1000) == ["가" * 40]


def test_every_query_of_the_desk_runs_on_both_databases(shelf: Desk) -> None:
    case_id = shelf.add()
    with shelf.database.reading() as connection:
        overview.stats(connection, BOTH, weeks=12, now=shelf.now)
        dossier.around(connection, case_id)
        overview.accounts(connection, BOTH)
        overview.incidents(connection, BOTH)
        overview.slack_incidents(connection)
        overview.quarantine_reasons(connection, BOTH)
        overview.alerts(connection, BOTH)
        doubts.looks(connection, BOTH)
        queue_pages.decided(connection, case_id, BOTH, "김승인")
        for sort in set(queue_pages.SORTS) - {"closed"}:
            wanted = QueueFilter(brands=BOTH, sort=sort)
            place = queue_pages.place_of(connection, case_id, sort)
            assert queue_pages.next_case(connection, wanted, after=place, skip=0) == case_id
            assert queue_pages.previous_case(connection, wanted, before=place) is None
