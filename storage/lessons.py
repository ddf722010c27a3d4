"""What a brand's own feedback and its specialists teach the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, and_, or_, select

from domain.types import MISREAD_REASON
from storage.feedback import whole_text
from storage.models import AccountRow, CaseRow, DecisionRow, FeedbackRow, HistoryRow

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOKED_AT = "looked at, no case needed"
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
    """Give a brand's starred texts (3 stars say nothing) and its specialists' corrections.

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
    dismissed = (
        select(FeedbackRow.title, FeedbackRow.text)
        .join(AccountRow, AccountRow.id == FeedbackRow.account_id)
        .outerjoin(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
        .outerjoin(DecisionRow, DecisionRow.case_id == CaseRow.id)
        .outerjoin(
            HistoryRow,
            and_(HistoryRow.feedback_id == FeedbackRow.id, HistoryRow.why == LOOKED_AT),
        )
        .where(
            scope,
            or_(DecisionRow.reason.startswith(MISREAD_REASON), HistoryRow.id.is_not(None)),
        )
        .distinct()
    )
    for unread in connection.execute(dismissed):
        yield TaughtText(
            whole_text(unread.title, unread.text), is_negative=False, is_correction=True
        )
    opened = (
        select(FeedbackRow.title, FeedbackRow.text)
        .join(AccountRow, AccountRow.id == FeedbackRow.account_id)
        .join(HistoryRow, HistoryRow.feedback_id == FeedbackRow.id)
        .where(scope, HistoryRow.why == OPENED_BY_PERSON)
        .distinct()
    )
    for found in connection.execute(opened):
        yield TaughtText(whole_text(found.title, found.text), is_negative=True, is_correction=True)
