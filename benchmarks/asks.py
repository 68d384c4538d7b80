"""`python -m benchmarks.asks`: what an ask of each sampler costs, by the number of finished trials, as JSON."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from threadpoolctl import threadpool_limits

from benchmarks.report import describe_run
from search.samplers import SAMPLERS, Sampler
from search.samplers.random import draw_params
from search.space import parse_space
from search.types import PastTrial, SuggestRequest

SPACE: Final = parse_space(
    {
        "learning_rate": {"type": "float", "low": 1e-5, "high": 1.0, "log": True},
        "weight_decay": {"type": "float", "low": 1e-7, "high": 1e-1, "log": True},
        "dropout": {"type": "float", "low": 0.0, "high": 0.8},
        "smoothing": {"type": "float", "low": 0.0, "high": 0.2},
        "hidden_units": {"type": "int", "low": 16, "high": 256, "step": 16},
        "hidden_layers": {"type": "int", "low": 1, "high": 4},
        "activation": {"type": "categorical", "choices": ["relu", "tanh", "swish", "sigmoid"]},
        "optimizer": {"type": "categorical", "choices": ["sgd", "adam", "rprop"]},
    }
)
"""Eight parameters of all kinds, as a study of a network has."""
N_RUNNING: Final = 7


def main(
    sizes: Annotated[str, typer.Option(help="Numbers of finished trials, comma-separated.")] = "100,1000,10000",
    asks: Annotated[int, typer.Option(help="Asks of each; the median and the least are printed.", min=1)] = 5,
) -> None:
    """Ask each sampler that can search eight mixed parameters, with seven trials running, and print one JSON document.

    CPU time of one thread. A first ask, which imports what the sampler stands on, is not counted.
    """
    document = describe_run(seed=0, is_quick=False, started_at=datetime.now(UTC))
    names = [name for name in SAMPLERS if name not in ("manual", "grid", "brute_force")]
    with threadpool_limits(1):
        document["ask_cpu_ms"] = {
            name: {size: measure(SAMPLERS[name], int(size), asks) for size in sizes.split(",")} for name in names
        }
    print(json.dumps(document, indent=2))


def measure(sampler: Sampler, n_finished: int, n_asks: int) -> dict[str, Any]:
    """Return the milliseconds of CPU time of asks after `n_finished` trials, and what the sampler says of them."""
    request = request_after(n_finished)
    sampler.suggest(request)
    spent_ms = []
    for place in range(n_asks):
        began_s = time.process_time()
        sampler.suggest(replace(request, number=request.number + place))
        spent_ms.append(1000 * (time.process_time() - began_s))
    median_ms, least_ms = sorted(spent_ms)[n_asks // 2], min(spent_ms)
    return {"median": round(median_ms, 2), "least": round(least_ms, 2), "cost": sampler.cost(request)}


def request_after(n_finished: int) -> SuggestRequest:
    """Return a request whose history is `n_finished` random trials and `N_RUNNING` that run."""
    finished = [
        PastTrial(i, "COMPLETE", draw_params(SPACE, 0, i), (float(i * 7919 % 1013),)) for i in range(n_finished)
    ]
    running = [PastTrial(i, "RUNNING", draw_params(SPACE, 0, i)) for i in range(n_finished, n_finished + N_RUNNING)]
    return SuggestRequest(SPACE, ("minimize",), 7, n_finished + N_RUNNING, history=[*finished, *running])


if __name__ == "__main__":
    typer.run(main)
