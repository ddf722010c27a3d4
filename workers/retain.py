"""Retention and erasure of personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from storage import accounts, feedback
from workers.intake import identity

if TYPE_CHECKING:
    from workers.runtime import Runtime

log = structlog.get_logger()


def erase_expired(runtime: Runtime) -> int:
    """Erase the personal data of feedback past its brand's retention.

    Returns:
        How many pieces of feedback were changed.
    """
    total = 0
    for brand in runtime.brands.values():
        before = runtime.clock() - brand.retention
        with runtime.database.unit_of_work() as connection:
            total += feedback.erase_expired(connection, brand.slug, written_before=before)
            accounts.erase_kept_pages(connection, brand.slug, seen_before=before)
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

    Returns:
        How many pieces of feedback were changed.
    """
    channels = {account.channel for account in runtime.brand(brand).accounts}
    fingerprints = [
        fingerprint
        for channel in sorted(channels)
        for fingerprint in runtime.sealer.fingerprints(identity(channel, author))
    ]
    with runtime.database.unit_of_work() as connection:
        erased = feedback.erase_author(
            connection,
            brand,
            fingerprints,
            requested_by=requested_by,
            now=runtime.clock(),
        )
    log.info("author_erased", brand=brand, feedback=erased)
    return erased
