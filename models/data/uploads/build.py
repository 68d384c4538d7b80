"""From bytes that somebody brought to a prepared data set, with what people should know of it."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.catalogue import DataShape
from models.data.dataset import Dataset
from models.data.digests import Array
from models.data.layout import PART_NAMES
from models.data.prepare import assemble
from models.data.preview import MAX_COLUMNS, MAX_ROWS, pictures
from models.data.profiles import (
    count_classes,
    count_targets,
    image_column,
    name_column,
    number_column,
    shorten_all,
)
from models.data.raw import Raw
from models.data.uploads import findings
from models.data.uploads.csvs import read_csv
from models.data.uploads.features import check_features, make_features
from models.data.uploads.frames import Column, Frame, NumberColumn
from models.data.uploads.npzs import read_npz
from models.data.uploads.options import FORMATS, Format, Limits, Options, Unreadable
from models.data.uploads.parquets import read_parquet
from models.data.uploads.parts import Parts, complete_parts, split_source
from models.data.uploads.pictures import read_pictures
from models.data.uploads.plans import ASKED, Plan, Task, check_classes, class_names, guess_task, plan_table
from models.data.uploads.sources import ArraySource, Source

MAX_SHOWN_COLUMNS = 256
_MAX_LOOK_BYTES = 256 * 1024
_READERS: dict[Format, Callable[[Path, Limits], Source]] = {"csv": read_csv, "npz": read_npz, "parquet": read_parquet}


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A data set and what is told of it.

    Attributes:
        dataset: prepared.
        profile: columns, classes and findings, as JSON values.
        preview: a few rows or pictures, as JSON values.
    """

    dataset: Dataset
    profile: dict[str, Any]
    preview: dict[str, Any]

    def facts(self) -> dict[str, Any]:
        """Return what studies need to know, in the words of the catalogue."""
        data = self.dataset
        sizes = {f"n_{part}": len(getattr(data, f"y_{part}")) for part in PART_NAMES}
        return {
            "task": data.task,
            "kind": data.kind,
            "shape": list(data.shape),
            "n_rows": sum(sizes.values()),
            "n_features": data.n_features,
            "n_classes": data.n_classes,
            **sizes,
            "is_chronological": data.is_chronological,
        }


def read_source(path: Path, form: Format, limits: Limits, options: Options | None = None) -> Source:
    """Read bytes of a format.

    Raises:
        Unreadable: Whatever is wrong with them.
    """
    if form == "images":
        return read_pictures(path, limits, options or Options())
    reader = _READERS.get(form)
    if reader is None:
        raise Unreadable("unknown_format", f"{form!r} is not read: accepted are {', '.join(FORMATS)}", "format")
    return reader(path, limits)


def build_source(source: Source, options: Options, limits: Limits) -> Built:
    """Part, standardise and describe what was read.

    Raises:
        Unreadable: It cannot be read as the options say.
        DatasetError: `inconsistent_dataset`.
    """
    if isinstance(source, Frame):
        return _build_table(source, options, limits)
    return _build_arrays(source, options, limits)


def _build_table(frame: Frame, options: Options, limits: Limits) -> Built:
    if options.kind not in (None, "table"):
        raise Unreadable("unfit_kind", f"rows of columns are a table, and no {options.kind}", "kind")
    plan = plan_table(frame, options, limits)
    names, targets, strata = _targets(plan, limits)
    parts = split_source(strata, options, plan.split)
    features = make_features(plan.features, parts["train"], limits)
    shape = DataShape(plan.task, "table", (features.numbers.shape[1],), len(names) or 1)
    dataset = assemble(Raw(features.numbers, targets, parts), shape, options.is_chronological)
    found = [
        *findings.find_leaks(features.numbers, parts, frame.first_line),
        *(findings.find_imbalance(names, targets, parts) if names else []),
        *findings.find_columns(plan.features, plan.target),
        *findings.find_ignored(plan.ignored),
        *(findings.finding("note", note, [], "Save it as UTF-8 if names look wrong.") for note in frame.notes),
    ]
    profile = {
        "columns": [_describe(one, plan) for one in frame.columns[:MAX_SHOWN_COLUMNS]],
        "n_columns": len(frame.columns),
        **_spread(dataset, names),
        "findings": found,
    }
    return Built(dataset, profile, _bounded(_sample(frame, plan)))


def _targets(plan: Plan, limits: Limits) -> tuple[tuple[str, ...], Array, Array]:
    """Return names of classes, targets, and what the parts keep the shares of."""
    if plan.task == "regression":
        assert isinstance(plan.target, NumberColumn)
        return (), plan.target.numbers, np.zeros(len(plan.target.numbers), np.int64)
    names, classes = class_names(plan.target)
    check_classes(len(names), limits)
    return names, classes, classes


