"""Where networks train and in which precision: from the words of a setting to what torch takes.

bf16 is mixed precision: products of matrices and convolutions take 8 bits of precision instead of 24, while weights,
optimizer, losses and all that is measured after an epoch stay in float32.

Source: Micikevicius et al., Mixed precision training, arXiv 1710.03740; bfloat16 has float32's range, so losses need no
scaling (Kalamkar et al., arXiv 1905.12322).
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["float32", "bf16"]
PRECISIONS = ("float32", "bf16", "auto")
DEVICES = "auto, cpu, cuda, or cuda: with a number"


class DeviceError(RuntimeError):
    """A device is not there (code `no_device`), or its name is none (`unknown_device`)."""

    def __init__(self, code: str, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.code = code


def choose_device(wanted: str) -> torch.device:
    """Return the device that a setting means.

    Args:
        wanted: `cpu`; `cuda`, for the first GPU; `cuda:1`, for the second; `auto`, for `cuda` where torch sees a GPU,
            else `cpu`.

    Raises:
        DeviceError: `no_device` or `unknown_device`.

    Effects:
        Asks CUDA, after which the process must not fork.
    """
    if wanted == "cpu":
        return torch.device("cpu")
    kind, _, number = wanted.partition(":")
    if kind not in ("auto", "cuda") or (number and not (kind == "cuda" and number.isdecimal())):
        raise DeviceError("unknown_device", f"unknown device {wanted!r}; accepted: {DEVICES}")
    n_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not n_devices and wanted == "auto":
        return torch.device("cpu")
    if not n_devices:
        raise DeviceError("no_device", f"no CUDA device: torch sees no GPU for {wanted!r}; give --device cpu or auto")
    place = int(number or 0)
    if place >= n_devices:
        last = f"cuda:{n_devices - 1}"
        raise DeviceError("no_device", f"no CUDA device {wanted!r}: torch sees {n_devices}; give --device up to {last}")
    return torch.device("cuda", place)


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Return the context that a forward pass and its loss run in; of its own for each step."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
