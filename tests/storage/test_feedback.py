from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select, update

from domain.states import CaseState
from domain.types import CategoryFinding, ComplaintCategory, FeedbackKind, Severity, Span
from storage import accounts, alerts, analyses, cases, erasure, feedback, proposals, publications
from storage.models import (
    AlertRow,
    CaseRow,
    ErasureRow,
    FeedbackRevisionRow,
    FeedbackRow,
    OutboxRow,
)
from storage.session import PAGE
from tests.backlog import add_backlog
from tests.fakes_runtime import ScriptedClassifier, make_account
from tests.storage.rows import (
    LEASE,
    NOW,
    add_account,
    analyze,
    approve,
    case_state,
    decision,
    draft,
    drafted_case,
    finish,
    masked,
    moves,
    publication,
    row_of,
    start_run,
    store,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from storage.session import Database

LATER = NOW + timedelta(minutes=10)
DAY = timedelta(days=1)
WINDOW = (NOW - timedelta(days=3), NOW + timedelta(hours=1))


def test_new_feedback_is_stored_with_its_history(database: Database) -> None:
    run = start_run(database, add_account(database))
    page = store(database, run, [masked("n1"), masked("n2", "좋아요")])
    assert (page.new, page.changed, len(page.fresh)) == (2, 0, 2)
    row = row_of(database)
    assert (row.state, row.revision, row.brand, row.extra) == (
        "collected",
        1,
        "saebyeok",
        {"token": "t"},
    )
    assert moves(database, "feedback") == [("", "collected", "pyeongpan")] * 2


def test_a_page_stored_twice_changes_nothing(database: Database) -> None:
    run = start_run(database, add_account(database))
    store(database, run, [masked("n1"), masked("n2")])
    again = store(database, run, [masked("n1"), masked("n2")])
    assert (again.fresh, again.backlog, again.changed, again.new) == ([], [], 0, 0)
    with database.reading() as connection:
        assert connection.execute(select(FeedbackRevisionRow.revision)).all() == []


def test_one_id_may_be_a_review_and_an_inquiry(database: Database) -> None:
    run = start_run(database, add_account(database))
    page = store(database, run, [masked("1"), masked("1", kind=FeedbackKind.INQUIRY)])
    assert page.new == 2


def test_one_kind_does_not_stand_in_for_another_of_the_same_id(database: Database) -> None:
    case_id = drafted_case(database)
    run = start_run(database, add_account(database), LATER)
    inquiry = masked("n1", kind=FeedbackKind.INQUIRY, replies=("답변 드렸습니다.",))
    store(database, run, [inquiry, masked("n2")], LATER)
    assert case_state(database, case_id) == "drafted"
    with database.unit_of_work() as connection:
        assert feedback.mark_gone(connection, run, WINDOW, now=LATER) == 1
    assert case_state(database, case_id) == "gone"


def test_accounts_do_not_share_ids(database: Database) -> None:
    one, other = make_account(), make_account(name="other")
    add_account(database, one, other)
    for key in (one.key, other.key):
        with database.reading() as connection:
            account_id = accounts.find(connection, key)
        assert account_id is not None
        assert store(database, start_run(database, account_id), [masked("1")]).new == 1


def test_an_edit_keeps_the_old_text(database: Database) -> None:
    run = start_run(database, add_account(database))
    store(database, run, [masked("n1", "나빠요")])
    analyze(database, [row_of(database).id])
    page = store(database, run, [masked("n1", "더 나빠요", rating=1)], LATER)
    assert (page.new, page.changed, page.fresh) == (0, 1, [row_of(database).id])
    row = row_of(database)
    assert (row.text, row.revision, row.rating, row.state) == ("더 나빠요", 2, 1, "collected")
    with database.reading() as connection:
        old = connection.execute(select(FeedbackRevisionRow.__table__)).one()
    assert (old.revision, old.text, old.rating) == (1, "나빠요", 2)
    assert (old.sealed_original, old.replaced_at) == ("sealed 나빠요".encode(), LATER)


def test_no_place_of_the_old_text_is_marked_in_an_edited_one(database: Database) -> None:
    run = start_run(database, add_account(database))
    store(database, run, [masked("n1", "이 바보들아")])
    analyze(
        database,
        [row_of(database).id],
        abusive=True,
        abuse_spans=(Span(2, 5),),
        severity_spans=(Span(0, 1),),
        categories=(CategoryFinding(ComplaintCategory.SERVICE, 0.9, Span(0, 1)),),
    )
    store(database, run, [masked("n1", "배송도 늦는 바보들아")], LATER)
    store(database, run, [masked("n1", "배송도 늦네")], LATER)

    now = row_of(database).analysis
    assert now["categories"] == [["service", 0.9, None]]
    assert now["severity_spans"] == []
    # Who was hostile may still be: all of it, until it is read.
    assert now["abuse_spans"] == [[0, len("배송도 늦네")]]
    with database.reading() as connection:
        [read, unread] = connection.execute(
            select(FeedbackRevisionRow.analysis).order_by(FeedbackRevisionRow.revision)
        ).scalars()
    assert read["abuse_spans"] == [[2, 5]]
    assert unread is None
    analyze(database, [row_of(database).id])
    assert row_of(database).analysis["abuse_spans"] == []


def test_an_edit_while_it_is_read_is_read_again(database: Database) -> None:
    run = start_run(database, add_account(database))
    page = store(database, run, [masked("n1", "나빠요")])
    with database.unit_of_work() as connection:
        token, claimed = analyses.claim(connection, page.fresh, now=NOW, until=NOW + LEASE)
    store(database, run, [masked("n1", "좋아요")])
    with database.unit_of_work() as connection:
        triaged = analyses.settle_analysis(
            connection,
            token,
            [
                analyses.Understood(row, ScriptedClassifier().classify([row.text])[0], NOW)
                for row in claimed
            ],
            now=NOW,
        )
    assert triaged.settled == frozenset()
    assert row_of(database).state == "collected"
    assert analyze(database, page.fresh).settled == frozenset(page.fresh)
    assert row_of(database).sentiment == "positive"


def test_twice_on_one_page_with_other_words_is_an_edit(database: Database) -> None:
    run = start_run(database, add_account(database))
    page = store(database, run, [masked("n1", "처음"), masked("n1", "나중")])
    assert (page.new, page.changed) == (1, 1)
    assert (row_of(database).text, row_of(database).revision) == ("나중", 2)


def test_twice_on_one_page_with_the_same_words_is_one(database: Database) -> None:
    run = start_run(database, add_account(database))
    page = store(database, run, [masked("n1"), masked("n1")])
    assert (page.new, page.changed, row_of(database).revision) == (1, 0, 1)


def test_three_times_on_one_page_keeps_every_version(database: Database) -> None:
    run = start_run(database, add_account(database))
    store(database, run, [masked("n1", "하나"), masked("n1", "둘"), masked("n1", "셋")])
    with database.reading() as connection:
        old = connection.execute(
            select(FeedbackRevisionRow.text).order_by(FeedbackRevisionRow.revision)
        ).scalars()
        assert [*old, row_of(database).text] == ["하나", "둘", "셋"]


@pytest.mark.parametrize(
    ("hours", "first", "expected"),
    [(49, True, "backlog"), (47, True, "fresh"), (49, False, "fresh")],
)
def test_only_old_texts_of_a_first_collection_are_backlog(
    database: Database, hours: int, *, first: bool, expected: str
) -> None:
    account_id = add_account(database)
    now = NOW
    run = start_run(database, account_id)
    if not first:
        finish(database, run)
        now = LATER
        run = start_run(database, account_id, now)
    assert run.is_backfill is first
    page = store(database, run, [masked("n1", written_at=now - timedelta(hours=hours))], now)
    assert [len(page.backlog), len(page.fresh)] == [expected == "backlog", expected == "fresh"]


def gone(database: Database, now: object = None) -> int:
    """Read the window whole again without anything in it."""
    del now
    account_id = add_account(database)
    run = start_run(database, account_id, LATER)
    with database.unit_of_work() as connection:
        marked = feedback.mark_gone(connection, run, WINDOW, now=LATER)
    finish(database, run, LATER)
    return marked


def test_what_a_whole_window_does_not_show_is_gone(database: Database) -> None:
    case_id = drafted_case(database)
    assert gone(database) == 1
    assert row_of(database).gone_at == LATER
    assert case_state(database, case_id) == "gone"
    assert gone(database) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"written_at": WINDOW[0] - timedelta(seconds=1)},
        {"written_at": WINDOW[1]},
        {"written_at_is_exact": False},
    ],
)
def test_what_may_lie_outside_the_window_is_not_gone(
    database: Database, changes: dict[str, Any]
) -> None:
    run = start_run(database, add_account(database))
    store(database, run, [masked("n1", **changes)])
    finish(database, run)
    assert gone(database) == 0


