"""Alembic's entry point. It is always handed an open connection by `db.schema`."""

from __future__ import annotations

from alembic import context

from db import access_tables, code_tables, dataset_tables, metric_tables  # noqa: F401 - tables of the same metadata
from db.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
