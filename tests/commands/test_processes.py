"""The installed command as a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300
Found = TypeVar("Found")


@pytest.fixture
def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def run(
    *arguments: str, given: bytes = b"", timeout_s: float = 100, **env: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "commands", *arguments],
        input=given,
        capture_output=True,
        timeout=timeout_s,
        cwd=ROOT,
        env={**os.environ, **env},
        check=False,
    )


@pytest.mark.timeout(240)
def test_each_line_in_is_one_line_out_whatever_it_holds(tmp_path: Path) -> None:
    lines = [
        "배송이 너무 늦고 포장도 엉망이에요".encode(),
        b"",
        b"   ",
        "아주 좋아요 👍".encode(),
        b"\xb9\xe8\xbc\xdb \xb4\xca\xc0\xbd",  # CP949 where UTF-8 is wanted
        b"nul\x00byte",
        "\ud83d".encode("utf-8", "surrogatepass"),
        b'{"json": "\\u1234"}',
        "ㅋ".encode() * 5000,
        b"a\xe2\x80\xa8b",
    ]
    done = run("classify", "-", given=b"\n".join(lines) + b"\n", timeout_s=200)
    assert done.returncode == 0, done.stderr.decode()
    out = done.stdout.decode("utf-8").split("\n")
    assert out.pop() == ""
    assert len(out) == len(lines)
    found: list[dict[str, Any]] = [json.loads(line) for line in out]
    for entry in found:
        assert {"text", "sentiment", "score", "categories", "severity", "abusive"} <= set(entry)
        assert (entry["sentiment"] == "negative") == ((entry["score"] or 0) >= 0.5)
        assert (entry["sentiment"] is None) == (entry["score"] is None)
    # Read by people, too: only what is no UTF-8 is escaped.
    assert lines[0].decode() in out[0]
    assert found[0]["sentiment"] == "negative"
    assert "delivery" in found[0]["categories"]
    assert found[1]["text"] == ""
    assert found[1]["sentiment"] is None
    assert found[3]["sentiment"] != "negative"
    assert [entry["text"] for entry in found[:2]] == [lines[0].decode(), ""]


def test_no_lines_in_are_no_lines_out() -> None:
    done = run("classify", "-")
    assert (done.returncode, done.stdout) == (0, b"")


def shown(folder: Path, command: str, timeout_s: float = 100) -> str:
    """Give what a shell's command writes to a terminal."""
    ours, theirs = os.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        ["bash", "-c", f"{sys.executable} -m commands {command}"],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=env,
    )  # fmt: skip
    os.close(theirs)
    found = b""
    # Linux tells of the other end's closing as an error.
    with suppress(OSError):
        while piece := os.read(ours, 1 << 16):
            found += piece
    os.close(ours)
    assert process.wait(timeout_s) == 0, found
    return found.decode()


