"""Studies whose trials code of people's own runs: what such a study may ask for.

Nothing is known of the code, so any name may be a parameter or a metric; and what our own trainer does for a study
(repeats, folds, confirmations, lent trials) is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from api.errors import Conflict, Invalid
from api.schemas.resources import ResourcesSpec
from api.schemas.studies import CodeSource, StudyCreate, StudySpec
from db.records import StudyRecord

QUEUE = "scripts"
# Workers that run commands serve one more queue for each of theirs, named so; others never hear of commands.
COMMANDS = "-commands"
_MAX_QUEUE = 64
MAX_OBJECTIVES = 4
_MANUAL = "manual"
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:([^/@]*)@)?.*")
_REPOSITORIES = "https://, http://, ssh:// or file:// and no password; user@host:path; or a path"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def is_script(study: StudyRecord) -> bool:
    """Tell whether code of people's own runs a study's trials."""
    return study.spec.get("code") == "script"


def is_for_workers(study: StudyRecord) -> bool:
    """Tell whether workers run a study's trials: those of networks, and commands in a queue for them."""
    return not is_script(study) or (study.spec.get("command") is not None and study.queue.endswith(COMMANDS))


def queue_of(resources: ResourcesSpec, *, has_command: bool) -> str:
    """Return the queue of a script's study.

    Args:
        resources: As asked for.
        has_command: Whether workers may run its trials, those that were started for that.

    Raises:
        Invalid: `queue_too_long`.
    """
    if not has_command:  # rung for by nobody: scripts ask for trials themselves
        return resources.queue if "queue" in resources.model_fields_set else QUEUE
    base = "cpu" if resources.queue == QUEUE else resources.queue  # a copy of a study from before workers ran commands
    queue = base if base.endswith(COMMANDS) else base + COMMANDS
    if len(queue) > _MAX_QUEUE:
        limit = _MAX_QUEUE - len(COMMANDS)
        message = f"the queue's name has {len(resources.queue)} characters, and commands take {len(COMMANDS)} more"
        raise Invalid("queue_too_long", message, "resources.queue", f"at most {limit} for a study with a command")
    return queue


def is_tracking(study: StudyRecord) -> bool:
    """Tell whether a study only keeps what scripts report: it proposes nothing, and ends when its owner says so."""
    return is_script(study) and study.spec["sampler"]["name"] == _MANUAL


def require_script(study: StudyRecord) -> None:
    """Refuse to hand a trial of a network to a script, which could not train it.

    Raises:
        Conflict: `not_for_scripts`.
    """
    if not is_script(study):
        message = f"workers train the trials of study {study.name!r}: scripts cannot run them"
        raise Conflict("not_for_scripts", message, "study", 'name a study with "code": "script", or a new name')


def require_network(study: StudyRecord, what: str) -> None:
    """Refuse what takes a network that our own trainer knows.

    Args:
        study: The study.
        what: The end of a sentence that begins with "Tunewell cannot".

    Raises:
        Conflict: `script_study`.
    """
    if is_script(study):
        message = f"code of your own runs the trials of study {study.name!r}: Tunewell cannot {what}"
        raise Conflict("script_study", message, "study", "do it in the script, and report it as a metric or a file")


def check_script(body: StudyCreate) -> None:
    """Refuse what a study of a script cannot have.

    Raises:
        Invalid: `network_only`, with the field.
    """
    for field, is_given, hint in _network_only(body):
        if is_given:
            message = f'{field} is of networks that Tunewell trains, and "code" is "script"'
            raise Invalid("network_only", message, field, hint)


def check_objectives_of_script(spec: StudySpec) -> None:
    """Refuse too many objectives, and one that stands among them twice. Any name may be a metric.

    Raises:
        Invalid: `too_many_objectives` or `objective_twice`.
    """
    if len(spec.objectives) > MAX_OBJECTIVES:
        message = f"{len(spec.objectives)} objectives were given: a study optimises one to {MAX_OBJECTIVES}"
        raise Invalid("too_many_objectives", message, "objectives", "keep those that decide")
    names = [one.metric for one in spec.objectives]
    for place, name in enumerate(names):
        if name in names[:place]:
            message = f"{name!r} stands among the objectives twice"
            raise Invalid("objective_twice", message, f"objectives.{place}.metric", "name each metric once")


