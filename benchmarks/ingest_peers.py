"""`python -m benchmarks.ingest_peers --mlflow VENV/bin/mlflow`: metric points a second, next to MLflow's `log_batch`.

Both servers run as their makers recommend, over the same kind of database, and are sent batches of a thousand points
(MLflow's limit) over HTTP by one client, in turns within one run. The bodies are written beforehand, and a round that
is not counted comes first: servers are measured, not their clients and not their start. MLflow lives in a virtual
environment of its own: `python -m venv VENV && VENV/bin/pip install mlflow psycopg2-binary`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import psutil
import typer
from tunewell.protocol import Finish

from benchmarks.ingest import make_report
from benchmarks.report import describe_run, rates, ratio
from benchmarks.scale import DATABASES, QUICK, Scale
from benchmarks.servers import READY_TIMEOUT_S, Bench, running_servers
from benchmarks.work import METRIC, joined, submit
from tests.servers.ports import free_port
from tests.servers.waiting import wait_until

_NAMES = ("val_loss", "val_accuracy", "train_loss", "train_accuracy")


def main(
    mlflow: Annotated[Path, typer.Option(help="MLflow's command, in a virtual environment of its own.")],
    rounds: Annotated[int, typer.Option(help="Rounds of each side.", min=1)] = 3,
    reports: Annotated[int, typer.Option(help="Batches of a thousand points in a round.", min=1)] = 30,
    kinds: Annotated[str, typer.Option(help="Databases, comma-separated.")] = ",".join(DATABASES),
    seed: Annotated[int, typer.Option(help="Seeds the study.", min=0)] = 1,
) -> None:
    """Measure points a second into both servers and print one JSON document."""
    mlflow = mlflow.absolute()  # it is started in a folder of its own
    document = describe_run(seed=seed, is_quick=False, started_at=datetime.now(UTC))
    document["mlflow"] = subprocess.run(
        [mlflow, "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    scale = Scale(**{name: getattr(QUICK, name) for name in QUICK.__slots__} | {"n_ingest_reports": reports})
    with running_servers() as bench:
        for kind in kinds.split(","):
            document[kind] = _measure(bench, kind, mlflow, (scale, rounds, seed))
            print(f"{kind}: {json.dumps(document[kind])}", file=sys.stderr)
    print(json.dumps(document, indent=2))


def _measure(bench: Bench, kind: str, mlflow: Path, how: tuple[Scale, int, int]) -> dict[str, Any]:
    scale, n_rounds, seed = how
    with ExitStack() as stack:
        api = stack.enter_context(bench.api(bench.new_database(kind)))
        peer = stack.enter_context(_mlflow(bench, kind, mlflow))
        found: dict[str, Any] = {"unit": "points per second", "n_points_per_batch": scale.n_ingest_points}
        for n_curves in (1, len(_NAMES)):
            rounds = [
                (_report(api.address, scale, n_curves, seed), _log_batches(peer, scale, n_curves))
                for _ in range(1 + n_rounds)
            ]
            ours, theirs = zip(*rounds[1:], strict=True)
            found[f"{n_curves} curves" if n_curves > 1 else "1 curve"] = {
                "tunewell": rates(ours),
                "mlflow": rates(theirs),
                "ratio": ratio(ours, theirs),
            }
        return found


@contextmanager
def _mlflow(bench: Bench, kind: str, mlflow: Path) -> Iterator[str]:
    """Run MLflow's server over a new database for the length of a `with` block, and yield its address."""
    folder, port = bench.new_folder(), free_port()
    address = f"http://127.0.0.1:{port}"
    url = bench.new_database(kind).replace("postgresql+psycopg:", "postgresql+psycopg2:")
    command = [str(mlflow), "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", url, "--artifacts-destination", str(folder)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: _answers(f"{address}/health"), 2 * READY_TIMEOUT_S, what="MLflow's server answers")
            yield address
        finally:
            family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
            for one in family:
                one.kill()
            psutil.wait_procs(family, timeout=10.0)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _report(address: str, scale: Scale, n_curves: int, seed: int) -> float:
    """Return points per second of one trial's reports to our API."""
    n_points = scale.n_ingest_points // n_curves * n_curves
    reports = [make_report(seq, scale.n_ingest_points, n_curves) for seq in range(1, scale.n_ingest_reports + 1)]
    with joined(address, submit(address, 1, seed)) as worker, _client(f"{address}/api/v1") as http:
        (job,) = worker.claim()
        bodies = [{"lease_token": job.lease_token, **one.to_json()} for one in reports]
        duration_s = _send_all(http, f"/attempts/{job.attempt_id}:report", bodies)
        worker.protocol.finish(job.attempt_id, job.lease_token, Finish("COMPLETE", values={METRIC: 0.5}))
    return len(bodies) * n_points / duration_s


def _log_batches(address: str, scale: Scale, n_curves: int) -> float:
    """Return points per second of one run's batches to MLflow."""
    n_steps = scale.n_ingest_points // n_curves
    with _client(f"{address}/api/2.0/mlflow") as http:
        run = http.post("/runs/create", json={"experiment_id": "0"}).raise_for_status()
        run_id = run.json()["run"]["info"]["run_id"]
        bodies = [
            {"run_id": run_id, "metrics": _metrics(number * n_steps, n_steps, n_curves)}
            for number in range(scale.n_ingest_reports)
        ]
        return len(bodies) * n_steps * n_curves / _send_all(http, "/runs/log-batch", bodies)


def _client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=60.0, trust_env=False, headers={"Content-Type": "application/json"})


def _send_all(http: httpx.Client, path: str, bodies: Sequence[Mapping[str, object]]) -> float:
    """Send bodies one after another, and return how many seconds that took once they were written."""
    written = [json.dumps(body, separators=(",", ":")).encode() for body in bodies]
    started_at = time.perf_counter()
    for body in written:
        http.post(path, content=body).raise_for_status()
    return time.perf_counter() - started_at


def _metrics(first: int, n_steps: int, n_curves: int) -> list[dict[str, Any]]:
    now_ms = int(time.time() * 1000)
    return [
        {"key": name, "value": 1.0 / (step + 1), "timestamp": now_ms, "step": step}
        for step in range(first, first + n_steps)
        for name in _NAMES[:n_curves]
    ]


if __name__ == "__main__":
    typer.run(main)
