"""Optuna's gRPC endpoint as a part of the API, if the settings ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from api.state import Control


@contextmanager
def serving_optuna(control: Control) -> Iterator[None]:
    """Serve Optuna's clients for the length of a `with` block; do nothing where the settings name no port."""
    if not control.settings.grpc_port:
        yield
        return
    # Here, because gRPC is a library of its own size and most servers run without.
    from api.compat.optuna.server import serving

    with serving(control, control.settings.grpc_port):
        yield
