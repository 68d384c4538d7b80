"""Our storage passes what Optuna asks of every storage, on both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from optuna.testing.pytest_storages import StorageTestCase

from api.compat.optuna import TunewellStorage
from tests.servers.migrated import MakeUrl


@pytest.fixture
def storage(make_database: MakeUrl) -> Iterator[TunewellStorage]:
    """Return an empty storage of each kind."""
    opened = TunewellStorage(make_database())
    yield opened
    opened.close()


class TestTunewellStorage(StorageTestCase):
    """Optuna's own contract, unchanged."""
