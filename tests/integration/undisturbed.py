"""What a trial comes to when the trainer alone trains it, in one go and without company."""

from __future__ import annotations

from pathlib import Path

import torch

from api.services.seeds import trial_seed
from models.data.dataset import load_dataset
from models.data.prepare import prepare_dataset
from models.engine.jobs import TrainJob
from models.engine.trainer import train
from search.samplers import get_sampler
from search.space import parse_space
from search.types import SuggestRequest
from tests.servers.service import Json
from tests.unit.models.helpers import Recorder


def undisturbed(study: Json, number: int, folder: Path) -> dict[str, float]:
    """Train a trial of a study with a random sampler here and now.

    Args:
        study: As submitted; its objective is to be maximised.
        number: Which trial.
        folder: For data set and network.

    Returns:
        Its final metrics.
    """
    torch.set_num_threads(1)
    seed = study["sampler"]["seed"]
    request = SuggestRequest(parse_space(study["search_space"]), ("maximize",), seed=seed, number=number)
    suggestion = get_sampler("random").suggest(request)
    assert suggestion is not None
    job = TrainJob(
        lane_id=str(number),
        model=study["model"],
        params={**study["fixed"], **{name: value for name, value in suggestion.params.items() if value is not None}},
        dataset=load_dataset(prepare_dataset(study["dataset"], folder)),
        seed=trial_seed(seed, number),
        output_dir=folder / str(number),
        objective=study["objectives"][0]["metric"],
    )
    (result,) = train([job], Recorder())
    return dict(result.metrics)
