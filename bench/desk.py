"""How fast the console answers over a long queue, and how fast twenty specialists decide.

The rows are made with plain SQL, one case for each feedback; one in eleven waits for a decision.
The texts are put together from the demo's, so that searches find what people write.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
from starlette.testclient import TestClient

from bench.databases import on_postgresql, on_sqlite, why_not
from bench.measuring import load, percentile
from console.access import SESSION_COOKIE
from console.app import ConsoleContext, create_app
from demo.content import shopping_articles
from domain.brands import Account, Brand
from privacy.masking import find
from storage import accounts, people, schema
from storage.session import Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fastapi import FastAPI

SIZE = 11_000
FULL_SIZE = 1_100_000
REPEATS = 20
PEOPLE = 20
DECISIONS = 400
ADDRESS = "http://127.0.0.1:8420"
NOW = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
_ONE_WAITS_OF = 11
_BATCH = 5_000
_BRANDS = [f"brand{number}" for number in range(10)]
_CATEGORIES = ("delivery", "defect", "quality", "service", "price")
_SEVERITIES = ("critical", "high", "normal")
_REPLY = "불편을 드려 죄송합니다."
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
PAGES: Mapping[str, str] = {
    "first page": "/",
    "brand": "/?brand=brand3",
    "channel": "/?channel=storefront",
    "category": "/?category=delivery",
    "severity": "/?severity=critical",
    "kind": "/?kind=inquiry",
    "deadline": "/?due=2h",
    "stars": "/?stars=1",
    "brand, category, stars": "/?brand=brand3&category=defect&stars=2",
    "nothing found": "/?brand=brand3&category=safety&severity=critical&stars=5",
    "search, common word": f"/?q={quote('배송')}",
    "search, rare words": f"/?q={quote('연기 코드')}",
    "search, nothing": f"/?q={quote('없는낱말')}",
    "closed": "/?view=closed",
    "closed, search": f"/?view=closed&q={quote('환불')}",
    "newest": "/?sort=newest",
    "fewest stars": "/?sort=stars",
    "widest reach": "/?sort=reach",
    "mine": "/?owner=me",
    "mine, fewest stars": "/?owner=me&sort=stars",
    "nobody's": "/?owner=nobody",
    "a person's, none": f"/?owner={PEOPLE}",
    "a person's, closed": "/?owner=2&view=closed",
    "a person's, none closed": f"/?owner={PEOPLE}&view=closed",
    "nobody's, closed": "/?owner=nobody&view=closed",
    "case": "/cases/77",
}
_FEEDBACK = """INSERT INTO feedback (id, account_id, brand, channel, kind, native_id, revision,
 content_fingerprint, title, text, rating, author, author_fingerprint, order_fingerprint,
 product_id, product_name, url, extra, written_at, written_at_is_exact, first_seen_at,
 last_seen_run, is_backfill, state, queued_at, failures, sentiment, score, severity, abusive,
 intent, needs_look, category, analysis, model_version)
 VALUES (:id, 1, :brand, 'storefront', :kind, :native_id, 1, '', '', :text, :rating,
 '홍*동', :native_id, '', '', '무농약 감귤 3kg', '', '{}', :at, TRUE, :at, 1, FALSE,
 'analyzed', :at, 0, 'negative', 0.9, :severity, FALSE, 'complaint', FALSE, :category,
 :analysis, 'm')"""
_CASES = """INSERT INTO cases (id, feedback_id, brand, channel, kind, state, severity,
 severity_rank, category, is_negative, due_at, opened_at, closed_at, note, draft_number,
 queued_at, failures, stars_rank, reach_rank, owner_id)
 VALUES (:id, :id, :brand, 'storefront', :kind, :state, :severity, :rank, :category, TRUE, :due,
 :at, :closed, '', 1, :at, 0, :rating, :reach_rank, :owner_id)"""
_DRAFTS = """INSERT INTO drafts (case_id, number, feedback_revision, text, sentences, missing,
 strategy, cited, made_at) VALUES (:id, 1, 1, :reply, '[]', '[]', 'standard', '{}', :now)"""


def measure(size: int = SIZE, repeats: int = REPEATS, decisions: int = DECISIONS) -> dict[str, Any]:
    """Measure whole requests, from the router to the last byte of the page.

    Args:
        size: Feedback rows; one in eleven is open.
        repeats: Requests per page.
        decisions: Cases that the specialists approve.

    Returns:
        By database: milliseconds ``p50/p95`` per page. For PostgreSQL also ``decisions``: how
        many were asked, taken and stored, and taken per second. The console and its twenty
        users share one process, so real users would be served somewhat faster.
    """
    figures: dict[str, Any] = {"feedback": size, "open": size // _ONE_WAITS_OF}
    with on_sqlite() as url, _desk(url, size) as app:
        figures["sqlite"] = _measure_pages(app, repeats)
    try:
        with on_postgresql() as url, _desk(url, size) as app:
            figures["postgresql"] = _measure_pages(app, repeats)
            figures["decisions"] = _measure_decisions(app, url, decisions)
    except psycopg.OperationalError as error:
        figures["postgresql"] = why_not(error)
    return {**figures, "load": load()}


@contextmanager
def _desk(url: str, size: int) -> Iterator[FastAPI]:
    database = Database(url)
    try:
        schema.upgrade(database)
        with tempfile.TemporaryDirectory(prefix="pyeongpan-bench-") as folder:
            brands = {slug: _brand(Path(folder), slug) for slug in _BRANDS}
            with database.unit_of_work() as connection:
                accounts.synchronize(connection, brands[_BRANDS[0]].accounts, now=NOW)
            _hire(database)
            _fill(url, size)
            context = ConsoleContext(
                database=database,
                brands=brands,
                clock=lambda: NOW,
                find_personal_data=find,
                console_url=ADDRESS,
                publish_enabled=True,
            )
            yield create_app(context)
    finally:
        database.close()


def _brand(folder: Path, slug: str) -> Brand:
    (folder / slug / "manual").mkdir(parents=True)
    account = Account(brand=slug, name="shop", channel="storefront")
    return Brand(slug=slug, name=slug, folder=folder / slug, accounts=(account,))


def _hire(database: Database) -> None:
    """Make specialists who see every brand, with the ids from 1 on."""
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


def _fill(url: str, size: int) -> None:
    words = [article.text for article in shopping_articles(NOW)]
    with _raw(url) as execute:
        for first in range(1, size + 1, _BATCH):
            numbers = range(first, min(first + _BATCH, size + 1))
            rows = [_row(number, words, size // _ONE_WAITS_OF) for number in numbers]
            execute(_FEEDBACK, rows)
            execute(_CASES, rows)
            execute(_DRAFTS, [row for row in rows if row["closed"] is None])
        execute("ANALYZE", [{}])


def _row(number: int, words: Sequence[str], n_open: int) -> dict[str, object]:
    at = NOW - timedelta(minutes=number % 500_000)
    is_open = number <= n_open
    rank = {0: 0, 1: 1, 2: 1}.get(number % 50, 2)
    row = {
        "id": number,
        "native_id": str(number),
        "brand": _BRANDS[number % len(_BRANDS)],
        "kind": "inquiry" if number % 9 == 0 else "review",
        "text": f"{words[number % len(words)]} {words[number * 7919 % len(words)]}",
        "rating": number % 5 + 1,
        "reach_rank": -(number % 997),
        # One in eleven has no owner, and one person has nothing.
        "owner_id": None if number % 11 == 0 else number % (PEOPLE - 1) + 1,
        "severity": _SEVERITIES[rank],
        "rank": rank,
        "category": _CATEGORIES[number % len(_CATEGORIES)],
        "analysis": _ANALYSIS,
        "state": "drafted" if is_open else "answered",
        "due": NOW + timedelta(minutes=number * 37 % 6000 - 600),
        "at": at,
        "closed": None if is_open else NOW - timedelta(minutes=number % 400_000),
        "reply": _REPLY,
        "now": NOW,
    }
    return {name: _as_stored(value) for name, value in row.items()}


def _as_stored(value: object) -> object:
    """SQLite keeps times as text without a zone; PostgreSQL reads the same text as UTC."""
    return f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value


@contextmanager
def _raw(url: str) -> Iterator[Any]:
    """Give ``execute(sql with :names, rows)``; all is committed at the end."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            yield connection.executemany
            connection.commit()
        return
    with psycopg.connect(url, options="-c timezone=UTC") as server, server.cursor() as cursor:
        yield lambda sql, rows: cursor.executemany(re.sub(r":(\w+)", r"%(\1)s", sql), rows)


