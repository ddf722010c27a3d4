"""``pyeongpan quarantine``: what could not be read, opened by a person and settled by one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from domain.errors import BadInputError
from storage import accounts, people

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from storage.accounts import Kept
    from storage.session import Connection
    from workers.runtime import Runtime

_SEEN = "%Y-%m-%d %H:%M UTC"


def list_kept(runtime: Runtime, *, account: str | None) -> dict[str, list[dict[str, Any]]]:
    """Give the unresolved rows and the saved pages, oldest first, without what they hold.

    Args:
        runtime: This process's tools.
        account: ``BRAND/NAME``, or None for all.

    Raises:
        ConfigurationError: Nothing is kept of an account that no brand folder has.
    """
    with runtime.database.reading() as connection:
        found = {
            "rows": accounts.quarantined_rows(connection, account),
            "pages": accounts.saved_pages(connection, account),
        }
    if account is not None and not any(found.values()):
        runtime.account(account)
    return {
        name: [{**row, "seen_at": row["seen_at"].strftime(_SEEN)} for row in rows]
        for name, rows in found.items()
    }


def lines_of(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Give what ``list_kept`` found as lines for a person."""
    erased = {True: "", False: " (its content is erased)"}
    return [
        f"row {row['id']}  {row['account']}  {row['seen_at']}  {row['reason']}"
        f"{erased[row['is_kept']]}"
        for row in found["rows"]
    ] + [
        f"page {row['id']}  {row['account']}  {row['seen_at']}  {row['kind']}: {row['message']}"
        for row in found["pages"]
    ]


def open_row(runtime: Runtime, number: int, path: Path, *, by: str) -> int:
    """Unseal a quarantined row into a file that only its owner may read.

    Returns:
        How many bytes were written.

    Raises:
        BadInputError: No such row, its content is erased, or the file cannot be made.
        ConfigurationError: No key opens it.
    """
    with runtime.database.unit_of_work() as connection:
        kept = accounts.sealed_row(connection, number)
        plain = _unseal(runtime, connection, kept, "quarantine_opened", f"row {number}", by)
    return _write(path, plain)


def open_page(runtime: Runtime, number: int, path: Path, *, by: str) -> int:
    """Unseal an incident's saved page, as ``open_row`` does a row."""
    with runtime.database.unit_of_work() as connection:
        kept = accounts.sealed_page(connection, number)
        plain = _unseal(runtime, connection, kept, "page_opened", f"page {number}", by)
    return _write(path, plain)


def _unseal(
    runtime: Runtime, connection: Connection, kept: Kept | None, action: str, what: str, by: str
) -> bytes:
    """Unseal what is kept, and note who looks before they can."""
    if kept is None:
        raise _unknown(what)
    if kept.sealed is None:
        raise BadInputError(
            "no content was kept, or it is erased", source=what, remedy="only the reason is known"
        )
    plain = runtime.sealer.open(kept.sealed)
    people.audit(
        connection,
        action,
        who=f"{by} (command)",
        now=runtime.clock(),
        brand=kept.account.partition("/")[0],
        detail=f"{kept.account}, {what}",
    )
    return plain


def _unknown(what: str) -> BadInputError:
    return BadInputError(
        "there is none", source=what, remedy="`pyeongpan quarantine list` shows the numbers"
    )


def _write(path: Path, plain: bytes) -> int:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadInputError(
            f"cannot be made ({type(error).__name__})",
            source=str(path),
            remedy="name a file that does not exist yet, in a folder you may write to",
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        return file.write(plain)


def resolve(runtime: Runtime, numbers: Sequence[int], *, by: str) -> int:
    """Settle rows that were repaired or may be forgotten; all of them or none.

    Returns:
        How many were open until now.

    Raises:
        BadInputError: One of them does not exist.
    """
    now = runtime.clock()
    settled = 0
    with runtime.database.unit_of_work() as connection:
        for number in dict.fromkeys(numbers):
            kept = accounts.sealed_row(connection, number)
            if kept is None:
                raise _unknown(f"row {number}")
            if not accounts.resolve_quarantined(connection, number, now=now):
                continue
            settled += 1
            people.audit(
                connection,
                "quarantine_resolved",
                who=f"{by} (command)",
                now=now,
                brand=kept.account.partition("/")[0],
                detail=f"{kept.account}, row {number}",
            )
    return settled
