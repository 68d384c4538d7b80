"""Optuna's own client passes Optuna's own contract through our gRPC endpoint."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import BaseStorage, GrpcStorageProxy
from optuna.testing.pytest_storages import StorageTestCase
from optuna.trial import TrialState, create_trial

from api.app import make_control
from api.compat.optuna.server import serving
from db import schema
from tests.servers.api import settings_for
from tests.servers.migrated import MakeUrl


def client(port: int) -> GrpcStorageProxy:
    """Return Optuna's client; it says at each construction that it is experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return GrpcStorageProxy(host="127.0.0.1", port=port)


@pytest.fixture
def storage(make_sqlite: MakeUrl, tmp_path: Path) -> Iterator[GrpcStorageProxy]:
    """Return a client of an empty endpoint; the kind of database is the storage contract's to vary."""
    control = make_control(settings_for(tmp_path, make_sqlite()))
    schema.upgrade(control.database)
    with serving(control, 0) as port:
        opened = client(port)
        yield opened
        opened.close()
    control.database.close()


class TestGrpcEndpoint(StorageTestCase):
    """The contract, but for what the protocol cannot carry: the order in which a trial's parameters were sampled."""

    @pytest.mark.parametrize("param_names", [["a", "b"], ["b", "a"]])
    def test_get_all_trials_params_order(self, storage: BaseStorage, param_names: list[str]) -> None:
        study_id = storage.create_new_study([optuna.study.StudyDirection.MINIMIZE])
        trial_id = storage.create_new_trial(study_id, create_trial(state=TrialState.RUNNING))
        for name in param_names:
            storage.set_trial_param(trial_id, name, 1.0, FloatDistribution(0.0, 2.0))
        (trial,) = storage.get_all_trials(study_id)
        assert sorted(trial.params) == ["a", "b"]

    @pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
    def test_pickle_storage(self, storage: BaseStorage) -> None:
        super().test_pickle_storage(storage)
