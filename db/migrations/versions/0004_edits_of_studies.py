"""Edits of studies

Revision: 0004
Follows: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sqlalchemy.dialects import postgresql

import db.types

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('study_edit',
    sa.Column('study_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('edit_no', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('author', sa.String(length=100), nullable=False),
    sa.Column('rev', sa.BigInteger(), nullable=False),
    sa.Column('next_number', sa.Integer(), nullable=False),
    sa.Column('before', _json(), nullable=False),
    sa.Column('after', _json(), nullable=False),
    sa.Column('replaced', _json(), nullable=False),
    sa.Column('created_at', db.types.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['study_id'], ['study.id'], name=op.f('fk_study_edit_study_id_study'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('study_id', 'edit_no', name=op.f('pk_study_edit')),
    sqlite_with_rowid=False
    )


def downgrade() -> None:
    op.drop_table('study_edit')


def _json() -> sa.JSON:
    return sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
