"""Checkpoints round-trip, are replaced as a whole, and are never trusted blindly."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from models.engine.checkpoint import (
    Checkpoint,
    CheckpointError,
    Identity,
    Progress,
    load_checkpoint,
    require_same,
    save_checkpoint,
)

IDENTITY = Identity("mlp", {"epochs": 3, "dropout": 0.1, "activation": "relu"}, seed=7, dataset_sha256="ab" * 32)
TENSORS = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.zeros(2)}
finite = st.floats(allow_nan=False, allow_infinity=False)


def a_checkpoint(epoch: int = 1) -> Checkpoint:
    return Checkpoint(IDENTITY, Progress(epoch, {"val_loss": 0.5}, 1, 0.5), TENSORS, {"step": torch.tensor(4.0)}, {})


@given(
    st.integers(1, 10_000),
    st.dictionaries(st.text(max_size=8), finite, max_size=4),
    finite,
    st.integers(0, 2**63 - 1),
    st.dictionaries(
        st.text(max_size=8), st.one_of(st.booleans(), st.integers(), finite, st.text(max_size=8)), max_size=4
    ),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    epoch: int,
    metrics: dict[str, float],
    best: float,
    seed: int,
    params: dict[str, float | int | str | bool],
) -> None:
    path = tmp_path_factory.mktemp("checkpoints") / "c.safetensors"
    identity = Identity("mlp", params, seed, "cd" * 32)
    progress = Progress(epoch, metrics, epoch, best)
    copies = {name: tensor.clone() for name, tensor in TENSORS.items()}
    save_checkpoint(path, Checkpoint(identity, progress, TENSORS, {}, copies))
    found = load_checkpoint(path)
    assert (found.identity, found.progress) == (identity, progress)
    for part in (found.network, found.best):
        assert all(torch.equal(part[name], tensor) for name, tensor in TENSORS.items())
    require_same(found.identity, identity, path)


def test_network_and_optimizer_are_kept_apart(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c", a_checkpoint())
    found = load_checkpoint(tmp_path / "c")
    assert set(found.network) == set(TENSORS)
    assert set(found.optimizer) == {"step"}


def test_crash_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, a_checkpoint(epoch=1))

    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full_disk)
        with pytest.raises(OSError, match="No space"):
            save_checkpoint(path, a_checkpoint(epoch=2))
    assert load_checkpoint(path).progress.epoch == 1
    assert list(tmp_path.iterdir()) == [path]
    save_checkpoint(path, a_checkpoint(epoch=2))
    assert load_checkpoint(path).progress.epoch == 2


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "pickle"])
def test_damaged_file_is_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, a_checkpoint())
    content = path.read_bytes()
    damaged = {"empty": b"", "cut": content[:-9], "text": b"epoch 3" * 9, "pickle": pickle.dumps({"epoch": 3})}
    path.write_bytes(damaged[damage])
    with pytest.raises(CheckpointError) as refusal:
        load_checkpoint(path)
    assert refusal.value.code == "corrupt_checkpoint"


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"format": "other-1", "identity": "{}", "progress": "{}"},
        {"format": "tunewell-checkpoint-1", "progress": "{}"},
        {"format": "tunewell-checkpoint-1", "identity": "{}", "progress": "{}"},
        {"format": "tunewell-checkpoint-1", "identity": "[", "progress": "{}"},
        {"format": "tunewell-checkpoint-1", "identity": json.dumps({"surprise": 1}), "progress": "{}"},
    ],
)
def test_foreign_header_is_refused(header: dict[str, str], tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "c", header)
    with pytest.raises(CheckpointError) as refusal:
        load_checkpoint(tmp_path / "c")
    assert refusal.value.code == "corrupt_checkpoint"


def test_missing_file_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "absent")


def test_refusal_names_what_differs() -> None:
    other = Identity("mlp", {"epochs": 4}, seed=7, dataset_sha256=IDENTITY.dataset_sha256)
    with pytest.raises(CheckpointError) as refusal:
        require_same(other, IDENTITY, Path("c"))
    assert refusal.value.code == "other_checkpoint"
    assert "params is {'epochs': 4}" in str(refusal.value)
    assert "seed" not in str(refusal.value)
