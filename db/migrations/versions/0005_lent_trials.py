"""Lent trials

Revision: 0005
Follows: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sqlalchemy.dialects import postgresql

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('lent_trial',
    sa.Column('study_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('lender_id', sa.BigInteger(), nullable=False),
    sa.Column('lender_number', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('params', _json(), nullable=False),
    sa.Column('values', _json(), nullable=True),
    sa.Column('outcome_constraints', _json(), nullable=True),
    sa.Column('last_point', _json(), nullable=True),
    sa.CheckConstraint('number < 0', name=op.f('ck_lent_trial_number')),
    sa.ForeignKeyConstraint(['study_id'], ['study.id'], name=op.f('fk_lent_trial_study_id_study'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('study_id', 'number', name=op.f('pk_lent_trial')),
    sqlite_with_rowid=False
    )


def downgrade() -> None:
    op.drop_table('lent_trial')


def _json() -> sa.JSON:
    return sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
