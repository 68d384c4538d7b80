"""Calls about studies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from tunewell._calls import Calls, Query, StudyRef, items_of, study_path
from tunewell._decode import decode
from tunewell._download import download
from tunewell._pacing import Pacing
from tunewell.checks import EditCheck, StudyCheck
from tunewell.edits import Lender, StudyEdit
from tunewell.records import ParamValue, Study, Trial

ExportFormat = Literal["csv", "json"]


class StudyChanges(TypedDict, total=False):
    """Changes to a study; what is left out stays as it is."""

    action: Literal["pause", "resume", "stop"]
    n_trials: int
    max_parallel: int
    budget: Mapping[str, int | float | None]
    resources: Mapping[str, int | float]
    search_space: Mapping[str, Mapping[str, Any] | None] | Literal["default"]
    constraints: Sequence[str]
    name: str
    notes: str
    tags: list[str]
    archived: bool


class StudyChoice(TypedDict, total=False):
    """Which studies a list shows, and in which order; what is left out, or None, is as the server has it."""

    state: str | None
    search: str | None
    tag: str | None
    archived: Literal["no", "yes", "all"]
    order_by: Literal["created", "name", "state", "owner", "best", "trials"]
    descending: bool


class StudyCalls(Calls):
    """Submit, read, change, export and await studies."""

    def create_study(self, study: Mapping[str, Any]) -> Study:
        """Submit a study; it starts at once.

        Args:
            study: What `POST /api/v1/studies` takes: name, dataset, model, search_space, objectives, ...

        Raises:
            Invalid: The study breaks a rule; nothing is stored.
            Conflict: `name_taken`.
        """
        return decode(Study, self._transport.json("POST", "/studies", body=dict(study)))

    def check_study(self, study: Mapping[str, Any]) -> StudyCheck:
        """Look a study over without submitting it: all that is wrong with it, how many trials, how long.

        Args:
            study: What `create_study` takes.

        Returns:
            What was found; a study without problems would be accepted as things stand.
        """
        return decode(StudyCheck, self._transport.json("POST", "/studies:check", body={"study": dict(study)}))

    def get_study(self, study: StudyRef) -> Study:
        """Read a study.

        Raises:
            NotFound: There is no such study.
        """
        return decode(Study, self._transport.json("GET", study_path(study)))

    def list_studies(self, query: str = "", *, page_size: int = 100, **how: Unpack[StudyChoice]) -> Iterator[Study]:
        """Read all studies, newest first, page by page as they are used.

        Args:
            query: Conditions that all hold, such as `state:running tag:cnn best>0.97`.
            page_size: Studies per request.
            how: `state`, `search` (part of name, notes or a tag) and `tag`; `archived` ("no", "yes" or "all");
                `order_by` ("created", "name", "state", "owner", "best" or "trials") and `descending`.

        Raises:
            Invalid: The query cannot be read; the message says where.
        """
        params: Query = {}
        for key, value in {"q": query or None, **how}.items():
            if value is not None:
                params[key] = str(value).lower() if isinstance(value, bool) else str(value)
        return self._pages(Study, "/studies", {**params, "limit": page_size})

    def update_study(self, study: StudyRef, **changes: Unpack[StudyChanges]) -> Study:
        """Change a study: `action`, `n_trials` (only ever raised), `max_parallel`, `name`, `notes`, `tags`,
        `archived`, and more.

        `budget` changes the limits that it names, None takes one away. `search_space` changes the parameters that it
        names: a whole shape with `type` adds or replaces one, other fields such as `{"high": 0.5}` change those alone,
        None removes it. `constraints` are all of them. `resources` changes whose turn it is: `priority`, `share`.
        Trials that have run stay what they are.

        Raises:
            Invalid: The new space breaks a rule; nothing is changed.
            Conflict: The study's state does not allow it, or the name is taken.
        """
        return decode(Study, self._transport.json("PATCH", study_path(study), body=dict(changes)))

    def check_edit(self, study: StudyRef, **changes: Unpack[StudyChanges]) -> EditCheck:
        """Look a change over without making it: what becomes what, which trials still fit, all that is wrong.

        Args:
            study: Id or name.
            changes: What `update_study` takes; space, constraints and limits are looked at.
        """
        path = f"{study_path(study)}:check"
        return decode(EditCheck, self._transport.json("POST", path, body={"changes": dict(changes)}))

    def list_edits(self, study: StudyRef) -> tuple[StudyEdit, ...]:
        """Read how a study's space and budget were changed, oldest first."""
        return items_of(StudyEdit, self._transport.json("GET", f"{study_path(study)}/edits"))

    def enqueue_trials(
        self, study: StudyRef, points: Sequence[Mapping[str, ParamValue]], *, note: str = ""
    ) -> tuple[Trial, ...]:
        """Add trials to run, all of them or none.

        Args:
            study: Id or name.
            points: Values by parameter, 1 to 100 points; the study's sampler chooses what they leave out.
            note: For people, on each of them.

        Raises:
            Invalid: A point lies outside the space; none is added.
            Conflict: The study is stopping.
        """
        body = {"points": [{"params": dict(point), "note": note} for point in points]}
        return items_of(Trial, self._transport.json("POST", f"{study_path(study)}/trials:enqueue", body=body))

    def fork_study(
        self,
        study: StudyRef,
        name: str,
        *,
        history: Literal["finished", "none"] = "finished",
        changes: Mapping[str, Any] | None = None,
    ) -> Study:
        """Make a study of another one.

        Args:
            study: Id or name of the old one, which goes on.
            name: Of the new one.
            history: finished: its sampler learns from the old one's finished trials, as far as they fit.
            changes: Fields of a study; `search_space` and `budget` change what they name, as `update_study` does.

        Raises:
            Invalid: The new study breaks a rule, or nothing of the history could say anything about it.
            Conflict: `name_taken`.
        """
        body = {"name": name, "history": history, "changes": dict(changes or {})}
        return decode(Study, self._transport.json("POST", f"{study_path(study)}:fork", body=body))

    def list_lenders(self, study: StudyRef) -> tuple[Lender, ...]:
        """Read whose finished trials a study learns from: of studies it was forked from, or began with."""
        return items_of(Lender, self._transport.json("GET", f"{study_path(study)}/lenders"))

    def pause_study(self, study: StudyRef) -> Study:
        """Start no new trials; running ones go on."""
        return self.update_study(study, action="pause")

    def resume_study(self, study: StudyRef) -> Study:
        """Undo a pause."""
        return self.update_study(study, action="resume")

    def stop_study(self, study: StudyRef) -> Study:
        """Start no new trials, and ask running ones to end."""
        return self.update_study(study, action="stop")

    def archive_study(self, study: StudyRef) -> Study:
        """Put a study out of the way of lists; nothing else changes."""
        return self.update_study(study, archived=True)

    def unarchive_study(self, study: StudyRef) -> Study:
        """Bring a study back into lists."""
        return self.update_study(study, archived=False)

    def delete_study(self, study: StudyRef) -> None:
        """Stop a study and hide it; `restore_study` brings it back."""
        self._transport.json("DELETE", study_path(study))

    def restore_study(self, study_id: int) -> Study:
        """Bring back a deleted study, by its id: its name may have been taken since."""
        return decode(Study, self._transport.json("POST", f"/studies/{study_id}:restore"))

    def export_study(self, study: StudyRef, path: Path | str, *, file_format: ExportFormat = "csv") -> Path:
        """Write all trials of a study to a file, which appears whole or not at all.

        Raises:
            OSError: The file cannot be written.
        """
        return download(self._transport, f"{study_path(study)}/export", path, params={"format": file_format})

    def wait(
        self, study: StudyRef, timeout_s: float | None = None, *, poll_s: float = 1.0, pacing: Pacing | None = None
    ) -> Study:
        """Wait until a study ended.

        Raises:
            TimeoutError: It did not within `timeout_s` seconds; the study goes on.
        """
        pacing = pacing or Pacing()
        ends_at = None if timeout_s is None else pacing.now() + timeout_s
        while not (found := self.get_study(study)).is_ended:
            left_s = poll_s if ends_at is None else ends_at - pacing.now()
            if left_s <= 0:
                raise TimeoutError(f"study {found.name} is still {found.state} after {timeout_s} s; it goes on")
            pacing.sleep(min(poll_s, left_s))
            study = found.study_id  # a name may change while we wait
        return found
