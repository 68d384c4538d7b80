"""Paused attempts

Revision: 0006
Follows: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

BEFORE = ('RUNNING', 'COMPLETE', 'PRUNED', 'STOPPED', 'LOST', 'PREEMPTED', 'OOM', 'DIVERGED', 'TIMED_OUT', 'CRASHED')
COLUMNS = ('id', 'trial_id', 'worker_id', 'attempt_no', 'slot', 'state', 'reason', 'lease_token', 'lease_expires_at', 'last_seq', 'created_at', 'ended_at')


def upgrade() -> None:
    _allow((*BEFORE[:6], 'PAUSED', *BEFORE[6:]))


def downgrade() -> None:
    op.execute("UPDATE attempt SET state = 'PREEMPTED' WHERE state = 'PAUSED'")
    # Code of the revision before hands out every trial that waits.
    op.execute("UPDATE trial SET paused_step = NULL")
    _allow(BEFORE)


def _allow(states: tuple[str, ...]) -> None:
    rule = f"state IN ({', '.join(repr(state) for state in states)})"
    if op.get_bind().dialect.name == 'postgresql':
        op.drop_constraint(op.f('ck_attempt_state'), 'attempt', type_='check')
        op.create_check_constraint(op.f('ck_attempt_state'), 'attempt', rule)
        return
    # SQLite cannot change a rule: the table is made anew. None refers to it, so dropping the old one takes nothing along.
    _create('attempt_anew', rule)
    listed = ', '.join(COLUMNS)
    op.execute(f"INSERT INTO attempt_anew ({listed}) SELECT {listed} FROM attempt")
    op.drop_table('attempt')
    op.rename_table('attempt_anew', 'attempt')
    op.create_index('ix_attempt_state_lease_expires_at', 'attempt', ['state', 'lease_expires_at'], unique=False)
    op.create_index('ix_attempt_worker_id_state', 'attempt', ['worker_id', 'state'], unique=False)
    op.create_index('uq_attempt_running', 'attempt', ['trial_id'], unique=True, sqlite_where=sa.text("state = 'RUNNING'"))


def _create(name: str, rule: str) -> None:
    op.create_table(name,
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('trial_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('worker_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('attempt_no', sa.Integer(), nullable=False),
    sa.Column('slot', sa.Integer(), nullable=True),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('lease_token', sa.String(length=64), nullable=False),
    sa.Column('lease_expires_at', db.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('last_seq', sa.BigInteger(), nullable=False),
    sa.Column('created_at', db.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('ended_at', db.types.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'RUNNING') = (ended_at IS NULL)", name=op.f('ck_attempt_ended_at')),
    sa.CheckConstraint(rule, name=op.f('ck_attempt_state')),
    sa.ForeignKeyConstraint(['trial_id'], ['trial.id'], name=op.f('fk_attempt_trial_id_trial'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['worker_id'], ['worker.id'], name=op.f('fk_attempt_worker_id_worker'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attempt')),
    sa.UniqueConstraint('trial_id', 'attempt_no', name=op.f('uq_attempt_trial_id_attempt_no'))
    )
