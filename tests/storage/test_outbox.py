from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from storage import outbox
from tests.fakes_runtime import Death
from tests.storage.rows import NOW

if TYPE_CHECKING:
    from storage.session import Database


class Broker:
    """Takes messages until it dies at one of them."""

    def __init__(self, dies_after: int = 1000) -> None:
        self.taken: list[tuple[str, list[Any]]] = []
        self._dies_after = dies_after

    def __call__(self, actor: str, args: list[Any]) -> None:
        self.taken.append((actor, args))
        if len(self.taken) == self._dies_after:
            raise Death


def add(database: Database, *numbers: int, at: object = NOW) -> None:
    with database.unit_of_work() as connection:
        for number in numbers:
            outbox.add(connection, "actor", [number], available_at=at)  # type: ignore[arg-type]


def relay(database: Database, broker: Broker, limit: int = 200) -> int:
    with database.unit_of_work() as connection:
        return outbox.relay(connection, broker, now=NOW, limit=limit)


def test_due_messages_are_handed_over_once_in_order(database: Database) -> None:
    add(database, 2, 3)
    add(database, 1, at=NOW - timedelta(seconds=1))
    broker = Broker()
    assert relay(database, broker) == 3
    assert [args for _, args in broker.taken] == [[1], [2], [3]]
    assert relay(database, broker) == 0


def test_a_message_waits_for_its_time(database: Database) -> None:
    later = NOW + timedelta(microseconds=1)
    add(database, 1, at=later)
    assert relay(database, Broker()) == 0
    with database.reading() as connection:
        assert outbox.next_available_at(connection) == later
        assert outbox.size(connection) == 1


def test_a_message_of_an_undone_transaction_never_was(database: Database) -> None:
    def write_and_die() -> None:
        with database.unit_of_work() as connection:
            outbox.add(connection, "actor", [1], available_at=NOW)
            raise Death

    with pytest.raises(Death):
        write_and_die()
    assert relay(database, Broker()) == 0


@pytest.mark.parametrize("step", [1, 2, 3])
def test_death_between_sending_and_forgetting_repeats_and_loses_nothing(
    database: Database, step: int
) -> None:
    add(database, 1, 2, 3)
    dying, next_one = Broker(dies_after=step), Broker()
    with pytest.raises(Death):
        relay(database, dying)
    assert relay(database, next_one) == 3
    assert [args for _, args in next_one.taken] == [[1], [2], [3]]
    assert len(dying.taken) == step


def test_more_than_one_batch_is_handed_over_in_turns(database: Database) -> None:
    add(database, 1, 2, 3)
    broker = Broker()
    assert [relay(database, broker, limit=2) for _ in range(3)] == [2, 1, 0]
    assert [args for _, args in broker.taken] == [[1], [2], [3]]


def test_ids_travel_in_pages(database: Database) -> None:
    with database.unit_of_work() as connection:
        outbox.add_pages(connection, "actor", [1, 2, 3], page_size=2, available_at=NOW)
        outbox.add_pages(connection, "actor", [], page_size=2, available_at=NOW)
    broker = Broker()
    relay(database, broker)
    assert broker.taken == [("actor", [[1, 2]]), ("actor", [[3]])]


@pytest.mark.integration
def test_two_relays_do_not_hand_over_the_same_message(postgres_database: Database) -> None:
    add(postgres_database, 1, 2)
    one, other = Broker(), Broker()
    with postgres_database.unit_of_work() as first:
        assert outbox.relay(first, one, now=NOW, limit=1) == 1
        with postgres_database.unit_of_work() as second:
            assert outbox.relay(second, other, now=NOW) == 1
    assert [*one.taken, *other.taken] == [("actor", [1]), ("actor", [2])]
