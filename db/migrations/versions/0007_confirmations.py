"""Trials that confirm others

Revision: 0007
Follows: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('study', sa.Column('n_confirmations', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.add_column('trial', sa.Column('confirms', sa.Integer(), nullable=True))


def downgrade() -> None:
    # The trials stay: to the release before they are trials like others, with the parameters of an earlier one.
    op.drop_column('trial', 'confirms')
    op.drop_column('study', 'n_confirmations')
