"""Who uses the service meanwhile: people who submit studies, scripts that track runs, agents that take trials."""

from __future__ import annotations

import random
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
from tunewell.protocol import Transport
from tunewell.runs.sync import sync_runs

from benchmarks.chaos.house import FULL, House, Kind, Size, script_environment
from tests.servers.processes import ServiceProcess

Json = dict[str, Any]
SCRIPTS = "chaos-scripts"
MAX_RETRIES = 100
N_AGENT_STEPS = 60
_PROGRAM = Path(__file__).parent / "programs" / "diarist.py"
_LOOK_EVERY_S = 0.5
_ENDED = ("COMPLETE", "FAILED")


@dataclass(slots=True)
class Started:
    """A script or agent.

    Attributes:
        kind: run, agent or command.
        process: What was started.
        ended_at: When its end was seen, in seconds since 1970; None while it runs.
    """

    kind: str
    process: ServiceProcess
    ended_at: float | None = None


@dataclass(slots=True)
class Submitted:
    """A study: what was asked for, and what the server last said of it."""

    kind: Kind
    body: Json
    state: str = "RUNNING"


@dataclass(slots=True)
class Crew:
    """Keeps a steady amount of work under way while it is open.

    Attributes:
        house: The service.
        seed: Seeds studies and scripts.
        size: How much is done at a time.
        is_open: Whether new work is begun; what was begun goes on.
        studies: By name.
        started: Every script and agent.
        refused: What the server said no to, and should not have.
    """

    house: House
    seed: int
    size: Size = FULL
    is_open: bool = True
    studies: dict[str, Submitted] = field(default_factory=dict)
    started: list[Started] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _random: random.Random = field(init=False)
    _thread: threading.Thread = field(init=False)
    _stop: threading.Event = field(default_factory=threading.Event)
    _n_scripts: int = 0

    def __post_init__(self) -> None:
        """Make the folders."""
        self._random = random.Random(f"crew {self.seed}")
        self._thread = threading.Thread(target=self._submit, name="crew", daemon=True)
        self.diaries.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        """Begin to submit."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Submit nothing more."""
        self._stop.set()
        self._thread.join(30)

    @property
    def diaries(self) -> Path:
        """Where scripts write what they log."""
        return self.house.folder / "diaries"

    def processes(self, kind: str) -> list[psutil.Process]:
        """Return the scripts of a kind that run."""
        found = [one.process.pid for one in self.started if one.kind == kind and one.process.is_running]
        return [psutil.Process(pid) for pid in found if psutil.pid_exists(pid)]

    def keep(self) -> None:
        """See who ended, and start scripts and agents in their place."""
        for one in self.started:
            if one.ended_at is None and not one.process.is_running:
                one.ended_at = time.time()
        while self.is_open and self._count("run") < self.size.n_scripts:
            self._start_script()
        for kind in ("agent", "command"):
            open_ones = [name for name, one in self.studies.items() if one.kind == kind and one.state not in _ENDED]
            if open_ones and not self._count(kind):
                self._start_agent(kind, open_ones[0])

    def is_done(self) -> bool:
        """Return whether every study and every script that was begun has ended."""
        return not self.open_work()

    def open_work(self) -> list[str]:
        """Return what has not ended, in words; agents of commands may wait for the next study."""
        studies = [f"study {name} is {one.state}" for name, one in self.studies.items() if one.state not in _ENDED]
        return studies + [f"{n} of kind {kind} run" for kind in ("run", "agent") if (n := self._count(kind))]

    def is_left(self) -> bool:
        """Return whether all scripts have ended."""
        return all(one.ended_at is not None for one in self.started)

    def sync(self) -> list[str]:
        """Send what killed scripts left; return what came of each run."""
        environment = script_environment(self.house)
        address = environment["TUNEWELL_SERVER"]
        found = sync_runs(Path(environment["TUNEWELL_RUNS"]), lambda: Transport(address), address, wait_s=5.0)
        return [one.result for one in found]

    def _count(self, kind: str) -> int:
        return sum(one.kind == kind and one.ended_at is None for one in self.started)

    def _start_script(self) -> None:
        self._n_scripts += 1
        n_steps, pause_s = self._random.randint(100, 300), round(self._random.uniform(0.01, 0.03), 4)
        self._start("run", "run", SCRIPTS, str(self._n_scripts), str(n_steps), str(pause_s), str(self.diaries))

    def _start_agent(self, kind: str, study: str) -> None:
        if kind == "agent":
            self._start(kind, "agent", study, str(N_AGENT_STEPS), "0.01", str(self.diaries))
            return
        root = str(_PROGRAM.parent)
        self._launch(
            kind, [sys.executable, "-m", "tunewell", "agent", study, "--allow-commands", "--command-root", root]
        )

    def _start(self, kind: str, *words: str) -> None:
        self._launch(kind, [sys.executable, str(_PROGRAM), *words])

    def _launch(self, kind: str, command: list[str]) -> None:
        process = self.house.family.start(command, name=kind, env=script_environment(self.house))
        self.started.append(Started(kind, process))

    def _submit(self) -> None:
        with httpx.Client(base_url=f"{self.house.address}/api/v1", timeout=5, trust_env=False) as http:
            while not self._stop.wait(_LOOK_EVERY_S):
                try:
                    self._look(http)
                    self._fill(http)
                except (httpx.HTTPError, ValueError):
                    continue  # the server is being hurt

    def _look(self, http: httpx.Client) -> None:
        for name, study in list(self.studies.items()):
            if study.state not in _ENDED:
                answer = http.get(f"/studies/{name}")
                if answer.is_success:
                    study.state = answer.json()["state"]

    def _fill(self, http: httpx.Client) -> None:
        for kind in self.size.searches:
            n_wanted = self.size.n_networks if kind == "network" else 1
            n_open = sum(one.kind == kind and one.state not in _ENDED for one in self.studies.values())
            if self.is_open and n_open < n_wanted:
                body = self._study(kind, sum(one.kind == kind for one in self.studies.values()))
                answer = http.post("/studies", json=body)
                # Taken: an earlier request was done, and its answer lost.
                if answer.is_success or answer.status_code == 409:
                    self.studies[body["name"]] = Submitted(kind, body)
                elif answer.is_client_error:
                    self.refused.append(f"study {body['name']} was refused: {answer.text}")

    def _study(self, kind: Kind, place: int) -> Json:
        name = f"{kind}-{place}"
        seed = 1000 * self.seed + 10 * place + self.size.searches.index(kind)  # no two studies propose the same
        if kind == "network":
            return network_study(name, seed, place, self.size.n_trials)
        return script_study(name, seed, kind, self.diaries)