def _sign_in(app: FastAPI, person_id: int) -> tuple[TestClient, str]:
    with app.state.context.database.unit_of_work() as connection:
        session = people.begin_session(connection, person_id, now=NOW)
    http = TestClient(
        app, base_url=ADDRESS, client=("127.0.0.1", 50000), cookies={SESSION_COOKIE: session}
    )
    return http, _token(http, "/me")


def _token(http: TestClient, path: str) -> str:
    page = http.get(path).text
    return page.partition('name="form_token" value="')[2].partition('"')[0]


def _measure_pages(app: FastAPI, repeats: int) -> dict[str, str]:
    http, _ = _sign_in(app, 1)
    found = {}
    for name, path in PAGES.items():
        taken_ms = []
        for _ in range(repeats):
            start = time.perf_counter()
            http.get(path).raise_for_status()
            taken_ms.append((time.perf_counter() - start) * 1000)
        found[name] = f"{percentile(taken_ms, 0.5):.0f}/{percentile(taken_ms, 0.95):.0f} ms"
    return found


def _measure_decisions(app: FastAPI, url: str, count: int) -> dict[str, object]:
    """Let two of twenty specialists want each case, from different ends of the queue."""
    desks = [_sign_in(app, number) for number in range(1, PEOPLE + 1)]
    start = threading.Barrier(PEOPLE + 1)

    def work(number: int) -> list[int]:
        http, token = desks[number]
        case_ids = range(1 + number // 2, count + 1, PEOPLE // 2)
        start.wait()
        return [
            http.post(
                f"/cases/{case_id}/approve",
                data={
                    "draft_number": "1",
                    "feedback_revision": "1",
                    "text": _REPLY,
                    "form_token": token,
                },
                follow_redirects=False,
            ).status_code
            for case_id in (case_ids if number % 2 else reversed(case_ids))
        ]

    with ThreadPoolExecutor(PEOPLE) as pool:
        asked = [pool.submit(work, number) for number in range(PEOPLE)]
        start.wait()
        clock = time.perf_counter()
        answers = [status for job in asked for status in job.result()]
        taken_s = time.perf_counter() - clock
    with psycopg.connect(url) as server:
        stored = server.execute(
            "SELECT count(*), count(DISTINCT case_id) FROM decisions"
        ).fetchone()
    accepted = answers.count(303)
    return {
        "people": PEOPLE,
        "asked": len(answers),
        "accepted": accepted,
        "refused_as_decided": answers.count(409),
        "stored": stored[0] if stored else 0,
        "cases_decided": stored[1] if stored else 0,
        "per_s": round(accepted / taken_s, 1),
    }
