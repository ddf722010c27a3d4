"""Sealing: keys, rotation, fingerprints, two processes making one key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from privacy import sealing
from privacy.sealing import Sealer, generate_key, load_or_create_key

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sealer() -> Sealer:
    return Sealer([generate_key()])


@pytest.mark.parametrize("plain", [b"", b"\0", "리뷰 원문 010-1234-5678".encode(), b"x" * 100_000])
def test_what_was_sealed_opens(sealer: Sealer, plain: bytes) -> None:
    sealed = sealer.seal(plain)
    assert plain == b"" or plain not in sealed or len(plain) == 1
    assert sealer.open(sealed) == plain


def test_sealing_twice_gives_two_values(sealer: Sealer) -> None:
    assert sealer.seal(b"same") != sealer.seal(b"same")


def test_another_key_does_not_open_and_the_error_says_what_to_do(sealer: Sealer) -> None:
    sealed = Sealer([generate_key()]).seal(b"secret")
    with pytest.raises(ConfigurationError, match="add the key that was in use"):
        sealer.open(sealed)


@pytest.mark.parametrize("damage", [b"", b"x", b"gAAAA", b"\xff\xfe"])
def test_a_damaged_value_is_refused(sealer: Sealer, damage: bytes) -> None:
    with pytest.raises(ConfigurationError, match="damaged"):
        sealer.open(damage)


def test_a_changed_byte_is_refused(sealer: Sealer) -> None:
    sealed = bytearray(sealer.seal(b"secret"))
    sealed[40] = ord("A") if sealed[40] != ord("A") else ord("B")
    with pytest.raises(ConfigurationError):
        sealer.open(bytes(sealed))


def test_a_retired_key_still_opens_and_rotation_frees_it() -> None:
    old, new = generate_key(), generate_key()
    sealed = Sealer([old]).seal(b"secret")
    both = Sealer([new, old])
    assert both.open(sealed) == b"secret"
    assert Sealer([new]).open(both.rotate(sealed)) == b"secret"
    with pytest.raises(ConfigurationError):
        Sealer([old]).open(both.seal(b"later"))


@pytest.mark.parametrize("keys", [[], [""], ["short"], ["한글"], ["A" * 44], ["!" * 43 + "="]])
def test_a_bad_key_is_refused_without_showing_it(keys: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"sealing key .*PYEONGPAN_SEAL_KEY") as caught:
        Sealer(keys)
    assert not keys or not keys[0] or keys[0] not in str(caught.value)


def test_a_key_may_end_in_a_newline() -> None:
    key = generate_key()
    assert Sealer([key]).open(Sealer([key + "\n"]).seal(b"x")) == b"x"


def test_fingerprints_find_the_same_author_only_with_the_key() -> None:
    key = generate_key()
    first, again, other = Sealer([key]), Sealer([key]), Sealer([generate_key()])
    assert first.fingerprint("smartstore:hong") == again.fingerprint("smartstore:hong")
    assert first.fingerprint("smartstore:hong") != first.fingerprint("smartstore:kong")
    assert first.fingerprint("smartstore:hong") != other.fingerprint("smartstore:hong")
    assert len(first.fingerprint("\ud800")) == 32


def test_after_rotation_old_fingerprints_are_still_searched() -> None:
    old, new = generate_key(), generate_key()
    stored = Sealer([old]).fingerprint("a")
    assert stored in Sealer([new, old]).fingerprints("a")
    assert Sealer([new, old]).fingerprints("a")[0] == Sealer([new, old]).fingerprint("a")


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "home" / "seal.key"
    key = load_or_create_key(path)
    assert load_or_create_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["seal.key"]
    Sealer([key])


def test_losing_the_race_gives_the_winners_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "seal.key"
    winner = load_or_create_key(path)
    monkeypatch.setattr(Path, "exists", lambda _self: False)
    assert load_or_create_key(path) == winner
    assert [entry.name for entry in tmp_path.iterdir()] == ["seal.key"]


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    script = (
        "import sys; from pathlib import Path; from privacy.sealing import load_or_create_key;"
        "print('ready', flush=True); sys.stdin.readline(); print(load_or_create_key(Path(sys.argv[1])))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    keys = {process.communicate("go\n", timeout=60)[0] for process in running}
    assert keys == {path.read_text()}


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    load_or_create_key(path)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_or_create_key(path)


@pytest.mark.parametrize("content", [b"", b"not a key\n", "열쇠".encode(), b"\xff\xff"])
def test_a_file_without_a_key_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "seal.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError):
        load_or_create_key(path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="writable"):
        load_or_create_key(tmp_path / "file" / "seal.key")


def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise OSError("disk full")

    monkeypatch.setattr(sealing, "generate_key", fail)
    with pytest.raises(ConfigurationError):
        load_or_create_key(tmp_path / "seal.key")
    assert list(tmp_path.iterdir()) == []
