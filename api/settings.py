"""Settings of the control plane, all from environment variables that start with `TUNEWELL_`.

The table in docs/settings.md describes each one; a test keeps it complete.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
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
    session_idle_s: float = Field(
        default=12 * 3600, ge=60, description="After how long without use a browser has to sign in again"
    )
    session_max_s: float = Field(
        default=30 * 86400, ge=60, description="After how long a browser has to sign in again in any case"
    )
    max_failed_sign_ins: int = Field(
        default=10, ge=1, description="Wrong tokens from one address before each further one has to wait, ever longer"
    )
    max_requests_per_s: float = Field(
        default=200,
        gt=0,
        description="Requests of one token, other than a worker's; ten seconds' worth may come at once",
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
    pack_after_s: float = Field(
        default=86400, ge=0, description="How long after a trial's end its points are packed, without loss; 0: never"
    )
    point_retention_s: float = Field(
        default=0, ge=0, description="How long long curves of ended trials keep more than their extremes; 0: for ever"
    )
    log_retention_s: float = Field(
        default=0, ge=0, description="How long ended trials keep their output lines; 0: for ever"
    )
    audit_retention_s: float = Field(
        default=90 * 86400, gt=0, description="How long the audit log remembers who did what"
    )
    max_body_bytes: int = Field(default=8 * 2**20, gt=0, description="Largest JSON request")
    max_artifact_bytes: int = Field(default=2**30, gt=0, description="Largest artifact")
    max_dataset_bytes: int = Field(default=2 * 2**30, gt=0, description="Largest data set that can be brought")
    max_datasets: int = Field(default=1000, gt=0, description="Most data sets that can be brought")
    dataset_chunk_bytes: int = Field(default=8 * 2**20, gt=0, description="Largest piece of an upload of a data set")
    max_code_bytes: int = Field(default=64 * 2**20, gt=0, description="Largest archive of code for commands")
    upload_retention_s: float = Field(
        default=86400, gt=0, description="How long an upload that was broken off can be resumed"
    )
    dataset_build_s: float = Field(default=900, gt=0, description="How long the preparation of a data set may take")
    dataset_build_bytes: int = Field(
        default=8 * 2**30, gt=0, description="How much memory the preparation of a data set may take"
    )
    reference_hosts: str = Field(
        default="",
        description="Hosts that data may be fetched from by https, comma-separated, with `:port` where it is not 443",
    )
    reference_networks: str = Field(
        default="", description="Networks, comma-separated, that such hosts may lie in though they are not public"
    )
    reference_roots: str = Field(
        default="", description="Folders of the API's machine whose files may be data, separated as in `PATH`"
    )
    dashboard_dir: Path = Field(default=Path("dashboard/dist"), description="The built dashboard")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="How much the API logs")

    @field_validator("reference_networks")
    @classmethod
    def _check_networks(cls, value: str) -> str:
        for one in _words(value):
            ip_network(one)  # raises with what it would be
        return value

    @property
    def effective_database_url(self) -> str:
        """The database that is used."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'tunewell.db'}"

    @property
    def effective_artifact_url(self) -> str:
        """The artifact store that is used."""
        return self.artifact_url or str(self.home.absolute() / "artifacts")

    @property
    def dataset_url(self) -> str:
        """Where data sets lie that people bring: beside artifacts, so that neither is erased with the other."""
        return f"{self.effective_artifact_url.rstrip('/')}/datasets"

    @property
    def code_url(self) -> str:
        """Where code lies that people bring for commands."""
        return f"{self.effective_artifact_url.rstrip('/')}/code"

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
        return LOOPBACK_NAMES + _words(self.allowed_hosts.lower())

    @property
    def reference_host_names(self) -> tuple[str, ...]:
        """Hosts that data may be fetched from."""
        return _words(self.reference_hosts.lower())

    @property
    def reference_network_names(self) -> tuple[str, ...]:
        """Networks that such hosts may lie in though they are not public."""
        return _words(self.reference_networks)

    @property
    def should_migrate(self) -> bool:
        """Whether the API brings the database's schema up to date when it starts."""
        is_sqlite = self.effective_database_url.startswith("sqlite")
        return self.auto_migrate == "yes" or (self.auto_migrate == "auto" and is_sqlite)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
