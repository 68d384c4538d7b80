"""Points that the live stream has not been told of: it hears of each trial's a few times a second, not of each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from db.optuna_events import metrics_payload
from db.optuna_reports import Curve
from db.types import encode_float

_INTERVAL_S = 0.5  # dashboards are told no more often


@dataclass(slots=True)
class Pending:
    """The points of one running trial since the last notice."""

    curve: Curve
    number: int
    _points: list[tuple[str, int, Any]] = field(default_factory=list)
    _told_s: float = -math.inf

    def add(self, step: int, value: float, now_s: float) -> dict[str, Any] | None:
        """Note a point and return the notice that is due, if one is. `now_s` is of a clock that never goes back."""
        self._points.append((self.curve.name, step, encode_float(value)))
        if now_s - self._told_s < _INTERVAL_S:
            return None
        self._told_s = now_s
        return self.take()

    def take(self) -> dict[str, Any] | None:
        """Return the notice of all points that nobody was told of; None where there are none."""
        points, self._points = self._points, []
        curve = self.curve
        return metrics_payload(curve.study_id, curve.trial_id, self.number, points) if points else None
