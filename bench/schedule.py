"""Whether many accounts keep their intervals beside one that is slow and one that fails.

The daemon's engine and its clock read fake marketplaces over HTTP. What is due is read from the
accounts' rows, what was done from the log's ``collection_ended`` events. Runs in a process of its
own (``python -m bench.schedule ACCOUNTS INTERVAL_S WATCH_S``), for it configures the log.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from bench.engine import engine
from bench.markets import BRAND, FAILING, SLOW, markets
from bench.measuring import figures_of, load
from bench.ticking import ticking

if TYPE_CHECKING:
    from collections.abc import MutableMapping

ACCOUNTS = 40
INTERVAL_S = 30
WATCH_S = 120
_POLL_S = 0.1
_ROWS = "SELECT key, next_due_at FROM accounts"


def measure(
    accounts: int = ACCOUNTS, interval_s: int = INTERVAL_S, watch_s: int = WATCH_S
) -> dict[str, object]:
    """Watch the accounts for a while.

    A run is due when its account's row says so, and done when its collection ends, however; a run
    that is due while the account is still being read stays due. Lateness is from due to done, the
    reading included. At the start all are due at once, so the first run's is a figure of its own.

    Returns:
        By account: ``due``, ``done``, ``first_late_s`` and ``worst_late_s`` of the runs after the
        first; for all healthy ones together ``worst_late_s``. ``behind`` names the healthy accounts
        that missed more than the run that was under way at the end.
    """
    try:
        import tests.contract.registry  # noqa: F401
    except ImportError:
        return {"accounts": "not measured: the fake marketplaces are in the source tree (tests)"}
    return dict(figures_of("bench.schedule", str(accounts), str(interval_s), str(watch_s)))


@dataclass
class Watched:
    """What was seen of one account.

    Attributes:
        next_due: As its row last said; seconds since 1970.
        waiting_since: When the oldest run that was not done came due; None when all are done.
    """

    next_due: float
    due: int = 0
    done: int = 0
    first_late_s: float = 0.0
    worst_late_s: float = 0.0
    waiting_since: float | None = None
    is_counted: bool = False

    def see(self, next_due: float, now: float) -> None:
        """Note what the row says now."""
        if not self.is_counted and now >= self.next_due:
            # Also one that was put off between two looks.
            self.due += 1
            self.is_counted = True
            if self.waiting_since is None:
                self.waiting_since = self.next_due
        if next_due != self.next_due:
            self.next_due, self.is_counted = next_due, False
            if now >= next_due:
                self.see(next_due, now)

    def end(self, now: float) -> None:
        """Note that a collection ended."""
        self.done += 1
        late_s = now - self.waiting_since if self.waiting_since is not None else 0.0
        self.waiting_since = None
        if self.done == 1:
            self.first_late_s = late_s
        else:
            self.worst_late_s = max(self.worst_late_s, late_s)

    def figures(self) -> dict[str, float]:
        """Give what was seen."""
        return {
            "due": self.due,
            "done": self.done,
            "first_late_s": round(self.first_late_s, 1),
            "worst_late_s": round(self.worst_late_s, 1),
        }


@dataclass
class Watch:
    """All accounts, seen from two sides."""

    accounts: dict[str, Watched] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, rows: list[tuple[str, str]], now: float) -> None:
        """Note every account's row."""
        with self.lock:
            for key, written in rows:
                at = datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp()
                self.accounts.setdefault(key, Watched(at)).see(at, now)

    def hear(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:  # noqa: ANN401 - structlog's
        """Take the end of a collection out of the log; nothing is printed."""
        if event.get("event") == "collection_ended":
            with self.lock:
                if watched := self.accounts.get(event["account"]):
                    watched.end(time.time())
        raise structlog.DropEvent

    def figures(self) -> dict[str, object]:
        """Give what was seen, account by account."""
        with self.lock:
            seen = {key.removeprefix(f"{BRAND}/"): row for key, row in self.accounts.items()}
            healthy = {name: row for name, row in seen.items() if name not in {SLOW, FAILING}}
            return {
                "worst_late_s": round(max(row.worst_late_s for row in healthy.values()), 1),
                "behind": [name for name, row in healthy.items() if row.done < row.due - 1],
                "accounts": {name: row.figures() for name, row in sorted(seen.items())},
            }


def measure_once(accounts: int, interval_s: int, watch_s: int) -> dict[str, object]:
    """Watch in this process; see ``measure``."""
    watch = Watch()
    structlog.configure(
        processors=[watch.hear],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    with (
        tempfile.TemporaryDirectory(prefix="pyeongpan-bench-") as name,
        markets(Path(name), accounts, f"{interval_s}s") as brands,
        engine(Path(name) / "home", brands) as runtime,
        closing(_database(Path(name) / "home")) as database,
    ):
        watch.look(database.execute(_ROWS).fetchall(), time.time())
        with ticking(runtime):
            end = time.time() + watch_s
            while time.time() < end:
                watch.look(database.execute(_ROWS).fetchall(), time.time())
                time.sleep(_POLL_S)
            figures = watch.figures()
    return {"interval_s": interval_s, "watched_s": watch_s, "load": load(), **figures}


def _database(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{home / 'pyeongpan.db'}?mode=ro", uri=True)


if __name__ == "__main__":
    print(json.dumps(measure_once(*(int(word) for word in sys.argv[1:4]))))
