from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from domain.errors import DecisionRefusedError
from domain.states import PublicationState
from domain.types import ChannelReply
from storage import accounts, cases, proposals, publications
from storage.session import ConflictError
from tests.storage.rows import (
    LEASE,
    NOW,
    approve,
    case_state,
    decision,
    drafted_case,
    publication,
)

if TYPE_CHECKING:
    from storage.publications import PublicationJob
    from storage.session import Database

BRAND = "saebyeok"
LATER = NOW + timedelta(minutes=10)
P = PublicationState

INSERT = text(
    "INSERT INTO publications (case_id, feedback_id, decision_id, decision_kind, text_sha256, "
    "state, available_at, queued_at, attempts, absent_reads, failed_reads, receipt, problem) "
    "VALUES (:case_id, :feedback_id, :decision_id, :decision_kind, :text_sha256, :state, "
    "'2026-11-23 03:00:00', '2026-11-23 03:00:00', 0, 0, 0, '', '')"
)


def insert_raw(database: Database, **values: Any) -> None:  # noqa: ANN401 - column values
    with database.unit_of_work() as connection:
        feedback_id = connection.execute(text("SELECT id FROM feedback")).scalar_one()
        connection.execute(INSERT, {"feedback_id": feedback_id, "state": "queued", **values})


def decide(database: Database, kind: str) -> dict[str, Any]:
    """Make a decision with its case; give what a publication would refer to."""
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        if kind == "approval":
            cases.approve(connection, decision(case_id), now=NOW, undo_window=timedelta(0))
            connection.execute(text("DELETE FROM publications"))
        else:
            cases.reject(connection, decision(case_id), now=NOW)
        row = connection.execute(text("SELECT id, kind, text_sha256 FROM decisions")).one()
    return {
        "case_id": case_id,
        "decision_id": row.id,
        "decision_kind": row.kind,
        "text_sha256": row.text_sha256,
    }


def test_an_approved_publication_is_taken_by_the_database(database: Database) -> None:
    insert_raw(database, **decide(database, "approval"))


@pytest.mark.parametrize(
    "lie",
    [
        {"decision_id": 4711},
        {"text_sha256": "0" * 64},
        {"case_id": 4711},
    ],
    ids=["no decision", "another text", "another case"],
)
def test_the_database_refuses_a_publication_that_nobody_approved(
    database: Database, lie: dict[str, Any]
) -> None:
    approved = decide(database, "approval")
    with pytest.raises(ConflictError):
        insert_raw(database, **{**approved, **lie})


@pytest.mark.parametrize("claimed", ["rejection", "approval"])
def test_the_database_refuses_a_publication_of_a_rejection(
    database: Database, claimed: str
) -> None:
    rejected = decide(database, "rejection")
    with pytest.raises(ConflictError):
        insert_raw(database, **{**rejected, "decision_kind": claimed})


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE publications SET decision_id = decision_id + 1",
        "UPDATE publications SET decision_kind = 'rejection'",
        "UPDATE publications SET text_sha256 = 'x'",
        "UPDATE decisions SET kind = 'rejection'",
        "UPDATE decisions SET text_sha256 = 'x'",
        "DELETE FROM decisions",
    ],
)
def test_the_database_refuses_to_take_an_approval_away(database: Database, change: str) -> None:
    approve(database, drafted_case(database))
    with pytest.raises(ConflictError), database.unit_of_work() as connection:
        connection.execute(text(change))


def test_the_database_refuses_a_decision_without_a_person(database: Database) -> None:
    case_id = drafted_case(database)
    with pytest.raises(ConflictError):
        approve(database, case_id, decided_by="")


@pytest.fixture
def two_steps(database: Database) -> int:
    """Bring a case of a brand with two approvals to the desk; gives the case."""
    case_id = drafted_case(database)
    require(database, is_two_step=True)
    return case_id


def require(database: Database, *, is_two_step: bool) -> None:
    with database.unit_of_work() as connection:
        accounts.require_two_steps(connection, {BRAND: is_two_step, "other": False})


def propose(
    database: Database,
    case_id: int,
    reason: str = "two_step",
    **changes: Any,  # noqa: ANN401 - the dataclass's fields
) -> None:
    with database.unit_of_work() as connection:
        proposals.propose(connection, decision(case_id, **changes), reason, now=NOW)


BY_BRAND: dict[str, Any] = {"decided_by": "박브랜드", "decided_as": "brand_approver"}


def test_with_two_steps_a_reply_is_queued_after_both(database: Database, two_steps: int) -> None:
    propose(database, two_steps)
    sent = approve(database, two_steps, **BY_BRAND)
    assert publication(database, sent).state == P.QUEUED


