"""``pyeongpan bench [NAME...] [--full]``: all benchmarks, or the named ones."""

from __future__ import annotations

import json
import platform
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from bench import channels, classifier, desk, latency, memory, parse, pipeline, schedule, store
from bench.measuring import cores, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BENCHMARKS: dict[str, Callable[[], dict[str, object]]] = {
    "parse": parse.measure,
    "channels": channels.measure,
    "store": store.measure,
    "classifier": classifier.run,
    "pipeline": pipeline.measure,
    "latency": latency.measure,
    "schedule": schedule.measure,
    "memory": memory.measure,
    "desk": desk.measure,
}


def run_benchmarks(
    names: Sequence[str], *, as_json: bool, is_full: bool = False
) -> dict[str, object]:
    """Run the named benchmarks, all without a name, and print what they gave.

    Args:
        names: Of ``BENCHMARKS``.
        as_json: Print one JSON object instead of a table.
        is_full: Add 100,000 feedback to ``store`` and ``pipeline`` and measure ``desk`` over
            1,100,000.

    Returns:
        The figures by benchmark, and the machine they were measured on.
    """
    benchmarks = dict(BENCHMARKS)
    if is_full:
        benchmarks["store"] = partial(store.measure, store.FULL_SIZES)
        benchmarks["pipeline"] = partial(pipeline.measure, pipeline.FULL_SIZES)
        benchmarks["desk"] = partial(desk.measure, desk.FULL_SIZE)
    wanted = names or list(benchmarks)
    if strangers := sorted(set(wanted) - set(benchmarks)):
        sys.exit(f"no benchmark {', '.join(strangers)}; there are {', '.join(benchmarks)}")
    figures: dict[str, object] = {
        "machine": {
            "cores": cores(),
            "python": platform.python_version(),
            "load_at_start": load(),
        }
    }
    for name in wanted:
        print(f"{name} ...", file=sys.stderr, flush=True)
        figures[name] = benchmarks[name]()
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        for name, found in figures.items():
            _print_table(name, found)
    return figures


def _print_table(name: str, figures: Any) -> None:  # noqa: ANN401 - figures are nested dicts
    print(f"\n{name}")
    for key, value in figures.items():
        if isinstance(value, dict):
            _print_table(f"{name} / {key}", value)
        else:
            print(f"  {key:28} {value}")


if __name__ == "__main__":
    run_benchmarks(
        [word for word in sys.argv[1:] if word not in {"--json", "--full"}],
        as_json="--json" in sys.argv,
        is_full="--full" in sys.argv,
    )
