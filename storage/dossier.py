"""What is shown around a case: earlier texts, the same customer's others, history, who looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    or_,
    select,
    text,
    tuple_,
    union,
    update,
)

from storage import owners
from storage.models import (
    AccountRow,
    CaseRow,
    DecisionRow,
    FeedbackRevisionRow,
    FeedbackRow,
    HistoryRow,
    PersonRow,
    PresenceRow,
    PublicationRow,
)
from storage.session import dicts, insert_ignoring

if TYPE_CHECKING:
    from datetime import datetime


PRESENCE_LASTS = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Company:
    """Who else has a case on the screen.

    Attributes:
        others: Names, who came first first.
        is_held: Whether one of them came before: a soft lock.
    """

    others: list[str]
    is_held: bool


def be_present(connection: Connection, case_id: int, who: str, *, now: datetime) -> Company:
    """Note that somebody has a case on the screen, and tell who else has."""
    is_over = PresenceRow.seen_at <= now - PRESENCE_LASTS
    connection.execute(
        insert_ignoring(connection, PresenceRow),
        [{"case_id": case_id, "who": who, "came_at": now, "seen_at": now}],
    )
    connection.execute(
        update(PresenceRow)
        .where(PresenceRow.case_id == case_id, PresenceRow.who == who)
        .values(seen_at=now, came_at=case((is_over, now), else_=PresenceRow.came_at))
    )
    # Whoever goes on has left the case before: nobody comes in their way there. Rows that somebody
    # writes just now are left to them, or two tabs of one person would wait for each other.
    has_left = and_(PresenceRow.who == who, PresenceRow.case_id != case_id)
    key = tuple_(PresenceRow.case_id, PresenceRow.who)
    left = (
        select(PresenceRow.case_id, PresenceRow.who)
        .where(or_(is_over, has_left))
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(PresenceRow).where(key.in_(left)))
    rows = connection.execute(
        select(PresenceRow.who)
        .where(PresenceRow.case_id == case_id)
        .order_by(PresenceRow.came_at, PresenceRow.who)
    ).scalars()
    names = list(rows)
    others = [name for name in names if name != who]
    return Company(others, is_held=names[0] != who)


def brand_of_case(connection: Connection, case_id: int) -> str | None:
    """Tell whose case it is, before anything else of it is read."""
    return connection.execute(select(CaseRow.brand).where(CaseRow.id == case_id)).scalar()


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a case on its page.

    Attributes:
        account: ``BRAND/NAME``.
        publication: The newest publication's columns, or None.
        decisions: Newest first.
        history: Newest first; every move of the feedback, the case, its replies and alerts.
        owner_id: Who looks after the case; None for nobody.
        owner: Their name.
        owner_note: What whoever had it before leaves them.
        earlier_texts: What the writer said before editing, newest first.
        same_author: Other feedback of the same author or order, newest first.
    """

    account: str
    deadline_at: datetime | None
    reach: int | None
    product_id: str
    edited_at: datetime | None
    owner_id: int | None
    owner: str | None
    owner_note: str
    publication: dict[str, Any] | None
    decisions: list[dict[str, Any]]
    history: list[dict[str, Any]]
    earlier_texts: list[dict[str, Any]]
    same_author: list[dict[str, Any]]


_HISTORY_LIMIT = 60
_EARLIER_LIMIT = 5


