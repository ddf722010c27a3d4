"""Empty databases of a benchmark's own: a SQLite file, and one on the PostgreSQL at hand."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTGRES_URL = os.environ.get(
    "REPUTATION_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"
)


@contextmanager
def on_sqlite() -> Iterator[str]:
    """Give the address of an empty database that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="pyeongpan-bench-") as folder:
        yield f"sqlite:///{folder}/bench.db"


@contextmanager
def on_postgresql() -> Iterator[str]:
    """Give the address of an empty database that goes with the block.

    Raises:
        psycopg.OperationalError: No server answers at ``POSTGRES_URL``.
    """
    name = f"reputation_bench_{secrets.token_hex(6)}"
    with psycopg.connect(POSTGRES_URL, autocommit=True, connect_timeout=3) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlsplit(POSTGRES_URL)._replace(path=f"/{name}").geturl()
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))


def why_not(error: psycopg.OperationalError) -> str:
    """Say in one line why PostgreSQL was not measured."""
    return f"not measured: {str(error).splitlines()[0]}"
