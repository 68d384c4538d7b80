"""What people did

Revision: 0019
Follows: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'audit',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('at', db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column('who', sa.String(length=100), nullable=False),
        sa.Column('role', sa.String(length=8), nullable=False),
        sa.Column('address', sa.String(length=64), nullable=False),
        sa.Column('action', sa.String(length=120), nullable=False),
        sa.Column('target', sa.String(length=300), nullable=False),
        sa.Column('study_id', sa.BigInteger(), nullable=True),
        sa.Column('trial_id', sa.BigInteger(), nullable=True),
        sa.Column('result', sa.String(length=64), nullable=False),
        sa.Column('n', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_audit')),
    )
    op.create_index('ix_audit_at', 'audit', ['at'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_audit_at', table_name='audit')
    op.drop_table('audit')
