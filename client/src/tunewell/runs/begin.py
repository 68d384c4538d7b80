"""Begin a run: where it goes, under which study, and whether anything is sent at all."""

from __future__ import annotations

import os
import platform
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast, get_args

from tunewell._run_messages import RunRequest, RunStart, ScriptHost
from tunewell._transport import DEFAULT_SERVER, Transport
from tunewell.environments import Environment
from tunewell.errors import Invalid, Problem
from tunewell.records import ParamValue
from tunewell.runs import process
from tunewell.runs.folder import Header, RunFolder, runs_dir, start_json
from tunewell.runs.link import Link, MakeTransport
from tunewell.runs.run import Mode, Run

ENV_MODE = "TUNEWELL_MODE"
ENV_STUDY = "TUNEWELL_STUDY"
ENV_MAX_BYTES = "TUNEWELL_SPOOL_MAX_BYTES"
DEFAULT_MAX_BYTES = 1 << 30
_PARAM_KINDS = (bool, int, float, str, type(None))


@dataclass(frozen=True, slots=True)
class Target:
    """Where runs go.

    Attributes:
        mode: online, offline or disabled.
        server: Address.
        token: None where there is none. Never written to disk.
        transport: Replaces the network, for tests.
        root: Where runs lie until they were heard.
        max_bytes: How much a run may hold there.
    """

    mode: Mode
    server: str = DEFAULT_SERVER
    token: str | None = None
    transport: Any = None
    root: Path = field(default_factory=runs_dir)
    max_bytes: int = DEFAULT_MAX_BYTES

    def connect(self) -> Transport:
        """Return a new way to the server.

        Raises:
            Invalid: The address or the token cannot be one.
        """
        return Transport(self.server, self.token, transport=self.transport)


def new_key() -> str:
    """Return a name for a run that nobody can guess."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(12)


def new_study(name: str, objective: str, direction: str, tags: Sequence[str] = ()) -> dict[str, Any]:
    """Return the study that keeps a script's runs, as it is submitted."""
    return {
        "name": name,
        "code": "script",
        "sampler": {"name": "manual"},
        "objectives": [{"metric": objective, "direction": direction}],
        "budget": {"n_trials": None, "max_parallel": 100_000},
        "tags": list(tags),
    }


def read_mode(given: str | None) -> Mode:
    """Return how a run goes: as given, as `TUNEWELL_MODE` says, or online.

    Raises:
        Invalid: `unknown_mode`.
    """
    mode = given or os.environ.get(ENV_MODE) or "online"
    if mode not in get_args(Mode):
        raise Invalid(Problem("unknown_mode", f"{mode!r} is no mode", field="mode", hint=", ".join(get_args(Mode))))
    return cast(Mode, mode)


def read_max_bytes() -> int:
    """Return how much a run may hold on disk that the server has not heard.

    Raises:
        Invalid: `spool_max_bytes`.
    """
    given = os.environ.get(ENV_MAX_BYTES, "")
    if given and not given.isdecimal():
        problem = f"{ENV_MAX_BYTES} is {given!r}"
        raise Invalid(Problem("spool_max_bytes", problem, hint="a whole number of bytes, such as 1073741824"))
    return int(given) if given else DEFAULT_MAX_BYTES


def read_params(params: Mapping[str, Any]) -> dict[str, ParamValue]:
    """Return parameters as the server keeps them: those in mappings under names with dots.

    Raises:
        Invalid: `param_kind`, `param_name`.
    """
    found: dict[str, ParamValue] = {}
    for name, value in params.items():
        if not isinstance(name, str) or not name or len(name) > 200:
            raise Invalid(Problem("param_name", f"{name!r:.80} cannot be a parameter's name", field="params"))
        if isinstance(value, Mapping):
            found.update(read_params({f"{name}.{part}": inner for part, inner in value.items()}))
        else:
            found[name] = _param(name, value)
    return found


def script_host(environment: Environment | None = None) -> ScriptHost:
    """Return which process this is, and what it runs with where that is noted."""
    from tunewell import __version__  # the package is still being imported when this module is

    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] not in ("", "-c", "-m") else "python"
    host = platform.node() or "unknown"
    return ScriptHost(name=name[:200], host=host[:255], pid=os.getpid(), version=__version__, environment=environment)


def begin(target: Target, study: str, made: Mapping[str, Any] | None, request: RunRequest) -> Run:
    """Return a run that is under way.

    Args:
        target: Where it goes.
        study: Name or id of its study.
        made: What to submit where there is no such study.
        request: What begins it.

    Raises:
        Invalid: The address or the token cannot be one.
        OSError: Its folder cannot be written.
    """
    if target.mode == "disabled":
        return Run(None, request.params or {}, "disabled")
    header = Header(target.server, study, made, request.to_json())
    return run_in(target, RunFolder.create(target.root, header))


def take(target: Target, study: str, request: RunRequest, start: RunStart) -> Run:
    """Return the run of a trial that the server has given already.

    Raises:
        OSError: Its folder cannot be written.
    """
    assert start.attempt is not None
    header = Header(target.server, study, None, request.to_json(), start_json(start))
    return run_in(target, RunFolder.create(target.root, header))


def run_in(target: Target, folder: RunFolder, step: int | None = None) -> Run:
    """Return a run that is under way in a folder, which this process holds, and goes on behind a step.

    Raises:
        OSError: The folder cannot be written.
    """
    connect: MakeTransport | None = target.connect if target.mode == "online" else None
    start = folder.start
    attempt = None if start is None else start.attempt
    params = folder.header.request["params"] or {} if attempt is None else attempt.params
    link = Link(folder, target.max_bytes, connect)
    run = Run(link, params, target.mode, step)
    process.register(run)
    link.start()
    return run


def _param(name: str, value: Any) -> ParamValue:
    if hasattr(value, "item") and not isinstance(value, _PARAM_KINDS):  # a scalar of numpy's or torch's
        value = value.item()
    if isinstance(value, (list, tuple)):
        return ",".join(str(one) for one in value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, _PARAM_KINDS) and value == value and value not in (float("inf"), float("-inf")):
        return value
    hint = "true, false, a finite number, text or None; lists become text"
    raise Invalid(Problem("param_kind", f"{name} is {value!r:.80}", field=f"params.{name}", hint=hint))