@pytest.mark.timeout(240)
def test_only_a_person_who_sees_nothing_else_sees_how_far_it_is(tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("배송이 너무 늦어요\n" * 20, encoding="utf-8")
    (tmp_path / "rows").write_text("text\tlabel\n별로예요\t0\n좋아요\t1\n", encoding="utf-8")
    for command in ("classify texts > out", "classify < texts > out", "evaluate rows > out"):
        assert "100%" in shown(tmp_path, command)
        assert "]" in (tmp_path / "out").read_text(encoding="utf-8")
    assert "540" in shown(tmp_path, "classify < <(cat texts) > out")
    assert [json.loads(line)["text"] for line in shown(tmp_path, "classify texts").splitlines()]
    assert shown(tmp_path, "classify texts > out 2> seen") == ""
    assert (tmp_path / "seen").read_bytes() == b""


def test_a_misspelt_variable_ends_the_process_with_its_name() -> None:
    done = run("db", "upgrade", PYEONGPAN_HOMEE="x")
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: PYEONGPAN_HOMEE is not a setting")


HANGING = {
    "run": """
import threading
from commands import __main__ as commands
from commands.daemon import Daemon
from workers import ending
ending.RUN_ENDS_WITHIN_S = 1
Daemon.__exit__ = lambda *_: threading.Event().wait()
commands._wait_for_signal = lambda: None
commands.main(["run"])
""",
    "worker": """
import threading
from workers import ending
ending.WORKER_ENDS_WITHIN_S = 1
from workers.app import RelayMiddleware
RelayMiddleware().before_worker_shutdown(None, None)
threading.Event().wait()
""",
}
"""As where a database that hangs holds the threads that are waited for."""


@pytest.mark.parametrize("role", HANGING)
def test_a_process_that_hangs_while_it_ends_is_cut_short(
    tmp_path: Path, free_port: int, role: str
) -> None:
    env = {
        "PYEONGPAN_HOME": str(tmp_path),
        "PYEONGPAN_BRANDS": str(tmp_path / "brands"),
        "PYEONGPAN_CONSOLE_PORT": str(free_port),
    }
    done = subprocess.run(
        [sys.executable, "-c", HANGING[role]],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert "stop_cut_short" in done.stdout + done.stderr


def test_what_libraries_log_is_one_line_each_as_our_own_is() -> None:
    code = """
import logging, structlog
from commands.__main__ import set_up_logging
set_up_logging("INFO")
structlog.get_logger().info("ours", number=1)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("uvicorn.error").exception("broken\\n")
logging.getLogger("dramatiq.worker").info("ready")
logging.getLogger("pika.adapters").error("refused, in seven lines")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours, theirs = (json.loads(line) for line in done.stderr.splitlines())
    assert (ours["event"], ours["number"], ours["level"]) == ("ours", 1, "info")
    assert theirs["event"].startswith("broken")
    assert (theirs["logger"], theirs["level"]) == ("uvicorn.error", "error")
    assert theirs["exception"].endswith("ZeroDivisionError: division by zero")
    assert ours.keys() - {"number"} <= theirs.keys()


def test_a_process_whose_threads_hang_ends_by_itself() -> None:
    code = """
import threading
from workers.ending import end_within
threading.Thread(target=threading.Event().wait).start()
end_within(0.1)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 1
    assert b"stop_cut_short" in done.stdout + done.stderr


@contextmanager
def demo(home: Path, port: int) -> Iterator[None]:
    """Run the demo for the block, and see that its console is where it says."""
    log = home / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "commands", "demo", "--port", str(port)],
            stderr=output,
            cwd=ROOT,
            env={**os.environ, "PYEONGPAN_HOME": str(home)},
        )
    try:

        def address() -> str:
            assert process.poll() is None, log.read_text()
            found = re.search(r"^콘솔: (\S+)", log.read_text(), re.MULTILINE)
            return found[1] if found else ""

        printed = wait_for(address)
        assert printed == f"http://127.0.0.1:{port}"
        page = httpx.get(printed, timeout=PATIENCE_S, follow_redirects=True)
        assert (page.status_code, "평판" in page.text) == (200, True)
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], Found]) -> Found:
    """Give what a condition finds as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, condition
        time.sleep(0.1)
    return found


def drafted(home: Path) -> set[tuple[Any, ...]]:
    """Give the demo's cases that were drafted, with what they are about."""
    with closing(sqlite3.connect(home / "demo" / "pyeongpan.db")) as database:
        rows = database.execute(
            "SELECT cases.id, feedback.native_id, feedback.text FROM cases"
            " JOIN feedback ON feedback.id = feedback_id WHERE cases.state = 'drafted'"
        )
        return set(rows)


@pytest.mark.timeout(4 * PATIENCE_S)
def test_the_demo_starts_stops_and_goes_on_where_it_was(tmp_path: Path, free_port: int) -> None:
    """What ``make run`` starts, as far as its first drafts."""
    with demo(tmp_path, free_port):
        wait_for(lambda: drafted(tmp_path))
    before = drafted(tmp_path)
    with demo(tmp_path, free_port):
        assert drafted(tmp_path) >= before


@pytest.mark.timeout(1200)
def test_the_whole_demo_is_answered_and_proven(tmp_path: Path) -> None:
    """The main job end to end: the slowest test there is."""
    done = run(
        *("demo", "--once", "--approve-all", "--json"),
        timeout_s=1100,
        PYEONGPAN_HOME=str(tmp_path),
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    found = json.loads(done.stdout)
    wanted = found["negative"] + found["inquiries"]
    assert wanted > 0
    assert {found[name] for name in ("drafts", "approved", "published", "verified")} == {wanted}
    assert found["unresolved"] == 0
    assert found["collected"] >= 2150
    assert found["alerts"] > 0
    # The fresh database was temporary.
    assert list(tmp_path.iterdir()) == []
