"""Blocks of metric points

Revision: 0015
Follows: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.blocks import unpack_some

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

_UNPACKED = sa.text('n_packed < n_points AND n_points >= 32')


def upgrade() -> None:
    id_type = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.add_column('metric_series', sa.Column('n_packed', sa.BigInteger(), server_default=sa.text('0'), nullable=False))
    op.create_index(
        'ix_metric_series_unpacked', 'metric_series', ['id'], sqlite_where=_UNPACKED, postgresql_where=_UNPACKED
    )
    op.create_table(
        'metric_block',
        sa.Column('series_id', id_type, autoincrement=False, nullable=False),
        sa.Column('first_step', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('last_step', sa.BigInteger(), nullable=False),
        sa.Column('n_points', sa.Integer(), nullable=False),
        sa.Column('bin_steps', sa.BigInteger(), nullable=True),
        sa.Column('overview', sa.LargeBinary(), nullable=True),
        sa.Column('content', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ['series_id'],
            ['metric_series.id'],
            name=op.f('fk_metric_block_series_id_metric_series'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('series_id', 'first_step', name=op.f('pk_metric_block')),
    )


def downgrade() -> None:
    while unpack_some(op.get_bind()):
        pass
    op.drop_table('metric_block')
    op.drop_index(
        'ix_metric_series_unpacked', 'metric_series', sqlite_where=_UNPACKED, postgresql_where=_UNPACKED
    )
    op.drop_column('metric_series', 'n_packed')
