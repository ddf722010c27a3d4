"""Forgetting: one author on request, and what is older than a brand keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    ColumnElement,
    Connection,
    case,
    insert,
    or_,
    select,
    update,
)

from domain.types import (
    FeedbackKind,
)
from storage.models import (
    ErasureRow,
    FeedbackRevisionRow,
    FeedbackRow,
)
from storage.session import paged

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime


def originals(connection: Connection, brand: str, *, after: int) -> list[tuple[int, bytes]]:
    """Give ids and sealed originals of a brand's feedback with a higher id, a page at a time."""
    rows = connection.execute(
        select(FeedbackRow.id, FeedbackRow.sealed_original)
        .where(
            FeedbackRow.brand == brand,
            FeedbackRow.id > after,
            FeedbackRow.sealed_original.is_not(None),
        )
        .order_by(FeedbackRow.id)
        .limit(_ORIGINALS)
    )
    return [(row.id, row.sealed_original) for row in rows]


_ORIGINALS = 1000


def erase_author(
    connection: Connection,
    brand: str,
    author_fingerprints: Sequence[str],
    *,
    named: Collection[int] = (),
    requested_by: str,
    now: datetime,
) -> int:
    """Remove what still identifies an author, and record that it was done.

    Args:
        connection: The caller's transaction.
        brand: Slug.
        author_fingerprints: Of the author under every key.
        named: Ids of further feedback whose originals name the author.
        requested_by: Who asked.
        now: When.

    Returns:
        How many pieces of feedback were changed.
    """
    erased = _erase(
        connection,
        FeedbackRow.brand == brand,
        or_(
            FeedbackRow.author_fingerprint.in_(author_fingerprints),
            FeedbackRow.id.in_(sorted(named)),
        ),
    )
    connection.execute(
        insert(ErasureRow),
        [
            {
                "brand": brand,
                "author_fingerprint": author_fingerprints[0],
                "feedback_erased": erased,
                "requested_by": requested_by,
                "erased_at": now,
            }
        ],
    )
    return erased


def erase_expired(connection: Connection, brand: str, *, written_before: datetime) -> int:
    """Remove the personal data of feedback past the brand's retention.

    Returns:
        How many pieces of feedback were changed.
    """
    return _erase(
        connection,
        FeedbackRow.brand == brand,
        FeedbackRow.written_at < written_before,
        # Retention counts from the first sight where an old board was collected late.
        FeedbackRow.first_seen_at < written_before,
        or_(FeedbackRow.sealed_original.is_not(None), FeedbackRow.author != ""),
    )


def _erase(connection: Connection, *which: ColumnElement[bool]) -> int:
    # Locked in this order, as by everybody who changes many at once.
    rows = select(FeedbackRow.id).where(*which).order_by(FeedbackRow.id)
    erased = list(connection.execute(rows.with_for_update(key_share=True)).scalars())
    for page in paged(erased):
        connection.execute(
            update(FeedbackRow)
            .where(FeedbackRow.id.in_(page))
            .values(
                sealed_original=None,
                author="",
                author_fingerprint="",
                order_fingerprint="",
                # A blog's address has its writer's id in it; a shop's names the product.
                url=case((FeedbackRow.kind == FeedbackKind.POST, ""), else_=FeedbackRow.url),
            )
        )
        connection.execute(
            update(FeedbackRevisionRow)
            .where(FeedbackRevisionRow.feedback_id.in_(page))
            .values(sealed_original=None)
        )
    return len(erased)
