"""What all tests share: loopback only, a still clock, and the databases and brokers.

Servers are named by ``REPUTATION_TEST_*`` variables, because a ``PYEONGPAN_*`` name that is no
setting is refused. A server that is not there skips its tests on a laptop and fails them in CI.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import hypothesis
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event

from storage import schema
from storage.models import Base
from storage.outage import DATABASE
from storage.session import Database
from tests.fakes_runtime import StillClock
from workers.outage import BROKER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path


LOOPBACK = "127.0.0.1,::1,localhost"
POSTGRES_URL = os.environ.get(
    "REPUTATION_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"
)
REDIS_URL = os.environ.get("REPUTATION_TEST_REDIS_URL", "redis://127.0.0.1:6379/13")
RABBITMQ_URL = os.environ.get("REPUTATION_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/")

hypothesis.settings.register_profile(
    "derandomised", derandomize=True, deadline=None, max_examples=60, database=None
)
hypothesis.settings.load_profile("derandomised")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let every test reach this machine and nothing else; pytest-socket reads the option next."""
    config.option.allow_hosts = LOOPBACK
    config.option.allow_unix_socket = True
    # pytest-socket sees Python's sockets only, and a test imports ONNX Runtime by itself.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PYEONGPAN_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without the outage that a test before left on."""
    for outage in (BROKER, DATABASE):
        monkeypatch.setattr(outage, "_began_s", None)


def missing(what: str) -> None:
    """Skip for want of a server; in CI its absence is a failure."""
    message = f"{what} does not answer"
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def clock() -> StillClock:
    """Give a clock that stands until it is told."""
    return StillClock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file; tests get copies."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    with database.engine.connect() as connection:
        # Copies take one file; what is still in the log would be missing.
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    database.close()
    return path


@contextmanager
def _administering() -> Iterator[psycopg.Connection]:
    with psycopg.connect(POSTGRES_URL, autocommit=True, connect_timeout=3) as connection:
        yield connection


def postgres_url(name: str) -> str:
    """Give the address of a schema."""
    # The server is not what is killed in these tests, so it need not wait for its disk.
    options = quote(f"-csearch_path={name} -csynchronous_commit=off", safe="")
    return urlsplit(POSTGRES_URL)._replace(query=f"options={options}").geturl()


@contextmanager
def _postgres_schema() -> Iterator[str]:
    """Make a schema of our own; a whole database takes the server seconds to drop."""
    name = f"reputation_test_{secrets.token_hex(6)}"
    with _administering() as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    try:
        yield name
    finally:
        with _administering() as connection:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


COUNT_ANEW = """
    SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false)
    FROM pg_sequences WHERE schemaname = current_schema
"""


class PostgresPool:
    """Migrated schemas of one session: emptied after a test and lent again."""

    def __init__(self, blocks: ExitStack) -> None:
        self._blocks = blocks
        self._free: list[str] = []

    def take(self) -> str:
        """Lend an empty, migrated schema; gives its name."""
        if self._free:
            return self._free.pop()
        name = self._blocks.enter_context(_postgres_schema())
        database = Database(postgres_url(name))
        schema.upgrade(database)
        database.close()
        return name

    def give_back(self, name: str) -> None:
        """Empty a schema for the next test; one that is still in use is not lent again."""
        with (
            suppress(psycopg.errors.LockNotAvailable),
            psycopg.connect(postgres_url(name)) as connection,
        ):
            connection.execute("SET lock_timeout = '2s'")
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
            connection.execute(COUNT_ANEW)
            connection.commit()
            self._free.append(name)


@pytest.fixture(scope="session")
def postgres_pool() -> Iterator[PostgresPool]:
    """Give PostgreSQL schemas for the session."""
    _need_postgres()
    with ExitStack() as blocks:
        yield PostgresPool(blocks)


@pytest.fixture
def empty_postgres_url() -> Iterator[str]:
    """Give the address of a PostgreSQL schema without a table."""
    _need_postgres()
    with _postgres_schema() as name:
        yield postgres_url(name)


def _need_postgres() -> None:
    try:
        with _administering():
            pass
    except psycopg.OperationalError:
        missing("PostgreSQL")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def backend(request: pytest.FixtureRequest) -> str:
    """Name the database a test runs on; it runs on both."""
    return str(request.param)


def trust_the_disk(connection: sqlite3.Connection, _record: object) -> None:
    """Wait for no disk: no test cuts the power."""
    connection.execute("PRAGMA synchronous = OFF")


def open_copy(template: Path, path: Path) -> Database:
    """Open a fresh, migrated SQLite database; migrating each one would take most of the time."""
    shutil.copyfile(template, path)
    database = Database(f"sqlite:///{path}")
    event.listen(database.engine, "connect", trust_the_disk)
    return database


@pytest.fixture
def make_database(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[], Database]]:
    """Give a maker of fresh, migrated databases."""
    made: list[tuple[Database, str]] = []

    def make() -> Database:
        if backend == "sqlite":
            template = request.getfixturevalue("sqlite_template")
            made.append((open_copy(template, tmp_path / f"{secrets.token_hex(4)}.db"), ""))
        else:
            name = request.getfixturevalue("postgres_pool").take()
            made.append((Database(postgres_url(name)), name))
        return made[-1][0]

    yield make
    for database, name in made:
        database.close()
        if name:
            request.getfixturevalue("postgres_pool").give_back(name)


@pytest.fixture
def database(make_database: Callable[[], Database]) -> Database:
    """Give a fresh, migrated database, once SQLite and once PostgreSQL."""
    return make_database()


def _answers(url: str, default_port: int) -> bool:
    address = urlsplit(url)
    try:
        with socket.create_connection(
            (address.hostname or "127.0.0.1", address.port or default_port), timeout=2
        ):
            return True
    except OSError:
        return False


@pytest.fixture
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a Redis database that is empty before and after the test."""
    if not _answers(REDIS_URL, 6379):
        missing("Redis")
    import redis

    # There is one, whoever tests beside us; the folder above ours is shared with them.
    turn = tmp_path_factory.getbasetemp().parent / "redis.lock"
    with turn.open("w") as file, redis.Redis.from_url(REDIS_URL) as client:
        fcntl.flock(file, fcntl.LOCK_EX)
        client.flushdb()
        yield REDIS_URL
        client.flushdb()


@pytest.fixture
def rabbitmq_url() -> str:
    """Give a RabbitMQ address."""
    if not _answers(RABBITMQ_URL, 5672):
        missing("RabbitMQ")
    return RABBITMQ_URL
