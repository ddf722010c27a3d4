"""What all tests share: loopback only, a still clock, and the databases and brokers.

Servers are named by ``REPUTATION_TEST_*`` variables, because a ``PYEONGPAN_*`` name that is no
setting is refused. A server that is not there skips its tests on a laptop and fails them in CI.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import hypothesis
import psycopg
import pytest
from psycopg import sql

from storage import schema
from storage.session import Database
from tests.fakes_runtime import StillClock

if TYPE_CHECKING:
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


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PYEONGPAN_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


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


def _postgres_url(name: str) -> str:
    return urlsplit(POSTGRES_URL)._replace(path=f"/{name}").geturl()


@contextmanager
def _postgres_database(template: str = "template1") -> Iterator[str]:
    name = f"reputation_test_{secrets.token_hex(6)}"
    with _administering() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield name
    finally:
        with _administering() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """Migrate one PostgreSQL database for the session; tests get clones."""
    try:
        with _administering():
            pass
    except psycopg.OperationalError:
        missing("PostgreSQL")
    with _postgres_database() as name:
        database = Database(_postgres_url(name))
        schema.upgrade(database)
        database.close()
        yield name


@pytest.fixture
def empty_postgres_url() -> Iterator[str]:
    """Give a PostgreSQL database without a schema."""
    try:
        with _administering():
            pass
    except psycopg.OperationalError:
        missing("PostgreSQL")
    with _postgres_database() as name:
        yield _postgres_url(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def backend(request: pytest.FixtureRequest) -> str:
    """Name the database a test runs on; it runs on both."""
    return str(request.param)


@pytest.fixture
def make_database(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[], Database]]:
    """Give a maker of fresh, migrated databases."""
    made: list[Database] = []
    dropped: list[object] = []

    def make() -> Database:
        if backend == "sqlite":
            path = tmp_path / f"{secrets.token_hex(4)}.db"
            shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
            database = Database(f"sqlite:///{path}")
        else:
            block = _postgres_database(request.getfixturevalue("postgres_template"))
            database = Database(_postgres_url(block.__enter__()))
            dropped.append(block)
        made.append(database)
        return database

    yield make
    for database in made:
        database.close()
    for block in dropped:
        block.__exit__(None, None, None)  # type: ignore[attr-defined]


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
def redis_url() -> Iterator[str]:
    """Give a Redis database that is empty before and after the test."""
    if not _answers(REDIS_URL, 6379):
        missing("Redis")
    import redis

    client = redis.Redis.from_url(REDIS_URL)
    client.flushdb()
    yield REDIS_URL
    client.flushdb()
    client.close()


@pytest.fixture
def rabbitmq_url() -> str:
    """Give a RabbitMQ address."""
    if not _answers(RABBITMQ_URL, 5672):
        missing("RabbitMQ")
    return RABBITMQ_URL