def check_no_program(body: StudyCreate) -> None:
    """Refuse to run a program for a network.

    Raises:
        Invalid: `script_only`, with the field.
    """
    for field in ("command", "venv", "source"):
        if getattr(body, field) is not None:
            message = f'{field} is of code of your own, and "code" is "network"'
            raise Invalid("script_only", message, field, 'set "code" to "script"')


def check_command(spec: StudySpec) -> None:
    """Refuse a command with placeholders that no parameter fills, and what takes a command where there is none.

    Raises:
        Invalid: `unknown_placeholder`, with the word's place; `needs_command`; `bad_folder`; what `_check_source` says.
    """
    for field in ("venv", "source"):
        if getattr(spec, field) is not None and spec.command is None:
            raise Invalid("needs_command", f"{field} is of a command, and the study has none", field, "give a command")
    if spec.venv is not None:
        _check_folder(spec.venv, "venv")
    if spec.source is not None:
        _check_source(spec.source)
    names = {*spec.fixed, *spec.search_space}
    for place, word in enumerate(spec.command or ()):
        for name in _PLACEHOLDER.findall(word.replace("{{", "").replace("}}", "")):
            if name not in names:
                known = ", ".join(sorted(names)) or "none: give search_space or fixed"
                message = f"the command has {{{name}}}, and the study has no parameter {name!r}"
                raise Invalid("unknown_placeholder", message, f"command.{place}", f"parameters: {known}")


def _check_source(source: CodeSource) -> None:
    """Refuse code that is said in two ways or in none, and addresses that hold a secret or an option.

    Raises:
        Invalid: `ambiguous_code`, `needs_commit`, `bad_repository`, `bad_folder`.
    """
    if (source.archive is None) == (source.git is None):
        raise Invalid("ambiguous_code", "code is an archive or a repository", "source", "give one of archive and git")
    if source.archive is not None and (source.commit or source.subfolder):
        raise Invalid("ambiguous_code", "an archive has no commit and no subfolder", "source", "leave them out")
    if source.git is not None:
        if source.commit is None:
            raise Invalid("needs_commit", "a repository is run at a commit", "source.commit", "give its whole hash")
        _check_repository(source.git)
    if source.subfolder is not None:
        _check_folder(source.subfolder, "source.subfolder")


def _check_repository(address: str) -> None:
    """Refuse what is no address: who reads a study must learn no password, and Git be given no option."""
    parts = _ADDRESS.fullmatch(address)
    if address.startswith("-") or not address.isprintable() or " " in address or "::" in address:
        raise Invalid("bad_repository", f"{address!r} is no repository", "source.git", _REPOSITORIES)
    if parts is not None and (parts[1] not in ("https", "http", "ssh", "file") or ":" in (parts[2] or "")):
        message = f"{parts[1]}:// is not taken, or it holds a password"
        raise Invalid("bad_repository", message, "source.git", _REPOSITORIES)


def _check_folder(path: str, field: str) -> None:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or ".." in parts or "\0" in path:
        message = f"{path!r} leads out of the folder in which commands run"
        raise Invalid("bad_folder", message, field, "a path below it, such as .venv or tools/venv")


def fixed_params(spec: StudySpec, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a script is given for a trial: what the study fixes, and the trial's own parameters."""
    return {**spec.fixed, **params}


def _network_only(body: StudyCreate) -> list[tuple[str, bool, str]]:
    leave_out = "leave it out"
    return [
        ("dataset", body.dataset != "", leave_out),
        ("model", body.model != "", leave_out),
        ("search_space", body.search_space == "default", "give the parameters: nothing is known of the script's"),
        ("assumed", bool(body.assumed), leave_out),
        ("repeats", body.repeats.n > 1 or body.repeats.racing, "train several times in the script"),
        ("evaluation", body.evaluation.method != "holdout", "make the folds in the script"),
        ("budget.confirm", body.budget.confirm is not None, leave_out),
        ("warm_start", body.warm_start is not None, leave_out),
    ]
