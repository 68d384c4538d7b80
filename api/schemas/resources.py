"""What trials of a study need from a worker, and whose turn it is, as people send it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt, StringConstraints

from api.schemas.base import MAX_INT, Shape

QueueName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64),
    Field(description="Lower-case letters, digits, '_' and '-', first a letter"),
]

Priority = Annotated[
    StrictInt, Field(ge=-100, le=100, description="Studies of a higher one are served first, whoever submitted them")
]
Share = Annotated[
    float,
    Field(
        strict=True,
        ge=0.01,
        le=100,
        description="Its part of the slots that its owner gets, beside the owner's other studies: one of 2 gets twice "
        "as many as one of 1. Owners get equally many",
    ),
]


class ResourcesSpec(Shape):
    """What a trial needs from a worker, and whose turn it is."""

    queue: QueueName = Field(
        default="cpu",
        description="Lower-case letters, digits, '_' and '-', first a letter: workers that serve it run the trials",
    )
    priority: Priority = 0
    share: Share = 1.0
    gpu_memory_bytes: StrictInt | None = Field(
        default=None, ge=1, le=MAX_INT, description="Only slots on a GPU with at least so much memory run the trials"
    )


class ResourcesUpdate(Shape):
    """Whose turn it is from now on; what is left out stays as it is."""

    priority: Priority = 0
    share: Share = 1.0
