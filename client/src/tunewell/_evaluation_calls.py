"""Calls about evaluations and advice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tunewell._calls import Calls, StudyRef, items_of, study_path
from tunewell._decode import decode
from tunewell._pacing import Pacing
from tunewell.evaluations import Advice, Evaluation

EvaluationKind = Literal["test", "baselines", "ensemble"]


class EvaluationCalls(Calls):
    """Ask for tests, baselines and ensembles, and for advice."""

    def request_evaluation(self, study: StudyRef, kind: EvaluationKind, *, n_members: int | None = None) -> Evaluation:
        """Ask a worker for an evaluation; the same is done once, and asking again answers what there is.

        Args:
            study: Id or name.
            kind: `test` (the best network on the test part), `baselines` (simple models on the same data) or
                `ensemble` (the best networks together, beside each alone).
            n_members: Networks of an ensemble, 2 to 50; 5 where None.

        Raises:
            Conflict: `study_goes_on`, or `too_few_networks`.
        """
        body: dict[str, object] = {"kind": kind}
        if n_members is not None:
            body["n_members"] = n_members
        return decode(Evaluation, self._transport.json("POST", f"{study_path(study)}/evaluations", body=body))

    def get_evaluation(self, evaluation_id: int) -> Evaluation:
        """Read an evaluation: how far it is, or its result.

        Raises:
            NotFound: There is no such evaluation.
        """
        return decode(Evaluation, self._transport.json("GET", f"/evaluations/{evaluation_id}"))

    def list_evaluations(self, study: StudyRef) -> tuple[Evaluation, ...]:
        """Read the evaluations of a study, newest first."""
        return items_of(Evaluation, self._transport.json("GET", f"{study_path(study)}/evaluations"))

    def wait_evaluation(
        self,
        evaluation_id: int,
        timeout_s: float | None = None,
        *,
        poll_s: float = 0.5,
        on_change: Callable[[Evaluation], None] = lambda _: None,
        pacing: Pacing | None = None,
    ) -> Evaluation:
        """Wait until an evaluation ended, well or not.

        Args:
            evaluation_id: Which.
            timeout_s: Seconds to wait at most; None: until it ended.
            poll_s: Seconds between two looks.
            on_change: Called with what each look found, where it differs from the one before.
            pacing: Replaces the clock, for tests.

        Raises:
            TimeoutError: It did not end in time; it goes on.
        """
        pacing = pacing or Pacing()
        ends_at = None if timeout_s is None else pacing.now() + timeout_s
        before: Evaluation | None = None
        while True:
            found = self.get_evaluation(evaluation_id)
            if found != before:
                on_change(found)
            if found.is_ended:
                return found
            before = found
            left_s = poll_s if ends_at is None else ends_at - pacing.now()
            if left_s <= 0:
                raise TimeoutError(f"the {found.kind} is still {found.state} after {timeout_s} s; it goes on")
            pacing.sleep(min(poll_s, left_s))

    def get_advice(self, study: StudyRef) -> tuple[Advice, ...]:
        """Read what a study's finished trials suggest to change, the most important first."""
        return items_of(Advice, self._transport.json("GET", f"{study_path(study)}/advice"))
