"""The example of a script of one's own: tracked by itself, and as an agent of a study."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tunewell import Client
from tunewell.studyfile import parse_study

from tests.servers.processes import ProcessFamily
from tests.servers.service import Service

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture
def service(tmp_path: Path, processes: ProcessFamily, sqlite_url: str) -> Service:
    """Return an API in a process of its own."""
    service = Service(processes, tmp_path / "home", sqlite_url, "memory://")
    service.start_api()
    return service


def run_script(processes: ProcessFamily, service: Service, *words: str) -> None:
    run_python(processes, service, str(EXAMPLES / "own_training.py"), *words)


def run_python(processes: ProcessFamily, service: Service, *words: str) -> None:
    env = {"TUNEWELL_SERVER": service.address, "TUNEWELL_RUNS": str(service.home / "runs")}
    env["PATH"] = str(Path(sys.executable).parent)  # whose `python` is the one that runs the tests
    script = processes.start([sys.executable, *words], name="script", env=env)
    assert script.wait(240.0) == 0, script.log_text()


def test_the_example_is_tracked_and_searched(service: Service, processes: ProcessFamily) -> None:
    study = parse_study((EXAMPLES / "own-training.yaml").read_text(), "own-training.yaml")
    quick = {"fixed": {"epochs": 10}, "budget": {"n_trials": 3}, "sampler": {"name": "random", "seed": 1}}
    with service, Client(service.address) as client:
        client.create_study({**study, **quick})
        run_script(processes, service, "--agent", "spirals-search")
        run_script(processes, service, "--epochs", "12")
        searched, (tracked,) = service.trials("spirals-search"), service.trials("spirals")
        assert service.call("GET", "/studies/spirals-search")["state"] == "COMPLETE"
        assert [trial["state"] for trial in searched if trial["state"] != "PRUNED"].count("COMPLETE") >= 1
        assert len(searched) == 3
        assert all(0 < trial["values"]["val_loss"] < 5 for trial in searched)
        assert (tracked["state"], tracked["params"]["epochs"], tracked["step"]) == ("COMPLETE", 12, 12)
        kept = client.list_artifacts(tracked["trial_id"])
        assert {one.name for one in kept} <= {"uncommitted.diff"}
        service.stop()


def test_the_example_is_run_as_a_command_from_an_archive(
    service: Service, processes: ProcessFamily, tmp_path: Path
) -> None:
    study = parse_study((EXAMPLES / "own-command.yaml").read_text(), "own-command.yaml")
    quick = {"fixed": {"epochs": 10}, "budget": {"n_trials": 1}, "sampler": {"name": "random", "seed": 1}}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with service, Client(service.address) as client:
        code = client.add_code(EXAMPLES)
        assert client.add_code(EXAMPLES) == code, "the same folder is the same code"
        client.create_study({**study, **quick, "name": "by-command", "code": {"archive": code.sha256}})
        agent = ("-m", "tunewell", "agent", "by-command", "--allow-commands", "--command-root", str(elsewhere))
        run_python(processes, service, *agent)
        assert client.get_code(code.sha256).n_studies == 1
        (trial,) = service.trials("by-command")
        assert (trial["state"], trial["step"], trial["reason"]) == ("COMPLETE", 10, "")
        assert trial["value"] == trial["values"]["val_loss"] > 0
        service.stop()
