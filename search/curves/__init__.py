"""Learning curves: where one that has begun will end, and how sure that is."""

from __future__ import annotations

from search.curves.forecasts import Curves, Forecast, forecast

__all__ = ["Curves", "Forecast", "forecast"]
