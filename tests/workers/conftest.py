from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes_runtime import (
    Article,
    FakeChannel,
    House,
    RecordingSlack,
    StillClock,
    make_brand,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from storage.session import Database


@pytest.fixture
def channel(clock: StillClock) -> FakeChannel:
    """Give a board with one normal complaint on it."""
    return FakeChannel(
        clock, [Article("n1", "포장이 별로예요", clock() - timedelta(hours=1), author="김하늘")]
    )


@pytest.fixture
def slack() -> RecordingSlack:
    return RecordingSlack()


@pytest.fixture
def make_house(
    database: Database,
    clock: StillClock,
    channel: FakeChannel,
    slack: RecordingSlack,
    tmp_path: Path,
) -> Iterator[Callable[..., House]]:
    """Give a maker of processes on one database."""
    made: list[House] = []

    def make(**changes: Any) -> House:  # noqa: ANN401 - House's own
        values = {"channel": channel, "slack": slack, "brand": make_brand(tmp_path), **changes}
        made.append(House(database, clock, **values))
        return made[-1]

    yield make
    for house in made:
        house.close()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """Give one process that handles messages one by one, in this thread."""
    return make_house()
