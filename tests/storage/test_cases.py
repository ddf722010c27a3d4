from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select, update

from domain.errors import DecisionRefusedError
from domain.messages import Message
from domain.states import CaseState, PublicationState
from domain.types import DraftReply, DraftSentence, SourceKind
from storage import (
    alerts,
    cases,
    feedback,
    moves,
    outbox,
    proposals,
    publications,
    reopening,
)
from storage.models import (
    CaseRow,
    DecisionRow,
    DraftRow,
    FeedbackRow,
    HistoryRow,
    OutboxRow,
    PublicationRow,
)
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
    masked,
    publication,
    start_run,
    store,
)
from tests.storage.rows import (
    moves as history,
)

if TYPE_CHECKING:
    from storage.session import Database

LATER = NOW + timedelta(minutes=10)


def opened_cases(database: Database, number: int) -> list[int]:
    run = start_run(database, add_account(database))
    page = store(database, run, [masked(f"n{index}") for index in range(number)])
    return analyze(database, page.fresh).normal


def refused(database: Database, case_id: int, **changes: Any) -> DecisionRefusedError:  # noqa: ANN401
    with pytest.raises(DecisionRefusedError) as caught:
        approve(database, case_id, **changes)
    return caught.value


def test_claims_are_exclusive_between_threads(database: Database) -> None:
    ids = opened_cases(database, 40)
    barrier = threading.Barrier(6)
    claimed: list[list[int]] = []

    def claim() -> None:
        barrier.wait(timeout=30)
        with database.unit_of_work() as connection:
            _, rows = cases.claim(connection, ids, now=NOW, until=NOW + LEASE)
        claimed.append([row.case_id for row in rows])

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(claimed) == 6
    assert sorted(case_id for part in claimed for case_id in part) == ids


def test_a_claim_ends_with_its_lease(database: Database) -> None:
    ids = opened_cases(database, 1)
    with database.unit_of_work() as connection:
        old, _ = cases.claim(connection, ids, now=NOW, until=NOW + LEASE)
        assert cases.claim(connection, ids, now=NOW, until=NOW + LEASE)[1] == []
        new, rows = cases.claim(connection, ids, now=NOW + LEASE, until=LATER)
    assert [row.case_id for row in rows] == ids
    assert old != new


def test_whoever_lost_the_lease_stores_no_draft(database: Database) -> None:
    ids = opened_cases(database, 1)
    with database.unit_of_work() as connection:
        token, rows = cases.claim(connection, ids, now=NOW, until=NOW + LEASE)
    assert len(draft(database, ids, NOW + LEASE)) == 1
    with database.unit_of_work() as connection:
        reply = cases.Drafted(rows[0], cases_reply(), {})
        assert cases.settle_drafts(connection, token, [reply], now=LATER) == []
    with database.reading() as connection:
        assert connection.execute(select(DraftRow.number)).scalars().all() == [1]


def cases_reply() -> Any:  # noqa: ANN401 - a draft
    from domain.types import DraftReply

    return DraftReply(())


def test_a_failed_draft_is_tried_again_at_its_time(database: Database) -> None:
    ids = opened_cases(database, 1)
    with database.unit_of_work() as connection:
        token, _ = cases.claim(connection, ids, now=NOW, until=NOW + LEASE)
        cases.fail_drafts(connection, ids, token, retry_at=LATER)
        assert cases.take_lost(connection, now=NOW, queued_before=NOW, limit=9) == ([], [])
        assert cases.take_lost(connection, now=LATER, queued_before=LATER, limit=9) == ([], ids)


def test_an_approval_is_decision_publication_history_and_message(database: Database) -> None:
    case_id = drafted_case(database)
    sent = approve(database, case_id, undo_window=timedelta(minutes=2))
    assert case_state(database, case_id) == "approved"
    row = publication(database, sent)
    assert (row.state, row.available_at) == ("queued", NOW + timedelta(minutes=2))
    assert history(database, "cases")[-1] == ("drafted", "approved", "김담당")
    assert history(database, "publications") == [("", "queued", "김담당")]
    with database.reading() as connection:
        message = connection.execute(
            select(OutboxRow.__table__).where(OutboxRow.actor == "publication.publish")
        ).one()
        decided = connection.execute(select(DecisionRow.__table__)).one()
    assert (message.args, message.available_at) == ([sent], NOW + timedelta(minutes=2))
    assert (decided.was_edited, decided.text, decided.kind) == (False, "죄송합니다.", "approval")


