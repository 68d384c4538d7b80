"""All trials of a study as columns: written as JSON text at once, since there may be a million numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from sqlalchemy.orm import Session

from api.services.lookup import get_study
from api.services.objectives import metrics_of
from api.services.specs import space_of
from api.services.views import spec_of
from db.columns import TrialLine, list_lines
from db.lifecycle import TrialPhase
from db.records import StudyRecord
from db.types import decode_float, encode_float
from search.parameters import FloatParameter, IntParameter, Parameter, ParamValue

_STATES: Final = tuple(phase.value for phase in TrialPhase)
_CODES: Final = {name: place for place, name in enumerate(_STATES)}
_NUMBERS: Final = frozenset({int, float})
_INACTIVE: Final[Any] = object()  # None is a choice like any other
_WORDS: Final = frozenset({"inf", "-inf", "nan"})


def read_columns(session: Session, ref: str, after: int | None) -> str:
    """Return a study's trials as the JSON text of `ColumnsRead`.

    Args:
        session: Open transaction.
        ref: Id or name of the study.
        after: The study's change since which trials are wanted. All are returned without it, and also where it is of
            the future: then the database is not the one that the caller read before.

    Raises:
        NotFound: `study_not_found`.
    """
    study = get_study(session, ref)
    is_whole = after is None or after > study.rev
    lines = list_lines(session, study.id, None if is_whole else after, is_single=len(study.directions) == 1)
    parts = {
        "study_id": str(study.id),
        # Read before the rows: what ends in between is sent twice rather than never.
        "rev": str(study.rev),
        "is_whole": json.dumps(is_whole),
        "numbers": _integers(line.number for line in lines),
        "trial_ids": _integers(line.trial_id for line in lines),
        "state_names": json.dumps(_STATES),
        "states": _integers(_CODES[line.phase] for line in lines),
        "objectives": _listed(_objectives(study, lines)),
        "params": _listed(_params(study, lines)),
        "infeasible": _integers(line.number for line in lines if _is_infeasible(line)),
        "started_at_s": _moments(line.started_us for line in lines),
        "durations_s": _rounded([None if line.duration_us is None else line.duration_us / 1e6 for line in lines]),
    }
    return _object(parts)


def _objectives(study: StudyRecord, lines: Sequence[TrialLine]) -> Iterable[str]:
    for place, (metric, direction) in enumerate(zip(metrics_of(study), study.directions, strict=True)):
        values = [_value_of(line, metric, is_first=not place) for line in lines]
        yield _object({"metric": json.dumps(metric), "direction": json.dumps(direction), "values": _rounded(values)})


def _value_of(line: TrialLine, metric: str, *, is_first: bool) -> float | None:
    if is_first and line.value is not None:
        return line.value
    found = None if line.values is None else line.values.get(metric)
    return None if found is None else decode_float(found)


def _params(study: StudyRecord, lines: Sequence[TrialLine]) -> Iterable[str]:
    space = space_of(spec_of(study))
    seen = set().union(*map(attrgetter("params"), lines))
    for name in (*space, *sorted(seen - set(space))):
        values = [line.params.get(name, _INACTIVE) for line in lines]
        yield _object({"name": json.dumps(name), **_param(space.get(name), values)})


def _param(parameter: Parameter | None, values: Sequence[Any]) -> Mapping[str, str]:
    """Return the fields of a column; a parameter that also has values of another kind is one of choices."""
    is_number = parameter is None or isinstance(parameter, FloatParameter | IntParameter)
    if is_number and {type(value) for value in values if value is not _INACTIVE} <= _NUMBERS:
        is_log = parameter is not None and getattr(parameter, "log", False)
        shown = [None if value is _INACTIVE else value for value in values]
        return {"kind": '"number"', "is_log": json.dumps(is_log), "values": _rounded(shown)}
    # True equals 1 in Python but not to the people who wrote the choices.
    choices: dict[tuple[bool, ParamValue], int] = {}
    for choice in getattr(parameter, "choices", ()):
        choices[choice is True or choice is False, choice] = len(choices)
    codes = [
        -1 if one is _INACTIVE else choices.setdefault((one is True or one is False, one), len(choices))
        for one in values
    ]
    names = _choice_names([value for _, value in choices])
    return {"kind": '"category"', "choices": json.dumps(names, ensure_ascii=False), "codes": _integers(codes)}


def _choice_names(values: Sequence[ParamValue]) -> list[str]:
    """Name choices, each differently: text keeps its quotes where a number or a word is written alike."""
    names = [value if isinstance(value, str) else json.dumps(value) for value in values]
    return names if len(set(names)) == len(names) else [json.dumps(value, ensure_ascii=False) for value in values]


def _is_infeasible(line: TrialLine) -> bool:
    return line.violations is not None and not all(decode_float(one) <= 0 for one in line.violations)


def _integers(values: Iterable[int]) -> str:
    return f"[{','.join(map(str, values))}]"


def _moments(values: Iterable[int | None]) -> str:
    return f"[{','.join(['null' if us is None else f'{us / 1e6:.3f}' for us in values])}]"


def _rounded(values: Sequence[float | None]) -> str:
    """Write numbers with six digits, which is more than a screen shows; whole numbers in full."""
    texts = ["null" if one is None else str(one) if type(one) is int else f"{one:.6g}" for one in values]
    if not _WORDS.isdisjoint(texts):
        texts = [f'"{encode_float(float(text))}"' if text in _WORDS else text for text in texts]
    return f"[{','.join(texts)}]"


def _listed(texts: Iterable[str]) -> str:
    return f"[{','.join(texts)}]"


def _object(parts: Mapping[str, str]) -> str:
    return "{" + ",".join(f'"{key}":{text}' for key, text in parts.items()) + "}"
