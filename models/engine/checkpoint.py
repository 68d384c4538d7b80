"""A lane's state after an epoch, in one file that is replaced as a whole.

The file is safetensors: weights under `network.`, the optimizer's memory under `optimizer.`, everything else as JSON in
the header. Nothing is pickled, so reading somebody else's checkpoint cannot run code. Generators need no place in it:
order and masks are functions of (seed, epoch or step).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from models.catalogue import ParamValue
from models.files import write_atomically

FORMAT = "tunewell-checkpoint-2"


class CheckpointError(RuntimeError):
    """A checkpoint cannot be resumed from.

    Attributes:
        code: `corrupt_checkpoint` (unreadable) or `other_checkpoint` (of another model, data set, seed or parameters).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Identity:
    """What must agree for a checkpoint to be a lane's own.

    Attributes:
        model: name in the catalogue.
        params: all hyperparameters.
        seed: the trial's seed.
        dataset_sha256: digest of the data.
        fold: which fold validates, from 1; 0 for the holdout.
        n_folds: how many there are; 0 for the holdout.
    """

    model: str
    params: Mapping[str, ParamValue]
    seed: int
    dataset_sha256: str
    fold: int = 0
    n_folds: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a lane has come.

    Attributes:
        epoch: epochs finished.
        metrics: those of the last one.
        best_epoch: the best one so far, 0 for none.
        best_value: its objective; None when there is no best epoch.
        history: each metric's values epoch by epoch.
    """

    epoch: int = 0
    metrics: Mapping[str, float] | None = None
    best_epoch: int = 0
    best_value: float | None = None
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A lane's state: whose it is, how far it came, and the tensors.

    Attributes:
        identity: whose it is.
        progress: how far it came.
        network: parameters and buffers after the last epoch, by name.
        optimizer: what the optimizers remember, by `<phase>.<name>`; empty before the first step.
        best: parameters and buffers after the best epoch; empty unless they are kept.
    """

    identity: Identity
    progress: Progress
    network: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    best: Mapping[str, Tensor]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint.

    Args:
        path: the file to make or to replace.
        checkpoint: the state; tensors are read at once and may change afterwards.

    Effects:
        Replaces the file atomically, flushed to the disk.
    """
    tensors = {f"network.{name}": tensor for name, tensor in checkpoint.network.items()}
    tensors |= {f"optimizer.{name}": tensor for name, tensor in checkpoint.optimizer.items()}
    tensors |= {f"best.{name}": tensor for name, tensor in checkpoint.best.items()}
    header = {
        "format": FORMAT,
        "identity": json.dumps(asdict(checkpoint.identity)),
        "progress": json.dumps(asdict(checkpoint.progress)),
    }
    write_atomically(path, save(tensors, header))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: `corrupt_checkpoint`.
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        if header.get("format") != FORMAT:
            raise CheckpointError("corrupt_checkpoint", f"{path} is not of the format {FORMAT}.")
        identity = Identity(**json.loads(header["identity"]))
        progress = Progress(**json.loads(header["progress"]))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError("corrupt_checkpoint", f"{path} cannot be read as a checkpoint: {error}") from error
    under = [_under(prefix, tensors) for prefix in ("network.", "optimizer.", "best.")]
    return Checkpoint(identity, progress, *under)


def require_same(found: Identity, wanted: Identity, path: Path) -> None:
    """Refuse another trial's checkpoint.

    Raises:
        CheckpointError: `other_checkpoint`, naming what differs.
    """
    before, now = asdict(found), asdict(wanted)
    differing = [name for name in now if before[name] != now[name]]
    if differing:
        detail = "; ".join(f"{name} is {before[name]!r}, wanted {now[name]!r}" for name in differing)
        raise CheckpointError("other_checkpoint", f"{path} belongs to another trial: {detail}.")


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
