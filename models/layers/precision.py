"""What stays in float32 when a network trains in mixed precision.

A layer whose backward is written out mixes saved numbers with gradients, and torch casts neither outside of its own
operations. Long loops and iterations would also add up what bf16 rounds away.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")


def in_float32(function: Callable[..., Result]) -> Callable[..., Result]:
    """Let a function of tensors run in float32, whatever autocast does around it; costs nothing without autocast."""

    @wraps(function)
    def run(*arguments: Any) -> Result:
        if not torch._C._is_any_autocast_enabled():
            return function(*arguments)
        device = next(one.device.type for one in arguments if isinstance(one, Tensor))
        with torch.autocast(device, enabled=False):
            return function(*(_whole(one) for one in arguments))

    return run


def _whole(argument: Any) -> Any:
    is_number = isinstance(argument, Tensor) and argument.is_floating_point()
    return argument.float() if is_number else argument
