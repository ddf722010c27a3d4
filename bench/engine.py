"""The daemon's engine on a SQLite file, without clock and console; a benchmark says when to read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from settings import Settings
from workers import runtime as runtimes
from workers.broker import set_up
from workers.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workers.runtime import Runtime


@contextmanager
def engine(home: Path, brands: Path, **settings: object) -> Iterator[Runtime]:
    """Run the engine for the block.

    Args:
        home: Where the database is made.
        brands: Brand folders.
        **settings: Further settings by their names.
    """
    made = Settings.model_validate(
        {"home": home, "brands": brands, "allow_private_addresses": True, **settings}
    )
    broker = set_up(made.broker_url)
    runtime = runtimes.build(made)
    runtimes.synchronize(runtime)
    working = Engine(runtime, broker)
    working.start()
    try:
        yield runtime
    finally:
        working.stop()