def around(connection: Connection, case_id: int) -> Around:
    """Read what surrounds a case that exists."""
    feedback = connection.execute(
        select(
            FeedbackRow.id,
            FeedbackRow.brand,
            FeedbackRow.author_fingerprint,
            FeedbackRow.order_fingerprint,
            FeedbackRow.deadline_at,
            FeedbackRow.reach,
            FeedbackRow.product_id,
            FeedbackRow.edited_at,
            AccountRow.key,
            CaseRow.owner_id,
            PersonRow.name.label("owner"),
            CaseRow.owner_note,
        )
        .join(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
        .join(AccountRow, AccountRow.id == FeedbackRow.account_id)
        .outerjoin(PersonRow, PersonRow.id == CaseRow.owner_id)
        .where(CaseRow.id == case_id)
    ).one()
    publication = connection.execute(
        select(PublicationRow.__table__)
        .where(PublicationRow.case_id == case_id)
        .order_by(PublicationRow.id.desc())
        .limit(1)
    ).one_or_none()
    decisions = connection.execute(
        select(DecisionRow.__table__)
        .where(DecisionRow.case_id == case_id)
        .order_by(DecisionRow.id.desc())
    )
    history = connection.execute(
        select(HistoryRow.__table__)
        .where(HistoryRow.feedback_id == feedback.id)
        .order_by(HistoryRow.id.desc())
        .limit(_HISTORY_LIMIT)
    )
    return Around(
        account=feedback.key,
        deadline_at=feedback.deadline_at,
        reach=feedback.reach,
        product_id=feedback.product_id,
        edited_at=feedback.edited_at,
        owner_id=feedback.owner_id,
        owner=feedback.owner,
        owner_note=feedback.owner_note,
        publication=dict(publication._mapping) if publication else None,  # noqa: SLF001
        decisions=dicts(decisions),
        history=_with_names(connection, dicts(history)),
        earlier_texts=earlier_texts(connection, feedback.id),
        same_author=_same_author(connection, feedback),
    )


def _with_names(connection: Connection, history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put names where the history keeps people's ids."""
    changes = [row for row in history if row["entity"] == owners.OWNER]
    ids = {int(row["target"]) for row in changes if row["target"]}
    rows = connection.execute(
        select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(sorted(ids)))
    )
    names = {row.id: row.name for row in rows}
    for row in changes:
        row["target"] = names[int(row["target"])] if row["target"] else ""
    return history


def earlier_texts(connection: Connection, feedback_id: int) -> list[dict[str, Any]]:
    """Give what a piece of feedback said before its writer edited it, newest first."""
    return earlier(connection, FeedbackRevisionRow.feedback_id == feedback_id, limit=_EARLIER_LIMIT)


def earlier(
    connection: Connection, which: ColumnElement[bool], *, limit: int | None = None
) -> list[dict[str, Any]]:
    """Give the earlier texts of feedback, newest first."""
    rows = select(
        FeedbackRevisionRow.feedback_id,
        FeedbackRevisionRow.revision,
        FeedbackRevisionRow.title,
        FeedbackRevisionRow.text,
        FeedbackRevisionRow.rating,
        FeedbackRevisionRow.replaced_at,
        FeedbackRevisionRow.analysis,
    ).where(which)
    newest_first = rows.order_by(FeedbackRevisionRow.revision.desc()).limit(limit)
    return dicts(connection.execute(newest_first))


def present_text(connection: Connection, feedback_id: int) -> dict[str, Any]:
    """Give what a piece of feedback says now, as ``earlier_texts`` gives what it said."""
    (row,) = dicts(
        connection.execute(
            select(
                FeedbackRow.title, FeedbackRow.text, FeedbackRow.rating, FeedbackRow.analysis
            ).where(FeedbackRow.id == feedback_id)
        )
    )
    return row


def _same_author(connection: Connection, feedback: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a result row
    known = [
        # One query for each, because of two conditions at once SQLite uses one index at most.
        select(FeedbackRow.id).where(FeedbackRow.brand == feedback.brand, key == value, text(words))
        for key, value, words in (
            (
                FeedbackRow.author_fingerprint,
                feedback.author_fingerprint,
                "author_fingerprint <> ''",
            ),
            (FeedbackRow.order_fingerprint, feedback.order_fingerprint, "order_fingerprint <> ''"),
        )
        if value
    ]
    if not known:
        return []
    return dicts(
        connection.execute(
            select(
                FeedbackRow.id,
                FeedbackRow.kind,
                FeedbackRow.channel,
                FeedbackRow.title,
                FeedbackRow.text,
                FeedbackRow.rating,
                FeedbackRow.written_at,
                FeedbackRow.abusive,
                FeedbackRow.analysis,
                CaseRow.id.label("case_id"),
                CaseRow.state,
            )
            .outerjoin(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
            .where(FeedbackRow.id.in_(union(*known)), FeedbackRow.id != feedback.id)
            .order_by(FeedbackRow.written_at.desc())
            .limit(_EARLIER_LIMIT)
        )
    )
