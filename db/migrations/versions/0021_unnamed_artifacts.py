"""Bytes in the artifact store that lost the row which named them

Revision: 0021
Follows: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'artifact_unnamed',
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('since', db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('sha256', name=op.f('pk_artifact_unnamed')),
        sqlite_with_rowid=False,
    )
    op.create_index('ix_artifact_unnamed_since', 'artifact_unnamed', ['since'])


def downgrade() -> None:
    op.drop_table('artifact_unnamed')
