"""Retention and erasure of personal data."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from collectors.board import without_posts
from storage import accounts, erasure
from workers.intake import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from privacy.sealing import Sealer
    from workers.runtime import Runtime

log = structlog.get_logger()

ERASURE_LEASE = timedelta(hours=1)


def erase_expired(runtime: Runtime) -> int:
    """Erase the personal data of feedback past its brand's retention.

    A brand whose folder is gone keeps the retention that the folder said last: what is erased
    cannot be put back, and the folder may be.

    Returns:
        How many pieces of feedback were changed.
    """
    with runtime.database.reading() as connection:
        periods = accounts.retentions(connection)
    periods |= {slug: brand.retention for slug, brand in runtime.brands.items()}
    total = 0
    for slug, retention in periods.items():
        before = runtime.clock() - retention
        with runtime.database.unit_of_work() as connection:
            total += erasure.erase_expired(connection, slug, written_before=before)
            accounts.erase_kept_pages(connection, slug, kept_before=before)
            accounts.erase_tokens(connection, slug, removed_before=before)
    if total:
        log.info("personal_data_expired", feedback=total)
    return total


def erase_author(runtime: Runtime, brand: str, author: str, *, requested_by: str) -> int:
    """Erase one author's personal data in a brand on request, and record that it was done.

    Args:
        runtime: This process's tools.
        brand: Slug.
        author: Name or id exactly as the channel shows it.
        requested_by: Who asked, for the record.

    Quarantined rows and saved pages with the name or id in them go too, and workbooks, whose
    texts are packed. So do the author's posts that wait on a board's shelf to be read. What a run
    is reading meanwhile is not stored; it reads that page again afterwards.

    Returns:
        How many pieces of feedback were changed.

    Raises:
        ConfigurationError: No key opens one of those, a token or an original; with such keys the author's
            feedback would not be found. Nothing was erased.
    """
    with runtime.database.unit_of_work() as connection:
        # What a run or an import has read by now would else be stored behind our back.
        until = runtime.clock() + ERASURE_LEASE
        token = accounts.take_over(connection, brand, until=until)
    try:
        return _erase(runtime, brand, author, requested_by=requested_by)
    finally:
        with runtime.database.unit_of_work() as connection:
            accounts.give_back(connection, token)


def _erase(runtime: Runtime, brand: str, author: str, *, requested_by: str) -> int:
    is_theirs = _is_by(author)
    named = _written_by(runtime, brand, is_theirs)
    with runtime.database.unit_of_work() as connection:
        # Where nothing was ever collected, the request is on record all the same.
        channels = accounts.channels_of(connection, brand) or [""]
        fingerprints = [
            fingerprint
            for channel in channels
            for fingerprint in runtime.sealer.fingerprints(identity(channel, author))
        ]
        spellings = _spellings(author)
        kept = accounts.erase_kept(
            connection, brand, lambda sealed: _may_name(runtime.sealer, sealed, spellings)
        )
        accounts.change_tokens(
            connection, brand, lambda sealed: _without(runtime.sealer, sealed, is_theirs)
        )
        erased = erasure.erase_author(
            connection,
            brand,
            fingerprints,
            named=named,
            requested_by=requested_by,
            now=runtime.clock(),
        )
    log.info("author_erased", brand=brand, feedback=erased, kept=kept)
    return erased


def _is_by(author: str) -> Callable[[Mapping[str, object]], bool]:
    """Give what tells from its fields whether feedback is an author's, by name or id.

    A name that the channel shortens (``이****``) is that of many people, who have ids.
    """
    keys = ("author_id",) if "*" in author else ("author_id", "author")
    return lambda fields: author in {fields.get(key) for key in keys}


def _written_by(
    runtime: Runtime, brand: str, is_theirs: Callable[[Mapping[str, object]], bool]
) -> list[int]:
    """Find feedback by what its originals say: a fingerprint is that of the id where there is one."""
    found: list[int] = []
    last = 0
    while True:
        with runtime.database.reading() as connection:
            page = erasure.originals(connection, brand, after=last)
        if not page:
            return found
        for last, sealed in page:
            if is_theirs(json.loads(runtime.sealer.open(sealed))):
                found.append(last)


_CHARSETS = ("utf-8", "cp949", "utf-16-le", "utf-16-be")
_ARCHIVES = (b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1"))
"""How a workbook begins; its texts are packed, or encrypted."""


def _spellings(author: str) -> frozenset[bytes]:
    """Give a name as a row or page may have it, JSON's escapes included."""
    spelled = {author.encode(charset, errors="ignore") for charset in _CHARSETS}
    spelled.add(json.dumps(author)[1:-1].encode())
    return frozenset(spelled - {b""})


def _may_name(sealer: Sealer, sealed: bytes, spellings: frozenset[bytes]) -> bool:
    plain = sealer.open(sealed)
    return plain.startswith(_ARCHIVES) or any(spelling in plain for spelling in spellings)


def _without(
    sealer: Sealer, sealed: bytes, is_theirs: Callable[[Mapping[str, object]], bool]
) -> bytes:
    """Give a sealed token without somebody's posts; the same where it has none of theirs."""
    token = json.loads(sealer.open(sealed))
    left = without_posts(token, is_theirs)
    return sealed if left == token else sealer.seal(json.dumps(dict(left)).encode())
