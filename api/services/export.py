"""A study's trials as a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Literal

from sqlalchemy.orm import Session

from api.schemas.trials import TrialRead
from api.services.confirmation import find_confirmation
from api.services.lookup import get_study
from api.services.views import show_trials
from db import trials

_COLUMNS = ("number", "state", "value", "started_at", "finished_at", "duration_s", "n_attempts", "source", "reason")
_LAST = ("findings", "confirms")  # at the end: whoever reads columns by place finds the others where they were
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def export_trials(session: Session, ref: str, file_format: Literal["csv", "json"]) -> tuple[str, Iterable[str]]:
    """Return the study's name and the file's text in pieces."""
    study = get_study(session, ref)
    shown = show_trials(session, trials.list_history(session, study.id, with_confirmations=True))
    if file_format == "json":
        diagnoses = trials.find_study_diagnoses(session, study.id)
        # Through JSON: only there does Pydantic write non-finite numbers as the words that stand for them.
        body = [{**json.loads(trial.model_dump_json()), "diagnosis": diagnoses.get(trial.trial_id)} for trial in shown]
        confirmed = find_confirmation(session, study)
        shown_study = {
            "study": study.name,
            "spec": study.spec,
            "confirmation": None if confirmed is None else confirmed.model_dump(mode="json"),
            "trials": body,
        }
        return study.name, [json.dumps(shown_study, indent=1, allow_nan=False)]
    return study.name, [_csv(shown)]


def _csv(shown: Sequence[TrialRead]) -> str:
    params = sorted({name for trial in shown for name in trial.params})
    metrics = sorted({name for trial in shown for name in trial.values})
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*_COLUMNS, *(f"param.{name}" for name in params), *(f"metric.{name}" for name in metrics), *_LAST])
    for trial in shown:
        fixed = [getattr(trial, column) for column in _COLUMNS]
        row = [*fixed, *(trial.params.get(name) for name in params), *(trial.values.get(name) for name in metrics)]
        row += [" ".join(trial.findings), trial.confirms]
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> object:
    # A spreadsheet runs text that starts like a formula; a leading apostrophe makes it text again.
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
