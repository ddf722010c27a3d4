"""How long from a review's appearance on the board to its message in Slack.

On an idle daemon, and behind a backlog that is being understood and drafted.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import structlog

from bench.engine import engine
from bench.measuring import figures_of, load, percentile
from bench.shop import shop
from bench.slack import slack
from bench.ticking import ticking
from demo.content import SHOPPING_SHOP

if TYPE_CHECKING:
    from bench.slack import Slack

SAMPLES = 10
BACKLOG = 10_000
_NUMBERED = "{}번째로 알립니다"
_TEXT = f"{_NUMBERED}. 이유식에서 벌레가 나왔어요. 아이가 먹고 병원에 갔습니다"
PATIENCE_S = 120
TOKEN = "xoxb-bench"  # noqa: S105 - taken by nobody but our stand-in
_UNREAD = "SELECT count(*) FROM feedback WHERE state = 'collected'"


def measure(samples: int = SAMPLES, backlog: int = BACKLOG) -> dict[str, object]:
    """Measure seconds from a critical review's appearance to the arrival of its first message.

    Accounts are read every second, as often as the daemon's clock ticks. The backlog is a first
    collection of low-starred reviews that is being understood and drafted meanwhile.

    Returns:
        ``p50_s`` and ``p95_s`` for ``idle`` and ``behind_backlog``, and how much of the backlog
        was still unread at the last sample.
    """
    return {
        name: figures_of("bench.latency", str(samples), str(waiting))
        for name, waiting in (("idle", 0), ("behind_backlog", backlog))
    }


def measure_once(samples: int, backlog: int) -> dict[str, float]:
    """Measure on one board in this process; see ``measure``."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with (
        tempfile.TemporaryDirectory(prefix="pyeongpan-bench-") as name,
        shop(Path(name), backlog or 20, only_low_stars=True) as (address, brands),
    ):
        for path in brands.glob("*/brand.toml"):
            text = path.read_text(encoding="utf-8").replace('"1m"', '"1s"')
            path.write_text(text, encoding="utf-8")
        home = Path(name) / "home"
        with (
            slack() as room,
            engine(home, brands, slack_bot_token=TOKEN, slack_api_url=room.url) as runtime,
            ticking(runtime),
        ):
            runtime.classifier.classify(["준비"])
            database = sqlite3.connect(f"file:{home / 'pyeongpan.db'}?mode=ro", uri=True)
            _wait_for_rows(database, backlog)
            waits = [_sample(address, room, number) for number in range(samples)]
            unread = database.execute(_UNREAD).fetchone()[0]
            database.close()
            messages = len(room)
    return {
        "samples": samples,
        "p50_s": round(percentile(waits, 0.5), 2),
        "p95_s": round(percentile(waits, 0.95), 2),
        "unread_at_the_end": unread,
        "messages": messages,
        "load": load(),
    }


def _wait_for_rows(database: sqlite3.Connection, backlog: int) -> None:
    """Wait until the whole backlog is stored, or the few rows of an idle board are understood."""
    while True:
        stored = database.execute("SELECT count(*) FROM feedback").fetchone()[0]
        unread = database.execute(_UNREAD).fetchone()[0]
        if (backlog and stored >= backlog) or (not backlog and stored and not unread):
            return
        time.sleep(0.5)


def _sample(address: str, room: Slack, number: int) -> float:
    text = _TEXT.format(number)
    words = {"shop": SHOPPING_SHOP, "text": text, "rating": 1, "product": "이유식"}
    appeared = time.time()
    httpx.post(f"{address}/_control", json={"add": words}, timeout=30).raise_for_status()
    arrived = room.arrival(_NUMBERED.format(number), PATIENCE_S)
    return (arrived or appeared + PATIENCE_S) - appeared


if __name__ == "__main__":
    print(json.dumps(measure_once(int(sys.argv[1]), int(sys.argv[2]))))
