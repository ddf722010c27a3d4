"""A process that dies at any step, and what another one makes of it.

Every boundary is a step: before and after each transaction, fetch, reply, read, post and model
call, and before each commit. The same story is told once per step, dying there; then a new process
takes over and the story goes on. Whatever the step, the end is the same.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, func, select

from commands.daemon import take_up
from storage.models import AlertRow, CaseRow, FeedbackRow, PublicationRow
from tests.conftest import trust_the_disk
from tests.fakes_runtime import (
    Article,
    Death,
    FakeChannel,
    Fate,
    House,
    MortalDatabase,
    RecordingSlack,
    ScriptedClassifier,
    StillClock,
    make_brand,
)
from workers.collect import start_due
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from storage.session import Database

TEXTS = {"n1": "별로예요", "n2": "벌레 나옴", "n3": "좋아요"}
ROUNDS = 5


class World:
    """What outlives a process: the database, the channel, Slack and the time."""

    def __init__(self, database: Database, folder: Path, fate: Fate) -> None:
        self.clock = StillClock()
        written_at = self.clock() - timedelta(minutes=1)
        self.channel = FakeChannel(
            self.clock, [Article(name, text, written_at) for name, text in TEXTS.items()]
        )
        self.slack = RecordingSlack()
        self.classifier = ScriptedClassifier()
        self.folder = folder
        self.database = MortalDatabase(database.url.render_as_string(hide_password=False))
        if database.is_sqlite:
            event.listen(self.database.engine, "connect", trust_the_disk)
        for part in (self.channel, self.slack, self.classifier, self.database):
            part.fate = fate

    def process(self) -> House:
        """Start a process; its broker knows nothing of the last one's messages."""
        return House(
            self.database,
            self.clock,
            self.channel,
            self.slack,
            brand=make_brand(self.folder),
            classifier=self.classifier,
        )

    def live(self, house: House, *, rounds: int = 1) -> None:
        """Collect, understand, draft, tell, approve, publish, prove and repair."""
        for _ in range(rounds):
            start_due(house.runtime)
            sweep(house.runtime)
            house.run_on(timedelta(minutes=1))
            house.approve_all()
            house.run_on(timedelta(minutes=1))
            self.clock.advance(minutes=4)

    def check(self) -> None:
        """Prove that nothing was lost and nothing was done twice."""
        with self.database.reading() as connection:
            stored = Counter(connection.execute(select(FeedbackRow.native_id)).scalars())
            cases = connection.execute(
                select(FeedbackRow.native_id, CaseRow.state).join(
                    CaseRow, CaseRow.feedback_id == FeedbackRow.id
                )
            ).all()
            proven = connection.execute(
                select(func.count(PublicationRow.id)).where(
                    PublicationRow.state == "published", PublicationRow.verified_at.is_not(None)
                )
            ).scalar_one()
            publications = connection.execute(select(func.count(PublicationRow.id))).scalar_one()
            alerts = set(connection.execute(select(AlertRow.state)).scalars())
            alert_ids = [str(found) for found in connection.execute(select(AlertRow.id)).scalars()]
        assert stored == dict.fromkeys(TEXTS, 1)
        assert sorted(tuple(case) for case in cases) == [("n1", "answered"), ("n2", "answered")]
        assert (proven, publications) == (2, 2)
        assert sorted(self.channel.sent) == ["n1", "n2"]
        assert alerts == {"sent"}
        assert sorted(alert_id for _, alert_id in self.slack.posts) == sorted(alert_ids)


def steps_of_a_whole_life(world: World) -> None:
    house = world.process()
    try:
        world.live(house, rounds=2)
    finally:
        house.close()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("restart", ["embedded", "another"])
def test_death_at_any_step_loses_nothing_and_repeats_nothing(
    make_database: Callable[[], Database],
    tmp_path: Path,
    backend: str,
    restart: str,
) -> None:
    database = make_database()
    whole = Fate()
    world = World(database, tmp_path, whole)
    steps_of_a_whole_life(world)
    world.check()
    world.database.close()
    assert {"before a reply", "after a reply", "after a post", "before a commit"} <= set(
        whole.steps
    )
    for fatal in fatal_steps(whole.steps, backend, restart):
        die_at(fatal, make_database(), tmp_path, restart)


def fatal_steps(steps: list[str], backend: str, restart: str) -> list[int]:
    """Give the steps to die at, counted from 1; the two ways of taking over share them.

    All of them take minutes, so that only ``REPUTATION_TEST_EVERY_STEP=1`` tries them; otherwise
    every step at the outside world and some of the transactions.
    """
    every = range(1, len(steps) + 1)
    if os.environ.get("REPUTATION_TEST_EVERY_STEP") == "1":
        return list(every)
    stride = 7 if backend == "sqlite" else 17
    chosen = [
        number
        for number in every
        if number % stride == 0 or not steps[number - 1].endswith(("transaction", "commit"))
    ]
    return chosen[restart == "embedded" :: 3 if backend == "sqlite" else 6]


def die_at(fatal: int, database: Database, folder: Path, restart: str) -> None:
    fate = Fate(fatal)
    world = World(database, folder, fate)
    with pytest.raises(Death):
        steps_of_a_whole_life(world)
    died_at = fate.steps[-1]
    house = world.process()
    try:
        if restart == "embedded":
            take_up(house.runtime)
        world.live(house, rounds=ROUNDS)
        world.check()
    except AssertionError as error:
        error.add_note(f"died at step {fatal}: {died_at}")
        raise
    finally:
        house.close()
        world.database.close()
