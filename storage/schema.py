"""Bringing a database to this version's schema, and telling whether it is there."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from storage.session import Database


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the missing migrations in one transaction.

    A second call does nothing. On PostgreSQL two processes that start together take turns.
    """
    with database.unit_of_work() as connection, as_file(files("storage.migrations")) as folder:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7308613)")
        command.upgrade(_config(str(folder), connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Take migrations back, down to ``revision`` (``base`` for an empty database)."""
    with database.unit_of_work() as connection, as_file(files("storage.migrations")) as folder:
        command.downgrade(_config(str(folder), connection), revision)


def is_current(database: Database) -> bool:
    """Tell whether the schema is exactly this version's."""
    with database.reading() as connection, as_file(files("storage.migrations")) as folder:
        head = ScriptDirectory.from_config(_config(str(folder), connection)).get_current_head()
        return MigrationContext.configure(connection).get_current_revision() == head


def _config(folder: str, connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
