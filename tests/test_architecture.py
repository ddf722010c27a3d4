"""The directions of the house that import contracts cannot say, and documents that must be true."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collectors import CHANNELS
from commands.schedule import SWEEP_S
from domain.states import MOVES
from domain.types import CHANNEL_NAMES
from responders.publishers import PUBLISHERS
from settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import StrEnum

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
CONTRACTS = PYPROJECT["tool"]["importlinter"]
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PACKAGES = frozenset(CONTRACTS["root_packages"])

IMPORTED_BY_OTHERS = {
    "psycopg": "SQLAlchemy's driver",
    "python-multipart": "FastAPI reads forms with it",
}
"""Dependencies of the product that no file of ours imports."""
TOOLS = {
    "check-jsonschema",
    "import-linter",
    "mypy",
    "pytest-socket",
    "pytest-timeout",
    "pytest-xdist",
    "ruff",
    "types-authlib",
}
"""Development dependencies that are run or plugged in, not imported."""


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        path = ROOT / folder
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


@cache
def imports(path: Path) -> frozenset[str]:
    """Give the full names a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return frozenset(found)


def normal(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def declared(*extras: str) -> set[str]:
    optional = PROJECT["optional-dependencies"]
    lists = [PROJECT["dependencies"], *(optional[extra] for extra in extras)]
    return {normal(requirement) for names in lists for requirement in names}


def foreign(*folders: str) -> dict[str, Path]:
    """Give each third-party top-level module to one file that imports it."""
    ours = PACKAGES | {"settings", "tests"}
    return {
        top: path
        for path in modules(*folders)
        for top in sorted({name.partition(".")[0] for name in imports(path)})
        if top not in ours and top not in sys.stdlib_module_names
    }


providers = cache(packages_distributions)


def distributions(top_level: str) -> set[str]:
    """Give who provides a module; its own name where it is not installed here."""
    return {normal(name) for name in providers().get(top_level, [top_level])}


@pytest.mark.parametrize("path", list(modules("domain")), ids=lambda path: path.name)
def test_the_domain_imports_the_standard_library_and_itself(path: Path) -> None:
    tops = {name.partition(".")[0] for name in imports(path)}
    assert tops <= set(sys.stdlib_module_names) | {"domain"}


@pytest.mark.parametrize("channel", sorted(PUBLISHERS))
def test_a_publisher_uses_no_other_channels_collector(channel: str) -> None:
    path = ROOT / Path(*PUBLISHERS[channel].module.split(".")).with_suffix(".py")
    others = {entry.module for name, entry in CHANNELS.items() if name != channel}
    assert not imports(path) & others


@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_a_collector_uses_no_other_channels_collector(channel: str) -> None:
    path = ROOT / Path(*CHANNELS[channel].module.split(".")).with_suffix(".py")
    # The generic table is not another channel's code: other exports are layouts of it.
    allowed = {CHANNELS[channel].module, "collectors.table_file"}
    others = {entry.module for entry in CHANNELS.values()} - allowed
    assert not imports(path) & others


def test_every_channel_that_can_be_answered_says_what_names_a_place() -> None:
    specs = {channel: CHANNELS[channel].spec for channel in PUBLISHERS}
    # Of 11번가 only the key says whose shop it is.
    assert {channel for channel, spec in specs.items() if not spec.source} == {"elevenst"}
    for spec in specs.values():
        assert spec.source.keys() <= set(spec.option_names)


def test_people_have_a_word_for_every_channel() -> None:
    assert CHANNEL_NAMES.keys() == CHANNELS.keys()


def test_only_publishers_among_the_responders_know_the_collectors() -> None:
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path in modules("responders")
        if any(name.partition(".")[0] == "collectors" for name in imports(path))
    }
    assert {name for name in knowing if not name.startswith("responders/publishers/")} == set()


def test_the_contracts_know_every_package() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == PACKAGES


def test_every_import_is_a_declared_dependency() -> None:
    missing = {
        f"{top} ({path.relative_to(ROOT)})"
        for top, path in foreign(*sorted(PACKAGES - {"bench"}), "settings.py").items()
        if not distributions(top) & declared("torch", "train")
    }
    assert missing == set()


def test_every_import_of_a_benchmark_or_test_is_a_declared_dependency() -> None:
    missing = {
        f"{top} ({path.relative_to(ROOT)})"
        for top, path in foreign("bench", "tests").items()
        if not distributions(top) & declared("torch", "dev")
    }
    assert missing == set()


def test_no_dependency_is_declared_for_nothing() -> None:
    imported = {
        name for top in foreign(*PACKAGES, "settings.py") for name in distributions(top)
    } | IMPORTED_BY_OTHERS.keys()
    assert declared() - imported == set()


def test_no_development_dependency_is_declared_for_nothing() -> None:
    imported = {
        name for top in foreign(*PACKAGES, "settings.py", "tests") for name in distributions(top)
    }
    assert declared("dev") - declared() - imported - TOOLS == set()


def test_the_document_justifies_every_dependency_and_no_other() -> None:
    section = ARCHITECTURE.partition("## Dependencies")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \| \S", section, re.MULTILINE))
    assert listed == declared("torch", "train", "dev") - {"pyeongpan"} | {"hatchling"}


@pytest.mark.parametrize("kind", list(MOVES), ids=lambda kind: kind.__name__)
def test_the_document_shows_the_moves_of_the_code(kind: type[StrEnum]) -> None:
    """Each table is what ``domain.states`` says; the message shows what to paste."""
    table = moves_table(kind)
    assert table in ARCHITECTURE, f"ARCHITECTURE.md needs:\n\n{table}"


def moves_table(kind: type[StrEnum]) -> str:
    lines = [f"| {kind.__name__.removesuffix('State')} | may become |", "| --- | --- |"]
    for state in kind:
        order = [f"`{target}`" for target in kind if target in MOVES[kind][state]]
        lines.append(f"| `{state}` | {', '.join(order) or 'nothing: the end'} |")
    return "\n".join(lines)


def test_the_failure_table_counts_with_the_times_of_the_code() -> None:
    lease_s = Settings().lease.total_seconds()
    assert f"`PYEONGPAN_LEASE`, {lease_s:.0f} seconds) plus one sweep ({SWEEP_S} s" in ARCHITECTURE


@pytest.mark.parametrize("contract", CONTRACTS["contracts"], ids=lambda contract: contract["id"])
def test_the_document_names_every_import_contract(contract: dict[str, str]) -> None:
    assert f"`{contract['id']}`" in ARCHITECTURE
