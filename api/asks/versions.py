"""What a study asked before it was edited: its plans one after another, and parameters that edits replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.asks.plans import Plan, plan_of
from db.records import StudyEditRecord, StudyRecord, TrialRecord


@dataclass(frozen=True, slots=True)
class Versions:
    """A study through its edits. Version `v` is what it was after the first `v` of them.

    Attributes:
        plans: One a version.
        edits: Oldest first; edit `v` made version `v + 1` of version `v`.
    """

    plans: Sequence[Plan]
    edits: Sequence[StudyEditRecord]

    def find(self, seen: Mapping[str, Any]) -> int | None:
        """Return the version for which a suggestion was computed, given what it saw; None where there is none."""
        asked = seen.get("asked", self.plans[-1].digest)
        if "edit" in seen:
            version = int(seen["edit"])
        elif "rev" in seen:
            version = sum(edit.rev <= seen["rev"] for edit in self.edits)
        else:  # of a sampler that does not learn: what the digest stands for is all it depends on
            return next((place for place, plan in enumerate(self.plans) if plan.digest == asked), None)
        return version if self.plans[version].digest == asked else None

    def at(self, trial: TrialRecord, version: int) -> TrialRecord:
        """Return a trial with the parameters that it had in a version, before a later edit replaced them."""
        for edit in self.edits[version:]:
            if str(trial.number) in edit.replaced:
                return replace(trial, params=edit.replaced[str(trial.number)])
        return trial


def read_versions(study: StudyRecord, edits: Sequence[StudyEditRecord]) -> Versions:
    """Return a study's versions.

    Args:
        study: As it is now.
        edits: All of its edits, oldest first.
    """
    specs = [dict(study.spec)]
    for edit in reversed(edits):
        later = specs[-1]
        kept = {key: value for key, value in later.items() if key not in edit.after or key in edit.before}
        specs.append({**kept, **edit.before})
    return Versions([plan_of(replace(study, spec=spec)) for spec in reversed(specs)], edits)
