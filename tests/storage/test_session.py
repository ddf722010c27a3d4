from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import StatementError

from storage import health
from storage.models import HeartbeatRow
from storage.session import ConflictError, insert_ignoring
from tests.storage.rows import NOW

if TYPE_CHECKING:
    from storage.session import Database


def test_an_error_undoes_the_whole_block(database: Database) -> None:
    def write_and_fail() -> None:
        with database.unit_of_work() as connection:
            health.beat(connection, "worker", now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.reading() as connection:
        assert health.last_beats(connection) == {}


def test_instants_come_back_aware(database: Database) -> None:
    with database.unit_of_work() as connection:
        health.beat(connection, "worker", now=NOW)
        health.beat(connection, "worker", now=NOW)
    with database.reading() as connection:
        assert health.last_beats(connection) == {"worker": NOW}


def test_a_naive_instant_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive datetime"), database.unit_of_work() as block:
        health.beat(block, "worker", now=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_second_row_of_one_key_is_a_conflict_or_ignored(database: Database) -> None:
    row = {"role": "x", "beat_at": NOW}
    with database.unit_of_work() as connection:
        connection.execute(insert(HeartbeatRow), [row])
        connection.execute(insert_ignoring(connection, HeartbeatRow), [row, row])
    with pytest.raises(ConflictError), database.unit_of_work() as connection:
        connection.execute(insert(HeartbeatRow), [row])


def test_writers_take_turns_and_lose_nothing(database: Database) -> None:
    """Each thread reads, then writes: without taking turns one would overwrite another."""
    with database.unit_of_work() as connection:
        connection.execute(text("CREATE TABLE tally (number INTEGER)"))
        connection.execute(text("INSERT INTO tally VALUES (0)"))

    def count() -> None:
        for _ in range(10):
            with database.unit_of_work() as connection:
                connection.execute(text("UPDATE tally SET number = number + 1"))

    threads = [threading.Thread(target=count) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with database.reading() as connection:
        assert connection.execute(text("SELECT number FROM tally")).scalar_one() == 60
    with database.unit_of_work() as connection:
        connection.execute(text("DROP TABLE tally"))


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with database.unit_of_work() as writer:
        health.beat(writer, "worker", now=NOW)
        with database.reading() as reader:
            assert reader.execute(select(HeartbeatRow.role)).all() == []
