"""What a token allows."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """admin: everything. user: studies and what belongs to them. worker: the worker protocol."""

    ADMIN = "admin"
    USER = "user"
    WORKER = "worker"
