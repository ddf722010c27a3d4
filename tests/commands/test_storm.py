"""2,000 cases in ten minutes end with every decision taken once and no room above its rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands.storm import storm

if TYPE_CHECKING:
    from pathlib import Path

    from storage.session import Database

CASES = 2_000


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1])
def test_a_storm_is_told_and_decided_once(database: Database, tmp_path: Path, seed: int) -> None:
    with storm(database, tmp_path, seed) as weather:
        weather.rage(CASES)
        assert list(weather.problems(CASES)) == []
