"""The two commands that a newcomer types, with everything real behind them."""

import os
import re
import signal
from pathlib import Path

import httpx
import pytest

from stack.home import find_running
from tests.servers.ports import free_port
from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.waiting import wait_until

STUDY = """
name: small
dataset: digits
model: mlp
fixed: {epochs: 2, batch_size: 64}
search_space:
  hidden_units: {type: int, low: 16, high: 48, step: 16}
sampler: {name: grid}
objectives: [{metric: val_accuracy, direction: maximize}]
budget: {n_trials: 3, max_parallel: 2}
"""


class Machine:
    """A state folder and port of one's own, and the commands that use them."""

    def __init__(self, folder: Path, processes: ProcessFamily) -> None:
        self.home, self.processes = folder / "home", processes
        self.study = folder / "small.yaml"
        self.study.write_text(STUDY)
        kept = {name: "" for name in os.environ if name.startswith("TUNEWELL_")}
        self.env = {**kept, "TUNEWELL_HOME": str(self.home), "TUNEWELL_PORT": str(free_port()), "COLUMNS": "120"}

    def start(self, *arguments: str) -> ServiceProcess:
        """Start `python -m stack` with these arguments."""
        return self.processes.start_module("stack", *arguments, env=self.env)

    def up(self) -> tuple[ServiceProcess, str]:
        """Start the stack, wait until it is ready, and return it with its address."""
        process = self.start("up", "--slots", "2")
        wait_until(lambda: "Ctrl-C stops everything." in process.log_text() or not process.is_running, 90)
        assert process.is_running, process.log_text()
        running = find_running(self.home)
        assert running is not None
        assert running.server is not None
        return process, running.server


@pytest.fixture
def machine(tmp_path: Path, processes: ProcessFamily) -> Machine:
    return Machine(tmp_path, processes)


def test_demo_ends_with_a_tested_network_and_no_process(machine: Machine) -> None:
    demo = machine.start("demo", "--study", str(machine.study), "--slots", "2")
    assert demo.wait(180) == 0, demo.log_text()
    assert machine.processes.alive() == []
    text = demo.log_text()
    assert "0/3 trials, no result yet" in text
    assert "Best of 3 trials" in text
    accuracies = [float(found) for found in re.findall(r"(?:\(trial \d\)|regression) +(0\.\d{4})$", text, re.MULTILINE)]
    assert len(accuracies) == 2
    assert all(0.5 < accuracy < 1 for accuracy in accuracies)
    assert f"http://127.0.0.1:{machine.env['TUNEWELL_PORT']}/studies/1" in text


def test_stack_that_runs_is_used_by_the_demo_and_ends_with_ctrl_c(machine: Machine) -> None:
    stack, server = machine.up()
    demo = machine.start("demo", "--study", str(machine.study))
    assert demo.wait(180) == 0, demo.log_text()
    assert f"using the stack that runs at {server}" in demo.log_text()
    assert httpx.get(f"{server}/readyz").status_code == 200

    second = machine.start("up")
    assert second.wait(30) == 1
    assert f"in use by process {stack.pid}, serving {server}" in second.log_text()

    stack.send(signal.SIGINT)
    assert stack.wait(30) == 0
    assert machine.processes.alive() == []
    assert find_running(machine.home) is None


def test_interrupted_demo_leaves_no_process(machine: Machine) -> None:
    demo = machine.start("demo", "--slots", "2")
    wait_until(lambda: " running" in demo.log_text() or not demo.is_running, 120, what="a trial trains")
    demo.send(signal.SIGINT)
    assert demo.wait(40) == 128 + signal.SIGINT, demo.log_text()
    assert machine.processes.alive() == []


def test_broken_study_is_refused_with_its_reason(machine: Machine) -> None:
    machine.study.write_text(STUDY.replace("low: 16", "low: 64"))
    demo = machine.start("demo", "--study", str(machine.study))
    assert demo.wait(90) == 1
    assert "error: search_space.hidden_units" in demo.log_text()
    assert machine.processes.alive() == []
