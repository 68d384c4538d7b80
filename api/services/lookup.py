"""Find what a path names, or refuse with what would be right."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.errors import Conflict, NotFound, nearest
from db import studies, trials
from db.records import StudyRecord, TrialRecord

_MAX_ID = 2**62


def get_study(session: Session, ref: str) -> StudyRecord:
    """Return a study by id (all digits) or name.

    Raises:
        NotFound: `study_not_found`, with the nearest name.
    """
    key: int | str = int(ref) if ref.isdecimal() and len(ref) < 19 else ref
    study = studies.find_study(session, key)
    if study is None:
        names = studies.list_names(session, limit=200)
        hint = nearest(ref, names) if names else "there are no studies yet"
        raise NotFound("study_not_found", f"there is no study {ref!r}", "study", hint)
    return study


def require_native(study: StudyRecord, what: str) -> None:
    """Refuse what only our own workers could carry out in a study that a script of Optuna's runs.

    Args:
        study: The study.
        what: The end of a sentence that begins with "a script of Optuna's runs this study: Tunewell cannot".

    Raises:
        Conflict: `optuna_study`.
    """
    if study.kind != "native":
        raise Conflict(
            "optuna_study",
            f"a script of Optuna's runs study {study.name!r}: Tunewell cannot {what}",
            "study",
            "do it in the script; here its name, notes and tags can be changed, and it can be deleted",
        )


def get_trial(session: Session, trial_id: int) -> TrialRecord:
    """Return a trial by id.

    Raises:
        NotFound: `trial_not_found`.
    """
    trial = trials.find_trial(session, trial_id) if 0 <= trial_id < _MAX_ID else None
    if trial is None:
        raise NotFound("trial_not_found", f"there is no trial with id {trial_id}", "trial_id")
    return trial
