"""A minute of the storm; `make storm` is all ten, with 2,000 cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.storm.weather import storm

if TYPE_CHECKING:
    from pathlib import Path

    from storage.session import Database

CASES = 200


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1])
def test_a_storm_is_told_and_decided_once(database: Database, tmp_path: Path, seed: int) -> None:
    with storm(database, tmp_path, seed) as weather:
        weather.rage(CASES)
        assert list(weather.problems(CASES)) == []