def test_another_wording_is_kept_as_an_edit(database: Database) -> None:
    case_id = drafted_case(database)
    approve(database, case_id, text="다시 썼습니다.")
    with database.reading() as connection:
        assert connection.execute(select(DecisionRow.was_edited, DecisionRow.text)).one() == (
            True,
            "다시 썼습니다.",
        )


def test_a_second_decision_hears_who_was_first(database: Database) -> None:
    case_id = drafted_case(database)
    approve(database, case_id)
    error = refused(database, case_id, decided_by="박담당")
    assert error.reason == "decided"
    assert "김담당" in str(error)
    assert "승인" in str(error)


def test_a_stale_revision_is_refused(database: Database) -> None:
    case_id = drafted_case(database)
    run = start_run(database, add_account(database), LATER)
    store(database, run, [masked("n1", "더 별로예요")], LATER)
    assert refused(database, case_id).reason == "revision"


def test_a_stale_draft_is_refused(database: Database) -> None:
    case_id = drafted_case(database)
    assert refused(database, case_id, draft_number=2).reason == "draft"


def test_a_case_that_is_not_there_is_refused(database: Database) -> None:
    assert refused(database, 4711).reason == "missing"


def test_a_case_that_was_closed_outside_is_refused(database: Database) -> None:
    case_id = drafted_case(database)
    run = start_run(database, add_account(database), LATER)
    store(database, run, [masked("n1", replies=("남의 답변",))], LATER)
    assert refused(database, case_id).reason == "closed"


def test_a_refused_decision_leaves_nothing_behind(database: Database) -> None:
    case_id = drafted_case(database)
    refused(database, case_id, draft_number=2)
    with database.reading() as connection:
        assert connection.execute(select(DecisionRow.id)).all() == []
        assert "publications" not in {row[0] for row in history(database, "publications")}
        assert outbox.size(connection) == 0


def test_one_of_many_people_at_once_decides(database: Database) -> None:
    case_id = drafted_case(database)
    barrier = threading.Barrier(5)
    outcomes: list[str] = []

    def decide(number: int) -> None:
        barrier.wait(timeout=30)
        try:
            approve(database, case_id, decided_by=f"담당{number}")
            outcomes.append("approved")
        except DecisionRefusedError as error:
            outcomes.append(error.reason)

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["approved", *["decided"] * 4]
    with database.reading() as connection:
        assert len(connection.execute(select(DecisionRow.id)).all()) == 1


def test_a_rejection_closes_with_its_reason(database: Database) -> None:
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        cases.reject(connection, decision(case_id, reason="답변 불필요"), now=NOW)
    assert case_state(database, case_id) == "rejected"
    assert history(database, "publications") == []
    with database.reading() as connection:
        assert connection.execute(select(DecisionRow.kind, DecisionRow.reason)).one() == (
            "rejection",
            "답변 불필요",
        )
    assert refused(database, case_id).reason == "decided"


def test_undo_brings_the_draft_back_and_it_can_be_approved_again(database: Database) -> None:
    case_id = drafted_case(database)
    first = approve(database, case_id, undo_window=timedelta(minutes=2))
    with database.unit_of_work() as connection:
        cases.undo(connection, case_id, who="김담당", now=NOW)
    assert publication(database, first).state == "cancelled"
    assert case_state(database, case_id) == "drafted"
    second = approve(database, case_id)
    assert publication(database, second).state == "queued"


def test_undo_comes_too_late_once_sending_began(database: Database) -> None:
    case_id = drafted_case(database)
    sent = approve(database, case_id)
    with database.unit_of_work() as connection:
        publications.begin_sending(connection, sent, now=NOW, lease_until=NOW + LEASE)
    with (
        pytest.raises(DecisionRefusedError, match="되돌릴 수 없습니다"),
        database.unit_of_work() as connection,
    ):
        cases.undo(connection, case_id, who="김담당", now=NOW)
    assert publication(database, sent).state == "sending"


