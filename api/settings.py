"""Settings of the control plane, all from environment variables that start with `TUNEWELL_`.

The table in docs/settings.md describes each one; a test keeps it complete.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Settings(BaseSettings):
    """What can be set from outside. Durations are seconds, sizes bytes."""

    model_config = SettingsConfigDict(env_prefix="TUNEWELL_", env_ignore_empty=True, frozen=True)

    home: Path = Field(default=Path(".tunewell"), description="State folder: database, artifacts, broker, logs")
    host: str = Field(default="127.0.0.1", description="Address to listen on; any but loopback requires tokens")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on")
    grpc_port: int = Field(
        default=0, ge=0, le=65535, description="Port on which Optuna's clients are served by gRPC; 0: they are not"
    )
    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite at `home/tunewell.db`")
    auto_migrate: Literal["auto", "yes", "no"] = Field(
        default="auto", description="Migrate the database when the API starts; auto: only SQLite"
    )
    broker_url: SecretStr = Field(
        default=SecretStr(""), description="Redis or Valkey URL; `python -m stack up` sets its own"
    )
    worker_broker_url: SecretStr = Field(
        default=SecretStr(""), description="The broker as workers reach it; empty: the same as the broker URL"
    )
    key_prefix: str = Field(default="tunewell:", description="Prefix of every key in the broker")
    artifact_url: str = Field(default="", description="Where artifacts lie (any fsspec URL); empty: `home/artifacts`")
    require_tokens: Literal["auto", "yes", "no"] = Field(
        default="auto", description="Refuse requests without token; auto: unless the address is loopback"
    )
    admin_token: SecretStr = Field(
        default=SecretStr(""), description="A token with the role admin, for the first start"
    )
    user_token: SecretStr = Field(default=SecretStr(""), description="A token with the role user, for the first start")
    worker_token: SecretStr = Field(
        default=SecretStr(""), description="A token with the role worker, for the first start"
    )
    allowed_hosts: str = Field(
        default="", description="Host names that requests may name, comma-separated; loopback always may"
    )
    lease_s: float = Field(
        default=60, gt=0, description="How long a worker may stay silent before its trial is taken away"
    )
    heartbeat_s: float = Field(default=10, gt=0, description="How often workers give a sign of life")
    reconcile_s: float = Field(
        default=5, gt=0, description="How often leases, budgets and waiting work are looked after"
    )
    checkpoint_every_s: float = Field(
        default=30, ge=0, description="How often a running trial saves where it is; 0: each epoch"
    )
    ask_patience_s: float = Field(
        default=6, gt=0, le=8, description="How long a worker waits for a slow sampler; after it the draw is random"
    )
    ask_limit_s: float = Field(
        default=60, gt=0, description="After how long a process that computes suggestions is killed"
    )
    ask_processes: int = Field(default=1, ge=1, le=64, description="How many processes compute slow suggestions")
    event_retention_s: float = Field(default=3600, gt=0, description="How long a disconnected dashboard can catch up")
    deleted_retention_s: float = Field(
        default=7 * 86400, gt=0, description="How long a deleted study can be restored; after it, it is erased for good"
    )
    max_body_bytes: int = Field(default=8 * 2**20, gt=0, description="Largest JSON request")
    max_artifact_bytes: int = Field(default=2**30, gt=0, description="Largest artifact")
    dashboard_dir: Path = Field(default=Path("dashboard/dist"), description="The built dashboard")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="How much the API logs")

    @property
    def effective_database_url(self) -> str:
        """The database that is used."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'tunewell.db'}"

    @property
    def effective_artifact_url(self) -> str:
        """The artifact store that is used."""
        return self.artifact_url or str(self.home.absolute() / "artifacts")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def needs_tokens(self) -> bool:
        """Whether a request without token is refused."""
        return self.require_tokens == "yes" or (self.require_tokens == "auto" and not self.is_loopback)

    @property
    def host_names(self) -> tuple[str, ...]:
        """Names by which a request may call this server."""
        extra = tuple(name.strip().lower() for name in self.allowed_hosts.split(",") if name.strip())
        return LOOPBACK_NAMES + extra

    @property
    def should_migrate(self) -> bool:
        """Whether the API brings the database's schema up to date when it starts."""
        is_sqlite = self.effective_database_url.startswith("sqlite")
        return self.auto_migrate == "yes" or (self.auto_migrate == "auto" and is_sqlite)
