"""Overviews of long curves

Revision: 0011
Follows: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

_LONG = sa.text('n_points > 1024')


def upgrade() -> None:
    op.create_table(
        'metric_overview',
        sa.Column(
            'series_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False
        ),
        sa.Column('bin_steps', sa.BigInteger(), nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ['series_id'],
            ['metric_series.id'],
            name=op.f('fk_metric_overview_series_id_metric_series'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('series_id', name=op.f('pk_metric_overview')),
        sqlite_with_rowid=False,
    )
    op.create_index(
        'ix_metric_series_long', 'metric_series', ['n_points'], sqlite_where=_LONG, postgresql_where=_LONG
    )


def downgrade() -> None:
    op.drop_index('ix_metric_series_long', table_name='metric_series', sqlite_where=_LONG, postgresql_where=_LONG)
    op.drop_table('metric_overview')
