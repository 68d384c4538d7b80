"""The production files fit the code: what they start exists, what they read is explained, nothing is open by default.

No Docker engine runs where this is built, so the files' structure is what can be checked; the commands in them are run
against a real PostgreSQL and a real Redis by the integration tests.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DOCUMENT: dict[str, Any] = yaml.safe_load(COMPOSE)
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("tunewell:")}
SECRETS = {"TUNEWELL_POSTGRES_PASSWORD", "TUNEWELL_REDIS_PASSWORD", "TUNEWELL_ADMIN_TOKEN"} | {
    "TUNEWELL_USER_TOKEN",
    "TUNEWELL_WORKER_TOKEN",
}


def interpolated() -> set[tuple[str, str]]:
    """Return each variable with the operator that follows its name."""
    return set(re.findall(r"\$\{([A-Z_]+)(:?[-?]?)", COMPOSE))


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def test_services_are_those_of_the_design() -> None:
    assert set(SERVICES) == {
        *("database", "broker", "migrate", "api", "worker-cpu", "worker-gpu", "flower", "prometheus"),
    }


@pytest.mark.parametrize("name", OURS)
def test_our_services_start_modules_that_exist_in_the_image(name: str) -> None:
    command = SERVICES[name]["command"]
    assert command[:2] == ["python", "-m"]
    assert (ROOT / command[2] / "__main__.py").is_file()
    assert f"COPY {command[2]} {command[2]}\n" in DOCKERFILE


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_looked_after(name: str) -> None:
    service = SERVICES[name]
    assert service["init"] is True
    assert service["restart"]
    assert re.fullmatch(r"\d+s", service["stop_grace_period"])
    assert isinstance(service.get("command", []), list), (
        "exec form: signals reach the program, and nothing is re-parsed"
    )
    health = service["healthcheck"]
    assert health.get("disable") is (True if name == "migrate" else None)
    assert name == "migrate" or health["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert image
    assert re.match(r"v?\d+\.\d+", tag), f"{name}: {tag!r} names no version"


def test_dockerfile_pins_its_bases_and_drops_root() -> None:
    for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE):
        assert re.search(r":\d+\.\d+\.\d+", image), image
    lines = DOCKERFILE.splitlines()
    assert lines.index("USER tunewell") > max(n for n, line in enumerate(lines) if line.startswith(("RUN", "COPY")))
    assert "HEALTHCHECK" in DOCKERFILE
    assert 'CMD ["python", "-m", "api"]' in DOCKERFILE


def test_what_the_dockerfile_copies_is_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for path in " ".join(copied).split():
        assert path.split("/")[0] in sent, path
        assert (ROOT / path).exists(), path


def test_every_variable_is_explained() -> None:
    names = {name for name, _ in interpolated()}
    assert names == set(example())
    text = (ROOT / ".env.example").read_text()
    for name in names:
        assert re.search(rf"#[^\n]*\n(?:TUNEWELL_\w+=\S*\n)*{name}=", text), f"{name} has no comment above it"


def test_secrets_have_no_defaults_and_are_demanded() -> None:
    assert {name for name, operator in interpolated() if operator == ":?"} == SECRETS
    assert {name: example()[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")
    assert not {name for name, operator in interpolated() if name in SECRETS and operator != ":?"}


def test_the_api_knows_its_settings() -> None:
    known = {f"TUNEWELL_{name.upper()}" for name in Settings.model_fields}
    for name in ("migrate", "api"):
        assert set(SERVICES[name]["environment"]) <= known
    environment = {name: value for name, value in SERVICES["api"]["environment"].items() if "${" not in value}
    settings = Settings(**{name.removeprefix("TUNEWELL_").lower(): value for name, value in environment.items()})
    assert settings.needs_tokens
    assert not settings.should_migrate


def test_services_wait_for_what_they_need() -> None:
    def needs(name: str) -> dict[str, str]:
        return {other: how["condition"] for other, how in SERVICES[name].get("depends_on", {}).items()}

    assert needs("migrate") == {"database": "service_healthy"}
    assert needs("api") == {
        "migrate": "service_completed_successfully",
        "database": "service_healthy",
        "broker": "service_healthy",
    }
    assert needs("worker-cpu") == needs("worker-gpu") == {"api": "service_healthy"}
    assert needs("database") == needs("broker") == {}


def test_only_the_api_can_be_opened_to_other_machines() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.pop("api") == ["${TUNEWELL_PUBLISH_HOST:-127.0.0.1}:${TUNEWELL_PORT:-8000}:8000"]
    assert set(published) == {"flower", "prometheus"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert example()["TUNEWELL_PUBLISH_HOST"] == "127.0.0.1"


def test_profiles_and_gpus() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "worker-gpu": ["gpu"],
        "flower": ["monitoring"],
        "prometheus": ["monitoring"],
    }
    gpu = SERVICES["worker-gpu"]
    devices = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]
    assert gpu["shm_size"] == "8g"


def test_the_state_outlives_containers() -> None:
    assert SERVICES["database"]["volumes"] == ["database:/var/lib/postgresql"]
    assert SERVICES["broker"]["volumes"] == ["broker:/data"]
    assert SERVICES["api"]["volumes"] == ["artifacts:/var/lib/tunewell"]
    assert {"database", "broker", "artifacts"} <= set(DOCUMENT["volumes"])


def test_the_broker_keeps_messages_and_wants_a_password() -> None:
    lines = DOCUMENT["configs"]["broker"]["content"].splitlines()
    assert {"dir /data", "appendonly yes", "maxmemory-policy noeviction"} <= set(lines)
    assert lines[0].startswith("requirepass ${TUNEWELL_REDIS_PASSWORD:?")
    assert not any("PASSWORD" in part for service in SERVICES.values() for part in service.get("command", []))


def test_prometheus_reads_the_api() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["api:8000"]}]
    secret = Path(job["authorization"]["credentials_file"]).name
    assert SERVICES["prometheus"]["secrets"] == [secret]
    assert DOCUMENT["secrets"][secret] == {"environment": "TUNEWELL_USER_TOKEN"}
    for source in DOCUMENT["configs"].values():
        assert "content" in source or (ROOT / source["file"]).is_file()


def test_flower_sees_the_keys_that_the_api_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEWELL_BROKER_URL", "redis://broker")
    values: dict[str, Any] = {}
    exec((ROOT / "deploy" / "celeryconfig.py").read_text(), values)  # noqa: S102 (our own file, as Celery loads it)
    assert values["broker_url"] == "redis://broker"
    assert values["broker_transport_options"] == {"global_keyprefix": Settings.model_fields["key_prefix"].default}
