"""The demo storefront with as many articles as a benchmark wants, in a process of its own.

A channel is another machine: its memory and its rendering are not the pipeline's. Run as
``python -m bench.shop COUNT [negative]``.
"""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bench.measuring import child
from demo.content import Article, demo_articles, write_brands
from demo.storefront import Storefront

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

API_KEY = "bench"
_LONG_AGO = timedelta(days=3)
"""A backlog is older than what is alerted singly; its alerts are one digest."""
_NEXT_ROUND = 100_000_000
"""Numbers of repeated articles are higher than that."""


def articles(count: int, *, only_low_stars: bool = False) -> list[Article]:
    """Give ``count`` articles; a repeated text gets its round's number, so that all differ.

    Otherwise the model, which scores equal texts once, would look faster on larger sizes.
    """
    found = demo_articles(datetime.now(UTC), None if only_low_stars else count)
    if only_low_stars:
        low = [article for article in found if article.rating in {1, 2}]
        found = tuple(
            replace(
                low[index % len(low)],
                no=index // len(low) * _NEXT_ROUND + index + 1,
                written_at=low[index % len(low)].written_at - _LONG_AGO,
            )
            for index in range(count)
        )
    return [
        replace(article, text=f"{article.text} {article.no // _NEXT_ROUND}")
        if article.no >= _NEXT_ROUND
        else article
        for article in found
    ]


@contextmanager
def shop(folder: Path, count: int, *, only_low_stars: bool = False) -> Iterator[tuple[str, Path]]:
    """Serve ``count`` articles; give the address and a folder of brands that point to it."""
    words = ["bench.shop", str(count), *(["negative"] if only_low_stars else [])]
    with child(words) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe
        address = process.stdout.readline().strip()
        yield address, write_brands(folder / "brands", address, API_KEY)


def _serve(count: int, *, only_low_stars: bool) -> None:
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    front = Storefront(
        articles(count, only_low_stars=only_low_stars),
        api_key=API_KEY,
        clock=lambda: datetime.now(UTC),
    )
    print(front.start(), flush=True)
    signal.sigwait(signals)
    front.stop()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), only_low_stars="negative" in sys.argv[2:])
