"""Trials that people run again, and where attempts ran

Revision: 0009
Follows: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

_ONLY_LINKED = sa.text('origin IS NOT NULL')


def upgrade() -> None:
    op.add_column('trial', sa.Column('origin', sa.Integer(), nullable=True))
    op.add_column('trial', sa.Column('seed_number', sa.Integer(), nullable=True))
    op.create_index(
        'ix_trial_study_id_origin',
        'trial',
        ['study_id', 'origin'],
        sqlite_where=_ONLY_LINKED,
        postgresql_where=_ONLY_LINKED,
    )
    environment = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    op.add_column('worker', sa.Column('environment', environment, nullable=True))


def downgrade() -> None:
    # The trials stay: to the release before they are trials like others, which people added.
    op.drop_column('worker', 'environment')
    op.drop_index('ix_trial_study_id_origin', 'trial')
    op.drop_column('trial', 'seed_number')
    op.drop_column('trial', 'origin')
