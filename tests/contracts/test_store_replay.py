"""A suggestion can be computed again from what is stored, however many asked at once and whatever became of trials."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.services.batches import past_trials
from api.services.specs import sampler_options
from api.services.views import spec_of
from api.transaction import Tx
from db import studies, trials
from db.lifecycle import FINISHED_TRIALS
from db.records import StudyRecord, TrialRecord
from search.samplers import get_sampler
from search.space import parse_space
from search.types import PastTrial, SuggestRequest
from tests.servers.api import Caller, Json, Served

N_TRIALS = 36
SPACE: Json = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
    "dropout": {"type": "float", "low": 0.0, "high": 0.5},
    "activation": {"type": "categorical", "choices": ["relu", "tanh", "swish"]},
}


def run_study(served: Served, sampler: str) -> None:
    """Run a study with four workers at once; trials complete, are pruned, fail, or go back and run again."""
    caller = Caller(served.address)
    budget = {"n_trials": N_TRIALS, "max_parallel": 6}
    caller.create("replayed", sampler={"name": sampler, "seed": 5}, search_space=SPACE, budget=budget)

    def work(place: int) -> None:
        own, chance = Caller(served.address), random.Random(place)
        worker_id = own.join("replayed")
        while own.call("GET", "/studies/replayed")["state"] == "RUNNING":
            jobs = own.claim(worker_id, "replayed", n_max=1 + place)
            chance.shuffle(jobs)
            for job in jobs:
                value = 1 - abs(job["params"]["learning_rate"] - 0.01)
                own.report(job, 1, step=1, metrics=[{"name": "val_accuracy", "step": 1, "value": value}])
                outcome = chance.choice(["COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "DIVERGED", "PREEMPTED"])
                own.finish(job, outcome)
        own.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    caller.close()


def seen_by(trial: TrialRecord, all_trials: dict[int, TrialRecord], history: list[PastTrial]) -> list[PastTrial]:
    """Return the trials as they were when `trial` was suggested."""
    assert trial.seen is not None
    running = set(trial.seen["running"])
    shown = []
    for past in history:
        record = all_trials[past.number]
        if past.number in running:
            shown.append(PastTrial(number=past.number, state="RUNNING", params=past.params))
        elif record.finished_rev is not None and record.finished_rev <= trial.seen["rev"]:
            shown.append(past)
    return shown


def request_for(study: StudyRecord, trial: TrialRecord, history: list[PastTrial]) -> SuggestRequest:
    """Return what the sampler was asked."""
    spec = spec_of(study)
    assert spec.sampler.seed is not None
    assert trial.cell is not None
    return SuggestRequest(
        space=parse_space(spec.search_space),
        directions=("maximize",),
        seed=spec.sampler.seed,
        number=trial.number,
        cell=trial.cell,
        history=history,
        options=sampler_options(spec),
    )


@pytest.mark.parametrize("sampler", ["bayesian", "random"])
def test_each_suggestion_is_computed_again_from_the_stored_trials(live_api: Served, sampler: str) -> None:
    run_study(live_api, sampler)
    with live_api.control.database.read() as session:
        study = studies.find_study(session, "replayed")
        assert study is not None
        records = {record.number: record for record in trials.list_history(session, study.id)}
        history = past_trials(Tx(session), study)
    assert len(records) == N_TRIALS
    assert all(record.state in FINISHED_TRIALS for record in records.values())
    learned = 0
    for record in records.values():
        shown = seen_by(record, records, history) if sampler == "bayesian" else []
        again = get_sampler(sampler).suggest(request_for(study, record, shown))
        assert again is not None
        assert dict(again.params) == dict(record.params), (record.number, record.note)
        assert again.note == record.note
        learned += "TPE" in record.note
    assert (learned > 10) == (sampler == "bayesian")