def test_what_the_same_run_saw_is_not_gone(database: Database) -> None:
    run = start_run(database, add_account(database))
    store(database, run, [masked("n1")])
    with database.unit_of_work() as connection:
        assert feedback.mark_gone(connection, run, WINDOW, now=NOW) == 0


def test_what_comes_back_is_opened_again(database: Database) -> None:
    case_id = drafted_case(database)
    gone(database)
    run = start_run(database, add_account(database), LATER)
    store(database, run, [masked("n1")], LATER)
    assert row_of(database).gone_at is None
    assert case_state(database, case_id) == "opened"
    draft(database, [case_id], LATER)
    with database.reading() as connection:
        row = connection.execute(select(CaseRow.draft_number, CaseRow.closed_at)).one()
    assert (row.draft_number, row.closed_at) == (2, None)


def test_what_comes_back_is_drafted_at_once(database: Database) -> None:
    urgent, normal, edited = (
        drafted_case(database, text, native_id)
        for text, native_id in (("벌레가 나왔어요", "n1"), ("별로예요", "n2"), ("별로", "n3"))
    )
    gone(database)
    with database.unit_of_work() as connection:
        connection.execute(delete(OutboxRow))
    page = [masked("n1", "벌레가 나왔어요"), masked("n2", "별로예요"), masked("n3", "나빠요")]
    store(database, start_run(database, add_account(database), LATER), page, LATER)

    assert case_state(database, edited) == "opened"
    with database.reading() as connection:
        rows = connection.execute(select(OutboxRow.__table__).order_by(OutboxRow.id))
        asked = [(row.actor, row.args, row.available_at) for row in rows]
    # What was edited is read first.
    assert asked == [
        ("case.draft_urgent", [[urgent]], LATER),
        ("case.draft", [[normal]], LATER),
    ]


