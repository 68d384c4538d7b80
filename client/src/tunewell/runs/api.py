"""What a script calls: `init`, `agent`, `current_trial`."""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict, Unpack

import httpx

from tunewell._run_messages import RunRequest, RunStart
from tunewell._transport import DEFAULT_SERVER
from tunewell.delivery import persist
from tunewell.environments import Environment
from tunewell.errors import Invalid, Problem
from tunewell.login import choose
from tunewell.protocol import Protocol
from tunewell.records import ENDED_STUDY
from tunewell.runs import begin, capture, process, relay
from tunewell.runs.link import log
from tunewell.runs.resume import resume as resume_run
from tunewell.runs.run import Mode, Run

_current: ContextVar[Run | None] = ContextVar("tunewell_run", default=None)
_IDLE_S = 2.0
_PATIENCE_S = 60.0


class Options(TypedDict, total=False):
    """What else a run can be given.

    Attributes:
        tags: Words to find the run by.
        notes: Text about it.
        server: Address; where left out TUNEWELL_SERVER, then that of `tunewell login`, then http://127.0.0.1:8000.
        token: TUNEWELL_TOKEN, then that of `tunewell login` for this server, where left out.
        capture: What is noted by itself: environment, diff, output, system; TUNEWELL_CAPTURE, then all, where left out.
        transport: Replaces the network, for tests.
    """

    tags: Sequence[str]
    notes: str
    server: str | None
    token: str | None
    capture: Sequence[str]
    transport: httpx.BaseTransport | None


def init(
    study: str | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    objective: tuple[str, Literal["minimize", "maximize"]] = ("val_loss", "minimize"),
    mode: Mode | None = None,
    resume: str | int | None = None,
    **options: Unpack[Options],
) -> Run:
    """Begin a run, or go on with one that was lost; inside `agent` it is the run of the trial that is being done.

    Args:
        study: Name of the study that keeps the runs; TUNEWELL_STUDY where left out. It is made where there is none.
        params: Hyperparameters by name; mappings in it become names with dots, and lists texts.
        objective: What counts in a study that is made, and its direction.
        mode: online; offline: nothing is sent until `tunewell sync`; disabled: nothing is kept. TUNEWELL_MODE, then
            online, where left out.
        resume: Id of the trial, or key, of a run whose process was killed or cut off for good: what it had not sent is
            sent, `step` is its last one, and `restore` fetches its checkpoint. A process that may still live is waited
            for until its lease runs out. None or empty: a new run.
        options: See `Options`.

    Returns:
        The run, to be used as a context or ended by `finish`.

    Raises:
        Invalid: `no_study`, `unknown_mode`, `param_kind`; an address or a token that cannot be one.
        OSError: The folder for runs cannot be written.
        TunewellError: What `runs.resume.resume` raises, where a run is to be resumed.
    """
    running = _current.get()
    if running is not None and study is None:
        return running
    trial = _trial_of_process()  # a script that names a study is a part of its trial all the same
    if trial is not None:
        return trial
    target = _target(begin.read_mode(mode), options)
    name = study or os.environ.get(begin.ENV_STUDY, "")
    kinds = capture.read_kinds(options.get("capture"))
    script, given = begin.script_host(_environment(target.mode, kinds)), begin.read_params(params or {})
    if resume not in (None, "") and target.mode != "disabled":
        run = resume_run(target, str(resume), name, script, given)
    else:
        _require_study(target.mode, name)
        request = RunRequest(
            key=begin.new_key(),
            params=given,
            note=options.get("notes", ""),
            tags=tuple(options.get("tags", ())),
            began_at=datetime.now(UTC),
            script=script,
        )
        run = begin.begin(target, name, begin.new_study(name, *objective), request)
    capture.begin_capture(run, kinds)
    return run


def _require_study(mode: Mode, name: str) -> None:
    if not name and mode != "disabled":
        problem = Problem("no_study", "no study is named", field="study", hint="name one, or set TUNEWELL_STUDY")
        raise Invalid(problem)


