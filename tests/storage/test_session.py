from __future__ import annotations

import os
import socket
import threading
import traceback
from datetime import datetime

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import StatementError

from storage.models import ReplayRow, SavedViewRow
from storage.session import ConflictError, Database, insert_ignoring
from tests.storage.rows import NOW

ROW = {"key": "x", "seen_at": NOW}


def test_an_error_undoes_the_whole_block(database: Database) -> None:
    def write_and_fail() -> None:
        with database.unit_of_work() as connection:
            connection.execute(insert(ReplayRow), [ROW])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.reading() as connection:
        assert connection.execute(select(ReplayRow.key)).all() == []


def test_instants_come_back_aware(database: Database) -> None:
    with database.unit_of_work() as connection:
        connection.execute(insert(ReplayRow), [ROW])
    with database.reading() as connection:
        assert connection.execute(select(ReplayRow.seen_at)).scalar_one() == NOW


def test_sqlite_alone_is_told_which_index_to_take(database: Database) -> None:
    query = select(ReplayRow.key).with_hint(ReplayRow, "NOT INDEXED", "sqlite")
    assert ("NOT INDEXED" in str(query.compile(database.engine))) == database.is_sqlite


def test_a_naive_instant_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive datetime"), database.unit_of_work() as block:
        block.execute(insert(ReplayRow), [{**ROW, "seen_at": datetime(2026, 1, 1)}])  # noqa: DTZ001


def test_a_second_row_of_one_key_is_a_conflict_or_ignored(database: Database) -> None:
    with database.unit_of_work() as connection:
        connection.execute(insert(ReplayRow), [ROW])
        connection.execute(insert_ignoring(connection, ReplayRow), [ROW, ROW])
    with pytest.raises(ConflictError), database.unit_of_work() as connection:
        connection.execute(insert(ReplayRow), [ROW])


def test_an_error_does_not_repeat_what_was_to_be_written(database: Database) -> None:
    row = {**ROW, "key": "배송이 늦어요"}
    with pytest.raises(StatementError) as caught, database.unit_of_work() as connection:
        connection.execute(text("INSERT INTO away VALUES (:key)"), row)
    assert "배송" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"who": "김하늘", "name": "x", "query": "배송"},
        {"who": "김하늘", "name": None, "query": "배송"},
    ],
    ids=["key exists", "failing row"],
)
def test_an_error_does_not_repeat_what_the_database_says_of_a_row(
    database: Database, values: dict[str, str]
) -> None:
    """PostgreSQL's DETAIL quotes the row: what is logged is the whole traceback."""

    def write_twice() -> None:
        with database.unit_of_work() as connection:
            for _ in range(2):
                connection.execute(insert(SavedViewRow), [values])

    with pytest.raises(ConflictError) as caught:
        write_twice()
    said = "".join(traceback.format_exception(caught.value))
    assert [word for word in ("김하늘", "배송") if word in said] == []
    assert "saved_views" in str(caught.value.orig)


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
        writer.execute(insert(ReplayRow), [ROW])
        with database.reading() as reader:
            assert reader.execute(select(ReplayRow.key)).all() == []


KEEPALIVES = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)


def kernel_options(database: Database, *names: int) -> list[int]:
    with database.reading() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        with socket.socket(fileno=os.dup(raw.fileno())) as ours:
            return [ours.getsockopt(socket.IPPROTO_TCP, name) for name in names]


def test_a_server_that_vanished_is_given_up_within_a_minute(postgres_database: Database) -> None:
    idle_s, pause_s, probes = kernel_options(postgres_database, *KEEPALIVES)
    assert idle_s + pause_s * probes <= 60
    assert kernel_options(postgres_database, socket.TCP_USER_TIMEOUT) == [60_000]


def test_the_address_may_say_otherwise(postgres_database: Database) -> None:
    other = postgres_database.url.update_query_dict({"keepalives_idle": "300"})
    database = Database(other.render_as_string(hide_password=False))
    assert kernel_options(database, *KEEPALIVES)[0] == 300
    database.close()
