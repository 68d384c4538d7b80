"""What goes through the pipe to the process that asks: JSON, one line a message.

Numbers arrive as they left: Python writes the shortest decimals that read back to the same double, and NaN and
infinities by their names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from search.space import SearchSpace, parse_space
from search.types import PastTrial, Suggestion, SuggestRequest


def encode_request(sampler: str, request: SuggestRequest, batch: tuple[int, tuple[str, ...]] | None) -> bytes:
    """Write what a sampler is asked.

    Args:
        sampler: Its name.
        request: What it is asked.
        batch: How many points, and which parameters they should share; None for one point.
    """
    message = {
        "sampler": sampler,
        "space": json.dumps(request.space.to_json()),
        "constraints": [constraint.text for constraint in request.space.constraints],
        "directions": request.directions,
        "seed": request.seed,
        "number": request.number,
        "cell": request.cell,
        "history": [_shape(trial) for trial in request.history],
        "options": dict(request.options),
        "n_trials": request.n_trials,
        "max_parallel": request.max_parallel,
        "pinned": dict(request.pinned),
        "batch": batch,
    }
    return _line(message)


def decode_request(line: bytes) -> tuple[str, SuggestRequest, tuple[int, tuple[str, ...]] | None]:
    """Undo `encode_request`."""
    message = json.loads(line)
    request = SuggestRequest(
        space=_space(message["space"], tuple(message["constraints"])),
        directions=tuple(message["directions"]),
        seed=message["seed"],
        number=message["number"],
        cell=message["cell"],
        history=[_past(shape) for shape in message["history"]],
        options=message["options"],
        n_trials=message["n_trials"],
        max_parallel=message["max_parallel"],
        pinned=message["pinned"],
    )
    batch = message["batch"]
    return message["sampler"], request, None if batch is None else (batch[0], tuple(batch[1]))


def encode_suggestions(suggestions: list[Suggestion] | None) -> bytes:
    """Write an answer; None says that nothing is left to propose."""
    shapes = None if suggestions is None else [[one.params, one.note] for one in suggestions]
    return _line({"suggestions": shapes})


def encode_failure(reason: str) -> bytes:
    """Write that there is no answer, and why."""
    return _line({"failure": reason})


def decode_answer(line: bytes) -> list[Suggestion] | str | None:
    """Read an answer; text is why there is none."""
    message = json.loads(line)
    if "failure" in message:
        return str(message["failure"])
    shapes = message["suggestions"]
    return None if shapes is None else [Suggestion(params, note) for params, note in shapes]


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _shape(trial: PastTrial) -> list[Any]:
    curve = list(trial.intermediate.items())
    return [trial.number, trial.state, dict(trial.params), trial.values, curve, trial.constraints, trial.paused_at]


def _past(shape: list[Any]) -> PastTrial:
    number, state, params, values, curve, constraints, paused_at = shape
    return PastTrial(
        number=number,
        state=state,
        params=params,
        values=None if values is None else tuple(values),
        intermediate=dict(curve),
        constraints=tuple(constraints),
        paused_at=paused_at,
    )


@lru_cache(maxsize=64)
def _space(text: str, constraints: tuple[str, ...]) -> SearchSpace:
    return parse_space(json.loads(text), constraints=constraints)