def reject(database: Database, case_id: int, **changes: Any) -> int:  # noqa: ANN401
    """Reject a draft; gives the decision."""
    with database.unit_of_work() as connection:
        about = decision(case_id, **{"text": "", "reason": "답변 불필요", **changes})
        cases.reject(connection, about, now=NOW)
        newest = select(DecisionRow.id).order_by(DecisionRow.id.desc()).limit(1)
        return connection.execute(newest).scalar_one()


def undo_rejection(database: Database, case_id: int, rejection: int, who: str = "김담당") -> None:
    with database.unit_of_work() as connection:
        reopening.undo_rejection(connection, case_id, rejection, who=who, now=LATER)


def case_row(database: Database, case_id: int) -> dict[str, Any]:
    with database.reading() as connection:
        query = select(CaseRow.__table__).where(CaseRow.id == case_id)
        return dict(connection.execute(query).mappings().one())


def test_a_rejection_that_is_taken_back_brings_its_draft_back(database: Database) -> None:
    case_id = drafted_case(database)
    before = case_row(database, case_id)
    rejection = reject(database, case_id)
    undo_rejection(database, case_id, rejection, who="이담당")
    assert case_row(database, case_id) == {**before, "queued_at": LATER}
    with database.reading() as connection:
        last = connection.execute(
            select(HistoryRow.__table__).order_by(HistoryRow.id.desc()).limit(1)
        ).one()
        assert outbox.size(connection) == 0
    assert (last.entity, last.entity_id, last.source, last.target) == (
        "cases",
        case_id,
        "rejected",
        "drafted",
    )
    assert (last.who, last.why, last.moved_at) == ("이담당", reopening.TAKEN_BACK, LATER)
    assert publication(database, approve(database, case_id, LATER)).state == "queued"


def test_a_case_whose_rejection_is_taken_back_is_reminded_of_again(database: Database) -> None:
    case_id = drafted_case(database)

    def take() -> list[int]:
        with database.unit_of_work() as connection:
            return cases.take_due(connection, "saebyeok", "overdue", before=LATER)

    due_at = case_row(database, case_id)["due_at"]
    assert take() == [case_id]
    rejection = reject(database, case_id)
    assert take() == []
    undo_rejection(database, case_id, rejection)
    assert case_row(database, case_id)["due_at"] == due_at
    assert take() == [case_id]


def test_a_rejected_proposal_waits_again_for_whom_it_waited_for(database: Database) -> None:
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        proposals.propose(connection, decision(case_id), "two_step", now=NOW)
    before = case_row(database, case_id)
    rejection = reject(database, case_id, decided_by="브랜드")
    assert case_row(database, case_id)["asked_id"] is None
    undo_rejection(database, case_id, rejection)
    after = case_row(database, case_id)
    assert after["asked_id"] == before["asked_id"]
    assert after["note"] == "김담당 님이 브랜드 승인을 요청했습니다."


@pytest.mark.parametrize(
    ("happens", "reason", "words"),
    [
        ("taken back", "decided", "이미 다시 열린"),
        ("edited", "decided", "이미 다시 열린"),
        ("approved", "decided", "이미 승인"),
        ("rejected anew", "decided", "최담당 님이 11월 23일 12:00에 이미 반려"),
        ("gone", "closed", "삭제되었습니다"),
        ("open again and gone", "closed", "삭제되었습니다"),
        ("answered elsewhere", "closed", "다른 답변이 있습니다"),
        ("open again and answered elsewhere", "closed", "다른 답변이 있습니다"),
    ],
)
def test_a_rejection_is_not_taken_back_over_what_came_since(
    database: Database, happens: str, reason: str, words: str
) -> None:
    case_id = drafted_case(database)
    rejection = reject(database, case_id)
    if happens in {"taken back", "approved", "rejected anew"} or happens.startswith("open again"):
        undo_rejection(database, case_id, rejection)
    if happens == "approved":
        approve(database, case_id)
    elif happens == "rejected anew":
        reject(database, case_id, decided_by="최담당")
    elif happens == "edited":
        run = start_run(database, add_account(database), LATER)
        analyze(database, store(database, run, [masked("n1", "환불")], LATER).fresh, LATER)
    elif happens.endswith("answered elsewhere"):
        run = start_run(database, add_account(database), LATER)
        store(database, run, [masked("n1", replies=("남의 답변",))], LATER)
    elif happens.endswith("gone"):
        run = start_run(database, add_account(database), LATER)
        with database.unit_of_work() as connection:
            covers = (NOW - timedelta(days=1), LATER)
            assert feedback.mark_gone(connection, run, covers, now=LATER) == 1
    before, told = case_row(database, case_id), history(database, "cases")
    with pytest.raises(DecisionRefusedError, match=words) as caught:
        undo_rejection(database, case_id, rejection)
    assert caught.value.reason == reason
    assert (case_row(database, case_id), history(database, "cases")) == (before, told)


