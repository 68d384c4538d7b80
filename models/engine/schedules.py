"""How the learning rate changes over a training, as a factor on the rate that was asked for."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

RISING_SHARE = 0.3
START_DIVISOR = 25.0
END_DIVISOR = 1e4
DROP = 0.1


def rate_factor(schedule: str, warmup: float, step: int, n_steps: int) -> float:
    """Return the factor on the learning rate for one step.

    Args:
        schedule: key in `SCHEDULES`.
        warmup: share of all steps over which the rate first grows, from 0 to 0.5.
        step: from 0.
        n_steps: of the whole training.

    Returns:
        From 0 to 1.
    """
    n_warmup = math.ceil(warmup * n_steps)
    if step < n_warmup:
        return (step + 1) / n_warmup
    return SCHEDULES[schedule]((step - n_warmup) / max(1, n_steps - n_warmup))


def _steps(progress: float) -> float:
    # A small excess, because thirds are not exact in binary.
    return DROP ** math.floor(3 * progress + 1e-9)


def _cosine(progress: float) -> float:
    """Half a cosine wave (Loshchilov and Hutter, arXiv 1608.03983, equation 5, without restarts)."""
    return (1 + math.cos(math.pi * progress)) / 2


def _one_cycle(progress: float) -> float:
    """Up and down once (Smith and Topin, arXiv 1708.07120), both ways along half a cosine wave."""
    low, end = 1 / START_DIVISOR, 1 / (START_DIVISOR * END_DIVISOR)
    if progress < RISING_SHARE:
        return 1 - (1 - low) * _cosine(progress / RISING_SHARE)
    return end + (1 - end) * _cosine((progress - RISING_SHARE) / (1 - RISING_SHARE))


SCHEDULES: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {"constant": lambda _: 1.0, "step": _steps, "cosine": _cosine, "one_cycle": _one_cycle}
)
