"""One block, one transaction."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    bindparam,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.exc import IntegrityError, OperationalError

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import psycopg
    from sqlalchemy import CursorResult, FromClause
    from sqlalchemy.engine import ExceptionContext

    from storage.models import Base

__all__ = [
    "ConflictError",
    "Connection",
    "Database",
    "DatabaseError",
    "insert_ignoring",
    "reason_of",
    "records",
]

Record = TypeVar("Record")

DatabaseError = OperationalError
"""What a lost or busy database raises, for callers that may not know SQLAlchemy."""
ConflictError = IntegrityError
"""What a broken constraint raises."""

_BUSY_TIMEOUT_S = 30
_CONNECT_TIMEOUT_S = 10
"""libpq waits for as long as the system does, minutes, for a host that drops what is sent to it."""
_VANISHED = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Ends a connection within a minute when nobody is at its other end any more; by itself Linux asks
after two hours, and repeats what was not taken for a quarter of an hour."""


def reason_of(error: DatabaseError) -> str:
    """Give the database's own reason in one line: a full disk, a refused password, a lost server."""
    return str(error.orig).partition("\n")[0]


class Database:
    """A SQLite file (WAL) or PostgreSQL.

    Args:
        url: SQLAlchemy address, ``sqlite:///path`` or ``postgresql+psycopg://...``.
        pool_size: Connections kept for this process's threads.

    Raises:
        ConfigurationError: The address is not one of the two databases, or its folder cannot
            be made.
    """

    def __init__(self, url: str, pool_size: int = 10) -> None:
        address = make_url(url)
        if address.drivername in {"postgresql", "postgres"}:
            address = address.set(drivername="postgresql+psycopg")
        self.is_sqlite = address.get_backend_name() == "sqlite"
        if not self.is_sqlite and address.get_backend_name() != "postgresql":
            raise ConfigurationError(
                f"PYEONGPAN_DATABASE_URL: {address.drivername} is not supported; "
                "use sqlite:///... or postgresql://..."
            )
        if self.is_sqlite and address.database:
            folder = Path(address.database).parent
            try:
                # What customers wrote, masked or not, is no reading for the machine's other users.
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigurationError(
                    f"{folder} cannot be made: {error.strerror}; set PYEONGPAN_HOME to a folder "
                    "that may be written"
                ) from None
        self.url = address
        connect_args: dict[str, Any] = {}
        if self.is_sqlite:
            connect_args["timeout"] = _BUSY_TIMEOUT_S
        else:
            usual = {"connect_timeout": _CONNECT_TIMEOUT_S, **_VANISHED}
            connect_args = {name: usual[name] for name in usual.keys() - address.query.keys()}
        self.engine: Engine = create_engine(
            address,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=not self.is_sqlite,
            # What fails is logged, and a statement's values are customers' words and people's secrets.
            hide_parameters=True,
            connect_args=connect_args,
        )
        # SQLite has one writer; threads of one process take turns here instead of polling for it.
        self._turn: AbstractContextManager[object] = Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            self.engine.dialect.statement_compiler = _HintingCompiler
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            event.listen(self.engine, "connect", _prepare_postgresql)
            event.listen(self.engine, "handle_error", _hide_details)

    @contextmanager
    def unit_of_work(self) -> Iterator[Connection]:
        """Open one transaction: committed at the end of the block, undone on any error."""
        with self._turn, self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection for queries; on SQLite it does not wait for writers."""
        with self.engine.connect().execution_options(pyeongpan_reading=True) as connection:
            yield connection

    def watch(self, answered: Callable[[], None]) -> None:
        """Call something after each answer to a statement, in the thread that asked."""
        event.listen(self.engine, "after_cursor_execute", lambda *_: answered())

    def ping(self) -> None:
        """Prove that the database answers.

        Raises:
            DatabaseError: It does not.
        """
        with self.reading() as connection:
            connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


class _HintingCompiler(SQLiteCompiler):
    """Writes ``INDEXED BY`` where a query asks for it; SQLAlchemy drops hints for SQLite."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:  # noqa: ARG002
        return text


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction handling begins too late for BEGIN IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    pragmas = (
        "journal_mode = WAL",
        # A claim must survive a power cut: it is what keeps a reply from being sent twice.
        "synchronous = FULL",
        "foreign_keys = ON",
        f"busy_timeout = {_BUSY_TIMEOUT_S * 1000}",
        "cache_size = -4096",
    )
    try:
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
    except sqlite3.DatabaseError as error:
        # What is no database, or a damaged one, is lost like one that cannot be opened.
        raise sqlite3.OperationalError(*error.args) from error
    finally:
        cursor.close()


def _prepare_postgresql(connection: psycopg.Connection, _record: object) -> None:
    connection.autocommit = True
    # Compiling takes longer than any query here; what is estimated dear mostly ends early.
    connection.execute("SET jit = off")
    # A plan for any value is a poor one for a filter that meets nothing.
    connection.execute("SET plan_cache_mode = force_custom_plan")
    # Nor is any worth starting other processes for.
    connection.execute("SET max_parallel_workers_per_gather = 0")
    # Where a common word stands, without forgetting where exactly.
    connection.execute("SET work_mem = '32MB'")
    connection.autocommit = False


def _hide_details(context: ExceptionContext) -> None:
    """Keep the first line of what PostgreSQL says: its DETAIL and CONTEXT quote the row."""
    error = context.original_exception
    # An error that is not the server's has none.
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    if primary is None:
        return
    everything = str(error)
    for told in (error, context.sqlalchemy_exception):
        if told is not None:
            told.args = (str(told.args[0]).replace(everything, primary), *told.args[1:])


def _begin_sqlite(connection: Connection) -> None:
    # Writers take the lock at once: a transaction that reads first and writes later would
    # fail on another's commit in between.
    reading = connection.get_execution_options().get("pyeongpan_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def records(kind: Callable[..., Record], rows: CursorResult[*tuple[Any, ...]]) -> list[Record]:
    """Give rows as dataclasses: every field has the column of its name.

    Pages of rows come this way; a mapping of each row would take three times as long.
    """
    names = (field.name for field in fields(kind))  # type: ignore[arg-type]
    return [kind(*row) for row in rows.columns(*names)]


def insert_ignoring(connection: Connection, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Give an insert that skips rows which already exist.

    Args:
        connection: Decides the dialect.
        table: Where to insert.
    """
    module: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement: postgresql.Insert | sqlite.Insert = module.insert(table).on_conflict_do_nothing()
    return statement


PAGE = 1_000
"""Most ids in one statement; PostgreSQL takes 65,535 values, SQLite usually 32,766."""


def paged(ids: Sequence[int], size: int = PAGE) -> Iterator[Sequence[int]]:
    """Give ids page by page: of what happens to a whole brand there may be any number."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


SCOPE: BindParameter[list[str]] = bindparam("brands", expanding=True)
"""The brands a person may see, in statements that are made once and not for every page."""


def dicts(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Give rows as dictionaries, by column."""
    return [dict(row._mapping) for row in rows]  # noqa: SLF001
