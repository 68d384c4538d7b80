"""Where commands may run on a machine, with which program and which variables."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tunewell.code.source import CodeSource
from tunewell.errors import Invalid, Problem
from tunewell.records import ParamValue

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_SECRET_ENDS = ("_TOKEN", "_URL", "_SECRET", "_PASSWORD")  # addresses of databases and brokers hold passwords
_PYTHONS = ("python", "python3")


@dataclass(frozen=True, slots=True)
class Place:
    """What a machine allows to commands.

    Args:
        root: Where commands run. A program named by a path must lie below it; a bare name is looked up in `PATH`.
        grace_s: How long a script that is told to end has before SIGTERM, and again before SIGKILL.
        python: What `python` and `python3` mean, such as that of a virtual environment; `PATH` says it where None.
        allow_git: Repositories from which code may come: addresses and paths at or below which they lie.
    """

    root: Path
    grace_s: float = 10.0
    python: Path | None = None
    allow_git: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """What a study says is to be run.

    Attributes:
        command: Word by word, with {name} for a parameter.
        venv: A virtual environment below the root; None: whatever the machine has.
        source: Which code it is of; None: what lies below the root.
    """

    command: tuple[str, ...]
    venv: str | None = None
    source: CodeSource | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command that can be started."""

    words: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]


def prepare(
    place: Place,
    program: Program,
    params: Mapping[str, ParamValue],
    own: Mapping[str, str],
    code: Path | None = None,
) -> Prepared:
    """Return what is to be started for a trial.

    Args:
        place: What the machine allows.
        program: What the study says.
        params: The trial's parameters.
        own: Variables that tell the command where its trial is.
        code: The folder with its code, where it runs then; the root where None.

    Raises:
        Invalid: `no_program`, `outside_root`, `no_venv`.
    """
    root = place.root.resolve()
    folder = root if code is None else code.resolve()
    environment = {**without_secrets(os.environ), **_as_variables(params), **own, "PYTHONUNBUFFERED": "1"}
    python = _python_of(place, program, root)
    if python is not None:
        environment["PATH"] = os.pathsep.join([str(python.parent), environment.get("PATH", os.defpath)])
        environment.pop("PYTHONHOME", None)
    if program.venv is not None and python is not None:
        environment["VIRTUAL_ENV"] = str(python.parent.parent)
    words = render(program.command, params)
    if python is not None and words[0] in _PYTHONS:
        words[0] = str(python)
    else:
        words[0] = _program(words[0], folder, environment)
    return Prepared(tuple(words), folder, environment)


def write_params(folder: Path, params: Mapping[str, ParamValue]) -> Path:
    """Write a trial's parameters where its command finds them, and return the file.

    Raises:
        OSError: The folder cannot be written.
    """
    path = folder / "params.json"
    path.write_text(json.dumps(dict(params)))
    return path


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without this service's tokens, and addresses that may hold passwords."""
    return {name: value for name, value in environment.items() if not is_secret(name)}


def is_secret(name: str) -> bool:
    """Tell whether a variable of this service's holds a secret.

    Examples:
        >>> is_secret("TUNEWELL_TOKEN"), is_secret("TUNEWELL_DATABASE_URL"), is_secret("TUNEWELL_HOME")
        (True, True, False)
    """
    return name.startswith("TUNEWELL_") and name.endswith(_SECRET_ENDS)


def render(command: Sequence[str], params: Mapping[str, ParamValue]) -> list[str]:
    """Return a command's words with parameters in the places of {name}; one that is not active leaves nothing.

    Examples:
        >>> render(["python", "train.py", "--lr={rate}", "{{x}}"], {"rate": 0.1})
        ['python', 'train.py', '--lr=0.1', '{x}']
    """

    def fill(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        return to_word(params.get(found[1], ""))

    return [_PLACEHOLDER.sub(fill, word) for word in command]


def to_word(value: ParamValue) -> str:
    """Return a parameter as a command line has it: true and false in lower case, nothing for None."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_variables(params: Mapping[str, ParamValue]) -> dict[str, str]:
    return {"TUNEWELL_PARAM_" + re.sub(r"\W", "_", name).upper(): to_word(value) for name, value in params.items()}


def _python_of(place: Place, program: Program, root: Path) -> Path | None:
    if program.venv is None:
        return place.python
    folder = _below(root, program.venv, "venv")
    found = [path for path in (folder / "bin/python", folder / "Scripts/python.exe") if path.is_file()]
    if not found:
        hint = f"make it with: python -m venv {folder}"
        raise Invalid(Problem("no_venv", f"{folder} is no virtual environment", field="venv", hint=hint))
    return found[0]


def _program(word: str, root: Path, environment: Mapping[str, str]) -> str:
    if os.sep in word:
        return str(_below(root, word, "command.0"))
    found = shutil.which(word, path=environment.get("PATH"))
    if found is None:
        raise Invalid(Problem("no_program", f"there is no program {word!r} in PATH", field="command.0"))
    return found


def _below(root: Path, word: str, field: str) -> Path:
    """Return what a word names below the root.

    The last part may be a link that leads elsewhere, as the `python` of a virtual environment does.
    """
    path = root / word
    resolved = path.parent.resolve() / path.name
    if path.name == ".." or not resolved.is_relative_to(root):
        what = "virtual environment" if field == "venv" else "program"
        message = f"the {what} {word!r} does not lie below {root}"
        raise Invalid(Problem("outside_root", message, field=field, hint="see --command-root"))
    return resolved
