"""Every benchmark runs on a tiny size and gives its figures; no test asserts a time."""

from __future__ import annotations

import json
import os
import sys
from itertools import repeat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bench import __main__ as command
from bench import (
    channels,
    classifier,
    databases,
    desk,
    latency,
    measuring,
    memory,
    parse,
    pipeline,
    schedule,
    store,
)
from collectors import CHANNELS
from commands.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_parsing_is_compared_with_beautifulsoup_on_the_same_pages() -> None:
    figures = parse.measure(1)
    assert figures["pages"] == 1
    assert {"pages_per_s", "beautifulsoup_pages_per_s", "ratio"} <= set(figures)


def test_every_channels_parser_and_memory_are_measured() -> None:
    figures = channels.measure(20)
    assert figures["pages"] == 20
    rates, ratios = figures["items_per_s"], figures["memory_ratio"]
    assert isinstance(rates, dict)
    assert isinstance(ratios, dict)
    assert set(rates) == set(CHANNELS)
    assert all(rate > 0 for rate in rates.values())
    assert set(ratios) == {*CHANNELS, "storefront_over_http"}
    assert all(ratio > 0 for ratio in ratios.values())


def test_as_many_pages_are_read_as_were_asked_for() -> None:
    read: list[int] = []

    def read_one() -> int:
        read.append(1)
        return 1

    channels._growth(repeat(read_one), 30)
    assert len(read) == 30


def test_without_the_source_tree_the_channels_say_why_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tests.collectors.samples", None)
    monkeypatch.setitem(sys.modules, "tests.contract.registry", None)
    monkeypatch.setattr(channels, "_over_http", lambda _pages: 1.0)
    figures = channels.measure_once(1)
    assert str(figures["items_per_s"]).startswith("not measured: ")
    assert figures["memory_ratio"] == {"storefront_over_http": 1.0}
    assert str(schedule.measure()["accounts"]).startswith("not measured: ")


def test_a_schedule_counts_each_accounts_runs() -> None:
    figures = schedule.measure(3, 2, 8)
    accounts = figures["accounts"]
    assert isinstance(accounts, dict)
    assert set(accounts) == {"slow", "failing", next(name for name in accounts if "-" in name)}
    for name, seen in accounts.items():
        assert seen["due"] >= 1, name
        assert seen["done"] <= seen["due"] + 1, name
    (healthy,) = (seen for name, seen in accounts.items() if "-" in name)
    assert healthy["done"] >= 1


def test_runs_that_are_due_are_counted_once_and_stay_due_until_done() -> None:
    seen = schedule.Watched(next_due=100.0)
    seen.see(100.0, now=99.0)
    assert (seen.due, seen.waiting_since) == (0, None)
    # The scheduler puts the next run off as soon as it has started this one.
    seen.see(110.0, now=101.0)
    seen.see(110.0, now=102.0)
    assert (seen.due, seen.done, seen.waiting_since) == (1, 0, 100.0)
    seen.end(103.0)
    seen.see(113.0, now=103.0)
    assert (seen.done, seen.first_late_s, seen.worst_late_s) == (1, 3.0, 0.0)
    seen.see(113.0, now=113.5)
    seen.see(123.0, now=114.0)
    seen.see(123.0, now=123.0)
    assert (seen.due, seen.waiting_since) == (3, 113.0), "the second is not done, the third is due"
    seen.end(125.0)
    assert seen.figures() == {"due": 3, "done": 2, "first_late_s": 3.0, "worst_late_s": 12.0}


def test_only_healthy_accounts_can_be_behind() -> None:
    watch = schedule.Watch(
        {f"bench/{name}": schedule.Watched(0.0, due=4, done=2) for name in ("slow", "esm-3")}
    )
    assert watch.figures()["behind"] == ["esm-3"]


def test_storing_is_measured_on_sqlite_and_says_why_not_on_postgresql(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(databases, "POSTGRES_URL", "postgresql://nobody@127.0.0.1:1/none")
    found = store.measure((20, 120))
    assert set(found) == {"20", "120", "growth"}
    for size in ("20", "120"):
        figures = found[size]
        assert isinstance(figures, dict)
        assert isinstance(figures["sqlite_rows_per_s"], int)
        assert str(figures["postgresql_rows_per_s"]).startswith("not measured: ")
    assert isinstance(found["growth"], dict)
    assert set(found["growth"]) == {"sqlite"}


@pytest.mark.usefixtures("postgres_pool")
def test_storing_is_compared_between_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {20: 200.0, 120: 100.0}
    monkeypatch.setattr(store, "_rate", lambda _url, items: rates[len(items)])
    assert store.measure((20, 120))["growth"] == {"sqlite": 2.0, "postgresql": 2.0}


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
    pages = {*desk.PAGES, desk.NEXT_CASE}
    assert set(figures["sqlite"]) == set(figures["postgresql"]) == pages
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


def test_without_proc_memory_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on macOS."""
    monkeypatch.setattr(measuring, "PROC", tmp_path)
    monkeypatch.setattr(channels, "_samples", dict)
    assert memory.measure() == {"roles": measuring.NO_PROC}
    figures = channels.measure_once(1)
    assert figures["memory_ratio"] == figures["memory_mb"] == measuring.NO_PROC


def test_cores_are_counted_where_nobody_says_which_are_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert measuring.cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert measuring.cores() == os.cpu_count()


def test_without_redis_the_roles_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(memory, "_measure_run", lambda _watch_s: {"run_rss_mb": 1})
    assert str(memory.measure(0.0)["roles"]).startswith("not measured: Redis")


def test_the_classifiers_figures_are_given_and_not_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else stood on standard output would not be JSON."""
    monkeypatch.setattr(classifier, "reference_pipeline", lambda _threads: "not measured")
    figures = classifier.run(["배송이 늦어요", "좋아요"])
    assert figures["texts"] == 2
    assert capsys.readouterr().out == ""


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


@pytest.mark.parametrize("words", [["store", "--full"], ["--full", "store"], ["store"]])
def test_the_largest_sizes_are_an_option_of_the_command(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    asked: list[object] = []

    def note(names: tuple[str, ...], *, as_json: bool, is_full: bool) -> None:
        asked.extend([names, as_json, is_full])

    monkeypatch.setattr(command, "run_benchmarks", note)
    monkeypatch.setattr("commands.__main__.set_up_logging", lambda _level: None)
    done = CliRunner().invoke(main, ["bench", *words])
    assert (done.exit_code, asked) == (0, [("store",), False, "--full" in words]), done.output
    assert "--full" in CliRunner().invoke(main, ["bench", "--help"]).output


def test_full_measures_the_largest_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[object] = []

    def note(given: object) -> dict[str, object]:
        sizes.append(given)
        return {}

    for module in (store, pipeline, desk):
        monkeypatch.setattr(module, "measure", note)
    command.run_benchmarks(["store", "pipeline", "desk"], as_json=True, is_full=True)
    assert sizes == [store.FULL_SIZES, pipeline.FULL_SIZES, desk.FULL_SIZE]


def test_an_unknown_benchmark_is_refused_by_name() -> None:
    with pytest.raises(SystemExit, match="no benchmark nonsense"):
        command.run_benchmarks(["nonsense"], as_json=False)
