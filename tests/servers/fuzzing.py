"""Requests that fit the API's document or break it in one place, and that meet things which are really there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.servers.api import Caller, Json, a_study
from tests.servers.datasets import begin

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True, slots=True)
class World:
    """What a fuzzed server holds.

    Attributes:
        places: Values for parameters of addresses that name something there is, by parameter.
        bodies: A whole body that is right, or nearly, by operation.
        doomed: As `places`, for what may be deleted or spoilt.
    """

    places: Mapping[str, Sequence[Any]]
    doomed: Mapping[str, Sequence[Any]]
    bodies: Mapping[str, Json]


def populate(caller: Caller) -> World:
    """Make studies with trials in every state, outputs, an evaluation, an upload and a token, and tell their names."""
    studies = [_a_study_with_results(caller, name) for name in ("seen", "spoilt")]
    doomed = [caller.create(f"doomed-{number}")["study_id"] for number in range(8)]
    upload = begin(caller, "brought", b"a,b\n1,2\n" * 9)
    token = caller.call("POST", "/tokens", 201, json={"name": "spoilt", "role": "user"})
    evaluation = caller.call("POST", "/studies/seen/evaluations", 201, json={"kind": "baselines"})
    seen, spoilt = studies
    common = {
        "model": ["mlp", "cnn"],
        "name": ["brought", "iris"],
        "upload_id": [upload["upload_id"]],
        "token_id": [token["token_id"]],
        "evaluation_id": [evaluation["evaluation_id"]],
        "sha256": ["0" * 64],
        "number": [0, 1, 3],
        "metric": ["val_accuracy", "nothing"],
        "names": ["val_accuracy", "val_accuracy,val_loss"],
        "order_by": ["value", "-number"],
        "where": ["learning_rate < 0.01", "val_accuracy >= 0.5 and not state = 'FAIL'"],
        "trials": [f"{seen['trial_id']}"],
        "state": ["COMPLETE", "RUNNING"],
        "tag": ["a"],
    }
    places = {**common, **seen}
    spoilable = {**common, **spoilt, "study_id": doomed, "study": [str(one) for one in doomed]}
    return World(
        {name: value if isinstance(value, list) else [value] for name, value in places.items()},
        {name: value if isinstance(value, list) else [value] for name, value in spoilable.items()},
        _bodies(spoilt),
    )


def _a_study_with_results(caller: Caller, name: str) -> Json:
    """Make a study with two finished trials, one that runs and some that wait; return their names."""
    study = caller.create(name, budget={"n_trials": 40, "max_parallel": 4}, tags=["a"])
    worker_id = caller.join(name)
    jobs = caller.claim(worker_id, name, n_max=3)
    for number, job in enumerate(jobs):
        points = [{"name": "val_accuracy", "step": step, "value": 0.1 * step + number / 10} for step in range(3)]
        logs = [{"at": 1_790_000_000.0, "text": "<b>line</b>"}]
        caller.report(job, 1, step=2, n_steps=3, metrics=points, logs=logs)
    artifact = caller.upload(jobs[0], "notes.txt", b"content")
    for job in jobs[:2]:
        caller.finish(job, values={"val_accuracy": 0.5})
    return {
        "study": [name, str(study["study_id"])],
        "study_id": study["study_id"],
        "worker_id": worker_id,
        "trial_id": jobs[0]["trial_id"],
        "attempt_id": jobs[2]["attempt_id"],
        "artifact_id": artifact["artifact_id"],
        "X-Lease-Token": jobs[2]["lease_token"],
        "lease_token": jobs[2]["lease_token"],
        "queue": name,
    }


def _bodies(place: Json) -> dict[str, Json]:
    lease = {"lease_token": place["lease_token"]}
    script = {"name": "train.py", "host": "h", "pid": 1}
    claim = {"worker_id": place["worker_id"], "queues": [place["queue"]]}
    space = {"learning_rate": {"type": "float", "low": 0.001, "high": 0.1}}
    return {
        "POST /api/v1/studies": a_study("written"),
        "POST /api/v1/studies:check": a_study("checked"),
        "PATCH /api/v1/studies/{study}": {"search_space": space},
        "POST /api/v1/studies/{study}:check": {"search_space": space},
        "POST /api/v1/studies/{study}:fork": {"name": "forked"},
        "POST /api/v1/studies/{study}/trials": {"params": {"learning_rate": 0.01}},
        "POST /api/v1/studies/{study}/trials:enqueue": {"points": [{"learning_rate": 0.01}, {}]},
        "POST /api/v1/studies/{study}/runs": {"key": "k" * 20, "params": {"learning_rate": 0.01}, "script": script},
        "POST /api/v1/workers": {"name": "w", "host": "h", "pid": 1, "queues": ["cpu"], "n_slots": 1},
        "POST /api/v1/work:claim": claim,
        "POST /api/v1/evaluations:claim": claim,
        "POST /api/v1/attempts/{attempt_id}:report": {**lease, "seq": 7},
        "POST /api/v1/attempts/{attempt_id}:finish": {**lease, "outcome": "COMPLETE"},
        "POST /api/v1/datasets/{name}/uploads": {"n_bytes": 10, "filename": "data.csv"},
    }


def requests_to(operation: Any, world: World, mode: GenerationMode) -> st.SearchStrategy[Any]:
    """Return generated requests to an operation, most of which name things that `world` holds.

    Args:
        operation: What is called: schemathesis' `APIOperation`.
        world: What there is.
        mode: Whether the generated parts fit the document or break it.
    """
    generated: st.SearchStrategy[Any] = operation.as_strategy(generation_mode=mode)
    places = world.places if operation.method.upper() == "GET" else world.doomed

    def plant(draw: Draw, case: Any) -> Any:
        for part in (case.path_parameters, case.query, case.headers):
            for name in [name for name in part or () if name in places]:
                if draw(st.integers(0, 3)):
                    part[name] = _as_text(draw(st.sampled_from(places[name])), part is case.headers)
        right = world.bodies.get(operation.label)
        if right is not None and isinstance(case.body, dict) and draw(st.integers(0, 4)):
            changed = draw(st.sets(st.sampled_from(sorted(case.body)), max_size=2)) if case.body else set()
            case.body = {**right, **{name: case.body[name] for name in changed}}
        return case

    return st.composite(lambda draw: plant(draw, draw(generated)))()


def _as_text(value: object, is_header: bool) -> object:
    return str(value) if is_header else value
