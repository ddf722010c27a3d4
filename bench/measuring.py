"""Clocks, children and figures that the benchmarks share."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROUNDS = 3
PROC = Path("/proc")
NO_PROC = "not measured: memory of processes is read from /proc, which this system lacks"
_TICKS = os.sysconf("SC_CLK_TCK")
_STOP_S = 30


def best_rates(
    works: Mapping[str, Callable[[], object]], count: int, rounds: int = ROUNDS
) -> dict[str, float]:
    """Give the best rate of each work over interleaved rounds, so that all meet the same noise.

    Args:
        works: What to do, by name; each call handles ``count`` things.
        count: Things a call handles.
        rounds: How often each is called.

    Returns:
        Things per second, by name.
    """
    rates = dict.fromkeys(works, 0.0)
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            rates[name] = max(rates[name], count / (time.perf_counter() - start))
    return rates


def load() -> float:
    """Give the machine's load average of the last minute."""
    return round(os.getloadavg()[0], 1)


def cores() -> int:
    """Give the number of cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        # Not on macOS.
        return os.cpu_count() or 1


def peak_rss_mb() -> int:
    """Give the most resident memory that this process has had so far in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, kilobytes elsewhere.
    return round(peak / (1024**2 if sys.platform == "darwin" else 1024))


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that ``share`` (0-1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def child(arguments: Sequence[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``python -m arguments`` for the block; its standard output is a pipe."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None  # noqa: S101 - asked for above
        process.stdout.close()


def figures_of(*arguments: str) -> dict[str, float]:
    """Run ``python -m arguments`` and read the JSON object it prints last."""
    with child(arguments) as process:
        answer = process.communicate()[0]
    found: dict[str, float] = json.loads(answer.splitlines()[-1])
    return found


def has_proc() -> bool:
    """Tell whether other processes can be measured here."""
    return (PROC / str(os.getpid()) / "statm").exists()


def family(pid: int) -> list[int]:
    """Give a process and all its descendants."""
    found = [pid]
    for path in (PROC / str(pid) / "task").glob("*/children"):
        for word in path.read_text().split():
            found += family(int(word))
    return found


def rss_mb(pid: int) -> float:
    """Give the resident memory of one process in MB."""
    pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(pid: int) -> float:
    """Give the CPU seconds that a process has used so far."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
