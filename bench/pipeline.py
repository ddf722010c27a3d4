"""How fast feedback goes the whole way, as a share of what the shipped classifier does alone.

Each size runs in a process of its own (``python -m bench.pipeline SIZE``), so that its memory is
its own. The way is collect, mask, store, analyse, triage, draft and make alert rows, with the
embedded daemon's relay and workers on SQLite; the storefront is another process. The classifier
then reads the same stored texts at batch 32 in the same process.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bench.engine import engine
from bench.measuring import figures_of, load, peak_rss_mb
from bench.shop import shop
from storage import analyses
from workers.collect import start_due
from workers.runtime import is_holiday

if TYPE_CHECKING:
    from workers.runtime import Runtime

SIZES = (1_000, 10_000)
FULL_SIZES = (*SIZES, 100_000)
BATCH_SIZE = 32
_WARM_UP = ("배송이 빨라서 좋아요", "일주일째 안 와서 환불하고 싶습니다") * BATCH_SIZE
_CHUNK = 5_000
_POLL_S = 0.02
_PROGRESS = """
    SELECT (SELECT count(*) FROM feedback),
        EXISTS (SELECT 1 FROM feedback WHERE state = 'collected')
        OR EXISTS (SELECT 1 FROM cases WHERE state = 'opened')
        OR EXISTS (SELECT 1 FROM outbox),
        (SELECT count(*) FROM cases)
"""


def measure(sizes: tuple[int, ...] = SIZES) -> dict[str, object]:
    """Measure every size.

    Returns:
        By size: ``feedback_per_s``, microseconds per feedback by the clock and in CPU time,
        ``ratio`` to the classifier alone by the clock and in CPU time, peak RSS of the way in
        MB, load.
        ``growth``: microseconds of CPU per feedback at the largest size over the smallest.
    """
    figures = {str(size): figures_of("bench.pipeline", str(size)) for size in sizes}
    costs = [figure["cpu_us_per_feedback"] for figure in figures.values()]
    return {**figures, "growth": round(costs[-1] / costs[0], 2)}


def measure_size(size: int) -> dict[str, float]:
    """Measure one size in this process; see ``measure``."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with (
        tempfile.TemporaryDirectory(prefix="pyeongpan-bench-") as name,
        shop(Path(name), size) as (_, brands),
        engine(home := Path(name) / "home", brands) as runtime,
    ):
        # What is loaded when first needed belongs to the start.
        runtime.classifier.classify(_WARM_UP)
        is_holiday(runtime.clock().date())
        for account in runtime.accounts.values():
            runtime.collector(account)
        for brand in runtime.brands.values():
            runtime.drafter(brand)
        clock, cpu = time.perf_counter(), time.process_time()
        start_due(runtime)
        cases = _wait(home, size)
        way_s, way_cpu_s = time.perf_counter() - clock, time.process_time() - cpu
        # Before the texts are read back: the comparison's memory is not the way's.
        peak_mb = peak_rss_mb()
        texts, stars = _stored(runtime, size)
        clock, cpu = time.perf_counter(), time.process_time()
        runtime.classifier.classify(texts, stars, batch_size=BATCH_SIZE)
        alone_s, alone_cpu_s = time.perf_counter() - clock, time.process_time() - cpu
    return {
        "feedback": size,
        "cases": cases,
        "feedback_per_s": round(size / way_s, 1),
        "us_per_feedback": round(way_s / size * 1e6),
        "cpu_us_per_feedback": round(way_cpu_s / size * 1e6),
        "classifier_per_s": round(size / alone_s, 1),
        "ratio": round(alone_s / way_s, 2),
        "cpu_ratio": round(alone_cpu_s / way_cpu_s, 2),
        "peak_rss_mb": peak_mb,
        "load": load(),
    }


def _wait(home: Path, size: int) -> int:
    """Wait until all is drafted; give the number of cases."""
    with closing(sqlite3.connect(f"file:{home / 'pyeongpan.db'}?mode=ro", uri=True)) as database:
        while True:
            asked = time.perf_counter()
            stored, is_open, cases = database.execute(_PROGRESS).fetchone()
            if stored >= size and not is_open:
                return int(cases)
            # Counting a large table must not become a part of what is measured.
            time.sleep(max(_POLL_S, 50 * (time.perf_counter() - asked)))


def _stored(runtime: Runtime, size: int) -> tuple[list[str], list[int | None]]:
    texts: list[str] = []
    stars: list[int | None] = []
    with runtime.database.reading() as connection:
        for at in range(1, size + 1, _CHUNK):
            rows = analyses.load_for_analysis(connection, range(at, min(at + _CHUNK, size + 1)))
            texts += [row.text for row in rows]
            stars += [row.rating for row in rows]
    return texts, stars


if __name__ == "__main__":
    print(json.dumps(measure_size(int(sys.argv[1]))))