def test_the_card_of_what_comes_back_follows_it_again(database: Database) -> None:
    drafted_case(database)
    gone(database)
    with database.unit_of_work() as connection:
        card = alerts.NewAlert("k", "case_card", "saebyeok", "CREVIEW", {}, row_of(database).id)
        alerts.add(connection, [card], now=NOW, is_told=True)
        connection.exec_driver_sql("UPDATE alerts SET state = 'sent', is_final = TRUE, shown = ''")
    assert outdated(database) == []

    run = start_run(database, add_account(database), LATER)
    store(database, run, [masked("n1")], LATER)

    assert len(outdated(database)) == 1


def test_a_card_follows_what_is_proposed_for_its_case(database: Database) -> None:
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        card = alerts.NewAlert("k", "case_card", "saebyeok", "CREVIEW", {}, row_of(database).id)
        alerts.add(connection, [card], now=NOW, is_told=True)
        connection.exec_driver_sql("UPDATE alerts SET state = 'sent', shown = 'drafted:1'")
    assert outdated(database) == []

    with database.unit_of_work() as connection:
        proposals.propose(connection, decision(case_id), "two_step", now=NOW)
        waiting = proposals.proposal_of(connection, decision(case_id))
    assert waiting is not None
    assert len(outdated(database)) == 1
    with database.unit_of_work() as connection:
        connection.execute(update(AlertRow).values(shown=f"drafted:1:{waiting.id}"))
    assert outdated(database) == []


