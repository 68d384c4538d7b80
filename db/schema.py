"""Bring a database to the schema of this code, or tell how far it is."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from db import access_tables, code_tables, dataset_tables, metric_tables  # noqa: F401 - tables of the same metadata
from db.engine import Database
from db.tables import Base

MIGRATION_LOCK = 7_303_014  # an arbitrary key: two processes that migrate at once take turns
_alembic = threading.Lock()  # it keeps what it works on in globals of a module: one migration at a time a process


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate forward to `revision`; does nothing where the database is there already."""
    _run(database, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str) -> None:
    """Migrate back to `revision` (`base`: an empty database). Data of newer tables is lost."""
    _run(database, lambda config: command.downgrade(config, revision))


def make_revision(database: Database, message: str, revision_id: str) -> None:
    """Write a migration for what the tables and an upgraded database differ in."""
    _run(database, lambda config: command.revision(config, message, autogenerate=True, rev_id=revision_id))


def current_revision(database: Database) -> str | None:
    """Return the database's revision, None where it is empty."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str:
    """Return the revision that this code needs."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    assert head is not None
    return head


def differences(database: Database) -> list[object]:
    """Return what differs between the database and the tables; empty means equal."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def _run(database: Database, action: object) -> None:
    assert callable(action)
    # On SQLite a transaction that writes takes the file's lock when it begins: that makes processes take turns.
    with _alembic, database.connect_writer() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()
        try:
            action(_config(connection))
            connection.commit()
        except BaseException:
            connection.rollback()  # or the unlocking below is refused, and the lock outlives its user in the pool
            raise
        finally:
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
                connection.commit()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
