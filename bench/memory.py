"""Memory of each role as processes of their own, and what an idle daemon costs."""

from __future__ import annotations

import os
import socket
import sqlite3
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench.measuring import NO_PROC, child, cpu_s, family, has_proc, load, rss_mb
from bench.shop import shop

if TYPE_CHECKING:
    import subprocess

REDIS_URL = os.environ.get("REPUTATION_TEST_REDIS_URL", "redis://127.0.0.1:6379/12")
ROLES: dict[str, tuple[str, ...]] = {
    "scheduler": ("scheduler",),
    "worker": ("worker", "--processes", "1"),
    "console": ("console",),
}
ARTICLES = 60
_PATIENCE_S = 120
_SETTLE_S = 5.0


def measure(watch_s: float = 120.0) -> dict[str, object]:
    """Measure RSS in MB after a small board was read, analysed and drafted, then idle.

    ``run`` is the whole daemon on embedded parts. The roles share Redis and a SQLite file; a
    worker is one process with eight threads, and its figure has dramatiq's parent process too.
    Boards are read each minute: a watch of whole minutes sees each as often.

    Returns:
        RSS per role, and ``idle_cpu_percent`` of ``run`` over ``watch_s``, of one core; a reason
        where the system does not tell.
    """
    if not has_proc():
        return {"roles": NO_PROC}
    figures: dict[str, object] = {**_measure_run(watch_s)}
    address = urlsplit(REDIS_URL)
    try:
        socket.create_connection((address.hostname or "127.0.0.1", address.port or 6379), 2).close()
    except OSError as error:
        figures["roles"] = f"not measured: Redis: {error.strerror}"
        return figures
    figures["roles"] = _measure_roles()
    return figures


def _environment(home: Path, brands: Path, broker_url: str) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        "PYEONGPAN_HOME": str(home),
        "PYEONGPAN_BRANDS": str(brands),
        "PYEONGPAN_BROKER_URL": broker_url,
        "PYEONGPAN_ALLOW_PRIVATE_ADDRESSES": "true",
        "PYEONGPAN_CONSOLE_PORT": str(port),
    }


def _measure_run(watch_s: float) -> dict[str, object]:
    with (
        tempfile.TemporaryDirectory(prefix="pyeongpan-bench-") as name,
        shop(Path(name), ARTICLES) as (_, brands),
    ):
        home = Path(name) / "home"
        with child(["commands", "run"], **_environment(home, brands, "memory://")) as process:
            _wait_until_read(home, process)
            time.sleep(_SETTLE_S)
            before = cpu_s(process.pid)
            time.sleep(watch_s)
            used = cpu_s(process.pid) - before
            return {
                "run_rss_mb": round(rss_mb(process.pid)),
                "idle_cpu_percent": round(100 * used / watch_s, 2),
                "watched_s": watch_s,
                "load": load(),
            }


def _measure_roles() -> dict[str, object]:
    with ExitStack() as blocks:
        name = blocks.enter_context(tempfile.TemporaryDirectory(prefix="pyeongpan-bench-"))
        _, brands = blocks.enter_context(shop(Path(name), ARTICLES))
        home = Path(name) / "home"
        environment = _environment(home, brands, REDIS_URL)
        processes: dict[str, subprocess.Popen[str]] = {}
        for role, words in ROLES.items():
            processes[role] = blocks.enter_context(child(["commands", *words], **environment))
            if role == "scheduler":
                # It brings the schema up to date; the others expect it.
                _wait_until_read(home, processes[role], rows=0)
        _wait_until_read(home, processes["worker"])
        time.sleep(_SETTLE_S)
        return {
            f"{role}_rss_mb": [round(rss_mb(pid)) for pid in family(process.pid)]
            for role, process in processes.items()
        }


def _wait_until_read(home: Path, process: subprocess.Popen[str], rows: int = ARTICLES) -> None:
    """Wait until so many rows are stored and none is unread.

    Raises:
        RuntimeError: The process ended, or it takes too long.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(sqlite3.OperationalError):
            path = f"file:{home / 'pyeongpan.db'}?mode=ro"
            database = sqlite3.connect(path, uri=True)
            try:
                stored, unread = database.execute(
                    "SELECT count(*), coalesce(sum(state = 'collected'), 0) FROM feedback"
                ).fetchone()
            finally:
                database.close()
            if stored >= rows and not unread:
                return
        time.sleep(0.25)
    raise RuntimeError(f"{process.args!r} ended or did not read the board in {_PATIENCE_S} s")
