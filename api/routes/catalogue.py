"""What studies can name: data sets, networks, samplers, pruners."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import ForAll, ForUsers
from api.routes.common import refusals
from api.schemas.catalogue import DatasetList, ModelList, SamplerList
from api.services import catalogue

router = APIRouter(tags=["catalogue"])


@router.get("/datasets", responses=refusals())
def list_datasets(control: ForAll) -> DatasetList:
    """List data sets."""
    return catalogue.list_datasets()


@router.get("/models", responses=refusals())
def list_models(control: ForAll) -> ModelList:
    """List networks with their hyperparameters, metrics and default search spaces."""
    return catalogue.list_models()


@router.get("/samplers", responses=refusals())
def list_samplers(control: ForUsers) -> SamplerList:
    """List samplers and pruners with their options."""
    return catalogue.list_samplers()
