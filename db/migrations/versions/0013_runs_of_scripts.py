"""Runs that scripts of people's own begin

Revision: 0013
Follows: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

_HAS_KEY = sa.text('run_key IS NOT NULL')


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    op.add_column('trial', sa.Column('tags', json, server_default=sa.text("'[]'"), nullable=False))
    op.add_column('trial', sa.Column('run_key', sa.String(length=64), nullable=True))
    op.create_index(
        'uq_trial_study_id_run_key',
        'trial',
        ['study_id', 'run_key'],
        unique=True,
        sqlite_where=_HAS_KEY,
        postgresql_where=_HAS_KEY,
    )


def downgrade() -> None:
    # Code of the revision before knows only networks of its own: it would hand such studies to workers.
    op.execute("DELETE FROM study WHERE kind = 'native' AND " + _code() + " = 'script'")
    op.drop_index('uq_trial_study_id_run_key', 'trial', sqlite_where=_HAS_KEY, postgresql_where=_HAS_KEY)
    op.drop_column('trial', 'run_key')
    op.drop_column('trial', 'tags')


def _code() -> str:
    return "spec ->> 'code'" if op.get_bind().dialect.name == 'postgresql' else "json_extract(spec, '$.code')"
