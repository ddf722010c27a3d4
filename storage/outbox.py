"""Messages that must reach the broker, written in the transaction that makes them true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, func, insert, select

from storage.models import OutboxRow
from storage.session import paged

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime


def add(connection: Connection, actor: str, args: Sequence[Any], *, available_at: datetime) -> None:
    """Ask for a message to ``actor`` once the transaction is committed and the time has come."""
    connection.execute(
        insert(OutboxRow), [{"actor": actor, "args": list(args), "available_at": available_at}]
    )


def add_pages(
    connection: Connection,
    actor: str,
    ids: Sequence[int],
    *,
    page_size: int,
    available_at: datetime,
) -> None:
    """Ask for one message per page of ids."""
    rows = [
        {"actor": actor, "args": [list(page)], "available_at": available_at}
        for page in paged(ids, page_size)
    ]
    if rows:
        connection.execute(insert(OutboxRow), rows)


def relay(
    connection: Connection,
    send: Callable[[str, list[Any]], None],
    *,
    now: datetime,
    limit: int = 200,
) -> int:
    """Hand due messages to the broker and forget them.

    A crash between the two repeats messages and loses none: claims make repeats harmless.

    Args:
        connection: A transaction of its own.
        send: Enqueues a message for an actor by name.
        now: Messages available later stay.
        limit: Most messages in one go.

    Returns:
        How many were handed over.
    """
    rows = connection.execute(
        select(OutboxRow.id, OutboxRow.actor, OutboxRow.args)
        .where(OutboxRow.available_at <= now)
        .order_by(OutboxRow.available_at, OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        send(row.actor, row.args)
    if rows:
        connection.execute(delete(OutboxRow).where(OutboxRow.id.in_([row.id for row in rows])))
    return len(rows)


def is_waiting(connection: Connection, actors: Collection[str], *, available_at: datetime) -> bool:
    """Tell whether a message to one of ``actors`` waits for that instant.

    One that is being handed over does not: it may have arrived already.
    """
    found = connection.execute(
        select(OutboxRow.id)
        .where(OutboxRow.available_at == available_at, OutboxRow.actor.in_(actors))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return found.first() is not None


_NEXT = select(func.min(OutboxRow.available_at))


def next_available_at(connection: Connection) -> datetime | None:
    """Tell when the next message is due; None when there is none."""
    return connection.execute(_NEXT).scalar()


def size(connection: Connection) -> int:
    """Count the messages that wait."""
    return connection.execute(select(func.count(OutboxRow.id))).scalar_one()
