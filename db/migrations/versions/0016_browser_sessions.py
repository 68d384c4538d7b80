"""Sign-ins of browsers

Revision: 0016
Follows: 0015
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def _at() -> sa.types.TypeEngine[Any]:
    return db.types.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'browser_session',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('token_sha256', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=100), nullable=False),
        sa.Column('role', sa.String(length=8), nullable=False),
        sa.Column('address', sa.String(length=64), nullable=False),
        sa.Column('agent', sa.String(length=200), nullable=False),
        sa.Column('created_at', _at(), nullable=False),
        sa.Column('seen_at', _at(), nullable=False),
        sa.Column('expires_at', _at(), nullable=False),
        sa.Column('ends_at', _at(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_browser_session')),
        sa.UniqueConstraint('sha256', name=op.f('uq_browser_session_sha256')),
    )
    op.create_index('ix_browser_session_token_sha256_id', 'browser_session', ['token_sha256', 'id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_browser_session_token_sha256_id', table_name='browser_session')
    op.drop_table('browser_session')
