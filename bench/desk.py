"""How fast the console answers over a long queue, and how fast twenty specialists decide."""

from __future__ import annotations

import gc
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
from starlette.testclient import TestClient

from bench import desk_rows
from bench.databases import on_postgresql, on_sqlite, why_not
from bench.desk_rows import BRANDS, CHANNELS, NOW, ONE_WAITS_OF, PEOPLE, REPLY
from bench.measuring import load, percentile
from collectors import source_of
from console.access import SESSION_COOKIE
from console.app import ConsoleContext, create_app
from domain.brands import Account, Brand
from privacy.masking import find
from storage import accounts, people, schema
from storage.session import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fastapi import FastAPI
    from httpx2 import Response

SIZE = 11_000
FULL_SIZE = 1_100_000
REPEATS = 20
DECISIONS = 400
NEXT_CASE = "approved, then the next case"
ADDRESS = "http://127.0.0.1:8420"
_LATER = quote("2026-11-17T00:00:00+00:00")
_EARLIER = quote("2026-10-01T00:00:00+00:00")
PAGES: Mapping[str, str] = {
    "first page": "/",
    "further page": f"/?after=2,{_LATER},0",
    "brand": "/?brand=brand3",
    "small brand": "/?brand=brand9",
    "channel": "/?channel=storefront",
    "category": "/?category=delivery",
    "severity": "/?severity=critical",
    "kind": "/?kind=inquiry",
    "deadline": "/?due=2h",
    "overdue": "/?due=overdue",
    "stars": "/?stars=1",
    "brand, category, stars": "/?brand=brand3&category=defect&stars=2",
    "category, stars, channel": "/?category=service&stars=4&channel=coupang",
    "owner, deadline, severity": "/?owner=me&due=24h&severity=high",
    "nobody's, overdue, critical": "/?owner=nobody&due=overdue&severity=critical",
    "saved view": "/?brand=brand3&owner=2&due=24h&severity=high&sort=due",
    "nothing found": "/?brand=brand3&category=safety&severity=critical&stars=5",
    "nothing of what is common": "/?category=delivery&stars=5",
    "nothing of what is common, due": "/?category=delivery&stars=5&sort=due",
    "nothing of what is common, newest": "/?category=delivery&stars=5&sort=newest",
    "due": "/?sort=due",
    "oldest": "/?sort=oldest",
    "newest": "/?sort=newest",
    "newest, further page": f"/?sort=newest&after={_EARLIER},0",
    "newest of a small brand": "/?sort=newest&brand=brand9",
    "fewest stars": "/?sort=stars",
    "fewest stars, further page": f"/?sort=stars&after=3,{_LATER},0",
    "fewest stars of a brand": "/?sort=stars&brand=brand3&category=service",
    "widest reach": "/?sort=reach",
    "widest reach, further page": f"/?sort=reach&after=-500,{_LATER},0",
    "widest reach of a channel": "/?sort=reach&channel=coupang&severity=critical",
    "mine": "/?owner=me",
    "mine, fewest stars": "/?owner=me&sort=stars",
    "nobody's": "/?owner=nobody",
    "a person's, none": f"/?owner={PEOPLE}",
    "search, common word": f"/?q={quote('배송')}",
    "search, two syllables": f"/?q={quote('환불')}",
    "search, rare words": f"/?q={quote('연기 코드')}",
    "search, nothing": f"/?q={quote('없는낱말')}",
    "search, newest": f"/?q={quote('환불')}&sort=newest",
    "search, mine, critical": f"/?q={quote('환불')}&owner=me&severity=critical",
    "search, nothing of what is common": f"/?q={quote('배송')}&category=delivery&stars=5",
    "closed": "/?view=closed",
    "closed, further page": f"/?view=closed&after={_EARLIER},0",
    "closed, brand": "/?view=closed&brand=brand3",
    "closed, small brand": "/?view=closed&brand=brand9",
    "closed, channel": "/?view=closed&channel=storefront",
    "closed, category": "/?view=closed&category=delivery",
    "closed, severity": "/?view=closed&severity=critical",
    "closed, kind": "/?view=closed&kind=inquiry",
    "closed, deadline": "/?view=closed&due=overdue",
    "closed, stars": "/?view=closed&stars=1",
    "closed, brand, category, stars": "/?view=closed&brand=brand3&category=service&stars=4",
    "closed, owner, brand, severity": "/?view=closed&owner=2&brand=brand3&severity=critical",
    "closed, a person's": "/?owner=2&view=closed",
    "closed, a person's, none": f"/?owner={PEOPLE}&view=closed",
    "closed, nobody's": "/?owner=nobody&view=closed",
    "closed, nothing found": "/?view=closed&brand=brand3&category=safety&stars=5",
    "closed, nothing of what is common": "/?view=closed&category=delivery&stars=5",
    "closed, search": f"/?view=closed&q={quote('환불')}",
    "closed, search, rare words": f"/?view=closed&q={quote('연기 코드')}",
    "closed, search, nothing": f"/?view=closed&q={quote('없는낱말')}",
    "closed, search, a person's": f"/?view=closed&q={quote('환불')}&owner=2&severity=critical",
    "drafting": "/?view=drafting",
    "approved": "/?view=approved",
    "case": "/cases/77",
    "case of a filtered queue": "/cases/78?category=service&stars=4&sort=stars",
    "case, closed": "/cases/{last}?view=closed&stars=1",
    "hand-offs": "/handoffs",
    "odd feedback": "/looks",
    "alerts": "/alerts",
    "brand's page": "/brands/brand3",
    "statistics": "/stats",
}


