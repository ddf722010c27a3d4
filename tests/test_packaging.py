"""What is installed is complete, what is locked is what is asked for, what is written is true."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import settings
from commands.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WHEEL = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
LOCKS = {"requirements.lock": [], "requirements-dev.lock": ["dev"]}
HOSTS = "|".join(["py" + "pi[.]org", "python" + "hosted[.]org", "registry[.]npm" + "js[.]org"])


@cache
def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, set[str]]:
    """Give each locked name with its versions; markers can make several."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9.-]+)==(\S+)", read(lock), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_holds_what_the_project_asks_for(lock: str) -> None:
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *PYPROJECT["dependency-groups"]["build"]]
    for extra in LOCKS[lock]:
        wanted += project["optional-dependencies"][extra]
    locked = pins(lock)
    for requirement in map(Requirement, wanted):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement}: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), (
            f"{requirement}: {versions} is locked; run `make lock`"
        )


def test_what_is_tested_is_what_runs() -> None:
    run, test = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: test.get(name) for name in run} == run


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_is_hashed_and_names_no_place(lock: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", read(lock), flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(rf"^\s*-|://|file:|{HOSTS}", read(lock).replace("    --hash", ""), re.M)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as an installer does, without an index."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)], check=True
    )
    return next(folder.glob("pyeongpan-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the wheel where nothing of the working tree is."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def committed(*folders: str) -> Iterator[str]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("only a clone knows what is committed")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *folders],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    yield from filter(None, listed.stdout.split("\0"))


def test_the_wheel_holds_every_file_of_every_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert [path for path in committed(*WHEEL) if path not in packed] == []


def test_the_wheel_holds_our_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(WHEEL)


def run_installed(
    installed: Path, where: Path, *words: str, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command from the unpacked wheel in an empty folder."""
    program = (
        "import sys, commands.__main__ as command; "
        f"assert command.__file__.startswith({str(installed)!r}), command.__file__; "
        "sys.argv[0] = 'pyeongpan'; command.main()"
    )
    environment: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
        "PYTHONPATH": str(installed),
        "PYTHONSAFEPATH": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=where,
        env=environment,
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_installed_copy_finds_its_migrations(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    done = run_installed(installed, tmp_path, "db", "upgrade")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "var" / "pyeongpan.db").exists()


def test_an_installed_copy_finds_its_model(installed: Path, tmp_path: Path) -> None:
    done = run_installed(installed, tmp_path, "classify", said="배송이 너무 늦고 상자가 터졌어요\n")
    assert done.returncode == 0, done.stderr
    assert '"negative"' in done.stdout


def test_an_installed_copy_finds_its_demo_and_its_pages(installed: Path, tmp_path: Path) -> None:
    program = (
        "from demo.content import demo_articles, write_brands\n"
        "from datetime import datetime, UTC\n"
        "from pathlib import Path\n"
        "from settings import load_brands\n"
        "assert demo_articles(base_at=datetime(2026, 1, 1, tzinfo=UTC))\n"
        "folder = write_brands(Path('brands'), base_url='http://127.0.0.1:1', api_key='k')\n"
        "assert len(load_brands(folder)) == 2\n"
        "from importlib.resources import files\n"
        "assert (files('console') / 'templates' / 'queue.html').is_file()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_example_environment_is_every_setting_in_order() -> None:
    named = re.findall(r"^(PYEONGPAN_[A-Z_]+)=", read(".env.example"), re.MULTILINE)
    assert named == [settings.PREFIX + name.upper() for name in settings.Settings.model_fields]


def leaves(group: click.Group, prefix: str = "pyeongpan") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_readme_lists_every_command_and_no_other(readme: str) -> None:
    listed = re.findall(
        r"^\| `(pyeongpan [a-z-]+(?: (?:upgrade|list|open|page|resolve|rotate))?)",
        read(readme),
        re.MULTILINE,
    )
    assert set(listed) == set(leaves(main))


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md", "CONTRIBUTING.md"])
def test_every_make_target_in_a_document_exists(readme: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b(?= |`|$)", read(readme), re.MULTILINE)) <= targets


@pytest.mark.parametrize(
    "document",
    ["README.md", "README.ko.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"],
)
def test_every_link_of_a_document_leads_somewhere(document: str) -> None:
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", read(document))
    assert [
        target
        for target in targets
        if not target.startswith("https://") and not (ROOT / target).exists()
    ] == []


def test_the_changelog_tells_of_this_version() -> None:
    version = PYPROJECT["project"]["version"]
    assert re.search(rf"^## {re.escape(version)}\b", read("CHANGELOG.md"), re.MULTILINE)