@pytest.mark.parametrize(
    "proposed",
    [
        None,
        {"decided_by": BY_BRAND["decided_by"]},
        {"draft_number": 2},
        {"feedback_revision": 2},
        {"text": "다른 말입니다."},
        {"reason": "compensation"},
        {"reason": "rewrite"},
    ],
)
def test_with_two_steps_the_database_misses_the_agencys(
    database: Database, two_steps: int, proposed: dict[str, Any] | None
) -> None:
    if proposed is not None:
        propose(database, two_steps, **proposed)
    with pytest.raises(DecisionRefusedError, match="에이전시와 브랜드의 승인이 모두") as refused:
        approve(database, two_steps, **BY_BRAND)
    assert refused.value.reason == "policy"
    # Nothing of the decision stays.
    assert case_state(database, two_steps) == "drafted"
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM decisions")).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM publications")).scalar_one() == 0


@pytest.mark.parametrize("later", [{"text": "다시 고친 말입니다."}, {"reason": "compensation"}])
def test_with_two_steps_only_the_last_proposal_waits(
    database: Database, two_steps: int, later: dict[str, Any]
) -> None:
    propose(database, two_steps)
    propose(database, two_steps, **later)
    with pytest.raises(DecisionRefusedError, match="모두"):
        approve(database, two_steps, **BY_BRAND)
    propose(database, two_steps)
    assert approve(database, two_steps, **BY_BRAND)


@pytest.mark.parametrize("role", ["", "lead", "specialist", "operator"])
def test_with_two_steps_the_database_misses_the_brands(
    database: Database, two_steps: int, role: str
) -> None:
    propose(database, two_steps)
    with pytest.raises(DecisionRefusedError, match="모두"):
        approve(database, two_steps, decided_by="이리드", decided_as=role)


def test_with_two_steps_no_code_gets_past_the_database(database: Database) -> None:
    approved = decide(database, "approval")
    require(database, is_two_step=True)
    with pytest.raises(ConflictError, match="two approvals"):
        insert_raw(database, **approved)
    require(database, is_two_step=False)
    insert_raw(database, **approved)
    require(database, is_two_step=True)
    # What was queued under the old rule goes on, and cannot be pointed at another decision.
    for change, is_refused in (
        ("state = 'sending'", False),
        ("state = 'queued'", False),
        ("decision_id = decision_id", True),
    ):
        outcome = pytest.raises(ConflictError) if is_refused else nullcontext()
        with outcome, database.unit_of_work() as connection:
            connection.execute(text(f"UPDATE publications SET {change}"))  # noqa: S608


def test_with_two_steps_another_brands_replies_need_one(database: Database) -> None:
    with database.unit_of_work() as connection:
        accounts.require_two_steps(connection, {"other": True})
    assert approve(database, drafted_case(database))


def test_one_case_has_one_live_publication(database: Database) -> None:
    approved = decide(database, "approval")
    insert_raw(database, **approved)
    # A second decision of the same case, as if two people's transactions had crossed.
    with database.unit_of_work() as connection:
        second = connection.execute(
            text(
                "INSERT INTO decisions (case_id, kind, draft_number, feedback_revision, text, "
                "text_sha256, was_edited, reason, decided_by, decided_at, decided_in) "
                "SELECT case_id, kind, draft_number, feedback_revision, text, text_sha256, "
                "was_edited, reason, 'x', decided_at, decided_in FROM decisions RETURNING id"
            )
        ).scalar_one()
    with pytest.raises(ConflictError):
        insert_raw(database, **{**approved, "decision_id": second})
    with database.unit_of_work() as connection:
        connection.execute(text("UPDATE publications SET state = 'cancelled'"))
    insert_raw(database, **{**approved, "decision_id": second})


def start(database: Database, sent: int) -> tuple[PublicationJob, str]:
    with database.unit_of_work() as connection:
        token = publications.begin_sending(connection, sent, now=NOW, lease_until=NOW + LEASE)
        job = publications.load(connection, sent)
    assert token is not None
    assert job is not None
    return job, token


def test_sending_begins_once(database: Database) -> None:
    sent = approve(database, drafted_case(database))
    job, _ = start(database, sent)
    assert (job.state, job.attempts, job.sent_at) == (P.SENDING, 1, NOW)
    with database.unit_of_work() as connection:
        again = publications.begin_sending(connection, sent, now=LATER, lease_until=LATER)
    assert again is None


