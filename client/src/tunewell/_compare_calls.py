"""The call that reads trials of any studies beside each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tunewell._calls import Query, StudyRef
from tunewell._decode import decode
from tunewell._study_calls import StudyCalls
from tunewell._trial_calls import TrialCalls
from tunewell.comparison import Comparison
from tunewell.errors import Invalid, Problem

MAX_COMPARED: Final = 50
_NAMED = re.compile(r"(?P<study>.+)[/:#](?P<number>[0-9]{1,9})", re.DOTALL)
_ID = re.compile(r"[0-9]{1,18}")


class CompareCalls(StudyCalls, TrialCalls):
    """Compare trials."""

    def compare_trials(
        self, trials: Sequence[str | int], *, metric: str | None = None, max_points: int = 500
    ) -> Comparison:
        """Read trials of any studies beside each other, and the curves of one metric.

        A trial that is not there is named in `missing`, so that one deletion does not hide the others.

        Args:
            trials: 2 to 50, each as `STUDY/NUMBER` (`STUDY:NUMBER`, `STUDY#NUMBER`) or by its id.
            metric: Whose curves; None for the first trial's objective.
            max_points: Points of a curve at most, about.

        Raises:
            Invalid: `trial_ref` for what names no trial, `n_compared` for too few or too many.
            NotFound: There is no trial with an id that was given.
        """
        named = list(dict.fromkeys(str(one) for one in trials))
        if not 2 <= len(named) <= MAX_COMPARED:
            raise Invalid(
                Problem(
                    "n_compared",
                    f"{len(named)} {'trial is' if len(named) == 1 else 'trials are'} no comparison",
                    hint=f"name 2 to {MAX_COMPARED} different trials",
                )
            )
        _check(named)
        params: Query = {"trials": [self._ref(one) for one in named], "max_points": max_points}
        if metric is not None:
            params["metric"] = metric
        return decode(Comparison, self._transport.json("GET", "/compare", params=params))

    def _ref(self, text: str) -> str:
        """Return a trial's name as the route takes it: no comma, which separates names there."""
        if found := _NAMED.fullmatch(text):
            study: StudyRef = found["study"]
            if "," in found["study"]:
                study = self.get_study(study).study_id
            return f"{study}:{found['number']}"
        trial = self.get_trial(int(text))
        return f"{trial.study_id}:{trial.number}"


def _check(named: Sequence[str]) -> None:
    for text in named:
        if not (_NAMED.fullmatch(text) or _ID.fullmatch(text)):
            raise Invalid(
                Problem("trial_ref", f"{text!r} names no trial", hint="give STUDY/NUMBER, or the id of a trial")
            )
