from __future__ import annotations

import multiprocessing
import threading
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from storage.outage import Outage
from storage.session import DatabaseError
from workers.duties import STALLED_S, Duties, Duty
from workers.relay import RelayThread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes_runtime import House
    from workers.runtime import Runtime

WAIT_S = 60
EVERY_S = 5.0


class Hanging:
    """A step that begins, asks the database when it is told to, and ends when it is told to."""

    __name__ = "sweep"

    def __init__(self) -> None:
        self.begun, self.asks, self.answered, self.ends = (threading.Event() for _ in range(4))

    def __call__(self, runtime: Runtime) -> None:
        self.begun.set()
        assert self.asks.wait(WAIT_S)
        runtime.database.ping()
        self.answered.set()
        assert self.ends.wait(WAIT_S)


class Present:
    """Seconds that pass when they are told to."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def present() -> Present:
    return Present()


@pytest.fixture
def step() -> Iterator[Hanging]:
    step = Hanging()
    yield step
    step.asks.set()
    step.ends.set()


def begin(duty: Duty, step: Hanging) -> threading.Thread:
    thread = threading.Thread(target=duty, daemon=True)
    thread.start()
    assert step.begun.wait(WAIT_S)
    return thread


def end(step: Hanging, thread: threading.Thread) -> None:
    step.asks.set()
    step.ends.set()
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_what_hangs_ages_and_what_is_slow_does_not(
    house: House, step: Hanging, present: Present
) -> None:
    duty = Duty(step, house.runtime, EVERY_S, present)
    house.database.watch(duty.answered)
    thread = begin(duty, step)
    present.now_s += 70
    # Somebody else's answer is no sign of this one.
    house.database.ping()
    assert duty.age_s() == 70
    step.asks.set()
    assert step.answered.wait(WAIT_S)
    assert duty.age_s() == 0
    present.now_s += 10
    assert duty.age_s() == 10
    end(step, thread)
    assert duty.age_s() == 0


def test_what_never_begins_again_ages_from_when_it_should_have(
    house: House, present: Present
) -> None:
    often, seldom = (
        Duty(lambda _runtime: None, house.runtime, every_s, present) for every_s in (EVERY_S, None)
    )
    present.now_s += EVERY_S
    assert (often.age_s(), seldom.age_s()) == (0, 0)
    present.now_s += 90
    assert (often.age_s(), seldom.age_s()) == (90, 0)
    often()
    assert often.age_s() == 0


def test_what_hangs_is_said_once_and_once_more_when_it_is_over(
    house: House, step: Hanging, present: Present
) -> None:
    duty = Duty(step, house.runtime, EVERY_S, present)
    thread = begin(duty, step)
    with capture_logs() as events:
        for _ in range(40):
            present.now_s += EVERY_S
            duty()
        end(step, thread)
        present.now_s += EVERY_S
        duty()
    told = [(event["event"], event["step"], event["after_s"]) for event in events]
    assert told == [("step_stalled", "sweep", STALLED_S), ("step_resumed", "sweep", 200)]


def test_a_lost_database_ends_a_step_and_not_the_next(
    house: House, present: Present, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.duties.DATABASE", Outage("database"))
    results = iter([DatabaseError("", {}, OSError("gone")), None])

    def remind(_runtime: Runtime) -> None:
        if error := next(results):
            raise error

    duty = Duty(remind, house.runtime, EVERY_S, present)
    with capture_logs() as events:
        duty()
        duty()
    assert [(event["event"], event["step"]) for event in events] == [("database_lost", "remind")]
    assert next(results, "both were done") == "both were done"


def test_the_sign_of_life_is_as_old_as_what_hangs(
    house: House, step: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiprocessing.current_process(), "name", "scheduler")
    home = house.runtime.settings.home
    duties = Duties(house.runtime)
    duty = duties.of(step, EVERY_S)
    thread = begin(duty, step)
    duty._sign_s -= 300
    looked = threading.Event()

    def age_s() -> float:
        if (home / "alive-scheduler").exists():
            looked.set()
        return duties.age_s()

    relay = RelayThread(house.runtime, age_s=age_s)
    relay.start()
    assert looked.wait(WAIT_S)
    relay.stop()
    alive = (home / "alive-scheduler").stat()
    assert alive.st_mtime < alive.st_ctime - 290
    end(step, thread)
