"""Studies of Optuna's copied to the service and back, with everything they hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from tunewell.cli import main
from tunewell.errors import Conflict, Invalid
from tunewell.optuna_transfer import copy_study, open_storage

from api.app import make_control
from api.compat.optuna import TunewellStorage
from api.compat.optuna.server import serving
from db import schema
from tests.servers.api import settings_for
from tests.servers.migrated import MakeUrl
from tests.servers.ports import free_port

# Naive, as Optuna's are; each state has its own.
STARTED = {state: datetime.fromisoformat(f"2024-05-06T07:08:0{place}.123456") for place, state in enumerate(TrialState)}


@pytest.fixture
def endpoint(make_sqlite: MakeUrl, tmp_path: Path) -> Iterator[tuple[str, TunewellStorage]]:
    """Serve an empty endpoint; return its address and what lies behind it."""
    control = make_control(settings_for(tmp_path, make_sqlite()))
    schema.upgrade(control.database)
    with serving(control, 0) as port:
        behind = TunewellStorage("", database=control.database)
        yield f"127.0.0.1:{port}", behind
        behind.close()
    control.database.close()


def a_trial(state: TrialState) -> FrozenTrial:
    """Return a trial that has all a trial can have."""
    trial = create_trial(
        state=state,
        values=[0.25, math.inf] if state is TrialState.COMPLETE else None,
        params={"x": 0.1 + 0.2, "n": 7, "kind": None, "loss": math.inf},
        distributions={
            "x": FloatDistribution(1e-9, 1.0, log=True),
            "n": IntDistribution(1, 9, step=2),
            "kind": CategoricalDistribution(("a", 1.5, None, True)),
            "loss": CategoricalDistribution((math.inf, 2)),
        },
        user_attrs={"note": "é\n", "nested": {"list": [1, None, 2.5]}},
        system_attrs={"fixed_params": {"x": 0.5}, "nan": [1e308, -1e-308]},
        intermediate_values={0: 0.5, 3: math.inf, 10: -1e-300},
    )
    trial.datetime_start = None if state is TrialState.WAITING else STARTED[state]
    trial.datetime_complete = STARTED[state] + timedelta(hours=1) if state.is_finished() else None
    return trial


def fill(storage: BaseStorage, name: str) -> None:
    """Store a study with a trial in each state."""
    study_id = storage.create_new_study([StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE], name)
    storage.set_study_user_attr(study_id, "owner", {"name": "Ada"})
    storage.set_study_system_attr(study_id, "study:metric_names", ["loss", "accuracy"])
    for state in TrialState:
        storage.create_new_trial(study_id, a_trial(state))


def held(storage: BaseStorage, name: str) -> list[Any]:
    """Return all that a study holds, but for ids."""
    study_id = storage.get_study_id_from_name(name)
    trials = [dict(trial.__dict__, _trial_id=0) for trial in storage.get_all_trials(study_id)]
    return [
        storage.get_study_directions(study_id),
        storage.get_study_user_attrs(study_id),
        storage.get_study_system_attrs(study_id),
        trials,
    ]


def run(*argv: str) -> int:
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(list(argv))
    return int(caught.value.code or 0)


def opened(path: Path) -> BaseStorage:
    """Return a new storage in a file, by the kind that its suffix names."""
    storage: BaseStorage = open_storage(str(path), is_new=True)
    return storage


@pytest.mark.parametrize(("old", "new"), [("old.db", "new.log"), ("old.log", "new.db")])
def test_everything_survives_the_way_there_and_back(
    endpoint: tuple[str, TunewellStorage], tmp_path: Path, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address, behind = endpoint
    source = opened(tmp_path / old)
    fill(source, "mnist")
    before = held(source, "mnist")
    assert run("optuna", "import", str(tmp_path / old), "--name", "copy", "--to", address) == 0
    assert held(behind, "copy") == before
    assert run("optuna", "export", "copy", str(tmp_path / new), "--name", "back", "--from", address) == 0
    assert held(opened(tmp_path / new), "back") == before
    shown = capsys.readouterr()
    assert "Imported copy with 5 trials" in shown.out
    assert "Exported back with 5 trials" in shown.out
    assert "5/5" in shown.err


def test_a_name_that_is_taken_is_refused(
    endpoint: tuple[str, TunewellStorage], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, behind = endpoint
    fill(opened(tmp_path / "old.db"), "mnist")
    assert run("optuna", "import", str(tmp_path / "old.db"), "--to", address) == 0
    assert run("optuna", "import", str(tmp_path / "old.db"), "--to", address) == 1
    assert "--name" in capsys.readouterr().err
    assert run("optuna", "import", str(tmp_path / "old.db"), "--to", address, "--name", "second") == 0
    assert [study.study_name for study in behind.get_all_studies()] == ["mnist", "second"]


def test_which_of_several_studies_is_asked_for(
    endpoint: tuple[str, TunewellStorage], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, behind = endpoint
    source = opened(tmp_path / "old.db")
    for name in ("a", "b"):
        fill(source, name)
    assert run("optuna", "import", str(tmp_path / "old.db"), "--to", address) == 1
    assert "'a', 'b'" in capsys.readouterr().err
    assert run("optuna", "import", str(tmp_path / "old.db"), "--study", "c", "--to", address) == 1
    assert run("optuna", "import", str(tmp_path / "old.db"), "--study", "b", "--to", address) == 0
    assert [study.study_name for study in behind.get_all_studies()] == ["b"]


@pytest.mark.parametrize(
    ("where", "code"),
    [("missing.db", "no_file"), ("text.db", "bad_storage"), ("sqlite:////no/such/folder/x.db", "bad_storage")],
)
def test_what_is_no_storage_is_refused(tmp_path: Path, where: str, code: str) -> None:
    (tmp_path / "text.db").write_text("no journal\n")
    fill(opened(tmp_path / "good.db"), "mnist")
    assert open_storage(str(tmp_path / "good.db")).get_all_studies()
    with pytest.raises(Invalid) as caught:
        open_storage(where if "://" in where else str(tmp_path / where))
    assert caught.value.code == code


def test_without_a_server_the_exit_code_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(opened(tmp_path / "old.db"), "mnist")
    assert run("optuna", "import", str(tmp_path / "old.db"), "--to", f"127.0.0.1:{free_port()}") == 3
    assert "TUNEWELL_GRPC_PORT" in capsys.readouterr().err


class Failing:
    """A storage that takes so many trials and no more."""

    def __init__(self, storage: BaseStorage, n_trials: int) -> None:
        self.storage, self.n_left = storage, n_trials

    def __getattr__(self, name: str) -> Any:
        return getattr(self.storage, name)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial) -> int:
        """Store a trial, or fail."""
        self.n_left -= 1
        if self.n_left < 0:
            raise OSError("the disk is full")
        return self.storage.create_new_trial(study_id, template_trial)


def test_a_copy_that_fails_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    source, target = opened(tmp_path / "old.db"), opened(tmp_path / "new.db")
    fill(source, "mnist")
    seen: list[tuple[int, int]] = []
    with pytest.raises(OSError, match="the disk is full"):
        copy_study(source, Failing(target, 3), "mnist", "copy", lambda *progress: seen.append(progress))
    assert target.get_all_studies() == []
    assert seen == [(0, 5), (1, 5), (2, 5), (3, 5)]
    assert copy_study(source, Failing(target, 5), "mnist", "copy", lambda *_: None) == 5
    with pytest.raises(Conflict) as caught:
        copy_study(source, target, "mnist", "copy", lambda *_: None)
    assert caught.value.code == "name_taken"


def test_a_long_study_is_stored_at_once(make_sqlite: MakeUrl) -> None:
    """Within one process, copies go in one transaction, and answer as if they had come one by one."""
    storage = TunewellStorage(make_sqlite())
    study_id = storage.create_new_study([StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE])
    trials = [a_trial(state) for state in TrialState] * 40
    ids = storage.add_trials(study_id, trials)
    assert ids == sorted(ids)
    stored = storage.get_all_trials(study_id)
    assert [trial.number for trial in stored] == list(range(200))
    for trial, known in zip(stored, trials, strict=True):
        assert dict(trial.__dict__, _trial_id=0, _number=0) == dict(known.__dict__, _trial_id=0, _number=0)
    storage.close()