def test_a_card_does_not_wait_for_what_was_proposed_about_an_earlier_text(
    database: Database,
) -> None:
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        card = alerts.NewAlert("k", "case_card", "saebyeok", "CREVIEW", {}, row_of(database).id)
        alerts.add(connection, [card], now=NOW, is_told=True)
        proposals.propose(connection, decision(case_id), "two_step", now=NOW)
        # Edited while its reply was on its way, and the reply refused: the draft is as it was.
        connection.exec_driver_sql("UPDATE feedback SET revision = 2")
        connection.exec_driver_sql("UPDATE alerts SET state = 'sent', shown = 'drafted:1'")
        edited = decision(case_id, feedback_revision=2)
        assert proposals.proposal_of(connection, edited) is None
    assert outdated(database) == []


def outdated(database: Database) -> list[int]:
    with database.reading() as connection:
        return alerts.outdated_cards(connection, "case_card", now=LATER, limit=5)


def test_a_reply_from_elsewhere_closes_the_case(database: Database) -> None:
    case_id = drafted_case(database)
    run = start_run(database, add_account(database), LATER)
    store(database, run, [masked("n1", replies=("판매자가 직접 남긴 답변",))], LATER)
    assert case_state(database, case_id) == "answered_elsewhere"
    assert row_of(database).replied_elsewhere_at == LATER


def test_a_reply_from_elsewhere_stops_an_approved_one(database: Database) -> None:
    case_id = drafted_case(database)
    sent = approve(database, case_id)
    run = start_run(database, add_account(database), LATER)
    store(database, run, [masked("n1", replies=("남의 답변",))], LATER)
    assert publication(database, sent).state == "cancelled"
    assert case_state(database, case_id) == "answered_elsewhere"


def test_our_own_reply_is_not_elsewhere(database: Database) -> None:
    case_id = drafted_case(database)
    sent = approve(database, case_id, text="죄송합니다.\n다시 보내 드리겠습니다.")
    with database.unit_of_work() as connection:
        assert publications.begin_sending(connection, sent, now=LATER, lease_until=LATER + LEASE)
    run = start_run(database, add_account(database), LATER)
    store(database, run, [masked("n1", replies=("죄송합니다. 다시 보내 드리겠습니다.",))], LATER)
    assert case_state(database, case_id) == "approved"
    assert row_of(database).replied_elsewhere_at is None


def test_our_own_words_that_stand_there_already_are_not_sent_again(database: Database) -> None:
    """As after a backup is restored that is older than the reply."""
    case_id = drafted_case(database)
    queued = approve(database, case_id, text="죄송합니다.")
    run = start_run(database, add_account(database), LATER)
    store(database, run, [masked("n1", replies=("죄송합니다.",))], LATER)
    assert publication(database, queued).state == "cancelled"
    assert case_state(database, case_id) == "answered_elsewhere"


def test_what_was_answered_before_we_came_makes_no_work(database: Database) -> None:
    run = start_run(database, add_account(database))
    page = store(database, run, [masked("n1", replies=("이미 답변",))])
    triaged = analyze(database, page.fresh)
    assert (triaged.urgent, triaged.normal) == ([], [])
    with database.reading() as connection:
        assert connection.execute(select(CaseRow.state)).scalar_one() == "answered_elsewhere"


@pytest.mark.parametrize("state", [CaseState.OPENED, CaseState.DRAFTED, CaseState.APPROVED])
def test_an_edit_brings_an_open_case_back_to_the_start(
    database: Database, state: CaseState
) -> None:
    run = start_run(database, add_account(database))
    page = store(database, run, [masked("n1", "나빠요")])
    (case_id,) = analyze(database, page.fresh).normal
    if state is not CaseState.OPENED:
        draft(database, [case_id])
    sent = approve(database, case_id) if state is CaseState.APPROVED else None
    assert case_state(database, case_id) == state
    store(database, run, [masked("n1", "벌레가 나왔어요")], LATER)
    assert case_state(database, case_id) == "opened"
    if sent is not None:
        assert publication(database, sent).state == "cancelled"
    triaged = analyze(database, page.fresh, LATER)
    # The new reading decides how urgent it is; there is still one case.
    assert (triaged.urgent, triaged.normal) == ([case_id], [])
    with database.reading() as connection:
        row = connection.execute(select(CaseRow.severity, CaseRow.note)).one()
    assert row.severity == "critical"
    assert "수정" in row.note


