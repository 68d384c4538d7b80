"""How studies were changed, and what they learn from earlier ones, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tunewell.records import ParamValue


@dataclass(frozen=True, slots=True)
class StudyEdit:
    """One change of a study's settings.

    Attributes:
        edit_no: From 0.
        author: The role of who made it.
        created_at: When.
        next_number: Trials from this number on were proposed with the new settings.
        before: The settings that changed, as they were.
        after: The same, as they became.
        replaced: Numbers of trials that waited and got other parameters, because theirs fitted no longer.
        undo: What `update_study` takes to make the settings what they were; a raised number of trials stays.
    """

    edit_no: int
    author: str
    created_at: datetime
    next_number: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    replaced: tuple[int, ...] = ()
    undo: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lender:
    """A study from whose finished trials another one learns.

    Attributes:
        study_id: Its id.
        name: None where it was deleted.
        n_trials: How many it lent.
    """

    study_id: int
    name: str | None
    n_trials: int


@dataclass(frozen=True, slots=True)
class LearnedDefault:
    """What one hyperparameter was in the best tenth of the results of past studies.

    Attributes:
        name: Of the hyperparameter.
        value: Median of numbers, the most frequent of other values.
        catalogue_value: What it is where nobody sets it.
        n_trials: How many of the best trials had it searched.
        n_studies: From how many studies they are.
    """

    name: str
    value: ParamValue
    catalogue_value: ParamValue
    n_trials: int
    n_studies: int
