"""Shares of studies, and the memory that they need of a GPU

Revision: 0022
Follows: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('study', sa.Column('share', sa.Float(precision=53), server_default=sa.text('1'), nullable=False))
    op.add_column('study', sa.Column('turns', sa.Float(precision=53), server_default=sa.text('0'), nullable=False))
    op.add_column('study', sa.Column('gpu_memory_bytes', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for column in ('gpu_memory_bytes', 'turns', 'share'):
        op.drop_column('study', column)