def _environment(mode: Mode, kinds: frozenset[str]) -> Environment | None:
    return capture.note_environment() if "environment" in kinds and mode != "disabled" else None


def current_trial() -> Run | None:
    """Return the run of the trial that this code is called for: in `agent` and in a study's command; None elsewhere."""
    return _current.get() or _trial_of_process()


@functools.cache
def _trial_of_process() -> Run | None:
    """Return the run of the trial for which an agent started this process; None where none did."""
    folder = relay.find_trial()
    if folder is None:
        return None
    run = relay.open_trial(folder, begin.read_max_bytes())
    process.register(run)
    return run


def agent(
    study: str,
    train_fn: Callable[[Run], object],
    n_trials: int | None = None,
    *,
    wait_s: float = 0.0,
    **options: Unpack[Options],
) -> int:
    """Run trials that a study proposes, one after the other, until there is nothing left to run.

    `train_fn` is called with a run whose `params` are the trial's. It logs, asks `run.should_prune()`, and returns. Its
    exceptions fail the trial, and the next one begins; Ctrl-C stops the trial and the agent.

    Args:
        study: Name or id of a study with `"code": "script"`.
        train_fn: What to do for a trial.
        n_trials: At most so many; None: as long as there are any.
        wait_s: How long to wait for new trials where the study goes on but has nothing to run now.
        options: See `Options`.

    Returns:
        How many trials were run.

    Raises:
        NotFound: There is no such study.
        Conflict: `not_for_scripts`: workers train its trials.
        ServerUnreachable: Nothing answers for a minute.
    """
    target = _target("online", options)
    kinds = capture.read_kinds(options.get("capture"))
    script = begin.script_host(_environment(target.mode, kinds))
    n_done, worker_id = 0, None
    while n_trials is None or n_done < n_trials:
        found = _ask(target, study, RunRequest(key="", script=script, worker_id=worker_id), wait_s)
        if found is None:
            break
        run, worker_id = found
        capture.begin_capture(run, kinds)
        _do(run, train_fn)
        n_done += 1
    return n_done


def _do(run: Run, train_fn: Callable[[Run], object]) -> None:
    token = _current.set(run)
    try:
        with run:
            _train(run, train_fn)
    except Exception as error:
        log.warning("trial %s failed: %s: %s", run.folder, type(error).__name__, error)
    finally:
        _current.reset(token)


def _train(run: Run, train_fn: Callable[[Run], object]) -> None:
    try:
        train_fn(run)
    except KeyboardInterrupt:  # another agent may do it
        run.finish("PREEMPTED", "the agent was interrupted")
        raise


def _ask(target: begin.Target, study: str, wanted: RunRequest, wait_s: float) -> tuple[Run, int] | None:
    """Return the next trial's run and this process's id; None where there is nothing to run."""
    deadline = time.monotonic() + wait_s
    with target.connect() as transport:
        protocol = Protocol(transport)
        while True:
            request = dataclasses.replace(wanted, key=begin.new_key())
            start = _patiently(lambda request=request: protocol.begin_run(study, request))  # type: ignore[misc]
            if start.attempt is not None:
                return begin.take(target, study, request, start), start.worker_id
            wanted = dataclasses.replace(wanted, worker_id=start.worker_id)
            if start.study_state in ENDED_STUDY or time.monotonic() >= deadline:
                return None
            threading.Event().wait(_IDLE_S)


def _patiently(ask: Callable[[], RunStart]) -> RunStart:
    """Ask for as long as a minute; then once more, for the error."""
    until = time.monotonic() + _PATIENCE_S
    answer = persist(ask, lambda delay_s: time.monotonic() > until or threading.Event().wait(delay_s))
    return ask() if answer is None else answer


def _target(mode: Mode, options: Options) -> begin.Target:
    server, token = DEFAULT_SERVER, None
    if mode != "disabled":
        server, token = choose(options.get("server"), options.get("token"))
    return begin.Target(
        mode=mode,
        server=server,
        token=token,
        transport=options.get("transport"),
        max_bytes=begin.read_max_bytes(),
    )
