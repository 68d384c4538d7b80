"""The control plane's linear algebra keeps to one thread, unless somebody says otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import run

import pytest

ROOT = Path(__file__).parents[3]
COUNT = """
import os, api.services.insight, threadpoolctl
print(os.environ["OPENBLAS_NUM_THREADS"], *{one["num_threads"] for one in threadpoolctl.threadpool_info()})
"""


@pytest.mark.parametrize("said", [None, "2"])
def test_threads_are_one_unless_somebody_said_otherwise(said: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    if said is not None:
        environment["OPENBLAS_NUM_THREADS"] = said
    found = run([sys.executable, "-c", COUNT], env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    variable, *n_threads = found.stdout.split()
    assert variable == (said or "1")
    if said is None:
        assert n_threads == ["1"]