@pytest.mark.parametrize("is_edited", [False, True])
def test_a_case_follows_the_channels_new_deadline(database: Database, *, is_edited: bool) -> None:
    account_id = add_account(database)
    question = masked("n1", "언제 오나요", kind=FeedbackKind.INQUIRY, deadline_at=NOW + DAY)
    run = start_run(database, account_id)
    page = store(database, run, [question])
    (case_id,) = analyze(database, page.fresh).normal
    draft(database, [case_id])
    finish(database, run)
    with database.unit_of_work() as connection:
        connection.execute(update(CaseRow).values(due_at=NOW + DAY, reminder="overdue"))
        card = alerts.NewAlert("k", "case_card", "saebyeok", "CREVIEW", {}, page.fresh[0])
        alerts.add(connection, [card], now=NOW, is_told=True)
        connection.execute(update(AlertRow).values(state="sent", shown="drafted:1"))

    def see(deadline_at: datetime | None) -> tuple[datetime, str]:
        text = f"언제 오나요 {deadline_at}" if is_edited else question.text
        run = start_run(database, account_id, LATER)
        seen = [replace(question, text=text, content_fingerprint=text, deadline_at=deadline_at)]
        analyze(database, store(database, run, seen, LATER).fresh, LATER)
        finish(database, run, LATER)
        with database.reading() as connection:
            row = connection.execute(select(CaseRow.due_at, CaseRow.reminder)).one()
        return row.due_at, row.reminder

    assert see(NOW + DAY) == (NOW + DAY, "overdue")
    assert see(NOW + 2 * DAY) == (NOW + 2 * DAY, "")
    assert len(outdated(database)) == 1
    # A channel that says nothing takes no promise back.
    assert see(None) == (NOW + 2 * DAY, "")


def test_an_answered_case_keeps_the_deadline_it_was_answered_for(database: Database) -> None:
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        connection.execute(update(CaseRow).values(state=CaseState.ANSWERED, due_at=NOW))
    run = start_run(database, add_account(database), LATER)
    store(database, run, [masked("n1", deadline_at=NOW + DAY)], LATER)
    with database.reading() as connection:
        row = connection.execute(select(CaseRow.id, CaseRow.due_at)).one()
    assert (row.id, row.due_at) == (case_id, NOW)


def test_an_edit_leaves_a_reply_alone_that_may_be_on_its_way(database: Database) -> None:
    case_id = drafted_case(database, "나빠요")
    sent = approve(database, case_id)
    with database.unit_of_work() as connection:
        assert publications.begin_sending(connection, sent, now=NOW, lease_until=NOW + LEASE)
    run = start_run(database, add_account(database), LATER)
    store(database, run, [masked("n1", "고쳤어요 나빠요")], LATER)
    assert publication(database, sent).state == "sending"
    assert case_state(database, case_id) == "approved"


@pytest.mark.parametrize(
    ("text", "is_looked_at"), [("벌레가 나왔어요", True), ("이제 좋아요", False)]
)
@pytest.mark.parametrize(
    "state", [CaseState.APPROVED, CaseState.ANSWERED, CaseState.ANSWERED_ELSEWHERE]
)
def test_an_edit_after_the_reply_is_looked_at_where_it_complains(
    database: Database, state: CaseState, text: str, *, is_looked_at: bool
) -> None:
    case_id = drafted_case(database)
    sent = approve(database, case_id)
    with database.unit_of_work() as connection:
        assert publications.begin_sending(connection, sent, now=NOW, lease_until=NOW + LEASE)
        connection.execute(update(CaseRow).values(state=state))
    run = start_run(database, add_account(database), LATER)
    triaged = analyze(database, store(database, run, [masked("n1", text)], LATER).fresh, LATER)

    assert (triaged.urgent, triaged.normal) == ([], [])
    assert case_state(database, case_id) == state
    assert row_of(database).needs_look is is_looked_at
    with database.reading() as connection:
        note = connection.execute(select(CaseRow.note)).scalar_one()
    assert note == (analyses.EDITED_AFTER_REPLY if is_looked_at else "")


