"""Calls about trials, their curves, log lines and artifacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from tunewell._calls import Calls, Query, StudyRef, items_of, study_path
from tunewell._decode import decode, encode_number
from tunewell._download import download_verified
from tunewell.environments import TrialEnvironment
from tunewell.records import Artifact, LogLine, LogPage, MetricSeries, ParamValue, Trial
from tunewell.timeline import TimedAttempt, Timeline

TrialOrder = Literal["number", "value", "started_at", "duration"]


class TrialCalls(Calls):
    """Read, add, stop and repeat trials."""

    def list_trials(
        self,
        study: StudyRef,
        *,
        state: str | Sequence[str] = (),
        where: str = "",
        order_by: TrialOrder = "number",
        descending: bool = False,
        page_size: int = 100,
    ) -> Iterator[Trial]:
        """Read trials of a study, page by page as they are used.

        Args:
            study: Id or name.
            state: Only trials in this phase, or in one of these; WAITING leaves PAUSED ones out.
            where: Only trials that fit this filter, such as `val_accuracy>0.97 activation=relu`.
            order_by: `number`, `value` (best first; trials without one come last), `started_at` or `duration`.
            descending: Turn the order round.
            page_size: Trials per request.
        """
        states = [state] if isinstance(state, str) else list(state)
        params: Query = {"order_by": order_by, "limit": page_size}
        params["descending"] = "true" if descending else "false"
        if states:
            params["state"] = states
        if where:
            params["where"] = where
        return self._pages(Trial, f"{study_path(study)}/trials", params)

    def add_trial(
        self,
        study: StudyRef,
        params: Mapping[str, ParamValue],
        *,
        state: Literal["WAITING", "COMPLETE", "PRUNED", "FAIL"] = "WAITING",
        values: Mapping[str, float] | None = None,
        note: str = "",
    ) -> Trial:
        """Add a trial with given parameters: one to run (`WAITING`), or one that was run elsewhere.

        Args:
            study: Id or name.
            params: A value for every parameter of the search space.
            state: `WAITING`, or how it ended elsewhere.
            values: Final metrics by name; needed where `state` is `COMPLETE`.
            note: For people.
        """
        body: dict[str, object] = {"params": dict(params), "state": state, "note": note}
        if values is not None:
            body["values"] = {name: encode_number(value) for name, value in values.items()}
        return decode(Trial, self._transport.json("POST", f"{study_path(study)}/trials", body=body))

    def get_trial(self, trial_id: int) -> Trial:
        """Read a trial with its attempts, by its id.

        Raises:
            NotFound: There is no such trial.
        """
        return decode(Trial, self._transport.json("GET", f"/trials/{trial_id}"))

    def get_trial_by_number(self, study: StudyRef, number: int) -> Trial:
        """Read a trial with its attempts, by its number (from 0) in a study.

        Raises:
            NotFound: There is no such trial.
        """
        return decode(Trial, self._transport.json("GET", f"{study_path(study)}/trials/{number}"))

    def list_attempts(self, study: StudyRef, *, limit: int = 2000) -> tuple[TimedAttempt, ...]:
        """Read when the attempts at a study's trials ran, where, and how they ended, the newest last.

        Args:
            study: Id or name.
            limit: Most attempts, the newest of those there are; 1 to 20,000.
        """
        answer = self._transport.json("GET", f"{study_path(study)}/attempts", params={"limit": limit})
        return decode(Timeline, answer).rows()

    def update_trial(self, trial_id: int, *, tags: Sequence[str]) -> Trial:
        """Give a trial other tags: all that it shall have, each letters, digits, `_`, `.`, `:` and `-`."""
        body: dict[str, object] = {"tags": list(tags)}
        return decode(Trial, self._transport.json("PATCH", f"/trials/{trial_id}", body=body))

    def stop_trial(self, trial_id: int) -> Trial:
        """Ask a trial to end."""
        return decode(Trial, self._transport.json("POST", f"/trials/{trial_id}:stop"))

    def retry_trial(self, trial_id: int) -> Trial:
        """Run a trial that failed, was pruned or stopped once more, as a new trial with its parameters and its seed.

        Raises:
            Conflict: `wrong_state`: it has not ended, or has a result (then repeat it).
        """
        return decode(Trial, self._transport.json("POST", f"/trials/{trial_id}:retry"))

    def repeat_trial(self, trial_id: int, n: int = 3, *, note: str = "") -> tuple[Trial, ...]:
        """Run a trial's parameters again from other seeds, as `n` new trials.

        Args:
            trial_id: The trial.
            n: How many, 1 to 50.
            note: For people.
        """
        body: dict[str, object] = {"n": n, "note": note}
        return items_of(Trial, self._transport.json("POST", f"/trials/{trial_id}:repeat", body=body))

    def get_environments(self, trial_id: int) -> tuple[TrialEnvironment, ...]:
        """Read where a trial's attempts ran: each worker that had one, the latest in front."""
        return items_of(TrialEnvironment, self._transport.json("GET", f"/trials/{trial_id}/environment"))

    def get_metrics(
        self, trial_id: int, names: Sequence[str] = (), *, max_points: int = 1000
    ) -> tuple[MetricSeries, ...]:
        """Read curves of a trial, each down-sampled to at most `max_points`; all metrics where `names` is empty."""
        params: Query = {"max_points": max_points}
        if names:
            params["names"] = ",".join(names)
        answer = self._transport.json("GET", f"/trials/{trial_id}/metrics", params=params)
        return items_of(MetricSeries, answer, "series")

    def get_logs(self, trial_id: int, *, cursor: str | None = None, limit: int = 500, containing: str = "") -> LogPage:
        """Read log lines from `cursor` on, or from the first; an empty page means: none yet.

        Args:
            trial_id: The trial.
            cursor: `next_cursor` of the page before.
            limit: Most lines of the page.
            containing: Only lines with this text, whatever the case of its letters.
        """
        params: Query = {"limit": limit}
        if containing:
            params["q"] = containing
        if cursor is not None:
            params["cursor"] = cursor
        return decode(LogPage, self._transport.json("GET", f"/trials/{trial_id}/logs", params=params))

    def list_logs(self, trial_id: int, *, containing: str = "") -> Iterator[LogLine]:
        """Read the log lines that there are now, all or those with a text, page by page as they are used."""
        page = self.get_logs(trial_id, containing=containing)
        while page.items:
            yield from page.items
            page = self.get_logs(trial_id, cursor=page.next_cursor, containing=containing)

    def list_artifacts(self, trial_id: int) -> tuple[Artifact, ...]:
        """Read what a trial stored."""
        return items_of(Artifact, self._transport.json("GET", f"/trials/{trial_id}/artifacts"))

    def download_artifact(self, artifact: Artifact | int, path: Path | str) -> Path:
        """Fetch an artifact; `path` appears whole and verified by its SHA-256, or not at all.

        Args:
            artifact: What `list_artifacts` told, or an id: then the server's ETag tells the hash.
            path: Where the file is to be; an existing one is replaced.

        Raises:
            ServerFailure: `checksum_mismatch`, or `no_checksum` where the server tells none.
            OSError: The file cannot be written.
        """
        artifact_id, sha256 = (artifact, None) if isinstance(artifact, int) else (artifact.artifact_id, artifact.sha256)
        return download_verified(self._transport, f"/artifacts/{artifact_id}/content", path, sha256=sha256)
