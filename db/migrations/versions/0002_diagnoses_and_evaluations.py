"""Diagnoses and evaluations

Revision: 0002
Follows: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.types
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('evaluation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('study_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('options', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('request_key', sa.String(length=64), nullable=False),
    sa.Column('members', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('result', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=True),
    sa.Column('n_done', sa.Integer(), nullable=True),
    sa.Column('n_total', sa.Integer(), nullable=True),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('n_attempts', sa.Integer(), nullable=False),
    sa.Column('n_burned', sa.Integer(), nullable=False),
    sa.Column('worker_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('lease_token', sa.String(length=64), nullable=False),
    sa.Column('lease_expires_at', db.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('created_at', db.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('started_at', db.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('finished_at', db.types.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'COMPLETE') = (result IS NOT NULL)", name=op.f('ck_evaluation_result')),
    sa.CheckConstraint("(state IN ('COMPLETE', 'FAIL')) = (finished_at IS NOT NULL)", name=op.f('ck_evaluation_finished_at')),
    sa.CheckConstraint("kind IN ('test', 'baselines', 'ensemble')", name=op.f('ck_evaluation_kind')),
    sa.CheckConstraint("state <> 'RUNNING' OR lease_expires_at IS NOT NULL", name=op.f('ck_evaluation_lease_expires_at')),
    sa.CheckConstraint("state IN ('WAITING', 'RUNNING', 'COMPLETE', 'FAIL')", name=op.f('ck_evaluation_state')),
    sa.ForeignKeyConstraint(['study_id'], ['study.id'], name=op.f('fk_evaluation_study_id_study'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['worker_id'], ['worker.id'], name=op.f('fk_evaluation_worker_id_worker'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_evaluation'))
    )
    with op.batch_alter_table('evaluation', schema=None) as batch_op:
        batch_op.create_index('ix_evaluation_state_lease_expires_at', ['state', 'lease_expires_at'], unique=False)
        batch_op.create_index('ix_evaluation_worker_id_state', ['worker_id', 'state'], unique=False)
        batch_op.create_index('uq_evaluation_request', ['study_id', 'request_key'], unique=True, sqlite_where=sa.text("state <> 'FAIL'"), postgresql_where=sa.text("state <> 'FAIL'"))

    op.add_column('trial', sa.Column('diagnosis', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=True))
    op.add_column('trial', sa.Column('findings', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), server_default=sa.text("'[]'"), nullable=False))
    op.add_column('attempt', sa.Column('slot', sa.Integer(), nullable=True))


def downgrade() -> None:
    # Not in batch mode: on SQLite that copies the table and drops the old one, and with it, by their foreign keys, every
    # attempt, curve and artifact of its trials.
    op.drop_column('attempt', 'slot')
    op.drop_column('trial', 'findings')
    op.drop_column('trial', 'diagnosis')
    with op.batch_alter_table('evaluation', schema=None) as batch_op:
        batch_op.drop_index('uq_evaluation_request', sqlite_where=sa.text("state <> 'FAIL'"), postgresql_where=sa.text("state <> 'FAIL'"))
        batch_op.drop_index('ix_evaluation_worker_id_state')
        batch_op.drop_index('ix_evaluation_state_lease_expires_at')

    op.drop_table('evaluation')
