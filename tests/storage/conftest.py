from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.session import Database
from tests.conftest import postgres_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import PostgresPool


@pytest.fixture
def postgres_database(postgres_pool: PostgresPool) -> Iterator[Database]:
    """Give a migrated PostgreSQL database, for what SQLite cannot do at all."""
    name = postgres_pool.take()
    database = Database(postgres_url(name))
    yield database
    database.close()
    postgres_pool.give_back(name)
