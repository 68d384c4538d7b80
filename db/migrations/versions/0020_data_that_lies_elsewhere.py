"""Data that lies elsewhere

Revision: 0020
Follows: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('dataset_version', sa.Column('reference', sa.Text(), nullable=True))


def downgrade() -> None:
    # What was not fetched yet never will be by the release before.
    op.execute("DELETE FROM dataset_version WHERE reference IS NOT NULL AND state != 'ready'")
    op.drop_column('dataset_version', 'reference')