@pytest.mark.parametrize(
    ("text", "message"),
    [("별로예요", Message.CASE_DRAFT), ("벌레", Message.CASE_DRAFT_URGENT)],
)
@pytest.mark.parametrize("is_understood", [True, False])
def test_what_was_edited_since_its_rejection_is_drafted_anew(
    database: Database, text: str, message: Message, *, is_understood: bool
) -> None:
    case_id = drafted_case(database, text)
    rejection = reject(database, case_id)
    run = start_run(database, add_account(database), LATER)
    edited = store(database, run, [masked("n1", "좋아요")], LATER).fresh
    if is_understood:
        analyze(database, edited, LATER)
    undo_rejection(database, case_id, rejection)
    row = case_row(database, case_id)
    assert (row["state"], row["closed_at"], row["note"]) == ("opened", None, cases.EDITED)
    with database.reading() as connection:
        asked = connection.execute(
            select(OutboxRow.actor, OutboxRow.args).where(OutboxRow.actor.startswith("case."))
        ).all()
    # What is not understood yet is drafted when it is.
    assert [tuple(row) for row in asked] == ([(message, [[case_id]])] if is_understood else [])
    if not is_understood:
        triaged = analyze(database, edited, LATER)
        assert [*triaged.urgent, *triaged.normal] == [case_id]
    draft(database, [case_id], LATER)
    sent = approve(database, case_id, LATER, draft_number=2, feedback_revision=2)
    assert publication(database, sent).state == "queued"


