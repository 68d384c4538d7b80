"""What studies can name: networks, samplers, pruners."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import ForAll, ForUsers
from api.routes.common import refusals
from api.schemas.catalogue import LearnedDefaults, ModelList, SamplerList
from api.services import catalogue, defaults

router = APIRouter(tags=["catalogue"])


@router.get("/models", responses=refusals())
def list_models(control: ForAll) -> ModelList:
    """List networks with their hyperparameters, metrics and default search spaces."""
    return catalogue.list_models()


@router.get("/models/{model}/defaults", responses=refusals(404))
def learn_defaults(
    model: Annotated[str, Path(max_length=100)],
    control: ForUsers,
    dataset: Annotated[str | None, Query(max_length=100, description="Only of studies on this data set")] = None,
) -> LearnedDefaults:
    """Return what a network's hyperparameters were in the best tenth of the results of each past study."""
    with control.ledger.read() as session:
        return defaults.learn_defaults(session, model, dataset)


@router.get("/samplers", responses=refusals())
def list_samplers(control: ForUsers) -> SamplerList:
    """List samplers and pruners with their options."""
    return catalogue.list_samplers()
