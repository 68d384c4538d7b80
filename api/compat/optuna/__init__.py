"""Optuna's storage interface on our own tables, so that REST and Optuna's tools see the same trials."""

from api.compat.optuna.storage import NativeStudyError, TunewellStorage

__all__ = ["NativeStudyError", "TunewellStorage"]
