"""Code that people bring for their commands

Revision: 0018
Follows: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'code',
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('n_bytes', sa.BigInteger(), nullable=False),
        sa.Column('filename', sa.Text(), nullable=False),
        sa.Column('created_by', sa.String(length=100), nullable=False),
        sa.Column('created_at', db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('sha256', name=op.f('pk_code')),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    # Studies that run such code stay; the release before would run what lies on the worker instead, so they end.
    op.execute("UPDATE study SET state = 'FAILED' WHERE state IN ('RUNNING', 'PAUSED') AND " + _archive() + ' IS NOT NULL')
    op.drop_table('code')


def _archive() -> str:
    if op.get_bind().dialect.name == 'postgresql':
        return "spec #>> '{source,archive}'"
    return "json_extract(spec, '$.source.archive')"
