"""The samplers a study can name. A new one is a file, a line here and a class in tests/contracts/test_samplers.py."""

from __future__ import annotations

from collections.abc import Mapping

from search.errors import SamplerError, suggest_name
from search.options import resolve_options
from search.samplers.base import Sampler
from search.samplers.bayesian import BayesianSampler
from search.samplers.brute_force import BruteForceSampler
from search.samplers.cmaes import CmaesSampler
from search.samplers.gp import GpSampler
from search.samplers.grid import GridSampler
from search.samplers.manual import ManualSampler
from search.samplers.nsga import NSGA2, NSGA3
from search.samplers.random import RandomSampler
from search.samplers.sobol import SobolSampler
from search.samplers.tpe import TpeSampler

__all__ = ["SAMPLERS", "Sampler", "check_options", "get_sampler"]

_ALL: tuple[Sampler, ...] = (
    BayesianSampler(),
    RandomSampler(),
    SobolSampler(),
    GridSampler(),
    BruteForceSampler(),
    ManualSampler(),
    GpSampler(),
    TpeSampler(),
    CmaesSampler(),
    NSGA2,
    NSGA3,
)
SAMPLERS: Mapping[str, Sampler] = {sampler.name: sampler for sampler in _ALL}


def get_sampler(name: object) -> Sampler:
    """Return the sampler called `name`.

    Raises:
        SamplerError: `unknown_sampler`, with the nearest name; field `sampler.name`.
    """
    if isinstance(name, str) and name in SAMPLERS:
        return SAMPLERS[name]
    hint = suggest_name(name, SAMPLERS)
    raise SamplerError("unknown_sampler", f"there is no sampler {name!r}", "sampler.name", hint)


def check_options(name: str, options: Mapping[str, object]) -> dict[str, int | float | None]:
    """Return all options of the sampler called `name`, those absent from `options` with their default.

    `seed` is an option of every sampler; its default None means that the study draws one and stores it.

    Raises:
        SamplerError: `unknown_sampler`.
        OptionError: `unknown_option` or `invalid_option`; field `sampler.<option>`.
    """
    return resolve_options(get_sampler(name).options, options, f"sampler '{name}'", "sampler")