def test_nothing_is_sent_before_the_undo_window_is_over(database: Database) -> None:
    sent = approve(database, drafted_case(database), undo_window=timedelta(minutes=2))
    with database.unit_of_work() as connection:
        early = NOW + timedelta(minutes=2, microseconds=-1)
        assert not publications.begin_sending(connection, sent, now=early, lease_until=LATER)
        due = NOW + timedelta(minutes=2)
        assert publications.begin_sending(connection, sent, now=due, lease_until=LATER)


def test_nothing_is_handed_over_before_the_undo_window_is_over(database: Database) -> None:
    sent = approve(database, drafted_case(database), undo_window=timedelta(minutes=2))
    with database.unit_of_work() as connection:
        job = publications.load(connection, sent)
        assert job is not None
        publications.hand_off(connection, job, now=NOW, why="x", problem="")
    assert publication(database, sent).state == "queued"


def test_an_outcome_without_the_lease_is_not_written(database: Database) -> None:
    sent = approve(database, drafted_case(database))
    job, _ = start(database, sent)
    with database.unit_of_work() as connection:
        assert not publications.settle(
            connection, job, "stolen", P.SENDING, P.POSTED, now=NOW, why="x"
        )
    assert publication(database, sent).state == "sending"


def test_a_refusal_goes_back_to_the_desk_and_makes_room(database: Database) -> None:
    case_id = drafted_case(database)
    sent = approve(database, case_id)
    job, token = start(database, sent)
    with database.unit_of_work() as connection:
        publications.settle(
            connection, job, token, P.SENDING, P.REFUSED, now=NOW, why="too long", problem="x"
        )
    assert case_state(database, case_id) == "drafted"
    assert approve(database, case_id) != sent


def test_a_reply_that_was_read_is_published_and_verified(database: Database) -> None:
    case_id = drafted_case(database)
    sent = approve(database, case_id)
    job, token = start(database, sent)
    with database.unit_of_work() as connection:
        publications.settle(
            connection, job, token, P.SENDING, P.POSTED, now=NOW, why="x", check_at=NOW
        )
        token_2 = publications.claim_reading(
            connection, sent, P.POSTED, now=LATER, lease_until=LATER + LEASE
        )
        job_2 = publications.load(connection, sent)
        assert token_2 is not None
        assert job_2 is not None
        reply = ChannelReply("죄송합니다.", receipt="r1")
        assert publications.settle_found(
            connection, job_2, token_2, reply, now=LATER, check_at=LATER
        )
    row = publication(database, sent)
    assert (row.state, row.receipt, row.verified_at) == ("published", "r1", LATER)
    assert case_state(database, case_id) == "answered"


def test_one_reader_at_a_time(database: Database) -> None:
    sent = approve(database, drafted_case(database))
    job, token = start(database, sent)
    with database.unit_of_work() as connection:
        publications.settle(connection, job, token, P.SENDING, P.UNCERTAIN, now=NOW, why="x")
        args: Any = (connection, sent, P.UNCERTAIN)
        assert publications.claim_reading(*args, now=NOW, lease_until=NOW + LEASE)
        assert publications.claim_reading(*args, now=NOW, lease_until=NOW + LEASE) is None


@pytest.mark.parametrize(
    ("target", "case"),
    [(P.PUBLISHED, "answered"), (P.QUEUED, "approved"), (P.CANCELLED, "drafted")],
)
def test_a_person_settles_what_machines_could_not(
    database: Database, target: PublicationState, case: str
) -> None:
    case_id = drafted_case(database)
    sent = approve(database, case_id)
    job, token = start(database, sent)
    with database.unit_of_work() as connection:
        publications.settle(connection, job, token, P.SENDING, P.UNCERTAIN, now=NOW, why="x")
        reading = publications.claim_reading(
            connection, sent, P.UNCERTAIN, now=NOW, lease_until=NOW + LEASE
        )
        assert reading is not None
        publications.settle(
            connection, job, reading, P.UNCERTAIN, P.ATTENTION, now=NOW, why="unreadable"
        )
        args: Any = {"who": "김담당", "why": "보고 왔음", "now": LATER}
        assert publications.settle_attention(connection, case_id, sent, target, **args)
        assert not publications.settle_attention(connection, case_id, sent, target, **args)
    assert publication(database, sent).state == target
    assert case_state(database, case_id) == case


def test_dead_senders_are_found_by_their_lease(database: Database) -> None:
    sent = approve(database, drafted_case(database))
    _, token = start(database, sent)
    with database.reading() as connection:
        assert publications.expired_sendings(connection, now=NOW) == []
        assert publications.expired_sendings(connection, now=NOW + LEASE) == [(sent, token)]
