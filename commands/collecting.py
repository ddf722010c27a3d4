"""``pyeongpan collect`` and ``pyeongpan import``: once, now, and said aloud."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from collectors import CHANNELS
from domain.errors import BadInputError, ConfigurationError
from storage import accounts
from workers.collect import Collected, collect, import_pages
from workers.runtime import channel_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from domain.types import Page
    from workers.runtime import Runtime

_TO_THE_END = timedelta(days=1)
REASONS = 20
"""How many unreadable rows a dry run tells of."""


def collect_now(runtime: Runtime, account_key: str) -> dict[str, Any]:
    """Collect one account up to the present.

    What was collected is understood by the workers, or by the daemon when it starts next.

    Raises:
        ConfigurationError: No such account, or it is being collected right now.
    """
    account = runtime.account(account_key)
    with runtime.database.reading() as connection:
        account_id = accounts.find(connection, account.key)
    if account_id is None:
        raise ConfigurationError(f"account {account_key!r} was taken out; put it back")
    asked_at = runtime.clock()
    total = Collected()
    while not total.error:
        done = collect(runtime, account_id, stint=_TO_THE_END)
        total = total.plus(done)
        if not done.pages and not done.error:
            raise ConfigurationError(f"{account_key} is being collected right now; try again later")
        with runtime.database.reading() as connection:
            watermark = accounts.watermark(connection, account_id)
        # A channel with short windows is read window by window.
        if watermark is not None and watermark >= asked_at:
            break
    return _summary(account_key, total)


def import_file(
    runtime: Runtime, path: Path, account_key: str, *, is_dry_run: bool
) -> dict[str, Any]:
    """Read one export and store its rows.

    Raises:
        BadInputError: The file cannot be used, or the account's channel has no exports.
        ConfigurationError: The account's channel or one of its options is unknown.
    """
    account = runtime.account(account_key)
    channel = channel_of(account)
    if not channel.spec.reads_files:
        readable = sorted(name for name, channel in CHANNELS.items() if channel.spec.reads_files)
        raise BadInputError(
            f"channel {account.channel!r} of account {account_key} has no exports",
            source=str(path),
            remedy=f"use an account whose channel is one of {', '.join(readable)}",
        )
    pages = channel.load().read_file(path, account, runtime.clock())
    reasons: list[str] = []
    done = import_pages(runtime, account, _noting(pages, reasons), is_dry_run=is_dry_run)
    summary = {**_summary(account_key, done), "dry_run": is_dry_run}
    # Otherwise `pyeongpan quarantine list` has them.
    return {**summary, "unreadable": reasons} if is_dry_run else summary


def _noting(pages: Iterable[Page], reasons: list[str]) -> Iterator[Page]:
    """Give the pages on, and keep why the first rows cannot be read."""
    for page in pages:
        reasons += [item.reason for item in page.quarantined][: REASONS - len(reasons)]
        yield page


def _summary(account_key: str, done: Collected) -> dict[str, Any]:
    return {
        "account": account_key,
        "pages": done.pages,
        "rows": done.rows,
        "new": done.new,
        "changed": done.changed,
        "quarantined": done.quarantined,
        "gone": done.gone,
        "error": done.error,
    }
