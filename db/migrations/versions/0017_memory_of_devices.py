"""What trainings take of a device's memory, and what running ones are promised

Revision: 0017
Follows: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

_IS_ON_DEVICE = sa.text("device IS NOT NULL AND state = 'RUNNING'")


def upgrade() -> None:
    op.create_table(
        'memory_peak',
        sa.Column('study_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
        sa.Column('structure', sa.String(length=16), nullable=False),
        sa.Column('n_lanes', sa.Integer(), nullable=False),
        sa.Column('peak_bytes', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ['study_id'], ['study.id'], name=op.f('fk_memory_peak_study_id_study'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('study_id', 'structure', 'n_lanes', name=op.f('pk_memory_peak')),
        sqlite_with_rowid=False,
    )
    op.add_column('trial', sa.Column('is_alone', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('attempt', sa.Column('device', sa.String(length=96), nullable=True))
    op.add_column('attempt', sa.Column('reserved_bytes', sa.BigInteger(), nullable=True))
    op.add_column('attempt', sa.Column('peak_bytes', sa.BigInteger(), nullable=True))
    op.create_index(
        'ix_attempt_device',
        'attempt',
        ['device'],
        sqlite_where=_IS_ON_DEVICE,
        postgresql_where=_IS_ON_DEVICE,
    )


def downgrade() -> None:
    op.drop_index('ix_attempt_device', 'attempt', sqlite_where=_IS_ON_DEVICE, postgresql_where=_IS_ON_DEVICE)
    for column in ('peak_bytes', 'reserved_bytes', 'device'):
        op.drop_column('attempt', column)
    op.drop_column('trial', 'is_alone')
    op.drop_table('memory_peak')
