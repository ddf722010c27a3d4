"""Every benchmark runs on a tiny size and gives its figures; no test asserts a time."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from bench import __main__ as command
from bench import databases, desk, latency, measuring, memory, parse, store

if TYPE_CHECKING:
    from collections.abc import Callable


def test_parsing_is_compared_with_beautifulsoup_on_the_same_pages() -> None:
    figures = parse.measure(1)
    assert figures["pages"] == 1
    assert {"pages_per_s", "beautifulsoup_pages_per_s", "ratio"} <= set(figures)


def test_storing_is_measured_on_sqlite_and_says_why_not_on_postgresql(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(databases, "POSTGRES_URL", "postgresql://nobody@127.0.0.1:1/none")
    figures = store.measure(120)
    assert isinstance(figures["sqlite_rows_per_s"], int)
    assert str(figures["postgresql_rows_per_s"]).startswith("not measured: ")


def test_the_pipeline_brings_every_feedback_the_whole_way() -> None:
    figures = measuring.figures_of("bench.pipeline", "40")
    assert figures["feedback"] == 40
    assert 0 < figures["cases"] <= 40
    assert {"ratio", "cpu_ratio", "cpu_us_per_feedback", "peak_rss_mb", "load"} <= set(figures)


def test_latency_is_measured_from_the_board_to_the_alert() -> None:
    figures = measuring.figures_of("bench.latency", "1", "0")
    assert figures["samples"] == 1
    assert 0 <= figures["p50_s"] < latency.PATIENCE_S


@pytest.mark.usefixtures("postgres_pool")
def test_the_desk_is_measured_and_no_decision_is_lost() -> None:
    figures = desk.measure(660, 1, 40)
    assert set(figures["sqlite"]) == set(figures["postgresql"]) == set(desk.PAGES)
    decisions = figures["decisions"]
    assert decisions["asked"] == 80
    assert decisions["accepted"] == decisions["stored"] == decisions["cases_decided"] == 40
    assert decisions["refused_as_decided"] == 40


def test_repeated_texts_differ_so_that_none_is_read_once_for_many() -> None:
    from bench.shop import articles

    made = articles(5000)
    texts = {(article.shop, article.text) for article in made}
    assert len(made) == 5000
    assert len(texts) > 4900


def test_a_process_is_measured_from_outside() -> None:
    assert measuring.family(os.getpid())[0] == os.getpid()
    assert measuring.rss_mb(os.getpid()) > 10
    assert measuring.cpu_s(os.getpid()) > 0


def test_without_redis_the_roles_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(memory, "_measure_run", lambda _watch_s: {"run_rss_mb": 1})
    assert str(memory.measure(0.0)["roles"]).startswith("not measured: Redis")


@pytest.mark.parametrize("as_json", [True, False])
def test_named_benchmarks_are_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    made: dict[str, Callable[[], dict[str, object]]] = {"one": lambda: {"a": {"b": 1}}}
    monkeypatch.setattr(command, "BENCHMARKS", made)
    command.run_benchmarks(["one"], as_json=as_json)
    printed = capsys.readouterr().out
    if as_json:
        assert json.loads(printed)["one"] == {"a": {"b": 1}}
    else:
        assert "one / a" in printed


def test_an_unknown_benchmark_is_refused_by_name() -> None:
    with pytest.raises(SystemExit, match="no benchmark nonsense"):
        command.run_benchmarks(["nonsense"], as_json=False)
