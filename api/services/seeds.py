"""Which seed a trial trains with."""

from __future__ import annotations

import hashlib

from db.records import TrialRecord


def trial_seed(study_seed: int, number: int) -> int:
    """Return the seed of a trial's weights, data order and masks, 0..2**31-1: a function of study seed and number."""
    digest = hashlib.sha256(f"{study_seed}:{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def seed_number(trial: TrialRecord) -> int:
    """Return the number from which a trial has its seed: its own, or that of the trial which it retries."""
    return trial.number if trial.seed_number is None else trial.seed_number
