"""Whether a network runs or is being written down: exported files know fewer operations than torch."""

import torch


def is_tracing() -> bool:
    """Tell whether the network is being written down as a graph instead of run."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined,no-untyped-call]
