"""What people decided teaches what they saw, and the last of them is right."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from domain.types import MISREAD_REASON
from storage import cases, doubts, lessons, reopening
from storage.models import FeedbackRow
from tests.storage.rows import (
    BRAND,
    NOW,
    add_account,
    analyze,
    decision,
    draft,
    drafted_case,
    finish,
    masked,
    start_run,
    store,
)

if TYPE_CHECKING:
    from storage.session import Database

LATER = NOW + timedelta(minutes=10)


def to_look_at(database: Database, text: str) -> int:
    """Bring feedback without stars that waits for a look; gives its id."""
    run = start_run(database, add_account(database))
    page = store(database, run, [masked("n1", text, rating=None)])
    finish(database, run)
    analyze(database, page.fresh, unsure=True)
    with database.reading() as connection:
        return connection.execute(select(FeedbackRow.id)).scalar_one()


def edit(database: Database, text: str) -> None:
    account_id = add_account(database)
    run = start_run(database, account_id, LATER)
    store(database, run, [masked("n1", text, rating=None)], LATER)
    finish(database, run, LATER)


def reject(database: Database, case_id: int) -> None:
    with database.unit_of_work() as connection:
        refused = decision(case_id, text="", reason=f"{MISREAD_REASON} (불만·문의가 아님)")
        cases.reject(connection, refused, now=NOW)


def corrections(database: Database) -> list[tuple[str, bool]]:
    with database.reading() as connection:
        return [
            (row.text, row.is_negative)
            for row in lessons.of_brand(connection, BRAND)
            if row.is_correction
        ]


def test_stars_teach_and_the_middle_does_not(database: Database) -> None:
    run = start_run(database, add_account(database))
    texts = {"n1": 1, "n2": 3, "n3": 5}
    store(database, run, [masked(key, key, rating=stars) for key, stars in texts.items()])
    with database.reading() as connection:
        taught = {(row.text, row.is_negative) for row in lessons.of_brand(connection, BRAND)}
    assert taught == {("n1", True), ("n3", False)}


def test_a_misread_case_teaches_that_nothing_was_wrong(database: Database) -> None:
    reject(database, drafted_case(database, "별로 안 비싸요"))
    assert corrections(database) == [("별로 안 비싸요", False)]


def test_a_misreading_that_was_taken_back_teaches_nothing(database: Database) -> None:
    case_id = drafted_case(database, "별로 안 비싸요")
    for number in (1, 2):
        reject(database, case_id)
        assert corrections(database) == [("별로 안 비싸요", False)]
        with database.unit_of_work() as connection:
            reopening.undo_rejection(connection, case_id, number, who="김담당", now=NOW)
        assert corrections(database) == []


def test_a_look_teaches_that_nothing_was_wrong(database: Database) -> None:
    feedback_id = to_look_at(database, "그냥 그래요")
    with database.unit_of_work() as connection:
        assert doubts.settle_look(connection, feedback_id, 1, who="김담당", now=NOW)
    assert corrections(database) == [("그냥 그래요", False)]


def test_the_last_word_about_a_text_comes_last(database: Database) -> None:
    feedback_id = to_look_at(database, "그냥 그래요")
    with database.unit_of_work() as connection:
        case_id = doubts.open_case(connection, feedback_id, 1, due_at=LATER, who="김담당", now=NOW)
    assert case_id is not None
    assert corrections(database) == [("그냥 그래요", True)]
    draft(database, [case_id])
    reject(database, case_id)
    assert corrections(database)[-1] == ("그냥 그래요", False)


def test_what_was_edited_since_is_not_what_was_judged(database: Database) -> None:
    feedback_id = to_look_at(database, "그냥 그래요")
    with database.unit_of_work() as connection:
        assert doubts.settle_look(connection, feedback_id, 1, who="김담당", now=NOW)
    edit(database, "곰팡이가 나왔어요")
    assert corrections(database) == []
