"""How fast the desk answers at 100,000 open and 1,000,000 closed feedback.

Run by hand, not by pytest: ``python -m tests.console.measure_desk URL`` fills an empty database
with texts put together from the demo's words, then measures whole requests.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from starlette.testclient import TestClient

from console.app import ConsoleContext, create_app
from demo.content import shopping_articles
from privacy.masking import find
from storage import accounts, schema
from storage.session import Database
from tests.console.conftest import brand_folder, token_of

NOW = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
BATCH = 5_000
ANALYSIS = json.dumps(
    {
        "probabilities": [0.9, 0.05, 0.05],
        "categories": [["delivery", 0.9, [0, 2]]],
        "severity_spans": [],
        "abuse_spans": [],
        "unsure": False,
        "rating_mismatch": False,
    }
)
PATHS = {
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
    "search, common word": "/?q=%EB%B0%B0%EC%86%A1",
    "search, rare words": "/?q=%EC%97%B0%EA%B8%B0+%EC%BD%94%EB%93%9C",
    "search, nothing": "/?q=%EC%97%86%EB%8A%94%EB%82%B1%EB%A7%90",
    "closed": "/?view=closed",
    "closed, search": "/?view=closed&q=%ED%99%98%EB%B6%88",
    "newest": "/?sort=newest",
    "case": "/cases/77",
}


def fill(database: Database, total: int, n_open: int) -> None:
    """Store feedback with a case each; the first ``n_open`` wait for a decision."""
    words = [article.text for article in shopping_articles(NOW)]
    for start in range(0, total, BATCH):
        feedback, cases, drafts = [], [], []
        for number in range(start + 1, min(start + BATCH, total) + 1):
            is_open = number <= n_open
            severity = {0: 0, 1: 1, 2: 1}.get(number % 50, 2)
            category = ("delivery", "defect", "quality", "service", "price")[number % 5]
            one, two = words[number % len(words)], words[number * 7919 % len(words)]
            feedback.append(
                {
                    "id": number,
                    "brand": f"brand{number % 10}",
                    "kind": "inquiry" if number % 9 == 0 else "review",
                    "text": f"{one} {two}",
                    "rating": number % 5 + 1,
                    "at": NOW - timedelta(minutes=number % 500_000),
                    "severity": ("critical", "high", "normal")[severity],
                    "category": category,
                    "analysis": ANALYSIS,
                }
            )
            cases.append(
                {
                    "id": number,
                    "brand": f"brand{number % 10}",
                    "kind": "inquiry" if number % 9 == 0 else "review",
                    "state": "drafted" if is_open else "answered",
                    "severity": ("critical", "high", "normal")[severity],
                    "rank": severity,
                    "category": category,
                    "due": NOW + timedelta(minutes=number * 37 % 6000 - 600),
                    "at": NOW - timedelta(minutes=number % 500_000),
                    "closed": None if is_open else NOW - timedelta(minutes=number % 400_000),
                }
            )
            if is_open:
                drafts.append({"id": number, "at": NOW})
        with database.unit_of_work() as connection:
            connection.execute(text(FEEDBACK), feedback)
            connection.execute(text(CASES), cases)
            if drafts:
                connection.execute(text(DRAFTS), drafts)


FEEDBACK = """INSERT INTO feedback (id, account_id, brand, channel, kind, native_id, revision,
 content_fingerprint, title, text, rating, author, author_fingerprint, order_fingerprint,
 product_id, product_name, url, extra, written_at, written_at_is_exact, first_seen_at,
 last_seen_run, is_backfill, state, queued_at, failures, sentiment, score, severity, abusive,
 intent, needs_look, category, analysis, model_version)
 VALUES (:id, 1, :brand, 'storefront', :kind, CAST(:id AS VARCHAR), 1, '', '', :text, :rating,
 '홍*동', CAST(:id AS VARCHAR), '', '', '무농약 감귤 3kg', '', '{}', :at, TRUE, :at, 1, FALSE,
 'analyzed', :at, 0, 'negative', 0.9, :severity, FALSE, 'complaint', FALSE, :category,
 :analysis, 'm')"""
CASES = """INSERT INTO cases (id, feedback_id, brand, channel, kind, state, severity,
 severity_rank, category, is_negative, due_at, opened_at, closed_at, note, draft_number, queued_at, failures)
 VALUES (:id, :id, :brand, 'storefront', :kind, :state, :severity, :rank, :category, TRUE, :due,
 :at, :closed, '', 1, :at, 0)"""
DRAFTS = """INSERT INTO drafts (case_id, number, feedback_revision, text, sentences, missing,
 strategy, cited, made_at) VALUES (:id, 1, 1, '죄송합니다.', '[]', '[]', 'standard', '{}', :at)"""


def measure(database: Database, folder: Path, repeats: int) -> None:
    """Print milliseconds per request: median and 95th percentile."""
    brands = {f"brand{n}": brand_folder(folder, f"brand{n}", f"브랜드{n}") for n in range(10)}
    context = ConsoleContext(
        database=database,
        brands=brands,
        clock=lambda: NOW,
        find_personal_data=find,
        console_url="http://127.0.0.1:8420",
    )
    http = TestClient(
        create_app(context), base_url="http://127.0.0.1:8420", client=("127.0.0.1", 50000)
    )
    http.post("/name", data={"name": "a", "form_token": token_of(http.get("/name"))})
    for name, path in PATHS.items():
        taken_ms = []
        for _ in range(repeats):
            started = time.perf_counter()
            answer = http.get(path)
            taken_ms.append((time.perf_counter() - started) * 1000)
            assert answer.status_code == 200, path
        taken_ms.sort()
        p95 = taken_ms[int(len(taken_ms) * 0.95) - 1]
        sys.stdout.write(f"{name:26} p50 {statistics.median(taken_ms):7.1f}  p95 {p95:7.1f} ms\n")


def main() -> None:
    """Fill and measure."""
    database = Database(sys.argv[1])
    total = int(sys.argv[2]) if len(sys.argv) > 2 else 1_100_000
    schema.upgrade(database)
    with database.unit_of_work() as connection:
        empty = connection.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 0
    if empty:
        with tempfile.TemporaryDirectory() as folder, database.unit_of_work() as connection:
            brand = brand_folder(Path(folder), "brand0", "브랜드0")
            accounts.synchronize(connection, brand.accounts, now=NOW)
        started = time.perf_counter()
        fill(database, total, total // 11)
        sys.stdout.write(f"filled {total} in {time.perf_counter() - started:.0f} s\n")
        with database.unit_of_work() as connection:
            connection.execute(text("ANALYZE"))
    with tempfile.TemporaryDirectory() as folder:
        measure(database, Path(folder), 20)


if __name__ == "__main__":
    main()
