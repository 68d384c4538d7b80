"""`python -m benchmarks.storage`: Optuna's loop on our storage and on its own, in the same kind of database.

Both run the same no-op trials: eight parameters suggested one by one, ten reports, one result, by `study.optimize` with
Optuna's random sampler; as information also through Optuna's gRPC client, with the endpoint in the same process. Rounds
are interleaved. Besides the time by the clock it counts the processors', of the script and of the PostgreSQL server
together, which other work on the machine disturbs less. It prints JSON, which says how durable each one's commits are.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Annotated, Any

import optuna
import psutil
import typer
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from api.compat.optuna import TunewellStorage
from benchmarks.optuna_rdb import distribution_of
from benchmarks.report import describe_run, rates, ratio
from benchmarks.servers import Bench, running_servers
from benchmarks.storage_peers import durability, our_url, peers
from benchmarks.work import SPACE

N_REPORTS = 10
N_COLD = 10_000
DISTRIBUTIONS: dict[str, BaseDistribution] = {name: distribution_of(entry) for name, entry in SPACE.items()}


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Small and short: shows that it works.")] = False,
    rounds: Annotated[int, typer.Option(help="Interleaved rounds of each.", min=1)] = 5,
    seed: Annotated[int, typer.Option(help="Of the random sampler.", min=0)] = 1,
) -> None:
    """Measure, and print one JSON document. What happens meanwhile goes to standard error."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    document = describe_run(seed=seed, is_quick=quick, started_at=datetime.now(UTC))
    n_trials, n_cold = (5, 200) if quick else (40, N_COLD)
    with running_servers() as bench:
        for kind in ("sqlite", "postgresql"):
            document[kind] = {
                "durability": durability(bench, kind),
                "loop": measure_loop(bench, kind, n_trials, rounds, seed),
                "cold_start": measure_cold_start(bench, kind, n_cold),
            }
            sys.stderr.write(f"{kind} is done\n")
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def measure_loop(bench: Bench, kind: str, n_trials: int, n_rounds: int, seed: int) -> dict[str, Any]:
    """Return trials per second, by the clock and by the processors' time, of ours and of the peers."""
    with ExitStack() as stack:
        storages = {name: stack.enter_context(opening(bench)) for name, opening in peers(kind).items()}
        for storage in storages.values():
            run_trials(storage, 2, seed)  # nobody pays for its first statements
        wall: dict[str, list[float]] = {name: [] for name in storages}
        cpu: dict[str, list[float]] = {name: [] for name in storages}
        for _ in range(n_rounds):
            for name, storage in storages.items():
                wall_s, cpu_s = timed(bench, lambda storage=storage: run_trials(storage, n_trials, seed))  # type: ignore[misc]
                wall[name].append(n_trials / wall_s)
                cpu[name].append(n_trials / cpu_s)
    return {
        "unit": "trials per second, and per second of processor time",
        "n_trials": n_trials,
        "n_params": len(DISTRIBUTIONS),
        "n_reports": N_REPORTS,
        "by_clock": {name: rates(values) for name, values in wall.items()},
        "by_processor": {name: rates(values) for name, values in cpu.items()},
        "times_by_clock": times_of(wall),
        "times_by_processor": times_of(cpu),
    }


def measure_cold_start(bench: Bench, kind: str, n_trials: int) -> dict[str, Any]:
    """Return how long a new process needs to read a long study, and then one trial more."""
    url = our_url(bench, kind)
    found: dict[str, Any] = {"unit": "seconds of processor time of the reader", "n_trials": n_trials}
    for name, n_reports in (("without_reports", 0), ("with_reports", N_REPORTS)):
        writer = TunewellStorage(url)
        study_id = writer.create_new_study([StudyDirection.MINIMIZE], name)
        for first in range(0, n_trials, 1000):
            writer.add_trials(study_id, [_a_trial(n_reports) for _ in range(min(1000, n_trials - first))])
        reader = TunewellStorage(url)
        cold_s = timed_cpu(lambda: reader.get_all_trials(study_id, deepcopy=False))  # noqa: B023 - called at once
        writer.create_new_trial(study_id, _a_trial(n_reports))
        again_s = timed_cpu(lambda: reader.get_all_trials(study_id, deepcopy=False))  # noqa: B023 - called at once
        assert reader.get_n_trials(study_id) == n_trials + 1
        found[name] = {"cold_s": round(cold_s, 3), "one_more_s": round(again_s, 5)}
        for storage in (writer, reader):
            storage.close()
    return found


def times_of(rates_of: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return how many times as many trials ours does as each peer, through gRPC as one that is behind gRPC too."""
    ours = {name: "ours_grpc" if name.endswith("_grpc") else "ours" for name in rates_of}
    return {name: ratio(rates_of[ours[name]], values) for name, values in rates_of.items() if name != ours[name]}


def run_trials(storage: BaseStorage, n_trials: int, seed: int) -> None:
    """Run no-op trials in a study of their own."""
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=seed))

    def objective(trial: optuna.Trial) -> float:
        for name, distribution in DISTRIBUTIONS.items():
            trial._suggest(name, distribution)
        for step in range(N_REPORTS):
            trial.report(1.0 / (step + 1), step)
        return 1.0 / N_REPORTS

    study.optimize(objective, n_trials=n_trials)


def timed(bench: Bench, run: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds that `run` takes by the clock, and of processors: of this process and of the database's."""
    before, started_at = _cpu_s(bench), time.perf_counter()
    run()
    return time.perf_counter() - started_at, _cpu_s(bench) - before


def timed_cpu(run: Callable[[], object]) -> float:
    """Return the seconds of this process's processor time that `run` takes."""
    started_s = time.process_time()
    run()
    return time.process_time() - started_s


def _cpu_s(bench: Bench) -> float:
    server = psutil.Process(bench.postgres.process.pid)
    used = [one.cpu_times() for one in (server, *server.children(recursive=True))]
    return time.process_time() + sum(one.user + one.system for one in used)


def _a_trial(n_reports: int) -> FrozenTrial:
    params = {
        name: distribution.to_external_repr(_middle(distribution)) for name, distribution in DISTRIBUTIONS.items()
    }
    curve = {step: 1.0 / (step + 1) for step in range(n_reports)}
    return create_trial(
        state=TrialState.COMPLETE,
        value=0.5,
        params=params,
        distributions=DISTRIBUTIONS,
        user_attrs={"seconds": 1.5},
        intermediate_values=curve,
    )


def _middle(distribution: Any) -> float:
    return 1 if hasattr(distribution, "choices") else distribution.low + (distribution.high - distribution.low) // 2


if __name__ == "__main__":
    typer.run(main)
