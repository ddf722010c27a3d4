"""State moves: compare-and-set, with the history row in the same transaction."""

from __future__ import annotations

import secrets
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVarTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    SQLColumnExpression,
    TextClause,
    bindparam,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)

from domain.states import (
    AlertState,
    CaseState,
    FeedbackState,
    PublicationState,
    check_move,
)
from storage.models import (
    UNFINISHED,
    UNTOLD,
    AlertRow,
    CaseRow,
    FeedbackRow,
    HistoryRow,
    PublicationRow,
)
from storage.session import paged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from enum import StrEnum

Movable = type[FeedbackRow] | type[CaseRow] | type[PublicationRow] | type[AlertRow]
Columns = TypeVarTuple("Columns")

_TABLES: dict[type[StrEnum], Movable] = {
    FeedbackState: FeedbackRow,
    CaseState: CaseRow,
    PublicationState: PublicationRow,
    AlertState: AlertRow,
}

PIPELINE = "pyeongpan"
"""Who moved something when no person did."""


def move(
    connection: Connection,
    ids: Collection[int],
    source: StrEnum,
    target: StrEnum,
    *,
    at: datetime,
    why: str,
    who: str = PIPELINE,
    where: Sequence[ColumnElement[bool]] = (),
    **values: Any,  # noqa: ANN401 - column values
) -> list[int]:
    """Move rows from one state to another and remember it.

    Args:
        connection: The caller's transaction.
        ids: Rows to move.
        source: State they must be in now; decides the table.
        target: State they get.
        at: Instant of the move.
        why: Reason, without customer text.
        who: Person or part of the house.
        where: Further conditions a row must meet, such as the caller's lease.
        **values: Other columns set in the same statement.

    Returns:
        Ids that moved; a missing one was no longer in ``source`` or missed a condition.

    Raises:
        IllegalTransitionError: The table of moves forbids it.
    """
    check_move(source, target)
    if not ids:
        return []
    table = _TABLES[type(source)]
    owner = table.id if table is FeedbackRow else table.feedback_id  # type: ignore[union-attr]
    lock(connection, table, ids)
    moved = connection.execute(
        update(table)
        .where(table.id.in_(ids), table.state == source, *where)
        .values(state=target, **values)
        .returning(table.id, owner)
    ).all()
    remember(
        connection,
        table,
        [(row[0], row[1]) for row in moved],
        source,
        target,
        at=at,
        why=why,
        who=who,
    )
    return [row[0] for row in moved]


def lock(connection: Connection, table: Movable, ids: Collection[int]) -> None:
    """Lock rows in the order of their ids, so that two who change many at once cannot cross.

    A statement that changes many takes them in whatever order its plan meets them.
    """
    # SQLite has one writer.
    if len(ids) > 1 and connection.dialect.name == "postgresql":
        rows = select(table.id).where(table.id.in_(ids)).order_by(table.id)
        connection.execute(rows.with_for_update(key_share=True))


def remember(
    connection: Connection,
    table: Movable | str,
    rows: Iterable[tuple[int, int | None]],
    source: StrEnum | str,
    target: StrEnum | str,
    *,
    at: datetime,
    why: str,
    who: str = PIPELINE,
) -> None:
    """Write history rows for ``(id, feedback_id)`` pairs that moved or were made.

    ``table`` is a word of its own for what is no state: a case's ``owner``.
    """
    entity = table if isinstance(table, str) else table.__tablename__
    history = [
        {
            "entity": entity,
            "entity_id": row_id,
            "feedback_id": feedback_id,
            "source": str(source),
            "target": str(target),
            "who": who,
            "why": why,
            "moved_at": at,
        }
        for row_id, feedback_id in rows
    ]
    if history:
        connection.execute(insert(HistoryRow), history)


def is_in(table: Movable, state: StrEnum) -> ColumnElement[bool]:
    """Give the condition that rows are in a state.

    The state is written into the statement, because SQLite uses a partial index only where it
    sees the value.
    """
    condition: ColumnElement[bool] = table.state == literal(str(state), literal_execute=True)
    return condition