def measure(size: int = SIZE, repeats: int = REPEATS, decisions: int = DECISIONS) -> dict[str, Any]:
    """Measure whole requests, from the router to the last byte of the page.

    Args:
        size: Feedback rows; one in eleven is open.
        repeats: Requests per page.
        decisions: Cases that the specialists approve.

    Returns:
        By database: milliseconds ``p50/p95`` per page, and from an approval to the next case, and
        of the processor in this process. For PostgreSQL also ``decisions``: how many were asked,
        taken and stored, and taken per second. The console and its twenty users share one process, so real users would be served
        somewhat faster.
    """
    figures: dict[str, Any] = {"feedback": size, "open": size // ONE_WAITS_OF}
    with on_sqlite() as url, _desk(url, size) as app:
        figures["sqlite"] = _measure_pages(app, size, repeats)
        figures["sqlite"][NEXT_CASE] = _measure_next_case(app, decisions + 1, repeats)
    try:
        with on_postgresql() as url, _desk(url, size) as app:
            figures["postgresql"] = _measure_pages(app, size, repeats)
            figures["postgresql"][NEXT_CASE] = _measure_next_case(app, decisions + 1, repeats)
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
            brands = {slug: _brand(Path(folder), slug) for slug in BRANDS}
            with database.unit_of_work() as connection:
                accounts.synchronize(
                    connection, brands[BRANDS[0]].accounts, source_of=source_of, now=NOW
                )
            desk_rows.fill(database, url, size)
            context = ConsoleContext(
                database=database,
                brands=brands,
                clock=lambda: NOW,
                find_personal_data=find,
                console_url=ADDRESS,
                publish_enabled=True,
            )
            app = create_app(context)
            # As the console does once it serves (``commands.daemon.ConsoleThread``).
            gc.collect()
            gc.freeze()
            yield app
    finally:
        database.close()


def _brand(folder: Path, slug: str) -> Brand:
    (folder / slug / "manual").mkdir(parents=True)
    shops = tuple(Account(brand=slug, name=channel, channel=channel) for channel in CHANNELS)
    return Brand(slug=slug, name=slug, folder=folder / slug, accounts=shops)


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


def _measure_pages(app: FastAPI, size: int, repeats: int) -> dict[str, str]:
    http, _ = _sign_in(app, 1)
    found = {}
    for name, page in PAGES.items():
        path = page.format(last=size)
        http.get(path).raise_for_status()
        found[name] = _timed([partial(http.get, path)] * repeats)
    return found


def _measure_next_case(app: FastAPI, first: int, repeats: int) -> str:
    """Approve one case after the other, each until the page of the next one is there."""
    http, token = _sign_in(app, 1)
    jobs = [
        partial(_approve, http, token, case_id) for case_id in range(first, first + repeats + 1)
    ]
    jobs.pop()().raise_for_status()
    return _timed(jobs)


def _timed(jobs: Sequence[Callable[[], Response]]) -> str:
    """Do requests one after the other; give milliseconds by the clock and of the processor."""
    taken_ms, busy_ms = [], []
    for job in jobs:
        start, busy = time.perf_counter(), time.process_time()
        job().raise_for_status()
        taken_ms.append((time.perf_counter() - start) * 1000)
        busy_ms.append((time.process_time() - busy) * 1000)
    p50, p95 = (percentile(taken_ms, share) for share in (0.5, 0.95))
    return f"{p50:.0f}/{p95:.0f} ms, processor {percentile(busy_ms, 0.5):.0f} ms"


def _approve(http: TestClient, token: str, case_id: int, *, follow: bool = True) -> Response:
    return http.post(
        f"/cases/{case_id}/approve",
        data={
            "draft_number": "1",
            "feedback_revision": "1",
            "text": REPLY,
            "form_token": token,
        },
        follow_redirects=follow,
    )


def _measure_decisions(app: FastAPI, url: str, count: int) -> dict[str, object]:
    """Let two of twenty specialists want each case, from different ends of the queue."""
    desks = [_sign_in(app, number) for number in range(1, PEOPLE + 1)]
    start = threading.Barrier(PEOPLE + 1)

    def work(number: int) -> list[int]:
        http, token = desks[number]
        case_ids = range(1 + number // 2, count + 1, PEOPLE // 2)
        start.wait()
        return [
            _approve(http, token, case_id, follow=False).status_code
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
            "SELECT count(*), count(DISTINCT case_id) FROM decisions WHERE case_id <= %s", (count,)
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
