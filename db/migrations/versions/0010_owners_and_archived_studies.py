"""Owners of studies, and studies put aside

Revision: 0010
Follows: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('study', sa.Column('owner', sa.String(length=100), server_default='anonymous', nullable=False))
    op.add_column('study', sa.Column('archived_at', db.types.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('study', 'archived_at')
    op.drop_column('study', 'owner')
