"""A fault run in short: the same as `make chaos`, for some seconds."""

from __future__ import annotations

import pytest

from benchmarks.chaos.fight import Order, fight
from benchmarks.chaos.house import SMALL
from benchmarks.chaos.report import as_json, as_text

QUICK = frozenset(
    {
        "kill a trial",
        "kill a pool child",
        "kill a script",
        "kill the API",
        "reset connections to the server",
        "reset connections of the reader",
        "empty the broker",
    }
)


@pytest.mark.faults
@pytest.mark.timeout(400)
def test_a_short_night_breaks_nothing() -> None:
    outcome = fight(Order(seed=28, seconds=9.0, only=QUICK, pause_s=1.8, size=SMALL))
    assert not outcome.broken, as_text(outcome)
    figures = as_json(outcome)
    assert {strike.fault for strike in outcome.order.strikes} == QUICK
    assert figures["n_faults"] + figures["n_missed"] == len(outcome.order.strikes)
    assert figures["n_faults"] >= 5  # a slow machine may have nothing to hit yet
    # Work was done meanwhile, and all of it was looked at.
    assert figures["n_points"] > 100
    assert figures["trials"]["COMPLETE"] > 0
    assert {study.name.partition("-")[0] for study in outcome.ledger.studies.values()} >= {"network", "chaos"}