def _build_arrays(source: ArraySource, options: Options, limits: Limits) -> Built:
    if len(source.features) == 0:
        raise Unreadable("no_rows", "there are no examples")
    target = NumberColumn("target", source.targets.astype(np.float64))
    if not np.isfinite(target.numbers).all():
        row = int(np.flatnonzero(~np.isfinite(target.numbers))[0])
        raise Unreadable("target_missing_values", f"the target of row {row} is not a finite number", "target")
    task = options.task or ("classification" if source.names else guess_task(target))
    plan = Plan(target, task, (), {}, None)
    names, targets, strata = _targets(plan, limits)
    names = tuple(source.names[int(float(one))] for one in names) if source.names and names else names
    shape, numbers = _arrange(source, options, task, len(names) or 1)
    check_features(len(numbers), numbers.shape[1], limits)
    wrong = np.flatnonzero(~np.isfinite(numbers).all(axis=1))
    if len(wrong):
        raise Unreadable("not_finite", f"example {int(wrong[0])} holds a number that is NaN or infinite")
    parts = _parts(source, strata, options)
    dataset = assemble(Raw(numbers, targets, parts), shape, options.is_chronological)
    found = [*findings.find_leaks(numbers, parts, 0)]
    found += findings.find_imbalance(names, targets, parts) if names else []
    profile = {**_array_columns(dataset, numbers, targets, names), **_spread(dataset, names), "findings": found}
    return Built(dataset, profile, _bounded(_array_sample(dataset, numbers, targets, names)))


def _parts(source: ArraySource, strata: Array, options: Options) -> Parts:
    if source.parts is None:
        return split_source(strata, options, None)
    parts = {part: np.asarray(source.parts.get(part, ()), np.int64) for part in PART_NAMES}
    return parts if len(parts["val"]) else complete_parts(parts, strata, options)


def _arrange(source: ArraySource, options: Options, task: Task, n_outputs: int) -> tuple[DataShape, Array]:
    """Return what one example is, and the examples flat: (n, d)."""
    features, kind = source.features, options.kind or source.kind
    if kind is None:
        kind = {2: "table", 3: "image" if features.dtype == np.uint8 else "sequence", 4: "image"}.get(features.ndim)
    dims = features.shape[1:]
    fits = {"table": (1,), "image": (2, 3), "sequence": (2,)}.get(str(kind), ())
    if len(dims) not in fits:
        message = f"examples of shape {dims} are no {kind or 'table, image or sequence'}"
        raise Unreadable("unfit_kind", message, "kind")
    if kind == "image" and len(dims) == 2:
        dims = (1, *dims)
    elif kind == "image" and dims[-1] in (1, 3) and dims[0] not in (1, 3):
        features = np.moveaxis(features, -1, 1)  # channels first
        dims = features.shape[1:]
    flat = features.reshape(len(features), math.prod(dims)).astype(np.float64)
    return DataShape(task, kind or "table", tuple(int(one) for one in dims), n_outputs), flat


def _describe(column: Column, plan: Plan) -> dict[str, Any]:
    role = "target" if column is plan.target else "feature" if column in plan.features else "ignored"
    if isinstance(column, NumberColumn):
        return number_column(column.name, column.numbers, role)
    kind = "category" if plan.ignored.get(column.name, ASKED) == ASKED else "text"
    values = [None if code < 0 else column.levels[code] for code in column.codes.tolist()]
    return name_column(column.name, kind, values, role)


def _spread(dataset: Dataset, names: tuple[str, ...]) -> dict[str, Any]:
    targets = {part: getattr(dataset, f"y_{part}") for part in PART_NAMES}
    return {
        "classes": count_classes(names, targets) if names else [],
        "target_histogram": None if names else count_targets(targets),
    }


def _sample(frame: Frame, plan: Plan) -> dict[str, Any]:
    columns = [plan.target, *(one for one in frame.columns if one is not plan.target)][:MAX_COLUMNS]
    rows = [[column.cell(row) for column in columns] for row in range(min(MAX_ROWS, frame.n_rows))]
    return {"columns": [one.name[:80] for one in columns], "rows": rows, "pictures": None}


def _array_columns(dataset: Dataset, numbers: Any, targets: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if dataset.kind == "image":
        columns = [image_column(dataset.shape)]
    else:
        columns = [
            number_column(f"feature {place + 1}", numbers[:, place])
            for place in range(min(numbers.shape[1], MAX_COLUMNS))
        ]
    if names:
        target = name_column("target", "category", [names[one] for one in targets.tolist()], "target")
    else:
        target = number_column("target", targets, "target")
    return {"columns": [*columns, target], "n_columns": (1 if dataset.kind == "image" else numbers.shape[1]) + 1}


def _array_sample(dataset: Dataset, numbers: Any, targets: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if dataset.kind == "image":
        return {"columns": [], "rows": [], "pictures": pictures(dataset, names)}
    shown = numbers[:MAX_ROWS, : MAX_COLUMNS - 1]
    cells = [names[one] if names else float(f"{one:.6g}") for one in targets[:MAX_ROWS].tolist()]
    rows = [[cell, *shorten_all(row)] for cell, row in zip(cells, shown, strict=True)]
    header = ["target", *(f"feature {place + 1}" for place in range(shown.shape[1]))]
    return {"columns": header, "rows": rows, "pictures": None}


def _bounded(preview: dict[str, Any]) -> dict[str, Any]:
    """Leave rows out until the preview is as small as it is promised to be."""
    while preview["rows"] and len(json.dumps(preview)) > _MAX_LOOK_BYTES:
        preview = {**preview, "rows": preview["rows"][: len(preview["rows"]) // 2]}
    return preview
