"""How many rows a second are stored, in pages of 100, on SQLite and PostgreSQL."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bench.databases import on_postgresql, on_sqlite, why_not
from bench.measuring import ROUNDS
from bench.shop import articles
from collectors import source_of
from collectors.values import clean_text
from demo.content import SHOPPING_SHOP
from domain.brands import Account, Brand
from domain.types import CollectedFeedback
from privacy.sealing import Sealer, generate_key
from storage import accounts, feedback, schema
from storage.session import Database
from workers.intake import masker, prepare

PAGE_SIZE = 100
SIZES = (1_000, 10_000)
FULL_SIZES = (*SIZES, 100_000)


def measure(sizes: tuple[int, ...] = SIZES) -> dict[str, object]:
    """Measure rows/s of ``store_page``: masked rows, one durable transaction per page of 100.

    Returns:
        By size, into an empty database each: ``sqlite_rows_per_s`` and
        ``postgresql_rows_per_s``, the latter a reason where there is no server;
        ``mask_rows_per_s`` for masking and sealing, which comes before.
        ``growth``: microseconds per row at the largest size over the smallest, by database.
    """
    found = [_measure_size(size) for size in sizes]
    growth: dict[str, float] = {}
    for name in ("sqlite", "postgresql"):
        first, last = (figures[f"{name}_rows_per_s"] for figures in (found[0], found[-1]))
        if isinstance(first, int) and isinstance(last, int):
            growth[name] = round(first / last, 2)
    return {**dict(zip(map(str, sizes), found, strict=True)), "growth": growth}


def _measure_size(rows: int) -> dict[str, int | str]:
    brand = Brand(slug=SHOPPING_SHOP, name="bench", folder=Path())
    sealer = Sealer([generate_key()])
    now = datetime.now(UTC)
    collected = [
        CollectedFeedback(
            kind=article.kind,
            native_id=str(article.no),
            text=clean_text(article.text),
            written_at=article.written_at,
            written_at_is_exact=True,
            title=article.title,
            rating=article.rating,
            author=article.author,
            product_name=article.product,
        )
        for article in articles(rows)
    ]
    start = time.perf_counter()
    items = [prepare(item, masker(brand), "storefront", sealer, now=now) for item in collected]
    figures: dict[str, int | str] = {
        "mask_rows_per_s": round(rows / (time.perf_counter() - start)),
    }
    sqlite = postgresql = 0.0
    reason = ""
    for _ in range(ROUNDS):
        with on_sqlite() as url:
            sqlite = max(sqlite, _rate(url, items))
        if not reason:
            try:
                with on_postgresql() as url:
                    postgresql = max(postgresql, _rate(url, items))
            except psycopg.OperationalError as error:
                reason = why_not(error)
    figures["sqlite_rows_per_s"] = round(sqlite)
    figures["postgresql_rows_per_s"] = reason or round(postgresql)
    return figures


def _rate(url: str, items: list[feedback.MaskedFeedback]) -> float:
    database = Database(url)
    try:
        schema.upgrade(database)
        run = _claim(database)
        now = datetime.now(UTC)
        start = time.perf_counter()
        for at in range(0, len(items), PAGE_SIZE):
            with database.unit_of_work() as connection:
                page = items[at : at + PAGE_SIZE]
                feedback.store_page(
                    connection,
                    run,
                    page,
                    feedback.find_known(connection, run.account_id, page),
                    now=now,
                    fresh_after=now - timedelta(days=2),
                )
        return len(items) / (time.perf_counter() - start)
    finally:
        database.close()


def _claim(database: Database) -> accounts.Run:
    now = datetime.now(UTC)
    account = Account(
        brand=SHOPPING_SHOP,
        name="bench",
        channel="storefront",
        interval=timedelta(minutes=1),
        writable=False,
    )
    with database.unit_of_work() as connection:
        accounts.synchronize(connection, [account], source_of=source_of, now=now)
        account_id = accounts.find(connection, account.key)
        assert account_id is not None  # noqa: S101 - made a line ago
        run = accounts.claim_run(
            connection,
            account_id,
            now=now,
            lease=timedelta(hours=1),
            overlap=timedelta(0),
            backfill=timedelta(days=365),
            window=None,
        )
    assert run is not None  # noqa: S101 - nobody else is there
    return run
