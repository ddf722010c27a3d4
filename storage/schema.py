"""Bringing a database to this version's schema, and telling whether it is there."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from storage.session import Connection, Database

NEWER = "the database was brought up to date by a newer version of Pyeongpan"


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the missing migrations in one transaction.

    A second call does nothing. On PostgreSQL two processes that start together take turns.

    Raises:
        ConfigurationError: A newer version has been here.
    """
    with database.unit_of_work() as connection, as_file(files("storage.migrations")) as folder:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7308613)")
        config = _config(str(folder), connection)
        if _is_newer(config, connection):
            raise ConfigurationError(f"{NEWER} -> start that version, or restore a backup")
        command.upgrade(config, revision)


def downgrade(database: Database, revision: str) -> None:
    """Take migrations back, down to ``revision`` (``base`` for an empty database)."""
    with database.unit_of_work() as connection, as_file(files("storage.migrations")) as folder:
        command.downgrade(_config(str(folder), connection), revision)


def check(database: Database) -> None:
    """See that the schema is exactly this version's, for who leaves upgrading to others.

    Raises:
        ConfigurationError: It is not.
    """
    if is_newer(database):
        raise ConfigurationError(f"{NEWER} -> start that version, or restore a backup")
    if not is_current(database):
        raise ConfigurationError(
            "the database has no or an old schema -> run `pyeongpan db upgrade`"
        )


def is_current(database: Database) -> bool:
    """Tell whether the schema is exactly this version's."""
    with database.reading() as connection, as_file(files("storage.migrations")) as folder:
        head = ScriptDirectory.from_config(_config(str(folder), connection)).get_current_head()
        return MigrationContext.configure(connection).get_current_revision() == head


def is_newer(database: Database) -> bool:
    """Tell whether a newer version has brought the schema to what this one does not know."""
    with database.reading() as connection, as_file(files("storage.migrations")) as folder:
        return _is_newer(_config(str(folder), connection), connection)


def _is_newer(config: Config, connection: Connection) -> bool:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    revision = MigrationContext.configure(connection).get_current_revision()
    return revision is not None and revision not in known


def _config(folder: str, connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