def test_of_two_who_take_a_rejection_back_at_once_one_does(database: Database) -> None:
    case_id = drafted_case(database)
    rejection = reject(database, case_id)
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def take_back() -> None:
        barrier.wait(timeout=30)
        try:
            undo_rejection(database, case_id, rejection)
            outcomes.append("taken back")
        except DecisionRefusedError as error:
            outcomes.append(error.reason)

    threads = [threading.Thread(target=take_back) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["decided", "taken back"]
    assert history(database, "cases")[-2:] == [
        ("drafted", "rejected", "김담당"),
        ("rejected", "drafted", "김담당"),
    ]


def test_what_is_lost_is_found_urgent_first_whatever_waits_longest(database: Database) -> None:
    """A limit must not hide an urgent case behind older ones that can wait."""
    run = start_run(database, add_account(database))
    page = store(database, run, [masked(f"n{index}") for index in range(4)])
    analyze(database, page.fresh)
    late = store(database, run, [masked("bad", "벌레")], LATER)
    (urgent,) = analyze(database, late.fresh, LATER).urgent
    with database.unit_of_work() as connection:
        found, others = cases.take_lost(connection, now=LATER, queued_before=LATER, limit=2)
    assert found == [urgent]
    assert len(others) == 1


def test_queued_again_is_not_lost_yet(database: Database) -> None:
    ids = opened_cases(database, 2)
    with database.unit_of_work() as connection:
        wait = timedelta(minutes=2)
        args = {"now": LATER, "queued_before": LATER - wait, "limit": 9}
        assert cases.take_lost(connection, **args) == ([], ids)  # type: ignore[arg-type]
        assert cases.take_lost(connection, **args) == ([], [])  # type: ignore[arg-type]


def test_leases_can_be_ended_at_once(database: Database) -> None:
    ids = opened_cases(database, 1)
    with database.unit_of_work() as connection:
        cases.claim(connection, ids, now=NOW, until=NOW + LEASE)
        moves.end_leases(connection, now=NOW)
        assert cases.claim(connection, ids, now=NOW, until=NOW + LEASE)[1]


def test_only_undecided_drafts_wait_for_a_decision_most_severe_first(database: Database) -> None:
    run = start_run(database, add_account(database))
    page = store(database, run, [masked("1", "별로"), masked("2", "벌레"), masked("3", "환불")])
    triaged = analyze(database, page.fresh)
    draft(database, [*triaged.normal, *triaged.urgent])
    with database.reading() as connection:
        waiting = [row["case_id"] for row in cases.to_decide(connection, limit=9)]
    assert waiting == [*triaged.urgent, *triaged.normal]
    approve(database, waiting[0])
    with database.reading() as connection:
        assert len(cases.to_decide(connection, limit=9)) == 2
        assert len(connection.execute(select(CaseRow.id)).all()) == 3


def test_no_case_passes_the_lead_by(database: Database) -> None:
    (case_id,) = opened_cases(database, 1)
    long_past = NOW + timedelta(days=2)

    def take(reminder: str) -> list[int]:
        with database.unit_of_work() as connection:
            return cases.take_due(connection, "saebyeok", reminder, before=long_past)

    # Nobody looked until it was late for long: the brand still hears of it last.
    assert take("escalated") == []
    assert take("overdue") == [case_id]
    assert [take("due_soon"), take("overdue")] == [[], []]
    assert take("escalated") == [case_id]
    assert [take("due_soon"), take("overdue"), take("escalated")] == [[], [], []]


def test_a_draft_that_is_stored_meanwhile_does_not_keep_a_case_open(
    postgres_database: Database,
) -> None:
    database = postgres_database
    (case_id,) = opened_cases(database, 1)
    with database.unit_of_work() as connection:
        token, (row,) = cases.claim(connection, [case_id], now=NOW, until=NOW + LEASE)
    reply = DraftReply((DraftSentence("죄송합니다.", SourceKind.COURTESY),))

    def settle() -> None:
        with database.unit_of_work() as connection:
            cases.settle_drafts(connection, token, [cases.Drafted(row, reply, {})], now=NOW)

    drafter = threading.Thread(target=settle)

    def settle_meanwhile(*args: Any) -> None:  # noqa: ANN401 - the driver's
        # Between finding the case and closing it; where it waits, it waits for the commit.
        if "FROM cases" in args[2] and not drafter.ident:
            drafter.start()
            drafter.join(timeout=0.5)

    event.listen(database.engine, "after_cursor_execute", settle_meanwhile)
    with database.unit_of_work() as connection:
        cases.withdraw(connection, [row.feedback_id], CaseState.GONE, at=NOW, why="gone")
    drafter.join(timeout=30)
    assert case_state(database, case_id) == "gone"


@pytest.mark.parametrize(
    ("first", "then_waits_after"),
    [("drafter", "UPDATE cases"), ("approver", "UPDATE OF feedback")],
)
def test_a_decision_and_a_draft_with_its_notice_do_not_wait_for_each_other(
    postgres_database: Database, first: str, then_waits_after: str
) -> None:
    database = postgres_database
    (case_id,) = opened_cases(database, 1)
    with database.unit_of_work() as connection:
        token, (row,) = cases.claim(connection, [case_id], now=NOW, until=NOW + LEASE)
    reply = DraftReply((DraftSentence("죄송합니다.", SourceKind.COURTESY),))
    ended: set[str] = set()

    def settle() -> None:
        with database.unit_of_work() as connection:
            cases.settle_drafts(connection, token, [cases.Drafted(row, reply, {})], now=NOW)
            card = alerts.NewAlert("a", "case_card", "saebyeok", "C1", {}, row.feedback_id)
            alerts.add(connection, [card], now=NOW, is_told=True)
        ended.add("drafter")

    def decide() -> None:
        # About a draft that an edit has taken away.
        refused(database, case_id, draft_number=7)
        ended.add("approver")

    leader, follower = (settle, decide) if first == "drafter" else (decide, settle)
    other = threading.Thread(target=follower)

    def let_the_other_come(*args: Any) -> None:  # noqa: ANN401 - the driver's
        if then_waits_after in args[2] and not other.ident:
            other.start()
            other.join(timeout=0.5)

    event.listen(database.engine, "after_cursor_execute", let_the_other_come)
    leader()
    other.join(timeout=30)
    assert ended == {"drafter", "approver"}


def test_two_schedulers_remind_of_a_case_once(postgres_database: Database) -> None:
    database = postgres_database
    (case_id,) = opened_cases(database, 1)
    taken: list[list[int]] = []

    def take() -> None:
        with database.unit_of_work() as connection:
            taken.append(cases.take_due(connection, "saebyeok", "overdue", before=LATER))

    other = threading.Thread(target=take)
    with database.unit_of_work() as connection:
        taken.append(cases.take_due(connection, "saebyeok", "overdue", before=LATER))
        other.start()
        # Long enough to find the case as well.
        other.join(timeout=0.5)
    other.join(timeout=30)
    assert taken == [[case_id], []]


@pytest.mark.parametrize(
    "comes_back_as",
    ["refused", "edited", "there again", "undone", "not sent after all", "sent again"],
)
def test_a_case_that_comes_back_is_reminded_of_again(
    database: Database, comes_back_as: str
) -> None:
    case_id = drafted_case(database)

    def take() -> list[int]:
        with database.unit_of_work() as connection:
            return cases.take_due(connection, "saebyeok", "overdue", before=LATER)

    assert take() == [case_id]
    with database.reading() as connection:
        view = cases.load_view(connection, case_id)
    assert view is not None
    sent = approve(database, case_id)
    with database.unit_of_work() as connection:
        if comes_back_as == "refused":
            token = publications.begin_sending(connection, sent, now=NOW, lease_until=LATER)
            job = publications.load(connection, sent)
            assert token is not None
            assert job is not None
            sending, over = PublicationState.SENDING, PublicationState.REFUSED
            assert publications.settle(connection, job, token, sending, over, now=NOW, why="no")
        elif comes_back_as == "undone":
            cases.undo(connection, case_id, who="김담당", now=NOW)
        elif comes_back_as == "not sent after all":
            connection.execute(update(PublicationRow).values(state=PublicationState.ATTENTION))
            over, seen = PublicationState.CANCELLED, {"who": "김담당", "why": "없음"}
            assert publications.settle_attention(connection, case_id, sent, over, **seen, now=NOW)
        elif comes_back_as == "sent again":
            # Told of while it waited for somebody's look; then the channel does not take it.
            connection.execute(update(PublicationRow).values(state=PublicationState.ATTENTION))
            over, seen = PublicationState.QUEUED, {"who": "김담당", "why": "없음"}
            assert publications.settle_attention(connection, case_id, sent, over, **seen, now=NOW)
            connection.execute(update(PublicationRow).values(attempts=cases.STUCK_AFTER))
        elif comes_back_as == "edited":
            ids = [view.case.feedback_id]
            cases.withdraw(connection, ids, CaseState.OPENED, at=NOW, why="edited")
        else:
            ids = [view.case.feedback_id]
            cases.withdraw(connection, ids, CaseState.GONE, at=NOW, why="gone")
            connection.execute(update(FeedbackRow).values(gone_at=NOW))
    if comes_back_as == "there again":
        store(database, start_run(database, view.case.account_id, LATER), [masked("n1")], LATER)
    at_the_desk = {"approved"} if comes_back_as == "sent again" else {"opened", "drafted"}
    assert case_state(database, case_id) in at_the_desk
    assert take() == [case_id]
    assert take() == []


@pytest.mark.parametrize(
    ("state", "attempts"),
    [
        (PublicationState.HANDED_OFF, 0),
        (PublicationState.ATTENTION, 1),
        (PublicationState.QUEUED, cases.STUCK_AFTER),
    ],
)
def test_a_reply_that_waits_for_a_person_is_reminded_of(
    database: Database, state: PublicationState, attempts: int
) -> None:
    case_id = drafted_case(database)
    sent = approve(database, case_id)

    def take() -> list[int]:
        with database.unit_of_work() as connection:
            return cases.take_due(connection, "saebyeok", "overdue", before=LATER)

    assert take() == []
    with database.unit_of_work() as connection:
        connection.execute(
            update(PublicationRow)
            .where(PublicationRow.id == sent)
            .values(state=state, attempts=attempts)
        )
        assert cases.unsent(connection, [case_id]) == {case_id: state}
    assert take() == [case_id]
    with database.unit_of_work() as connection:
        connection.execute(update(CaseRow).values(reminder=""))
        over = PublicationState.CANCELLED
        moves.move(connection, [sent], state, over, at=LATER, why="seen", who="김담당")
        assert cases.unsent(connection, [case_id]) == {}
    assert take() == []
