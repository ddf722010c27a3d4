"""Rows in the states that the storage tests begin with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from collectors import source_of
from domain.types import DraftReply, DraftSentence, FeedbackKind, SourceKind
from storage import accounts, analyses, cases, feedback
from storage.models import CaseRow, FeedbackRow, HistoryRow, PublicationRow
from tests.fakes_runtime import ACCOUNT, BRAND, MONDAY_NOON, analysis_of, make_account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from domain.brands import Account
    from storage.accounts import Run
    from storage.feedback import MaskedFeedback, StoredPage
    from storage.session import Database

NOW = MONDAY_NOON
LEASE = timedelta(minutes=3)


def masked(native_id: str, text: str = "별로예요", **changes: Any) -> MaskedFeedback:  # noqa: ANN401
    """Give one piece of feedback as intake makes it; the text is its own fingerprint."""
    values: dict[str, Any] = {
        "kind": FeedbackKind.REVIEW,
        "native_id": native_id,
        "content_fingerprint": text,
        "sealed_original": f"sealed {text}".encode(),
        "title": "",
        "text": text,
        "rating": 2,
        "author": "김*",
        "author_fingerprint": "author",
        "order_fingerprint": "order",
        "product_id": "p1",
        "product_name": "텀블러",
        "url": "",
        "reach": None,
        "extra": {"token": "t"},
        "written_at": NOW - timedelta(hours=1),
        "written_at_is_exact": True,
        "edited_at": None,
        "deadline_at": None,
    }
    return feedback.MaskedFeedback(**{**values, **changes})


def add_account(database: Database, *wanted: Account) -> int:
    """Make account rows; gives the first one's id."""
    wanted = wanted or (make_account(),)
    with database.unit_of_work() as connection:
        accounts.synchronize(connection, wanted, source_of=source_of, now=NOW)
        found = accounts.find(connection, wanted[0].key)
    assert found is not None
    return found


def claim_run(
    database: Database,
    account_id: int,
    now: datetime = NOW,
    *,
    overlap: timedelta = timedelta(days=3),
    window: timedelta | None = None,
) -> Run | None:
    """Claim an account's run with the usual lease."""
    with database.unit_of_work() as connection:
        return accounts.claim_run(
            connection,
            account_id,
            now=now,
            lease=LEASE,
            overlap=overlap,
            backfill=timedelta(days=365),
            window=window,
        )


def start_run(database: Database, account_id: int, now: datetime = NOW) -> Run:
    """Claim a run that is known to be free."""
    run = claim_run(database, account_id, now)
    assert run is not None
    return run


def store(
    database: Database, run: Run, items: Sequence[MaskedFeedback], now: datetime = NOW
) -> StoredPage:
    """Store one page in a transaction of its own."""
    with database.unit_of_work() as connection:
        known = feedback.find_known(connection, run.account_id, items)
        return feedback.store_page(
            connection, run, items, known, now=now, fresh_after=now - timedelta(hours=48)
        )


def finish(database: Database, run: Run, now: datetime = NOW) -> bool:
    """End a run."""
    with database.unit_of_work() as connection:
        return accounts.finish_run(connection, run, now=now, next_due_at=now)


def analyze(
    database: Database,
    ids: Sequence[int],
    now: datetime = NOW,
    **found: Any,  # noqa: ANN401 - parts of an analysis
) -> analyses.Triaged:
    """Understand feedback with the scripted words, and what else was found."""
    with database.unit_of_work() as connection:
        token, rows = analyses.claim(connection, ids, now=now, until=now + LEASE)
        return analyses.settle_analysis(
            connection,
            token,
            [
                analyses.Understood(row, replace(analysis_of(row.text), **found), now)
                for row in rows
            ],
            now=now,
        )


def draft(database: Database, ids: Sequence[int], now: datetime = NOW) -> list[cases.Drafted]:
    """Draft cases with one sentence."""
    reply = DraftReply((DraftSentence("죄송합니다.", SourceKind.COURTESY),))
    with database.unit_of_work() as connection:
        token, found = cases.claim(connection, ids, now=now, until=now + LEASE)
        return cases.settle_drafts(
            connection, token, [cases.Drafted(row, reply, {}) for row in found], now=now
        )


def drafted_case(database: Database, text: str = "별로예요", native_id: str = "n1") -> int:
    """Bring one new review to the desk; gives its case."""
    account_id = add_account(database)
    run = start_run(database, account_id)
    page = store(database, run, [masked(native_id, text)])
    finish(database, run)
    triaged = analyze(database, page.fresh)
    (case_id,) = [*triaged.urgent, *triaged.normal]
    draft(database, [case_id])
    return case_id


def decision(case_id: int, **changes: Any) -> cases.Decision:  # noqa: ANN401 - the dataclass's fields
    """Give a decision about the first draft."""
    values: dict[str, Any] = {
        "case_id": case_id,
        "draft_number": 1,
        "feedback_revision": 1,
        "decided_by": "김담당",
        "decided_in": "console",
        "text": "죄송합니다.",
    }
    return cases.Decision(**{**values, **changes})


def approve(
    database: Database,
    case_id: int,
    now: datetime = NOW,
    undo_window: timedelta = timedelta(0),
    **changes: Any,  # noqa: ANN401 - the dataclass's fields
) -> int:
    """Approve a draft; gives the publication."""
    with database.unit_of_work() as connection:
        return cases.approve(
            connection, decision(case_id, **changes), now=now, undo_window=undo_window
        )


def case_state(database: Database, case_id: int) -> str:
    """Give a case's state."""
    with database.reading() as connection:
        return connection.execute(select(CaseRow.state).where(CaseRow.id == case_id)).scalar_one()


def publication(database: Database, publication_id: int) -> Any:  # noqa: ANN401 - a result row
    """Give a publication's row."""
    with database.reading() as connection:
        return connection.execute(
            select(PublicationRow.__table__).where(PublicationRow.id == publication_id)
        ).one()


def row_of(database: Database, native_id: str = "n1") -> Any:  # noqa: ANN401 - a result row
    """Give a feedback's row."""
    with database.reading() as connection:
        return connection.execute(
            select(FeedbackRow.__table__).where(FeedbackRow.native_id == native_id)
        ).one()


def moves(database: Database, entity: str) -> list[tuple[str, str, str]]:
    """Give the history of one kind of thing: from, to, who."""
    with database.reading() as connection:
        rows = connection.execute(
            select(HistoryRow.source, HistoryRow.target, HistoryRow.who)
            .where(HistoryRow.entity == entity)
            .order_by(HistoryRow.id)
        )
        return [(row[0], row[1], row[2]) for row in rows]


def count(connection: Connection, table: Any) -> int:  # noqa: ANN401 - a mapped class
    """Count a table's rows."""
    return len(connection.execute(select(table)).all())


__all__ = ["ACCOUNT", "BRAND", "LEASE", "NOW"]
