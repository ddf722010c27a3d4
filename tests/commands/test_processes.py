"""The installed command as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


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
    assert found[0]["sentiment"] == "negative"
    assert "delivery" in found[0]["categories"]
    assert found[1]["text"] == ""
    assert found[1]["sentiment"] is None
    assert found[3]["sentiment"] != "negative"
    assert [entry["text"] for entry in found[:2]] == [lines[0].decode(), ""]


def test_no_lines_in_are_no_lines_out() -> None:
    done = run("classify", "-")
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_misspelt_variable_ends_the_process_with_its_name() -> None:
    done = run("db", "upgrade", PYEONGPAN_HOMEE="x")
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: PYEONGPAN_HOMEE is not a setting")


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
