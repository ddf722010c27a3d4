"""What a brand's own feedback and its specialists teach the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, and_, or_, select
from sqlalchemy.orm import aliased

from domain.states import CaseState
from domain.types import MISREAD_REASON
from storage.feedback import whole_text
from storage.models import AccountRow, FeedbackRevisionRow, FeedbackRow, HistoryRow
from storage.reopening import TAKEN_BACK

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOKED_AT = "looked at, no case needed"
LOOKED_AT_EDIT = "looked at, edited after its reply"
"""Says nothing about the text: it may well complain."""
OPENED_BY_PERSON = "opened by a person"


@dataclass(frozen=True, slots=True)
class TaughtText:
    """One text and what it is.

    Attributes:
        is_correction: True when a specialist said so, False when only the stars do.
    """

    text: str
    is_negative: bool
    is_correction: bool


def of_brand(
    connection: Connection, brand: str, account_key: str | None = None
) -> Iterator[TaughtText]:
    """Give a brand's starred texts (3 stars say nothing), then its specialists' corrections.

    Corrections come in the order they were made. One of a text that was edited since is left out,
    because it was about other words, and so is one that was taken back.

    Args:
        connection: A reading connection.
        brand: Slug.
        account_key: Only this account's feedback.
    """
    scope = FeedbackRow.brand == brand
    if account_key is not None:
        scope = and_(scope, AccountRow.key == account_key)
    starred = (
        select(FeedbackRow.title, FeedbackRow.text, FeedbackRow.rating)
        .join(AccountRow, AccountRow.id == FeedbackRow.account_id)
        .where(scope, FeedbackRow.rating.is_not(None), FeedbackRow.rating != 3)
    )
    for row in connection.execute(starred):
        yield TaughtText(whole_text(row.title, row.text), row.rating < 3, is_correction=False)
    edited_since = select(FeedbackRevisionRow.revision).where(
        FeedbackRevisionRow.feedback_id == FeedbackRow.id,
        FeedbackRevisionRow.replaced_at > HistoryRow.moved_at,
    )
    later = aliased(HistoryRow)
    taken_back = select(later.id).where(
        later.feedback_id == HistoryRow.feedback_id,
        later.id > HistoryRow.id,
        later.source == CaseState.REJECTED,
        later.why == TAKEN_BACK,
    )
    is_misread = and_(
        HistoryRow.target == CaseState.REJECTED,
        HistoryRow.why.startswith(MISREAD_REASON),
        ~taken_back.exists(),
    )
    judged = (
        select(FeedbackRow.title, FeedbackRow.text, HistoryRow.why)
        .join(AccountRow, AccountRow.id == FeedbackRow.account_id)
        .join(HistoryRow, HistoryRow.feedback_id == FeedbackRow.id)
        .where(
            scope,
            or_(HistoryRow.why.in_([LOOKED_AT, OPENED_BY_PERSON]), is_misread),
            ~edited_since.exists(),
        )
        .order_by(HistoryRow.id)
    )
    for word in connection.execute(judged):
        yield TaughtText(
            whole_text(word.title, word.text), word.why == OPENED_BY_PERSON, is_correction=True
        )
