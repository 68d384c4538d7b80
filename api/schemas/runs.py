"""Runs that scripts of people's own begin."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StrictInt, StringConstraints

from api.schemas.base import MAX_INT, ParamValue, Shape, Text
from api.schemas.environments import Environment
from api.schemas.studies import CodeSource, ObjectiveSpec, Tag
from api.schemas.work import Assignment, Stamp
from db.lifecycle import StudyState, TrialState

RunKey = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", min_length=16, max_length=64),
    Field(
        description="What the script calls the run, such as a random number: asking again with it means the same run, "
        "so nobody else may know it. Letters, digits, '_' and '-', 16 to 64"
    ),
]
ParamName = Annotated[Text, Field(min_length=1, max_length=200)]


class ScriptHost(Shape):
    """The process in which a script runs."""

    name: Text = Field(min_length=1, max_length=200, examples=["train.py"])
    host: Text = Field(min_length=1, max_length=255)
    pid: StrictInt = Field(ge=1, le=MAX_INT)
    version: Text = Field(default="", max_length=32)
    environment: Environment | None = Field(default=None, description="Code, packages and hardware, as it found them")


class RunCreate(Shape):
    """A run to begin, or to go on with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "key": "kQ3vY8s0mP1xZ7aB",
                    "params": {"learning_rate": 0.01},
                    "script": {"name": "train.py", "host": "laptop", "pid": 4711},
                }
            ]
        }
    )
    key: RunKey
    params: dict[ParamName, ParamValue] | None = Field(
        default=None,
        max_length=1000,
        description="The run's own; of a study with a search space a point of it. null: the study proposes the next",
    )
    resume: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=64)] | None = Field(
        default=None,
        description="Go on with this run, whose script was lost, instead of beginning one: id of its trial (at most 15 "
        "digits), or its key. Its own parameters count",
    )
    note: Text = Field(default="", max_length=20_000)
    tags: list[Tag] = Field(default_factory=list, max_length=50)
    began_at: Stamp | None = Field(default=None, description="Of a run that is told of later; now where left out")
    script: ScriptHost | None = Field(default=None, description="Where it runs; shown with the trial")
    worker_id: StrictInt | None = Field(
        default=None, ge=0, le=MAX_INT, description="As an earlier answer gave it to the same process"
    )


class RunRead(Shape):
    """What a script has to know to report a run."""

    study_id: int
    study_name: str
    study_state: StudyState
    objectives: list[ObjectiveSpec]
    command: list[str] | None = Field(description="What to run for the trial, where the study says it")
    venv: str | None = Field(description="In which virtual environment, below the folder for commands")
    source: CodeSource | None = Field(description="Which code it is of; null: what lies on the machine")
    pruner: str = Field(description="Name of the study's pruner; none: reports are never answered with prune")
    lease_s: float
    heartbeat_s: float
    worker_id: int = Field(description="Of the process, for its next runs")
    attempt: Assignment | None = Field(description="null: the run is over, or there is nothing to run now")
    last_seq: int = Field(description="The last report of the run that is stored; the next one has the number after it")
    step: int | None = Field(description="The last step that was reported; null before the first")
    trial_id: int | None
    number: int | None
    trial_state: TrialState | None = Field(description="null where there is nothing to run")
