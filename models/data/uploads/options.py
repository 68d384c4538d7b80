"""How bytes are to be read, what may be read at most, and how it is said that they cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from models.data.splits import SPLIT_SEED

Format = Literal["csv", "parquet", "npz", "images"]
FORMATS: tuple[Format, ...] = ("csv", "parquet", "npz", "images")


class Unreadable(RuntimeError):
    """The bytes cannot be read as asked; the message names the rule, the place and what would be accepted.

    Attributes:
        code: Stable name of the rule.
        field: The option that would have to be another, where one would.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        """Keep all three."""
        super().__init__(message)
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True)
class Options:
    """What somebody said about the bytes; None stands for what is to be inferred.

    Attributes:
        target: name of the column to predict.
        task: what is predicted.
        kind: what the features of one example are.
        val_fraction: share of the rows that rank trials.
        test_fraction: share of the rows that no search sees.
        split_column: name of the column that says train, val or test.
        seed: which of the possible splits.
        is_chronological: whether rows follow each other in time.
        ignore: names of columns to leave out.
        image_size: height and width to which images are resized.
    """

    target: str | None = None
    task: Literal["classification", "regression"] | None = None
    kind: Literal["table", "image", "sequence"] | None = None
    val_fraction: float = 0.2
    test_fraction: float = 0.2
    split_column: str | None = None
    seed: int = SPLIT_SEED
    is_chronological: bool = False
    ignore: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse shares that leave nothing to learn from."""
        if self.val_fraction + self.test_fraction >= 1:
            raise Unreadable(
                "fractions_too_large",
                f"val_fraction {self.val_fraction:g} and test_fraction {self.test_fraction:g} leave no rows to train "
                "on: together they must be below 1",
                "val_fraction",
            )


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is read.

    Attributes:
        n_columns: of a table.
        n_rows: examples.
        n_features: numbers in one example, after categories have become columns of their own.
        n_numbers: in all features together.
        n_categories: different values of a column that is no number; with more it is text, and left out.
        n_classes: different targets of a classification.
        n_members: files in an archive.
        unpacked_bytes: size of all files in an archive together.
        ratio: of a file's size to that in the archive.
    """

    n_columns: int = 2_000
    n_rows: int = 5_000_000
    n_features: int = 65_536
    n_numbers: int = 150_000_000
    n_categories: int = 64
    n_classes: int = 1_000
    n_members: int = 200_000
    unpacked_bytes: int = 4 * 2**30
    ratio: int = 200


def read_options(values: Mapping[str, Any]) -> Options:
    """Return options from JSON values, of which None and missing ones mean that nothing was said.

    Raises:
        Unreadable: `fractions_too_large` or `unknown_option`.
    """
    known = {one.name for one in fields(Options)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise Unreadable("unknown_option", f"there is no option {unknown[0]!r}; known: {', '.join(sorted(known))}")
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if value is not None
    }
    return Options(**given)
