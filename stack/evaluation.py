"""Test the best network: fetch it from the server, and let `python -m models` measure it in a process of its own."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import tunewell
from tunewell.records import Study, Trial

from stack.errors import StackError
from stack.settings import ROOT

TIMEOUT_S = 300.0


def evaluate_best(client: tunewell.Client, study: Study, trial: Trial, home: Path) -> dict[str, Any]:
    """Measure a trial's network, and the baseline that fits the data set, on rows that neither has seen.

    Args:
        client: Where the network's files are.
        study: Names the data set.
        trial: Whose network.
        home: State folder; prepared data sets are cached below it.

    Returns:
        What `python -m models evaluate` prints: `network` and `baseline` metrics, `n_test`.

    Raises:
        StackError: `demo_failed`.
    """
    with tempfile.TemporaryDirectory(prefix="tunewell-network-") as folder:
        fetch_network(client, trial, Path(folder))
        command = [sys.executable, "-m", "models", "evaluate", "--network", folder, "--dataset", study.spec.dataset]
        command += ["--cache-dir", str(home / "datasets")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise StackError("demo_failed", f"the network of trial {trial.number} cannot be tested: {done.stderr.strip()}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def fetch_network(client: tunewell.Client, trial: Trial, folder: Path) -> None:
    """Download the files of a trial's network.

    Raises:
        StackError: `demo_failed` where the trial stored none.
    """
    artifacts = [artifact for artifact in client.list_artifacts(trial.trial_id) if artifact.kind == "network"]
    if not artifacts:
        raise StackError("demo_failed", f"trial {trial.number} stored no network")
    for artifact in artifacts:
        client.download_artifact(artifact, folder / PurePosixPath(artifact.name).name)
