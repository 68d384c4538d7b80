"""Go on with a run whose process is gone: in its folder where that lies here, else from what the server has."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping
from typing import Any

from tunewell._run_messages import RunRequest, RunStart, ScriptHost
from tunewell._transport import Transport
from tunewell.errors import Conflict, Invalid, Problem, ServerUnreachable
from tunewell.protocol import Protocol
from tunewell.records import ParamValue
from tunewell.runs import begin
from tunewell.runs.deliver import Deliverer
from tunewell.runs.folder import Header, RunFolder, request_of, start_json
from tunewell.runs.link import log
from tunewell.runs.run import Run
from tunewell.runs.sync import find_runs

LEASE_WAIT_S = 120.0  # for the lease of a run whose process may be gone
_ASK_EVERY_S = 1.0
_MAX_ID_DIGITS = 15


def resume(target: begin.Target, name: str, study: str, script: ScriptHost, params: Mapping[str, ParamValue]) -> Run:
    """Go on with a run that was lost.

    Args:
        target: Where it goes; online.
        name: Id of the run's trial, or its key, which is the name of its folder.
        study: Its study; may be left empty for a trial's id, and for a run whose folder lies here.
        script: This process.
        params: What the script would begin the run with: the run keeps its own, and a difference is told.

    Raises:
        Invalid: `no_study`; `resume_mode`: it is to be offline.
        NotFound: `run_not_found`, `trial_not_found`, `study_not_found`.
        Conflict: `run_over`: it has ended; `run_live`: another process holds it, also after two minutes.
        ServerUnreachable: Nothing answers.
        OSError: Its folder cannot be read or written.

    Effects:
        What its process had not sent is sent.
    """
    if target.mode != "online":
        problem = Problem("resume_mode", f"a run cannot be resumed in the mode {target.mode}", "resume", "go online")
        raise Invalid(problem)
    here = _hold_here(target, name)
    with target.connect() as transport:
        folder = _take_over(target, transport, name, study, script) if here is None else _catch_up(here, transport)
    start = folder.start
    run = begin.run_in(target, folder, None if start is None else start.step)
    differing = [key for key, value in params.items() if run.params.get(key, value) != value]
    if differing:
        log.warning("the run that is resumed keeps its own parameters, which differ in %s", ", ".join(differing))
    return run


def _hold_here(target: begin.Target, name: str) -> RunFolder | None:
    """Return the run's folder, held by this process; None where it does not lie here."""
    found = [run for run in map(RunFolder.load, find_runs(target.root)) if _is_named(run, name)]
    found = [run for run in found if run.header.server == target.server]
    if not found:
        return None
    if not found[-1].hold():
        problem = Problem("run_live", f"a process on this machine goes on with run {name}", "resume", "end it first")
        raise Conflict(problem)
    return found[-1]


def _is_named(run: RunFolder, name: str) -> bool:
    header = run.header
    known = {run.path.name, header.request.get("resume"), str((header.start or {}).get("trial_id"))}
    return request_of(header.request).is_own and name in known


def _catch_up(folder: RunFolder, transport: Transport) -> RunFolder:
    """Send what the run's process left, and learn how far it is."""
    try:
        folder.mend_spool()
        protocol = Protocol(transport)
        sender = Deliverer(folder, protocol, lambda _: True)
        try:
            if sender.open() and not sender.has_ended:
                sender.deliver()
        finally:
            sender.close()
        if sender.is_away:
            raise _away(transport)
        if not sender.has_ended:
            start = protocol.begin_run(folder.header.study, request_of(folder.header.request))
            folder.empty_spool()
            return _noted(folder, start)
    except BaseException:
        folder.release()
        raise
    folder.discard()
    problem = Problem("run_over", f"run {folder.path.name} has ended", "resume", "begin another run")
    raise Conflict(problem)


def _take_over(target: begin.Target, transport: Transport, name: str, study: str, script: ScriptHost) -> RunFolder:
    """Ask the server for a run that began elsewhere, and wait for its lease to run out."""
    study = study or _study_of(transport, name)
    request = RunRequest(key=begin.new_key(), script=script, resume=name)
    start = _await_lease(Protocol(transport), study, request)
    return RunFolder.create(target.root, Header(target.server, study, None, request.to_json(), start_json(start)))


def _await_lease(protocol: Protocol, study: str, request: RunRequest) -> RunStart:
    deadline, is_told = time.monotonic() + LEASE_WAIT_S, False
    while True:
        try:
            return protocol.begin_run(study, request)
        except Conflict as error:
            if error.code != "run_live" or time.monotonic() >= deadline:
                raise
        if not is_told:
            log.warning("run %s is held by another process: waiting for its lease to run out", request.resume)
        is_told = True
        threading.Event().wait(_ASK_EVERY_S)


def _study_of(transport: Transport, name: str) -> str:
    if not name.isdecimal() or len(name) > _MAX_ID_DIGITS:
        hint = "name its study, or give the id of its trial"
        raise Invalid(Problem("no_study", f"of run {name} it is not known in which study it is", "study", hint))
    found: dict[str, Any] = transport.json("GET", f"/trials/{name}")
    return str(found["study_id"])


def _noted(folder: RunFolder, start: RunStart) -> RunFolder:
    folder.save(dataclasses.replace(folder.header, start=start_json(start)))
    return folder


def _away(transport: Transport) -> ServerUnreachable:
    hint = "what the run had to say stays on disk; try again, or begin another run"
    return ServerUnreachable(Problem("server_unreachable", f"the server at {transport.server} is away", hint=hint))
