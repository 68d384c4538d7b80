"""The catalogue as callers read it."""

from __future__ import annotations

from dataclasses import asdict

from api.schemas.catalogue import (
    HyperparameterRead,
    MetricRead,
    ModelList,
    ModelRead,
    SamplerList,
    SamplerRead,
    TemplateRead,
)
from models import catalogue
from models.catalogue.metrics import GENERATIVE_METRICS, METRICS_BY_TASK
from search.options import Option
from search.pruners import PRUNERS
from search.samplers import SAMPLERS


def list_models() -> ModelList:
    """Return every network."""
    return ModelList(items=[_model(info) for info in catalogue.MODELS.values()])


def list_samplers() -> SamplerList:
    """Return every sampler and pruner."""
    return SamplerList(
        samplers=[SamplerRead(name=s.name, meaning=s.meaning, options=_options(s.options)) for s in SAMPLERS.values()],
        pruners=[SamplerRead(name=p.name, meaning=p.meaning, options=_options(p.options)) for p in PRUNERS.values()],
    )


def _model(info: catalogue.ModelInfo) -> ModelRead:
    return ModelRead(
        name=info.name,
        title=info.title,
        meaning=info.meaning,
        source=info.source,
        tasks=list(info.tasks),
        kinds=list(info.kinds),
        is_generative=info.is_generative,
        hyperparameters=[_hyperparameter(one) for one in info.hyperparameters.values()],
        metrics={task: [MetricRead(**asdict(metric)) for metric in _metrics(info, task)] for task in info.tasks},
        default_space={name: dict(shape) for name, shape in info.default_space.items()},
        template=None if info.template is None else TemplateRead(**asdict(info.template)),
    )


def _metrics(info: catalogue.ModelInfo, task: catalogue.Task) -> tuple[catalogue.MetricInfo, ...]:
    return GENERATIVE_METRICS if info.is_generative else METRICS_BY_TASK[task]


def _hyperparameter(one: catalogue.Hyperparameter) -> HyperparameterRead:
    return HyperparameterRead(
        name=one.name,
        type=one.type,
        default=one.default,
        low=one.low,
        high=one.high,
        log=one.log,
        step=one.step,
        choices=list(one.choices),
        pattern=one.pattern,
        per_lane=one.per_lane,
        meaning=one.meaning,
    )


def _options(options: tuple[Option, ...]) -> list[HyperparameterRead]:
    return [
        HyperparameterRead(
            name=option.name,
            type=option.type,
            default=option.default,
            low=option.low,
            high=option.high,
            log=False,
            step=None,
            choices=[],
            pattern=None,
            per_lane=False,
            meaning=option.meaning,
        )
        for option in options
    ]
