"""The rows the desk is measured over: one case for each feedback, one in eleven undecided.

Answered cases have their decision and publication too. The texts are put together from the
demo's, so that searches find what people write. Counting numbers make everything, so that filters
meet the worst: what two of them ask for may be common alone and never found together.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, LiteralString, Protocol

import psycopg
from psycopg import sql

from demo.content import shopping_articles
from domain.states import CaseState
from storage import people, queue_pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from storage.session import Database


class _Copy(Protocol):
    def __call__(
        self, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]
    ) -> None: ...


class _Execute(Protocol):
    def __call__(self, statement: LiteralString, /) -> object: ...


NOW = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
PEOPLE = 20
ONE_WAITS_OF = 11
BRANDS = [f"brand{number}" for number in range(10)]
"""The last one is small: one piece of feedback in a thousand."""
CHANNELS = ("storefront", "coupang", "naver_commerce")
REPLY = "불편을 드려 죄송합니다."
_REPLY_SHA256 = hashlib.sha256(REPLY.encode()).hexdigest()
_BATCH = 20_000
_CATEGORIES = ("delivery", "defect", "quality", "service", "price")
_SEVERITIES = ("critical", "high", "normal")
_ANALYSIS = json.dumps(
    {
        "probabilities": [0.9, 0.05, 0.05],
        "categories": [["delivery", 0.9, [0, 2]]],
        "severity_spans": [],
        "abuse_spans": [],
        "unsure": False,
        "rating_mismatch": False,
    }
)
_TABLES = ("feedback", "cases", "decisions", "publications", "drafts")
"""In the order in which they refer to each other."""
_KEYS = {"id", "case_id", "feedback_id", "decision_id"}


def fill(database: Database, url: str, size: int) -> None:
    """Fill a migrated database that has account 1.

    The open rows come from here and as many closed ones; the database itself copies those.
    Secondary indexes are made when the rows are there: the same indexes, in a fraction of the
    time. Then comes what autovacuum does soon after so many rows.

    Args:
        database: Empty.
        url: Its address.
        size: Feedback, a multiple of eleven.
    """
    _hire(database)
    n_open = size // ONE_WAITS_OF
    with _sqlite(url) if url.startswith("sqlite") else _postgresql(url) as (copy, execute):
        words = [article.text for article in shopping_articles(NOW)]
        columns: dict[str, Sequence[str]] = {}
        for first in range(1, 2 * n_open + 1, _BATCH):
            made: dict[str, list[tuple[object, ...]]] = {table: [] for table in _TABLES}
            for number in range(first, min(first + _BATCH, 2 * n_open + 1)):
                for table, row in _rows(number, words, size, is_open=number <= n_open).items():
                    columns[table] = list(row)
                    made[table].append(tuple(row.values()))
            for table in _TABLES:
                if made[table]:
                    copy(table, columns[table], made[table])
        for times in range(1, ONE_WAITS_OF - 1):
            for table in _TABLES[:-1]:
                execute(_again(table, columns[table], n_open, times * n_open))


def _again(table: str, columns: Sequence[str], n_open: int, shift: int) -> LiteralString:
    """Give the statement that copies the closed rows once more, under numbers of their own."""
    values = [f"{name} + {shift}" if name in _KEYS else name for name in columns]
    if table == "feedback":
        values[values.index("native_id")] = f"CAST(id + {shift} AS VARCHAR)"
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} "  # noqa: S608
        f"FROM {table} WHERE id > {n_open} AND id <= {2 * n_open} ORDER BY id"
    )


def _hire(database: Database) -> None:
    """Make specialists who see every brand, with the ids from 1 on; the first keeps views."""
    with database.unit_of_work() as connection:
        for number in range(1, PEOPLE + 1):
            people.add(
                connection,
                login=f"person{number}",
                name=f"사람{number}",
                role=people.Role.SPECIALIST,
                now=NOW,
                sees_all_brands=True,
            )
        first = people.by_id(connection, 1)
        assert first is not None  # noqa: S101 - made above
        for name, query in (("급한 것", "severity=critical"), ("내 것", "owner=me")):
            queue_pages.save_view(connection, first.signature, name, query)


def _rows(
    number: int, words: Sequence[str], size: int, *, is_open: bool
) -> dict[str, Mapping[str, object]]:
    """Give a feedback's rows by table; every row of a table has the same columns."""
    at = NOW - timedelta(minutes=number % 500_000)
    due = NOW + timedelta(minutes=number * 37 % 6000 - 600)
    closed = None if is_open else NOW - timedelta(minutes=number % 400_000)
    rank = {0: 0, 1: 1, 2: 1}.get(number % 50, 2)
    is_small = number % 10 == len(BRANDS) - 1 and number % 1000 != len(BRANDS) - 1
    shared = {
        "brand": BRANDS[number // 10 % (len(BRANDS) - 1) if is_small else number % 10],
        "channel": CHANNELS[min(number % 7, 2)],
        "kind": "inquiry" if number % 9 == 0 else "review",
        "severity": _SEVERITIES[rank],
        "category": _CATEGORIES[number % len(_CATEGORIES)],
        "queued_at": _stored(at),
    }
    state = CaseState.DRAFTED if is_open else _ENDS.get(number % 20, CaseState.ANSWERED)
    found: dict[str, Mapping[str, object]] = {
        "feedback": {
            **shared,
            "id": number,
            "account_id": 1,
            "native_id": str(number),
            "revision": 1,
            "content_fingerprint": "",
            "title": "",
            "text": f"{words[number % len(words)]} {words[number * 7919 % len(words)]}",
            "rating": number % 5 + 1,
            "author": "홍*동",
            "author_fingerprint": f"author{number % (size // 4)}",
            "order_fingerprint": f"order{number % (size // 2)}",
            "product_id": "",
            "product_name": "무농약 감귤 3kg",
            "url": "",
            "reach": number % 997,
            "extra": "{}",
            "written_at": _stored(at),
            "written_at_is_exact": True,
            "first_seen_at": _stored(at),
            "last_seen_run": 1,
            "is_backfill": False,
            "state": "analyzed",
            "sentiment": "negative",
            "score": 0.9,
            "abusive": False,
            "intent": "complaint",
            "needs_look": False,
            "analysis": _ANALYSIS,
            "model_version": "m",
        },
        "cases": {
            **shared,
            "id": number,
            "feedback_id": number,
            "state": state,
            "severity_rank": rank,
            "is_negative": True,
            "due_at": _stored(due),
            "opened_at": _stored(at),
            "closed_at": _stored(closed),
            "note": "",
            "draft_number": 1,
            "stars_rank": number % 5 + 1,
            "reach_rank": -(number % 997),
            # One in eleven has no owner, and one person has nothing.
            "owner_id": None if number % 11 == 0 else number % (PEOPLE - 1) + 1,
        },
    }
    if is_open:
        found["drafts"] = {
            "case_id": number,
            "number": 1,
            "feedback_revision": 1,
            "text": REPLY,
            "sentences": "[]",
            "missing": "[]",
            "strategy": "standard",
            "cited": "{}",
            "made_at": _stored(NOW),
        }
    elif state is CaseState.ANSWERED:
        found |= _answer(number, _stored(closed))
    return found


_ENDS = {7: CaseState.REJECTED, 11: CaseState.ANSWERED_ELSEWHERE, 13: CaseState.GONE}


def _answer(number: int, at: str | None) -> dict[str, Mapping[str, object]]:
    return {
        "decisions": {
            "id": number,
            "case_id": number,
            "kind": "approval",
            "draft_number": 1,
            "feedback_revision": 1,
            "text": REPLY,
            "text_sha256": _REPLY_SHA256,
            "was_edited": False,
            "reason": "",
            "decided_by": "사람1",
            "decided_at": at,
            "decided_in": "console",
        },
        "publications": {
            "id": number,
            "case_id": number,
            "feedback_id": number,
            "decision_id": number,
            "decision_kind": "approval",
            "text_sha256": _REPLY_SHA256,
            "state": "published",
            "available_at": at,
            "queued_at": at,
            "attempts": 1,
            "absent_reads": 0,
            "failed_reads": 0,
            "receipt": str(number),
            "published_at": at,
            "verified_at": at,
            "problem": "",
        },
    }


def _stored(at: datetime | None) -> str | None:
    """SQLite keeps times as text without a zone; PostgreSQL reads the same text as UTC."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S.%f}"


@contextmanager
def _sqlite(url: str) -> Iterator[tuple[_Copy, _Execute]]:
    """Give ``copy(table, columns, rows)`` and ``execute(sql)``; the indexes are back at the end."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -524288")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")

        def copy(table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
            places = ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",  # noqa: S608
                rows,
            )

        yield copy, connection.execute
        for _, definition in indexes:
            connection.execute(definition)
        connection.commit()


@contextmanager
def _postgresql(url: str) -> Iterator[tuple[_Copy, _Execute]]:
    """Give ``copy(table, columns, rows)`` and ``execute(sql)``; the indexes are back at the end."""
    with psycopg.connect(url, options="-c timezone=UTC", autocommit=True) as connection:
        indexes: list[tuple[str, LiteralString]] = connection.execute(
            """
            SELECT indexname, indexdef FROM pg_indexes
            WHERE tablename = ANY (%s) AND NOT EXISTS (
                SELECT FROM pg_constraint WHERE conname = indexname
            )
            """,
            (list(_TABLES),),
        ).fetchall()
        for name, _ in indexes:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))

        def copy(table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
            with connection.cursor() as cursor, cursor.copy(query) as target:
                for row in rows:
                    target.write_row(row)

        yield copy, connection.execute
        connection.execute("SET maintenance_work_mem = '1GB'")
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute("VACUUM ANALYZE")
