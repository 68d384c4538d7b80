"""Calls about what a study's trials say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tunewell._calls import Calls, StudyRef, study_path
from tunewell._decode import decode
from tunewell._pacing import Pacing
from tunewell.insight import Importance, Interactions, Regret


class InsightCalls(Calls):
    """Read importance, interactions and regret."""

    def get_importance(self, study: StudyRef, objective: str | None = None) -> Importance:
        """Read how much each parameter matters for being among the best trials.

        Args:
            study: Id or name.
            objective: Metric of one of its objectives; the first where None.
        """
        return decode(Importance, self._insight("GET", study, "importance", objective))

    def get_regret(self, study: StudyRef) -> Regret:
        """Read a study's best values so far beside those of random search."""
        return decode(Regret, self._insight("GET", study, "regret", None))

    def get_interactions(self, study: StudyRef, objective: str | None = None) -> Interactions:
        """Read where the differences between trials come from, or how far the job is that finds out."""
        return decode(Interactions, self._insight("GET", study, "interactions", objective))

    def request_interactions(self, study: StudyRef, objective: str | None = None) -> Interactions:
        """Start the job that finds out where the differences come from, unless there is nothing new to find.

        Raises:
            ServerBusy: Too many jobs wait.
        """
        return decode(Interactions, self._insight("POST", study, "interactions", objective))

    def wait_interactions(
        self,
        study: StudyRef,
        objective: str | None = None,
        *,
        timeout_s: float | None = None,
        on_change: Callable[[Interactions], None] = lambda _: None,
        pacing: Pacing | None = None,
    ) -> Interactions:
        """Start the job, and return what it found when it has ended, well or not.

        Args:
            study: Id or name.
            objective: Metric of one of its objectives; the first where None.
            timeout_s: Seconds to wait at most; None: until it ended.
            on_change: Called with what each look found, where it differs from the one before.
            pacing: Replaces the clock, for tests.

        Raises:
            TimeoutError: It did not end in time; it goes on.
        """
        pacing = pacing or Pacing()
        ends_at = None if timeout_s is None else pacing.now() + timeout_s
        found = self.request_interactions(study, objective)
        on_change(found)
        while not found.is_ended:
            if ends_at is not None and pacing.now() >= ends_at:
                raise TimeoutError(f"the interactions are not found after {timeout_s} s; the job goes on")
            pacing.sleep(0.3)
            before, found = found, self.get_interactions(study, objective)
            if found.state == "NONE":  # the server was restarted, or another one answered
                found = self.request_interactions(study, objective)
            if found != before:
                on_change(found)
        return found

    def _insight(self, method: str, study: StudyRef, name: str, objective: str | None) -> Any:
        params: dict[str, str | int | list[str]] = {} if objective is None else {"objective": objective}
        return self._transport.json(method, f"{study_path(study)}/{name}", params=params)
