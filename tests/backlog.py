"""Normal cases by the thousand that wait for their drafts: what urgent work must overtake."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from domain.messages import Message
from domain.states import CaseState, FeedbackState
from storage import outbox
from storage.cases import DRAFT_PAGE
from storage.models import AccountRow, CaseRow, FeedbackRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def add_backlog(connection: Connection, brand: str, number: int, *, now: datetime) -> int:
    """Insert normal cases of an account that was since taken out, with their messages.

    Args:
        connection: A unit of work.
        brand: Whose backlog it is.
        number: How many cases.
        now: When the messages are due; the cases are an hour older.

    Returns:
        The account's id.
    """
    old = now - timedelta(hours=1)
    account = {"key": f"{brand}/backlog", "brand": brand, "channel": "storefront"}
    account_id = connection.execute(
        insert(AccountRow)
        .values(**account, next_due_at=now, last_error="", removed_at=old)
        .returning(AccountRow.id)
    ).scalar_one()
    rows = [_feedback(index, account_id, brand, old) for index in range(1, number + 1)]
    connection.execute(insert(FeedbackRow), rows)
    of_account = FeedbackRow.account_id == account_id
    ids = connection.execute(select(FeedbackRow.id).where(of_account)).scalars().all()
    connection.execute(insert(CaseRow), [_case(feedback_id, brand, old) for feedback_id in ids])
    cases = connection.execute(
        select(CaseRow.id).where(CaseRow.feedback_id.in_(select(FeedbackRow.id).where(of_account)))
    ).scalars()
    outbox.add_pages(
        connection, Message.CASE_DRAFT, sorted(cases), page_size=DRAFT_PAGE, available_at=now
    )
    return account_id


def waiting(connection: Connection, account_id: int) -> int:
    """Count the backlog's cases that still have no draft."""
    return connection.execute(
        select(func.count(CaseRow.id))
        .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
        .where(FeedbackRow.account_id == account_id, CaseRow.state == CaseState.OPENED)
    ).scalar_one()


def _feedback(index: int, account_id: int, brand: str, old: datetime) -> dict[str, Any]:
    text = f"별로 {index}"
    return {
        "account_id": account_id,
        "brand": brand,
        "channel": "storefront",
        "kind": "review",
        "native_id": str(-index),
        "content_fingerprint": text,
        "title": "",
        "text": text,
        "author": "",
        "author_fingerprint": "",
        "order_fingerprint": "",
        "product_id": "",
        "product_name": "",
        "url": "",
        "extra": {},
        "written_at": old - timedelta(days=30),
        "written_at_is_exact": True,
        "first_seen_at": old,
        "last_seen_run": 1,
        "is_backfill": True,
        "state": FeedbackState.ANALYZED,
        "queued_at": old,
        "sentiment": "negative",
        "score": 0.9,
        "severity": "normal",
        "abusive": False,
        "intent": "complaint",
        "category": "quality",
        "analysis": json.loads(
            '{"probabilities": null, "categories": [], "severity_spans": [], '
            '"abuse_spans": [], "unsure": false, "rating_mismatch": false}'
        ),
        "model_version": "scripted",
    }


def _case(feedback_id: int, brand: str, old: datetime) -> dict[str, Any]:
    return {
        "feedback_id": feedback_id,
        "brand": brand,
        "channel": "storefront",
        "kind": "review",
        "state": CaseState.OPENED,
        "severity": "normal",
        "severity_rank": 2,
        "category": "quality",
        "is_negative": True,
        "due_at": old,
        "opened_at": old,
        "queued_at": old,
    }
