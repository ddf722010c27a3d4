"""How fast each channel's parser reads its recorded samples, and whether memory stays flat.

Runs in a process of its own (``python -m bench.channels PAGES``), so that its memory is its own. The
samples lie beside the tests; an installed package has none.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import cycle, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measuring import NO_PROC, ROUNDS, figures_of, has_proc, rss_mb
from bench.shop import API_KEY, shop
from collectors import CHANNELS, storefront
from collectors.base import Build
from collectors.http import Pacer, build_client
from demo.content import FILM_SHOP
from domain.brands import Account
from workers.runtime import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sized
    from contextlib import AbstractContextManager

    from collectors.base import Collector

PAGES = 1000
_ROUND_S = 0.1
NO_SAMPLES = "not measured: the recorded samples are in the source tree (tests)"

ARTICLES = 5000
YEAR = timedelta(days=365)

Read = Callable[[], int]
"""Reads one page; gives how many items it had."""


def measure(pages: int = PAGES) -> dict[str, object]:
    """Measure every channel on ``pages`` pages.

    Returns:
        ``items_per_s``: parsed items per second by channel, the reading of the sample from the page
        cache included. ``memory_ratio``: resident memory at the last page over that after a tenth
        of them, by channel (files: a twentieth of the pages); ``storefront_over_http`` is the whole collector on a live board.
        ``memory_mb``: the resident memory at the end; both a reason where the system does not tell.
    """
    return dict(figures_of("bench.channels", str(pages)))


def measure_once(pages: int) -> dict[str, object]:
    """Measure in this process; see ``measure``."""
    figures: dict[str, object] = {"pages": pages}
    samples = _samples()
    rates = {name: _rate(read) for name, read in samples.items()}
    figures["items_per_s"] = rates or NO_SAMPLES
    if not has_proc():
        return {**figures, "memory_ratio": NO_PROC, "memory_mb": NO_PROC}
    ratios = {
        # A file is many pages: fewer of them show the same.
        name: _growth(repeat(read), pages // (20 if CHANNELS[name].spec.reads_files else 1))
        for name, read in samples.items()
    }
    ratios["storefront_over_http"] = _over_http(pages)
    return {**figures, "memory_ratio": ratios, "memory_mb": round(rss_mb(os.getpid()))}


def _samples() -> dict[str, Read]:
    """Give by channel what reads the next of its samples; nothing where there are none."""
    try:
        from tests.collectors.samples import FILES, PARSERS
    except ImportError:
        return {}
    found: dict[str, Read] = {}
    for channel, parse in PARSERS.items():
        paths = cycle([path for path in FILES if path.parent.name == channel])

        found[channel] = partial(_read_next, parse, paths)
    return found


def _read_next(parse: Callable[[Path], Sized], paths: Iterator[Path]) -> int:
    return len(parse(next(paths)))


def _rate(read: Read) -> float:
    """Give items per second, the best of several rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        items, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < _ROUND_S:
            items += read()
        best = max(best, items / passed)
    return round(best, 1)


def _growth(reads: Iterator[Read], pages: int) -> float:
    """Give the resident memory after ``pages`` pages over that after a tenth of them."""
    early = 0.0
    for page, read in enumerate(islice(reads, pages), start=1):
        read()
        if page == max(1, pages // 10):
            early = rss_mb(os.getpid())
    return round(rss_mb(os.getpid()) / early, 3)


def _over_http(pages: int) -> float:
    """Read a live board again and again, through client, parser and cursor."""
    with (
        tempfile.TemporaryDirectory(prefix="pyeongpan-bench-") as name,
        shop(Path(name), ARTICLES) as (address, _),
    ):
        account = Account(
            FILM_SHOP,
            "bench",
            "storefront",
            credentials={"api_key": API_KEY},
            options={"base_url": f"{address}/{FILM_SHOP}"},
        )
        with build_client(
            account, storefront.SPEC, pacer=Pacer(), clock=utc_now, allow_private=True
        ) as client:
            build = Build(account, client, utc_now, _NoTokens())
            return _growth(_pages(storefront.build(build)), pages)


class _NoTokens:
    """A token store for a channel without tokens."""

    def load(self, account_key: str) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's
        return {}

    def save(self, account_key: str, token: Mapping[str, str]) -> None:
        raise NotImplementedError

    def exclusive(self, account_key: str) -> AbstractContextManager[None]:
        raise NotImplementedError


def _pages(collector: Collector) -> Iterator[Read]:
    """Give what reads the next page of a run, and of the run after that."""
    until = utc_now()
    cursor: str | None = None

    def read() -> int:
        nonlocal cursor
        page = collector.fetch(until - YEAR, until, cursor)
        cursor = page.next_cursor
        return len(page.items)

    return repeat(read)


if __name__ == "__main__":
    print(json.dumps(measure_once(int(sys.argv[1]))))
