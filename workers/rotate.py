"""A change of keys: everything stored under a retired key is brought under the present one.

Read a page, open and seal it anew, write it in one short transaction. Whoever dies in between has
lost a page of work: what was written is found to be done, the rest is done by the next run. Other
processes go on meanwhile; what one of them changes is theirs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from domain.errors import ConfigurationError
from storage import sealed
from storage.models import FeedbackRevisionRow, FeedbackRow, QuarantineRow
from storage.session import ConflictError
from workers.intake import author_identity, content, identity, rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from privacy.sealing import Sealer
    from storage.sealed import Shelf
    from workers.runtime import Runtime

log = structlog.get_logger()

Row = dict[str, Any]


@dataclass(slots=True)
class Rotated:
    """What one pass over everything found.

    Attributes:
        renewed: Rows that were under a retired key.
        unopened: Rows that no key opens.
    """

    renewed: int = 0
    unopened: int = 0


def rotate(runtime: Runtime, advance: Callable[[int], None] = lambda _: None) -> Rotated:
    """Bring everything stored under the present key, once.

    Args:
        runtime: This process's tools.
        advance: Told of every page how many rows it had.
    """
    done = Rotated()
    for shelf in sealed.SHELVES:
        last: Row | None = None
        while rows := _read(runtime, shelf, last):
            changes = []
            for row in rows:
                try:
                    changed = _renewed(runtime.sealer, shelf, row)
                except ConfigurationError:
                    done.unopened += 1
                else:
                    changes += [(row, changed)] if changed else []
            _write(runtime, shelf, changes)
            done.renewed += len(changes)
            advance(len(rows))
            last = rows[-1]
    log.info("keys_rotated", renewed=done.renewed, unopened=done.unopened)
    return done


def _read(runtime: Runtime, shelf: Shelf, last: Row | None) -> list[Row]:
    with runtime.database.reading() as connection:
        return sealed.read(connection, shelf, last)


def _write(runtime: Runtime, shelf: Shelf, changes: Sequence[tuple[Row, Row]]) -> None:
    if not changes:
        return
    try:
        with runtime.database.unit_of_work() as connection:
            sealed.write(connection, shelf, changes)
    except ConflictError:
        # A quarantined row that was read again while only the present key was known: the
        # one place where a fingerprint is unique. The other one stays.
        with runtime.database.unit_of_work() as connection:
            for row, _ in changes:
                sealed.drop(connection, shelf, row)


def _renewed(sealer: Sealer, shelf: Shelf, row: Row) -> Row:
    """Give what changes in a row.

    Raises:
        ConfigurationError: No key opens it.
    """
    before = row[shelf.sealed]
    plain = None if before is None else sealer.open(before)
    after: Row = {shelf.sealed: None if before is None else sealer.rotate(before)}
    for name, named in _named(shelf, row, plain).items():
        known = sealer.fingerprints(named)
        if row[name] in known:
            after[name] = known[0]
        elif plain is None:
            # Of what text it is nobody can tell any more. Under a key that is thrown away it
            # would make an edit of the next reading, and bring back who was erased.
            after[name] = ""
    return {name: value for name, value in after.items() if value != row[name]}


def _named(shelf: Shelf, row: Row, plain: bytes | None) -> dict[str, str]:
    """Give what each fingerprint of a row was made of; for an erased text, what it may have been."""
    if shelf.table is QuarantineRow and plain is not None:
        return {"fingerprint": rejected(plain, row["reason"])}
    if shelf.table not in {FeedbackRow, FeedbackRevisionRow}:
        return {}
    original: Mapping[str, str] = row if plain is None else json.loads(plain)
    said = content(original.get("title", ""), original.get("text", ""), row["rating"])
    named = {sealed.CONTENT: said}
    if shelf.table is FeedbackRow and plain is not None:
        author_id, author = original.get("author_id", ""), original.get("author", "")
        named["author_fingerprint"] = author_identity(row["channel"], author_id, author)
        named["order_fingerprint"] = identity(row["channel"], original.get("order_id", ""))
    return named
