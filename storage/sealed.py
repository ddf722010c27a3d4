"""Every column of sealed values, and the fingerprints beside them, for a change of keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, literal, or_, select, tuple_, update

from storage.models import (
    FeedbackRevisionRow,
    FeedbackRow,
    IncidentRow,
    PersonRow,
    QuarantineRow,
    TokenRow,
)
from storage.session import dicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from storage.models import Base


@dataclass(frozen=True, slots=True)
class Shelf:
    """A table with sealed values.

    Attributes:
        table: Which.
        sealed: Its column of sealed values.
        fingerprints: Its columns of keyed hashes.
        known: Columns that are needed to make those again.
        at_once: Rows read at a time; a saved page may have many megabytes.
    """

    table: type[Base]
    sealed: str
    fingerprints: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    at_once: int = 500

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""
        return tuple(column.name for column in self.table.__table__.primary_key)

    @property
    def columns(self) -> Any:  # noqa: ANN401 - SQLAlchemy's collection
        """The table's columns by name."""
        return self.table.__table__.columns

    @property
    def holds_something(self) -> ColumnElement[bool]:
        """Which rows a key was used for; an erased one still has a fingerprint of its content."""
        erased = [self.columns[name] != "" for name in self.fingerprints if name == CONTENT]
        return or_(self.columns[self.sealed].is_not(None), *erased)


CONTENT = "content_fingerprint"

SHELVES = (
    Shelf(
        FeedbackRow,
        "sealed_original",
        (CONTENT, "author_fingerprint", "order_fingerprint"),
        ("channel", "title", "text", "rating"),
    ),
    Shelf(FeedbackRevisionRow, "sealed_original", (CONTENT,), ("title", "text", "rating")),
    Shelf(QuarantineRow, "sealed_raw", ("fingerprint",), ("reason",), at_once=1),
    Shelf(IncidentRow, "sealed_page", at_once=1),
    Shelf(TokenRow, "sealed"),
    Shelf(PersonRow, "sealed_totp"),
)


def count(connection: Connection) -> int:
    """Count the rows that ``read`` gives, over all shelves."""
    return sum(
        connection.execute(
            select(func.count()).select_from(shelf.table).where(shelf.holds_something)
        ).scalar_one()
        for shelf in SHELVES
    )


def samples(connection: Connection) -> list[bytes]:
    """Give the oldest and the newest sealed value of each shelf."""
    found: list[bytes] = []
    for shelf in SHELVES:
        sealed = shelf.columns[shelf.sealed]
        keys = [shelf.columns[name] for name in shelf.key]
        for order in (keys, [key.desc() for key in keys]):
            query = select(sealed).where(sealed.is_not(None)).order_by(*order).limit(1)
            found += connection.execute(query).scalars()
    return found


def read(
    connection: Connection, shelf: Shelf, after: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Give the next rows of a shelf in the order of their keys.

    Args:
        connection: Where to read.
        shelf: Which table.
        after: The last row of the page before; None for the first page.
    """
    columns = shelf.columns
    keys = [columns[name] for name in shelf.key]
    wanted = (*shelf.key, shelf.sealed, *shelf.fingerprints, *shelf.known)
    query = select(*(columns[name] for name in wanted)).where(shelf.holds_something)
    if after is not None:
        query = query.where(tuple_(*keys) > tuple_(*(literal(after[name]) for name in shelf.key)))
    rows = connection.execute(query.order_by(*keys).limit(shelf.at_once))
    return dicts(rows)


def write(
    connection: Connection,
    shelf: Shelf,
    changes: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
) -> None:
    """Put new values in place of those that were read; a row changed meanwhile is left alone.

    Args:
        connection: The caller's transaction.
        shelf: Which table.
        changes: Rows as ``read`` gave them, and their new values.
    """
    columns = shelf.columns
    names = (shelf.sealed, *shelf.fingerprints)
    statement = (
        update(shelf.table)
        .where(
            *(columns[name] == bindparam(f"old_{name}") for name in shelf.key),
            *(
                columns[name].is_not_distinct_from(
                    bindparam(f"old_{name}", type_=columns[name].type)
                )
                for name in names
            ),
        )
        .values({name: bindparam(f"new_{name}") for name in names})
    )
    connection.execute(
        statement,
        [
            {
                **{f"old_{name}": row[name] for name in (*shelf.key, *names)},
                **{f"new_{name}": new.get(name, row[name]) for name in names},
            }
            for row, new in changes
        ],
    )


def drop(connection: Connection, shelf: Shelf, row: Mapping[str, Any]) -> None:
    """Remove a row that is kept a second time."""
    columns = shelf.columns
    connection.execute(
        delete(shelf.table).where(*(columns[name] == row[name] for name in shelf.key))
    )
