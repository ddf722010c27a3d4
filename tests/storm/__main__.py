"""The storm at full size: 2,000 cases in ten minutes of a clock that is told when to go on.

python -m tests.storm --cases 2000 --seed 1 [--setup sqlite --setup postgresql]
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import structlog

from storage import schema
from storage.session import Database
from tests.conftest import PostgresPool, postgres_url
from tests.storm.weather import storm

SETUPS = ("sqlite", "postgresql")


def main() -> None:
    """Run the chosen set-ups and exit 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm")
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--setup", action="append", choices=SETUPS)
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = [
        problem
        for setup in options.setup or SETUPS
        for problem in prove(setup, options.cases, seed)
    ]
    print(f"{len(found)} promises broken")
    sys.exit(1 if found else 0)


def prove(setup: str, cases: int, seed: int) -> list[str]:
    """Let one storm pass; gives the promises it broke."""
    print(f"storm {setup}: seed {seed}, {cases} cases", flush=True)
    with ExitStack() as blocks:
        home = Path(blocks.enter_context(tempfile.TemporaryDirectory(prefix="pyeongpan-storm-")))
        if setup == "sqlite":
            database = Database(f"sqlite:///{home / 'storm.db'}")
            schema.upgrade(database)
        else:
            database = Database(postgres_url(PostgresPool(blocks).take()))
        blocks.callback(database.close)
        began, worked = time.monotonic(), time.process_time()
        with storm(database, home, seed) as weather:
            weather.rage(cases)
            problems = list(weather.problems(cases))
        print(
            f"  {dict(weather.counts)}, {len(weather.slack.messages)} messages in Slack; "
            f"{time.monotonic() - began:.0f} s, {time.process_time() - worked:.0f} s of a processor",
            flush=True,
        )
        for problem in problems:
            print(f"storm {setup}: BROKEN: {problem}", flush=True)
        return problems


if __name__ == "__main__":
    main()
