"""Studies of Optuna and several objectives

Revision: 0003
Follows: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_attrs('study')
    _create_attrs('trial')
    op.add_column('study', sa.Column('kind', sa.String(length=8), sa.CheckConstraint("kind IN ('native', 'optuna')", name=op.f('ck_study_kind')), server_default='native', nullable=False))
    op.add_column('study', sa.Column('directions', _json(), server_default=sa.text("'[]'"), nullable=False))
    if op.get_bind().dialect.name == 'postgresql':  # SQLite checks no lengths
        op.alter_column('study', 'name', type_=sa.String(length=512), existing_type=sa.String(length=100))
    op.add_column('trial', sa.Column('outcome_constraints', _json(), nullable=True))
    op.add_column('trial', sa.Column('distributions', _json(), nullable=True))
    op.add_column('trial', sa.Column('paused_step', sa.BigInteger(), nullable=True))
    op.add_column('trial', sa.Column('reused_from', sa.BigInteger(), nullable=True))
    op.create_index('ix_trial_study_id_finished_rev', 'trial', ['study_id', 'finished_rev'], unique=False)
    _fill_directions()


def downgrade() -> None:
    # Code of the revision before would take studies of Optuna for its own, and hand their trials to workers.
    op.execute("DELETE FROM study WHERE kind = 'optuna'")
    # Not in batch mode: see 0002.
    op.drop_index('ix_trial_study_id_finished_rev', 'trial')
    op.drop_column('trial', 'reused_from')
    op.drop_column('trial', 'paused_step')
    op.drop_column('trial', 'distributions')
    op.drop_column('trial', 'outcome_constraints')
    if op.get_bind().dialect.name == 'postgresql':
        op.alter_column('study', 'name', type_=sa.String(length=100), existing_type=sa.String(length=512))
    op.drop_column('study', 'directions')
    op.drop_column('study', 'kind')
    op.drop_table('trial_attr')
    op.drop_table('study_attr')


def _json() -> sa.JSON:
    return sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')


def _create_attrs(owner: str) -> None:
    table, column = f'{owner}_attr', f'{owner}_id'
    op.create_table(table,
    sa.Column(column, sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('is_system', sa.Boolean(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint([column], [f'{owner}.id'], name=op.f(f'fk_{table}_{column}_{owner}'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint(column, 'is_system', 'key', name=op.f(f'pk_{table}')),
    sqlite_with_rowid=False
    )


def _fill_directions() -> None:
    connection = op.get_bind()
    study = sa.table('study', sa.column('id', sa.BigInteger), sa.column('spec', _json()), sa.column('direction', sa.String), sa.column('directions', _json()))
    for study_id, spec, direction in connection.execute(sa.select(study.c.id, study.c.spec, study.c.direction)).all():
        objectives = spec.get('objectives') or [{'direction': direction}]
        directions = [objective['direction'] for objective in objectives]
        connection.execute(study.update().where(study.c.id == study_id).values(directions=directions))