def network_study(name: str, seed: int, place: int, n_trials: int) -> Json:
    """Return a search for a small network; every third one prunes."""
    return {
        "name": name,
        "dataset": "digits",
        "model": "mlp",
        "fixed": {"epochs": 30 + 30 * (place % 3), "batch_size": 256, "hidden_layers": 1, "hidden_units": 16},
        "search_space": {"learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}},
        "sampler": {"name": "random", "seed": seed},
        **({"pruner": {"name": "median"}} if place % 3 == 2 else {}),
        "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
        "budget": {"n_trials": n_trials, "max_parallel": 6, "max_retries": MAX_RETRIES},
    }


def script_study(name: str, seed: int, kind: Kind, diaries: Path) -> Json:
    """Return a search that agents work off: by a function, or by a command."""
    words = ["python", _PROGRAM.name, "command", str(N_AGENT_STEPS), "0.01", str(diaries)]
    return {
        "name": name,
        "code": "script",
        **({"command": words} if kind == "command" else {}),
        "search_space": {"rate": {"type": "float", "low": 0.001, "high": 1.0}},
        "sampler": {"name": "random", "seed": seed},
        "objectives": [{"metric": "val_loss", "direction": "minimize"}],
        "budget": {"n_trials": 5, "max_parallel": 4, "max_retries": MAX_RETRIES},
    }
