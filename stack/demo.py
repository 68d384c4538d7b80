"""The demo: a real search from nothing to a network that is tested, in one command."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import tunewell
from rich.console import Console
from rich.text import Text
from tunewell.progress import watch_study
from tunewell.records import Study
from tunewell.studyfile import parse_study

from stack.errors import StackError
from stack.evaluation import evaluate_best
from stack.home import find_running
from stack.results import comparison_lines, diagnosis_lines, format_duration, trials_table
from stack.runner import READY_TIMEOUT_S, Stack, running_stack
from stack.settings import ROOT, StackSettings

STUDY_FILE = ROOT / "examples" / "digits-mlp.yaml"
POLL_S = 0.5
STALLED_AFTER_S = 180.0
N_BEST = 5


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo works with.

    Attributes:
        settings: Home, ports, slots.
        env: Environment that processes inherit.
        console: Where it prints.
        clock: Seconds that only grow.
        sleep: Waits for some seconds.
    """

    settings: StackSettings
    env: Mapping[str, str]
    console: Console
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(self, study_file: Path = STUDY_FILE) -> None:
        """Submit the study, follow it, and show what came of it.

        Raises:
            StackError: The stack does not start, or `demo_failed`: the study ended without a usable network.
            tunewell.TunewellError: The server refused something.
        """
        begun = self.clock()
        with self._stack() as stack, tunewell.Client(stack.server) as client:
            submitted = submit(client, parse_study(study_file.read_text(), study_file.name))
            page = f"{stack.server}/studies/{submitted.study_id}"
            self.say(f"study {submitted.name}: {page}")
            study = self._follow(stack, client, submitted)
            self._show(client, study)
            self.say(f"dashboard: {page} (`make up` keeps it running)")
            more = f"tunewell evaluate {submitted.name} --baselines --ensemble 5"
            self.say(f"while it runs, `{more}` tests more baselines, and the best networks together")
        self.say(f"done in {format_duration(self.clock() - begun)}")

    def say(self, line: str) -> None:
        """Print a line as it is, without markup."""
        self.console.print(Text(line), soft_wrap=True)

    @contextmanager
    def _stack(self) -> Iterator[Stack]:
        server = self._server_of_running()
        if server is not None:
            self.say(f"using the stack that runs at {server}")
            yield Stack(server=server, tick=lambda: None)
            return
        self.say(f"starting broker, API and worker; state and logs are in {self.settings.home}")
        with running_stack(self.settings, self.env, self.say) as stack:
            yield stack

    def _server_of_running(self) -> str | None:
        deadline = self.clock() + READY_TIMEOUT_S
        while (running := find_running(self.settings.home)) is not None and running.server is None:
            if self.clock() > deadline:
                raise StackError("not_ready", f"the stack of process {running.pid} does not get ready")
            self.sleep(POLL_S)
        return running.server if running is not None else None

    def _follow(self, stack: Stack, client: tunewell.Client, study: Study) -> Study:
        n_finished, progressed = 0, self.clock()

        def is_over(seen: Study) -> bool:
            nonlocal n_finished, progressed
            stack.tick()
            if seen.n_finished != n_finished:
                n_finished, progressed = seen.n_finished, self.clock()
            elif self.clock() - progressed > STALLED_AFTER_S:
                raise StackError("demo_failed", f"no trial ended for {STALLED_AFTER_S:g} s: see {self.settings.logs}")
            return seen.is_ended

        return watch_study(client, study.study_id, self.console, until=is_over)

    def _show(self, client: tunewell.Client, study: Study) -> None:
        best_first = client.list_trials(study.study_id, state="COMPLETE", order_by="value")
        trials = list(islice(best_first, N_BEST))
        if study.state != "COMPLETE" or not trials:
            reason = study.state_reason or "no trial was completed"
            raise StackError(
                "demo_failed", f"study {study.name} ended {study.state}: {reason}. See {self.settings.logs}"
            )
        self.console.print(trials_table(study, trials))
        evaluation = evaluate_best(client, study, trials[0], self.settings.home)
        best = client.get_trial(trials[0].trial_id)
        for line in (*comparison_lines(evaluation, best), *diagnosis_lines(best)):
            self.say(line)


def submit(client: tunewell.Client, study: Mapping[str, Any]) -> Study:
    """Submit a study under its own name or, where that is taken, with the first free number after it."""
    for name in study_names(study.get("name", "")):
        try:
            return client.create_study({**study, "name": name})
        except tunewell.Conflict as conflict:
            if conflict.code != "name_taken":
                raise
    raise AssertionError("names never run out")


def study_names(name: str) -> Iterator[str]:
    """Yield name, name-2, name-3, ..."""
    yield name
    for number in count(2):
        yield f"{name}-{number}"
