"""A whole study of 64 trials of a small network in wall time: two processes of the engine, Optuna, Ray Tune."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.report import rates, ratio

N_TRIALS = 64
N_PROCESSES = 2
_LONGEST_S = 1800
_ROOT = Path(__file__).resolve().parent.parent.parent


def measure_study(dataset_file: Path, n_rounds: int, with_ray: bool) -> dict[str, Any]:
    """Run the study in turns with each peer.

    Args:
        dataset_file: prepared digits.
        n_rounds: how often.
        with_ray: whether Ray is installed.

    Returns:
        Seconds of wall time, start-up of the processes included for all, and how many times faster the engine is.
    """
    runs: dict[str, Callable[[], float]] = {
        "engine": lambda: _timed(
            [[str(place), str(N_PROCESSES)] for place in range(N_PROCESSES)], "engine", dataset_file
        ),
        "optuna": lambda: _timed([[]], "optuna", dataset_file),
    }
    if with_ray:
        runs["ray"] = lambda: _timed([[]], "ray", dataset_file)
    found: dict[str, list[float]] = {name: [] for name in runs}
    for round_ in range(n_rounds):
        for name, run in runs.items():
            found[name].append(run())
            print(f"study, {name}: round {round_ + 1} of {n_rounds}, {found[name][-1]:.1f} s", file=sys.stderr)
    report: dict[str, Any] = {
        "n_trials": N_TRIALS,
        "wall_s": {name: rates(values) for name, values in found.items()},
        "bar": 5.0,
    }
    for peer in found.keys() - {"engine"}:
        report[f"engine_to_{peer}"] = ratio([1 / s for s in found["engine"]], [1 / s for s in found[peer]])
    return report


def _timed(arguments: list[list[str]], who: str, dataset_file: Path) -> float:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": str(_ROOT)}
    peers = _ROOT / ".venv" / "peers"
    if who == "ray":
        environment["PYTHONPATH"] += os.pathsep + str(peers)
        # Ray would step back behind everything else that the machine does, which the others do not.
        environment["RAY_worker_niceness"] = "0"
    command = [sys.executable, "-m", "benchmarks.training.study", who, str(dataset_file)]
    began_s = time.perf_counter()
    processes = [
        subprocess.Popen([*command, *extra], cwd=_ROOT, env=environment, stdout=subprocess.DEVNULL)
        for extra in arguments
    ]
    codes = [process.wait(timeout=_LONGEST_S) for process in processes]
    if any(codes):
        raise RuntimeError(f"{who} ended with {codes}")
    return time.perf_counter() - began_s


def _run_engine(dataset_file: Path, place: int, n_processes: int) -> None:
    import torch

    from benchmarks.training.cases import CASES
    from benchmarks.training.loops import engine
    from models.data.dataset import load_dataset

    torch.set_num_threads(1)
    engine(CASES[0], load_dataset(dataset_file), range(place, N_TRIALS, n_processes))


def _run_optuna(dataset_file: Path) -> None:
    import optuna
    import torch

    from benchmarks.training.cases import CASES
    from benchmarks.training.loops import usual
    from models.data.dataset import load_dataset

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    data = load_dataset(dataset_file)

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("learning_rate", 5e-4, 4e-3, log=True)
        return usual(CASES[0], data, trial.number)

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=N_TRIALS, n_jobs=2)


def _run_ray(dataset_file: Path) -> None:
    import ray
    from ray import tune

    def trainable(config: dict[str, Any]) -> dict[str, float]:
        import torch

        from benchmarks.training.cases import CASES
        from benchmarks.training.loops import usual
        from models.data.dataset import load_dataset

        torch.set_num_threads(1)
        return {"accuracy": usual(CASES[0], load_dataset(dataset_file), config["number"])}

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    tuner = tune.Tuner(
        trainable,
        param_space={"number": tune.grid_search(list(range(N_TRIALS)))},
        # By default each trial starts a process of its own, which then imports torch: most of the time would be that.
        tune_config=tune.TuneConfig(max_concurrent_trials=2, reuse_actors=True),
        run_config=tune.RunConfig(verbose=0),
    )
    results = tuner.fit()
    if results.num_errors:
        raise RuntimeError(f"{results.num_errors} trials failed: {results.errors[0]}")


if __name__ == "__main__":
    who, file, *rest = sys.argv[1:]
    if who == "engine":
        _run_engine(Path(file), int(rest[0]), int(rest[1]))
    else:
        {"optuna": _run_optuna, "ray": _run_ray}[who](Path(file))
    print(json.dumps({"done": who}))
