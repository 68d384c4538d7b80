"""What a study's pruner expects of trials: read from its last decision on each, computed nowhere else."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from api.schemas.forecasts import Forecast, ForecastBand
from db import pruning


def list_forecasts(session: Session, trial_ids: Collection[int]) -> dict[int, Forecast]:
    """Return what was last expected of some trials, by trial; those of which nothing is expected are left out."""
    found = pruning.find_verdicts(session, trial_ids) if trial_ids else {}
    return {
        trial_id: Forecast(
            step=verdict["step"],
            chance=verdict["chance"],
            band=None if verdict["band"] is None else ForecastBand(**verdict["band"]),
        )
        for trial_id, verdict in found.items()
        if verdict["chance"] is not None or verdict["band"] is not None
    }
