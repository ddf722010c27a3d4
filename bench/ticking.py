"""The daemon's clock, as far as it starts collections."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workers.collect import start_due

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.runtime import Runtime


@contextmanager
def ticking(runtime: Runtime) -> Iterator[None]:
    """Collect what is due every second for the block, as the daemon's relay does."""
    stopping = threading.Event()

    def tick() -> None:
        while not stopping.wait(1.0):
            start_due(runtime)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