def test_a_reply_to_the_edited_text_asks_for_no_look(database: Database) -> None:
    """A draft that is made while the edit waits to be read may be approved before it is."""
    case_id = drafted_case(database)
    run = start_run(database, add_account(database), LATER)
    page = store(database, run, [masked("n1", "벌레가 나왔어요")], LATER)
    draft(database, [case_id], LATER)
    approve(database, case_id, draft_number=2, feedback_revision=2)
    analyze(database, page.fresh, LATER)
    assert not row_of(database).needs_look


@pytest.mark.parametrize(
    ("text", "state"), [("벌레가 나왔어요", "opened"), ("이제 좋아요", "rejected")]
)
def test_a_rejected_case_is_decided_again_where_an_edit_complains(
    database: Database, text: str, state: str
) -> None:
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        cases.reject(connection, decision(case_id, reason="무대응"), now=NOW)
    run = start_run(database, add_account(database), LATER)
    triaged = analyze(database, store(database, run, [masked("n1", text)], LATER).fresh, LATER)

    assert case_state(database, case_id) == state
    assert triaged.urgent == ([case_id] if state == "opened" else [])
    with database.reading() as connection:
        row = connection.execute(select(CaseRow.closed_at, CaseRow.note)).one()
    assert (row.closed_at is None, "수정" in row.note) == (state == "opened",) * 2


