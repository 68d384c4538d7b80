"""What the readers hand on: a table, or arrays that say by themselves what an example is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.data.digests import Array
from models.data.uploads.frames import Frame

Rows = Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """Examples as arrays.

    Attributes:
        features: (n, ...) numbers; what one example is follows from its dimensions.
        targets: (n,)
        names: of the classes, where the source has names; empty where targets are numbers.
        parts: row numbers under `train`, `val`, `test`, where the source is split already; else None.
        kind: what one example is, where the source says so.
    """

    features: Array
    targets: Array
    names: Sequence[str] = ()
    parts: Rows | None = None
    kind: Literal["table", "image", "sequence"] | None = None


Source = Frame | ArraySource
