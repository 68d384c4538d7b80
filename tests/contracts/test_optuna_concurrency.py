"""What many threads and processes at once, and killed ones, must not be able to break in Optuna's studies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from api.compat.optuna import TunewellStorage
from db.engine import Database
from db.metrics import list_series
from db.tables import EventRow
from tests.servers.migrated import MakeUrl
from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.waiting import wait_until

# Says of each thing that it was stored, once it was.
SCRIPT = """
import sys
from optuna.distributions import FloatDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState
from api.compat.optuna import TunewellStorage

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

storage = TunewellStorage(sys.argv[1])
study_id = storage.get_study_id_from_name(sys.argv[2])
while True:
    trial_id = storage.create_new_trial(study_id)
    say("made", trial_id)
    for place in range(3):
        storage.set_trial_param(trial_id, f"x{place}", float(place), FloatDistribution(0, 9))
        say("param", trial_id, f"x{place}")
    for step in range(5):
        storage.set_trial_intermediate_value(trial_id, step, step / 2)
        say("report", trial_id, step)
    storage.set_trial_user_attr(trial_id, "note", "n")
    say("attr", trial_id)
    storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [1.0])
    say("told", trial_id)
"""


@pytest.fixture
def url(make_database: MakeUrl) -> str:
    """Return the address of an empty database of each kind."""
    return make_database()


@pytest.fixture
def storage(url: str) -> Iterator[TunewellStorage]:
    """Return an empty storage of each kind."""
    opened = TunewellStorage(url)
    yield opened
    opened.close()


def has_said(process: ServiceProcess, n_lines: int) -> bool:
    return process.log_text().count("\n") > n_lines


def new_study(storage: TunewellStorage) -> int:
    return storage.create_new_study([StudyDirection.MINIMIZE], "s")


def test_numbers_have_no_gaps_whoever_makes_trials(storage: TunewellStorage, url: str) -> None:
    study_id = new_study(storage)
    others = [TunewellStorage(url) for _ in range(4)]

    def make(other: TunewellStorage) -> list[int]:
        made = []
        for _ in range(10):
            made.append(other.create_new_trial(study_id))
            other.set_trial_state_values(made[-1], TrialState.COMPLETE, [0.0])
            # Each sees all that is before its own, or a later read could skip it.
            numbers = [trial.number for trial in other.get_all_trials(study_id, deepcopy=False)]
            assert numbers == list(range(len(numbers)))
            assert len(numbers) > other.get_trial(made[-1]).number
        return made

    with ThreadPoolExecutor(4) as pool:
        ids = [trial_id for made in pool.map(make, others) for trial_id in made]
    trials = storage.get_all_trials(study_id)
    assert [trial.number for trial in trials] == list(range(40))
    assert [trial._trial_id for trial in trials] == sorted(ids)
    for other in others:
        assert other.get_all_trials(study_id) == trials
        other.close()


def test_of_many_that_start_a_waiting_trial_one_does(storage: TunewellStorage, url: str) -> None:
    study_id = new_study(storage)
    waiting = [storage.create_new_trial(study_id, create_trial(state=TrialState.WAITING)) for _ in range(5)]
    others = [TunewellStorage(url) for _ in range(4)]

    def start(other: TunewellStorage) -> list[bool]:
        return [other.set_trial_state_values(trial_id, TrialState.RUNNING) for trial_id in waiting]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(start, others))
    assert [sum(one) for one in zip(*answers, strict=True)] == [1] * 5
    assert {trial.state for trial in storage.get_all_trials(study_id)} == {TrialState.RUNNING}
    for other in others:
        other.close()


def test_parameters_that_two_processes_add_to_one_trial_are_all_kept(storage: TunewellStorage, url: str) -> None:
    trial_id = storage.create_new_trial(new_study(storage))
    others = [TunewellStorage(url) for _ in range(3)]

    def add(place: int) -> None:
        for name in range(6):
            others[place].set_trial_param(trial_id, f"{place}.{name}", name, IntDistribution(0, 9))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(add, range(3)))
    expected = {f"{place}.{name}": name for place in range(3) for name in range(6)}
    assert storage.get_trial(trial_id).params == expected
    for other in others:
        other.close()


def test_a_trial_that_another_process_ends_takes_nothing_more(storage: TunewellStorage, url: str) -> None:
    study_id = new_study(storage)
    trial_id = storage.create_new_trial(study_id)
    storage.set_trial_intermediate_value(trial_id, 0, 0.5)
    other = TunewellStorage(url)
    other.set_trial_state_values(trial_id, TrialState.FAIL)
    other.close()
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_param(trial_id, "x", 0.5, FloatDistribution(0, 1))
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_intermediate_value(trial_id, 1, 0.5)
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_user_attr(trial_id, "note", "n")
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_state_values(trial_id, TrialState.RUNNING)
    trial = storage.get_trial(trial_id)
    assert (trial.params, trial.intermediate_values, trial.user_attrs) == ({}, {0: 0.5}, {})


def test_a_process_sees_what_others_change(storage: TunewellStorage, url: str) -> None:
    study_id = new_study(storage)
    other = TunewellStorage(url)
    mine, enqueued = (
        storage.create_new_trial(study_id),
        storage.create_new_trial(
            study_id, create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": {"x": 0.5}})
        ),
    )
    assert [trial.state for trial in other.get_all_trials(study_id)] == [TrialState.RUNNING, TrialState.WAITING]
    storage.set_trial_param(mine, "x", 0.25, FloatDistribution(0, 1))
    storage.set_trial_intermediate_value(mine, 3, 0.5)
    storage.set_trial_state_values(enqueued, TrialState.RUNNING)
    first, second = other.get_all_trials(study_id)
    assert (first.params, first.intermediate_values, second.state) == ({"x": 0.25}, {3: 0.5}, TrialState.RUNNING)
    storage.set_trial_state_values(enqueued, TrialState.WAITING)
    storage.set_trial_state_values(mine, TrialState.PRUNED, [0.5])
    first, second = other.get_all_trials(study_id)
    assert (first.state, first.values, second.state) == (TrialState.PRUNED, [0.5], TrialState.WAITING)
    assert other.get_all_trials(study_id, states=(TrialState.WAITING,)) == [second]
    with pytest.raises(ValueError, match="different distribution kind"):
        other.set_trial_param(enqueued, "x", 1, IntDistribution(0, 1))
    other.close()


def test_a_value_at_the_same_step_replaces_the_earlier_in_the_curve(storage: TunewellStorage, url: str) -> None:
    trial_id = storage.create_new_trial(new_study(storage))
    for step, value in ((0, 5.0), (1, float("nan")), (2, 1.0), (0, 2.0), (2, 3.0)):
        storage.set_trial_intermediate_value(trial_id, step, value)
    database = Database(url)
    with database.read() as session:
        (series,) = list_series(session, [trial_id])
    database.close()
    assert (series.n_points, series.min_value, series.max_value) == (3, 2.0, 3.0)
    assert (series.latest_step, series.latest_value) == (2, 3.0)


def test_the_live_stream_hears_of_it(storage: TunewellStorage, url: str) -> None:
    study_id = new_study(storage)
    trial_id = storage.create_new_trial(study_id)
    storage.set_trial_intermediate_value(trial_id, 4, 0.5)
    storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.25])
    database = Database(url)
    with database.read() as session:
        rows = session.execute(EventRow.__table__.select().order_by(EventRow.id)).all()
    database.close()
    assert sorted((row.kind, row.study_id, row.trial_id) for row in rows) == sorted(
        [
            ("study", study_id, None),
            ("trial", study_id, trial_id),
            ("metrics", study_id, trial_id),
            ("trial", study_id, trial_id),
            ("study", study_id, None),
        ]
    )
    states = [(row.payload["state"], row.payload["value"]) for row in rows if row.kind == "trial"]
    assert states == [("RUNNING", None), ("COMPLETE", 0.25)]
    (points,) = [row.payload["points"] for row in rows if row.kind == "metrics"]
    assert points == [["value", 4, 0.5]]


def test_a_killed_process_loses_nothing_that_it_was_told_is_stored(
    storage: TunewellStorage, url: str, processes: ProcessFamily, tmp_path: Path
) -> None:
    study_id = new_study(storage)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-W", "ignore", str(script), url, "s"]
    started = [
        processes.start(command, name=f"script-{place}", env={"PYTHONPATH": os.pathsep.join(sys.path)})
        for place in range(2)
    ]
    for place, process in enumerate(started):
        wait_until(partial(has_said, process, 30 + 7 * place), 60.0, what="the script stores")
        process.kill()
    stored = {trial._trial_id: trial for trial in storage.get_all_trials(study_id)}
    said = [
        line.split() for process in started for line in process.log_text().splitlines(keepends=True) if "\n" in line
    ]
    assert len(said) > 60
    for what, trial_id, *which in said:
        trial = stored[int(trial_id)]
        if what == "param":
            assert which[0] in trial.params
        elif what == "report":
            assert trial.intermediate_values[int(which[0])] == int(which[0]) / 2
        elif what == "attr":
            assert trial.user_attrs == {"note": "n"}
        elif what == "told":
            assert (trial.state, trial.value) == (TrialState.COMPLETE, 1.0)


def test_one_storage_serves_the_threads_of_a_study(storage: TunewellStorage) -> None:
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20, n_jobs=4)
    assert [trial.number for trial in study.trials] == list(range(20))
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)


def test_a_database_that_is_away_is_optunas_own_error(make_postgres: MakeUrl) -> None:
    url = make_postgres()
    storage = TunewellStorage(url)
    study_id = new_study(storage)
    trial_id = storage.create_new_trial(study_id)
    database = Database(url)
    with database.write() as session:  # ends the connection that the storage keeps
        session.connection().exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(StorageInternalError):
        storage.get_trial(trial_id)
    assert storage.get_trial(trial_id).state is TrialState.RUNNING  # on a new one
    database.close()
    storage.close()


def test_a_server_database_of_another_revision_is_refused(postgres_url: str) -> None:
    with pytest.raises(RuntimeError, match="python -m db upgrade"):
        TunewellStorage(postgres_url)


def test_a_sqlite_file_is_made_where_there_is_none(sqlite_url: str) -> None:
    storage = TunewellStorage(sqlite_url)
    assert storage.get_all_studies() == []
    storage.close()
