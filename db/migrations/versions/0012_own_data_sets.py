"""Data sets that people bring

Revision: 0012
Follows: 0011
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import db.types

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[Any]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def _json() -> sa.types.TypeEngine[Any]:
    return sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')


def _at() -> sa.types.TypeEngine[Any]:
    return db.types.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'dataset',
        sa.Column('id', _id(), nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('title', sa.Text(), nullable=False),
        sa.Column('owner', sa.String(length=100), nullable=False),
        sa.Column('created_at', _at(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_dataset')),
        sa.UniqueConstraint('name', name=op.f('uq_dataset_name')),
    )
    op.create_table(
        'dataset_version',
        sa.Column('id', _id(), nullable=False),
        sa.Column('dataset_id', _id(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('request_key', sa.String(length=64), nullable=False),
        sa.Column('raw_sha256', sa.String(length=64), nullable=False),
        sa.Column('n_raw_bytes', sa.BigInteger(), nullable=False),
        sa.Column('filename', sa.Text(), nullable=False),
        sa.Column('format', sa.String(length=16), nullable=False),
        sa.Column('options', _json(), nullable=False),
        sa.Column('created_by', sa.String(length=100), nullable=False),
        sa.Column('created_at', _at(), nullable=False),
        sa.Column('ended_at', _at(), nullable=True),
        sa.Column('sha256', sa.String(length=64), nullable=True),
        sa.Column('file_sha256', sa.String(length=64), nullable=True),
        sa.Column('n_bytes', sa.BigInteger(), nullable=True),
        sa.Column('facts', _json(), nullable=True),
        sa.Column('profile', _json(), nullable=True),
        sa.Column('error', _json(), nullable=True),
        sa.Column('lease_token', sa.String(length=64), nullable=True),
        sa.Column('lease_expires_at', _at(), nullable=True),
        sa.Column('n_attempts', sa.Integer(), nullable=False),
        sa.CheckConstraint("(state = 'ready') = (sha256 IS NOT NULL)", name=op.f('ck_dataset_version_sha256')),
        sa.CheckConstraint("state IN ('preparing', 'ready', 'failed')", name=op.f('ck_dataset_version_state')),
        sa.ForeignKeyConstraint(
            ['dataset_id'], ['dataset.id'], name=op.f('fk_dataset_version_dataset_id_dataset'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_dataset_version')),
        sa.UniqueConstraint('dataset_id', 'request_key', name=op.f('uq_dataset_version_dataset_id_request_key')),
        sa.UniqueConstraint('dataset_id', 'version', name=op.f('uq_dataset_version_dataset_id_version')),
    )
    op.create_index('ix_dataset_version_raw_sha256', 'dataset_version', ['raw_sha256'])
    op.create_index('ix_dataset_version_sha256', 'dataset_version', ['sha256'])
    op.create_index('ix_dataset_version_state_id', 'dataset_version', ['state', 'id'])
    op.create_table(
        'dataset_upload',
        sa.Column('id', sa.String(length=32), nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('filename', sa.Text(), nullable=False),
        sa.Column('format', sa.String(length=16), nullable=True),
        sa.Column('options', _json(), nullable=False),
        sa.Column('n_bytes', sa.BigInteger(), nullable=False),
        sa.Column('n_received', sa.BigInteger(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=True),
        sa.Column('created_by', sa.String(length=100), nullable=False),
        sa.Column('created_at', _at(), nullable=False),
        sa.Column('touched_at', _at(), nullable=False),
        sa.Column('version_id', _id(), nullable=True),
        sa.CheckConstraint('n_received >= 0 AND n_received <= n_bytes', name=op.f('ck_dataset_upload_n_received')),
        sa.ForeignKeyConstraint(
            ['version_id'],
            ['dataset_version.id'],
            name=op.f('fk_dataset_upload_version_id_dataset_version'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_dataset_upload')),
    )
    op.create_table(
        'dataset_look',
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('profile', _json(), nullable=False),
        sa.Column('preview', _json(), nullable=False),
        sa.PrimaryKeyConstraint('sha256', name=op.f('pk_dataset_look')),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    # Studies on such data stay, and cannot go on: the release before does not know what they were trained on.
    op.drop_table('dataset_look')
    op.drop_table('dataset_upload')
    op.drop_table('dataset_version')
    op.drop_table('dataset')