def test_every_negative_and_every_inquiry_opens_one_case(database: Database) -> None:
    run = start_run(database, add_account(database))
    page = store(
        database,
        run,
        [
            masked("1", "나빠요"),
            masked("2", "좋아요"),
            masked("3", "좋은가요", kind=FeedbackKind.INQUIRY),
            masked("4", "환불"),
            masked("5", "벌레"),
        ],
    )
    triaged = analyze(database, page.fresh)
    with database.reading() as connection:
        rows = connection.execute(
            select(FeedbackRow.native_id, CaseRow.id, CaseRow.severity_rank)
            .join(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
            .order_by(FeedbackRow.native_id)
        ).all()
    by_id = {row.native_id: row.id for row in rows}
    assert set(by_id) == {"1", "3", "4", "5"}
    # Critical before high; what is normal has a queue of its own.
    assert triaged.urgent == [by_id["5"], by_id["4"]]
    assert triaged.normal == [by_id["1"], by_id["3"]]
    assert [row.severity_rank for row in rows] == [2, 2, 1, 0]


def test_an_analysis_comes_back_as_it_was(database: Database) -> None:
    run = start_run(database, add_account(database))
    analyze(database, store(database, run, [masked("n1", "벌레")]).fresh)
    (wanted,) = ScriptedClassifier().classify(["벌레"])
    assert analyses.analysis_from_row(row_of(database)) == wanted
    assert wanted.severity is Severity.CRITICAL


def test_the_title_is_part_of_the_text_unless_it_repeats_it() -> None:
    assert feedback.whole_text("환불해 주세요", "왜 안 되나요") == "환불해 주세요\n왜 안 되나요"
    assert feedback.whole_text("배송이 너무 늦…", "배송이 너무 늦어요") == "배송이 너무 늦어요"
    assert feedback.whole_text("", "본문") == "본문"


def test_an_author_is_erased_with_a_record(database: Database) -> None:
    run = start_run(database, add_account(database))
    store(database, run, [masked("n1", "처음"), masked("n2", author_fingerprint="someone else")])
    store(database, run, [masked("n1", "나중")])
    with database.unit_of_work() as connection:
        erased = erasure.erase_author(
            connection, "saebyeok", ["author"], requested_by="개인정보팀", now=LATER
        )
    assert erased == 1
    row, other = row_of(database, "n1"), row_of(database, "n2")
    assert (row.sealed_original, row.author, row.author_fingerprint, row.order_fingerprint) == (
        None,
        "",
        "",
        "",
    )
    assert row.text == "나중"
    assert other.author_fingerprint == "someone else"
    assert other.sealed_original is not None
    with database.reading() as connection:
        assert connection.execute(select(FeedbackRevisionRow.sealed_original)).scalars().all() == [
            None
        ]
        record = connection.execute(select(ErasureRow.__table__)).one()
    assert (record.requested_by, record.feedback_erased, record.erased_at) == (
        "개인정보팀",
        1,
        LATER,
    )


@pytest.mark.parametrize(("kind", "is_kept"), [("post", False), ("review", True)])
def test_the_address_of_an_erased_post_goes_too(
    database: Database, kind: str, is_kept: bool
) -> None:
    """A blog's address is its writer's id: https://blog.naver.com/ID/1."""
    url = "https://blog.naver.com/skyblue/1"
    run = start_run(database, add_account(database))
    store(database, run, [masked("n1", kind=FeedbackKind(kind), url=url)])
    with database.unit_of_work() as connection:
        erasure.erase_author(connection, "saebyeok", ["author"], requested_by="x", now=NOW)
    assert row_of(database).url == (url if is_kept else "")


def test_erasing_nobody_is_recorded_too(database: Database) -> None:
    with database.unit_of_work() as connection:
        args = (connection, "saebyeok", ["nobody"])
        assert erasure.erase_author(*args, requested_by="x", now=NOW) == 0
    with database.reading() as connection:
        assert connection.execute(select(ErasureRow.feedback_erased)).scalar_one() == 0


def test_an_erased_author_is_not_an_edit(database: Database) -> None:
    """The channel still shows the text: reading it again must not bring the person back."""
    run = start_run(database, add_account(database))
    store(database, run, [masked("n1")])
    with database.unit_of_work() as connection:
        erasure.erase_author(connection, "saebyeok", ["author"], requested_by="x", now=NOW)
    page = store(database, run, [masked("n1")], LATER)
    assert page.changed == 0
    assert row_of(database).author_fingerprint == ""


def test_retention_counts_from_writing_or_first_sight(database: Database) -> None:
    run = start_run(database, add_account(database))
    old = NOW - timedelta(days=400)
    store(database, run, [masked("old", written_at=old), masked("new")])
    with database.unit_of_work() as connection:
        # An old board that was collected today is not erased today.
        limit = NOW - timedelta(days=365)
        assert erasure.erase_expired(connection, "saebyeok", written_before=limit) == 0
        limit = NOW + timedelta(seconds=1)
        assert erasure.erase_expired(connection, "other", written_before=limit) == 0
        assert erasure.erase_expired(connection, "saebyeok", written_before=limit) == 2
        assert erasure.erase_expired(connection, "saebyeok", written_before=limit) == 0


@contextmanager
def counting_values(database: Database) -> Iterator[list[int]]:
    """Give how many values the statements of a block name."""
    counts: list[int] = []

    def count(*args: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        _, _, _, parameters, _, executemany = args
        counts.extend(map(len, parameters if executemany else [parameters]))

    event.listen(database.engine, "before_cursor_execute", count)
    yield counts
    event.remove(database.engine, "before_cursor_execute", count)


def test_a_whole_brand_goes_page_by_page(database: Database) -> None:
    many = 2 * PAGE + 1
    with database.unit_of_work() as connection:
        account_id = add_backlog(connection, "saebyeok", many, now=NOW)
        connection.execute(update(FeedbackRow).values(author="김*", sealed_original=b"sealed"))
        run = accounts.claim_run(
            connection,
            account_id,
            now=LATER,
            lease=LEASE,
            overlap=DAY,
            backfill=None,
            window=None,
        )
    assert run is not None
    run = replace(run, run_id=run.run_id + 1)
    with counting_values(database) as counts, database.unit_of_work() as connection:
        window = (NOW - timedelta(days=60), NOW)
        assert feedback.mark_gone(connection, run, window, now=LATER) == many
        assert erasure.erase_expired(connection, "saebyeok", written_before=NOW) == many
    # PostgreSQL refuses a statement of more than 65,535 values, whatever there is to do.
    assert PAGE <= max(counts) < PAGE + 20
    with database.reading() as connection:
        assert set(connection.execute(select(CaseRow.state)).scalars()) == {"gone"}


def _store_again(database: Database, run: accounts.Run) -> None:
    store(database, run, [masked(f"n{number}") for number in range(3)])


def _mark_gone(database: Database, run: accounts.Run) -> None:
    with database.unit_of_work() as connection:
        later = replace(run, run_id=run.run_id + 1)
        feedback.mark_gone(connection, later, WINDOW, now=LATER)


def _erase(database: Database, run: accounts.Run) -> None:
    with database.unit_of_work() as connection:
        erasure.erase_author(connection, run.brand, ["author"], requested_by="-", now=LATER)


def _claim(database: Database, _run: accounts.Run) -> None:
    with database.unit_of_work() as connection:
        analyses.claim(connection, [1, 2, 3], now=LATER, until=LATER + LEASE)


WAITS_FOR_US = """
    SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))
"""


@pytest.mark.parametrize("change", [_store_again, _mark_gone, _erase, _claim])
def test_whoever_changes_many_takes_them_in_one_order(
    postgres_database: Database, change: Callable[[Database, accounts.Run], None]
) -> None:
    """Otherwise two of them may each hold what the other wants, and PostgreSQL ends one."""
    database = postgres_database
    run = start_run(database, add_account(database))
    _store_again(database, run)
    with database.unit_of_work() as connection:
        first = select(FeedbackRow.id).order_by(FeedbackRow.id).limit(1)
        first_id = connection.execute(first).scalar_one()
        # Its new version lies behind the others: where a plan meets the rows as they lie, it is last.
        connection.execute(
            update(FeedbackRow).where(FeedbackRow.id == first_id).values(title="edited")
        )
    other = threading.Thread(target=change, args=(database, run))
    with database.unit_of_work() as connection:
        connection.execute(
            select(FeedbackRow.id).where(FeedbackRow.id == first_id).with_for_update()
        )
        other.start()
        while not connection.exec_driver_sql(WAITS_FOR_US).scalar():
            assert other.is_alive()
        rest = select(FeedbackRow.id).where(FeedbackRow.id != first_id)
        free = connection.execute(rest.with_for_update(skip_locked=True)).all()
    other.join(timeout=30)
    assert len(free) == 2


pages = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["좋아요", "나빠요"])), max_size=6
)


def test_whatever_pages_come_every_version_is_kept_once(database: Database) -> None:
    run = start_run(database, add_account(database))
    examples = itertools.count()

    @given(st.lists(pages, max_size=4))
    @settings(max_examples=25)
    def check(script: list[list[tuple[str, str]]]) -> None:
        prefix = f"{next(examples)}-"
        versions: dict[str, list[str]] = {}
        for page in script:
            store(database, run, [masked(prefix + name, text) for name, text in page])
            for name, text in page:
                kept = versions.setdefault(prefix + name, [])
                if not kept or kept[-1] != text:
                    kept.append(text)
        assert stored_versions(database, prefix) == versions

    check()


def stored_versions(database: Database, prefix: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with database.reading() as connection:
        for row in connection.execute(
            select(FeedbackRow.id, FeedbackRow.native_id, FeedbackRow.text).where(
                FeedbackRow.native_id.startswith(prefix)
            )
        ).all():
            old = connection.execute(
                select(FeedbackRevisionRow.text)
                .where(FeedbackRevisionRow.feedback_id == row.id)
                .order_by(FeedbackRevisionRow.revision)
            ).scalars()
            found[row.native_id] = [*old, row.text]
    return found