_UNSETTLED: dict[Movable, TextClause] = {
    PublicationRow: text(f"publications.{UNFINISHED}"),
    AlertRow: text(f"alerts.{UNTOLD}"),
}


def unsettled(query: Select[*Columns], table: Movable) -> Select[*Columns]:
    """Look among the publications, or alerts, that are not settled, by the index of just those.

    What is settled only grows. SQLite takes a partial index only for the very words it was made
    with, and without statistics not even then. Of the other tables' states, those that somebody
    looks for have an index each.
    """
    if table not in _UNSETTLED:
        return query
    index = f"ix_{table.__tablename__}_unfinished"
    return query.where(_UNSETTLED[table]).with_hint(table, f"INDEXED BY {index}", "sqlite")


def is_free(table: Movable, now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Give the condition that nobody works on rows."""
    return or_(table.lease_until.is_(None), table.lease_until <= now)


def claim(
    connection: Connection,
    table: Movable,
    ids: Collection[int],
    state: StrEnum,
    *,
    now: datetime,
    until: datetime,
    token: str = "",
) -> tuple[str, list[int]]:
    """Lease rows that nobody works on.

    Args:
        connection: The caller's transaction.
        table: Where.
        ids: Which.
        state: In which they must be.
        now: Instant of the claim.
        until: End of the lease.
        token: Of a lease that these rows join; a new one where empty.

    Returns:
        The lease's token and the ids that are ours; others are leased or moved on.
    """
    token = token or secrets.token_hex(8)
    if not ids:
        return token, []
    lock(connection, table, ids)
    claimed = connection.execute(
        update(table)
        .where(
            table.id.in_(ids),
            table.state == state,
            is_free(table, now),
        )
        .values(lease_until=until, lease_token=token)
        .returning(table.id)
    ).scalars()
    return token, sorted(claimed)


# The sweep asks every few seconds: made once, because making it takes longer than asking.
@cache
def _lost(
    table: Movable,
    state: StrEnum,
    limit: int | None,
    first: SQLColumnExpression[Any] | None,
    where: tuple[ColumnElement[bool], ...],
) -> Select[int]:
    query = (
        select(table.id)
        .where(
            is_in(table, state),
            table.queued_at <= bindparam("queued_before"),
            is_free(table, bindparam("now")),
            *where,
        )
        .order_by(*([] if first is None else [first]), table.queued_at)
        .limit(limit)
        # What somebody is changing just now is not lost.
        .with_for_update(skip_locked=True, key_share=True)
    )
    return unsettled(query, table)


@cache
def _expired(table: Movable, state: StrEnum) -> Select[int, str | None]:
    query = select(table.id, table.lease_token).where(
        is_in(table, state), is_free(table, bindparam("now"))
    )
    return unsettled(query, table)


def take_lost(
    connection: Connection,
    table: Movable,
    state: StrEnum,
    *,
    now: datetime,
    queued_before: datetime,
    limit: int | None = None,
    first: SQLColumnExpression[Any] | None = None,
    where: tuple[ColumnElement[bool], ...] = (),
) -> list[int]:
    """Find rows whose message seems lost and note that they get another one now.

    They are in ``state``, not leased, and were queued at ``queued_before`` or earlier. Under a
    ``limit``, those lowest in ``first`` come before those that have waited longest. ``first`` and
    ``where`` must be the same objects at every call.
    """
    asked = {"now": now, "queued_before": queued_before}
    ids = list(connection.execute(_lost(table, state, limit, first, where), asked).scalars())
    for page in paged(ids):
        connection.execute(update(table).where(table.id.in_(page)).values(queued_at=now))
    return ids


def expired(
    connection: Connection, table: Movable, state: StrEnum, *, now: datetime
) -> list[tuple[int, str]]:
    """Find rows in ``state`` whose worker died: ``(id, lease token)``."""
    rows = connection.execute(_expired(table, state), {"now": now})
    return [(row.id, row.lease_token) for row in rows]


def end_leases(connection: Connection, *, now: datetime) -> None:
    """End all leases at the start of a single-process daemon: their holders are dead."""
    for table in _TABLES.values():
        connection.execute(update(table).where(table.lease_until > now).values(lease_until=now))
