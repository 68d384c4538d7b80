"""What each lane trains on and what it is validated on: the holdout's parts, those of a fold, or everything."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.data.dataset import Dataset
from models.data.splits import fold_rows
from models.engine.batches import Examples, Rows, resident
from models.engine.jobs import TrainJob
from models.measures.evaluation import read_known, read_part


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The data of lanes that share a data set and a way of validation.

    Attributes:
        train: what the rows refer to.
        train_rows: (n,) row numbers of each lane's training part.
        x_val: (n_val, d), or (lanes, n_val, d) where folds differ.
        y_val: (n_val,), or (lanes, n_val); further dimensions for tokens.
    """

    train: Examples
    train_rows: list[Rows]
    x_val: Tensor
    y_val: Tensor


def read_parts(jobs: Sequence[TrainJob], device: torch.device) -> Parts:
    """Read the parts of lanes.

    Args:
        jobs: of one data set and one number of folds.
        device: where training reads them.

    Raises:
        DatasetError: `unfit_folds`, for data that cannot be folded.
    """
    dataset, n_folds = jobs[0].dataset, jobs[0].n_folds
    if n_folds == 0:
        train, val = read_part(dataset, "train"), read_part(dataset, "val")
        rows = np.arange(len(train.targets))
        examples = resident(dataset.x_train, train.targets, device)
        return Parts(examples, [rows] * len(jobs), val.features.to(device), val.targets.to(device))
    known = read_known(dataset)
    both = resident(known.features.numpy(), known.targets, device)
    splits = [_split(dataset, job.fold, n_folds) for job in jobs]
    measured = torch.stack([torch.from_numpy(val) for _, val in splits]).to(device)  # (lanes, n_val)
    x_val, y_val = both.take(measured[0] if len(jobs) == 1 else measured)
    return Parts(both, [train for train, _ in splits], x_val, y_val)


def _split(dataset: Dataset, fold: int, n_folds: int) -> tuple[Rows, Rows]:
    if n_folds > 1:
        return fold_rows(dataset, fold, n_folds)
    # One fold holds nothing out: what is measured on the validation part has been learned.
    rows = np.arange(len(dataset.y_train) + len(dataset.y_val))
    return rows, rows[len(dataset.y_train) :]
