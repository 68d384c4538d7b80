"""GPUs that the slots of workers are pinned to

Revision: 0014
Follows: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    op.add_column('worker', sa.Column('devices', json, server_default=sa.text("'[]'"), nullable=False))


def downgrade() -> None:
    op.drop_column('worker', 'devices')
