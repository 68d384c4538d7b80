"""Workers that left, apart from those that were lost

Revision: 0023
Follows: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('worker', sa.Column('left_at', db.types.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('worker', 'left_at')
