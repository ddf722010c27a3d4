"""What a killed training run leaves behind; training itself needs libraries that tests do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sentiment.training.files import (
    CHECKPOINT,
    DamagedFileError,
    is_finished,
    reading,
    replacing,
)
from sentiment.training.table import Table

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with replacing(path) as file:
        assert not path.exists()
        file.write(b"first")
    assert path.read_bytes() == b"first"

    with pytest.raises(TypeError), replacing(path) as file:
        file.writelines([b"sec", "ond"])  # type: ignore[list-item]
    assert path.read_bytes() == b"first"

    with replacing(path) as file:  # what lies beside is no hindrance
        file.write(b"third")
    assert path.read_bytes() == b"third"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_made_anew_is_not_finished(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    assert not is_finished(path)
    path.touch()
    assert is_finished(path)
    (tmp_path / CHECKPOINT).touch()
    assert not is_finished(path)


@pytest.mark.parametrize("share", [0, 0.5, 0.98])
def test_a_cut_file_is_named_with_the_remedy(tmp_path: Path, share: float) -> None:
    path = tmp_path / "rows.npz"
    table = Table(*np.random.default_rng(1).integers(0, 9, (7, 1000)))
    table.save(path)
    assert np.array_equal(Table.load(path).fold, table.fold)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(DamagedFileError, match=r"rows\.npz cannot be used .*delete it"):
        Table.load(path)


def test_a_missing_file_is_no_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    with pytest.raises(FileNotFoundError), reading(path):
        pass
