"""Where networks train: the choice of a device, and steps that leave the host's memory alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from models.catalogue import ParamValue, Task
from models.catalogue.entries import DataKind
from models.engine import memory, probe
from models.engine.devices import DeviceError, choose_device
from models.engine.lane import Lane
from models.engine.memory import has_room, is_out_of_memory, peak_bytes, watch_peak
from models.engine.probe import choose_lanes, choose_precision
from models.engine.program import Program
from models.engine.trainer import TrainSettings, train
from tests.unit.models.helpers import Recorder, Run, make_data

META = torch.device("meta")
"""Has no memory at all, so that an operation on it and on the host's together is refused, as on a GPU."""
GPU = torch.device("cuda", 0)
GiB = 1 << 30


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let torch see some GPUs."""

    def see(n: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: n > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n)

    return see


@pytest.mark.parametrize(
    ("wanted", "n_gpus", "chosen"),
    [
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda:0"),
        ("cpu", 2, "cpu"),
        ("cuda", 2, "cuda:0"),
        ("cuda:0", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_a_device_is_what_its_name_says(gpus: Callable[[int], None], wanted: str, n_gpus: int, chosen: str) -> None:
    gpus(n_gpus)
    assert choose_device(wanted) == torch.device(chosen)


@pytest.mark.parametrize(
    ("wanted", "n_gpus", "code", "says"),
    [
        ("cuda", 0, "no_device", "give --device cpu"),
        ("cuda:0", 0, "no_device", "give --device cpu"),
        ("cuda:2", 2, "no_device", "up to cuda:1"),
        ("gpu", 2, "unknown_device", "accepted: auto, cpu, cuda"),
        ("cuda:x", 2, "unknown_device", "'cuda:x'"),
        ("auto:0", 2, "unknown_device", "'auto:0'"),
        ("", 2, "unknown_device", "''"),
    ],
)
def test_a_device_that_is_not_there_is_refused(
    gpus: Callable[[int], None], wanted: str, n_gpus: int, code: str, says: str
) -> None:
    gpus(n_gpus)
    with pytest.raises(DeviceError) as refusal:
        choose_device(wanted)
    assert refusal.value.code == code
    assert says in str(refusal.value)
    assert choose_device("cpu") == torch.device("cpu")


def test_training_is_refused_before_anything_trains(classification: Run, gpus: Callable[[int], None]) -> None:
    gpus(0)
    recorder = Recorder()
    with pytest.raises(DeviceError) as refusal:
        train([classification.job("a")], recorder, TrainSettings(device="cuda"))
    assert refusal.value.code == "no_device"
    assert not recorder.reports
    assert train([classification.job("a", epochs=1)], recorder, TrainSettings(device="auto"))[0].epoch == 1


class OnDevice(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses operations that make, read or write tensors of the host."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves((args, kwargs, result)):
            # A single number of the host may take part in any operation of a device without being sent there.
            if isinstance(tensor, Tensor) and tensor.device.type == "cpu" and tensor.dim():
                raise AssertionError(f"{func} works on the host with {tuple(tensor.shape)}")
        return result


def on_device() -> OnDevice:
    """Return the watch, to be entered."""
    return OnDevice()  # type: ignore[no-untyped-call]


@contextmanager
def steps_on_device(monkeypatch: pytest.MonkeyPatch, program: Program) -> Iterator[list[int]]:
    """Watch every step of a program but the first, in which layers send their numbers to the device."""
    watched: list[int] = []
    step, n_taken = program._step, iter(range(1_000_000))

    def checked(*args: Any) -> Any:
        place = next(n_taken)
        if place == 0:
            return step(*args)
        watched.append(place)
        with on_device():
            return step(*args)

    monkeypatch.setattr(program, "_step", checked)
    yield watched


CASES: list[tuple[str, Task, DataKind, dict[str, ParamValue]]] = [
    ("mlp", "classification", "table", {"dropout": 0.2, "l1": 0.1, "l2": 0.1, "clip_norm": 1.0, "norm": "batch"}),
    ("mlp", "classification", "table", {"optimizer": "adamw", "weight_decay": 0.1, "label_smoothing": 0.1}),
    ("mlp", "regression", "table", {"optimizer": "sgd", "norm": "layer", "loss": "huber"}),
    ("mlp", "classification", "table", {"optimizer": "rmsprop", "loss": "hinge", "activation": "prelu"}),
    ("mlp", "regression", "table", {"optimizer": "nesterov", "performance_ratio": 0.9, "residual": True}),
    ("linear", "regression", "table", {"degree": 2, "optimizer": "momentum"}),
    ("perceptron", "classification", "table", {}),
    ("cnn", "classification", "image", {"dropout": 0.2, "channel_dropout": 0.1, "norm": "batch"}),
    ("cnn", "classification", "image", {"augment_shift": 1.0, "augment_noise": 0.1, "residual": True}),
    ("capsnet", "classification", "image", {"routings": 2, "augment_rotate": 10.0}),
    ("rnn", "classification", "sequence", {"cell": "gru", "bidirectional": True, "readout": "mean"}),
    ("rnn", "regression", "sequence", {"cell": "elman", "bptt_steps": 3}),
    ("rnn", "classification", "sequence", {"cell": "lstm", "layers": 2, "dropout": 0.1}),
    ("rnn", "next_token", "text", {"cell": "gru"}),
    ("gan", "classification", "image", {"dropout": 0.1}),
    ("gan", "classification", "image", {"architecture": "convolutional", "hidden_layers": 2, "spectral_norm": True}),
]


@pytest.mark.parametrize("n_lanes", [1, 3])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2]}-{len(case[3])}")
def test_steps_make_and_read_nothing_on_the_host(
    case: tuple[str, Task, DataKind, dict[str, ParamValue]],
    n_lanes: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, task, kind, params = case
    run = Run(make_data(task, kind), tmp_path, model, {"epochs": 2, "batch_size": 16, **params})
    program = Program([Lane(run.job(str(place))) for place in range(n_lanes)], META)
    with steps_on_device(monkeypatch, program) as watched:
        program.time_steps(4)
    assert watched == [1, 2, 3]


def test_the_watch_sees_what_is_made_on_the_host() -> None:
    with on_device(), pytest.raises(AssertionError, match="works on the host"):
        torch.zeros(3) + 1
    with on_device():
        torch.zeros(3, device=META) + 1


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), True),
        (MemoryError(), True),
        (RuntimeError("shapes differ"), False),
    ],
)
def test_memory_that_runs_out_is_told_from_other_errors(error: BaseException, is_memory: bool) -> None:
    assert is_out_of_memory(error) is is_memory


def test_a_probe_stays_within_what_a_gpu_has_left(classification: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # 6 GiB free, of which 2 are the allocator's; a lane takes 0.5, so 8 lanes would take 4 and 16 would take 8.
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 * GiB, 80 * GiB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 3 * GiB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1 * GiB)
    tried: list[int] = []

    def lane_step_s(lanes: list[Lane], device: torch.device, clock: object, precision: str) -> float:
        tried.append(len(lanes))
        return 1.0

    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: tried[-1] * GiB // 2)
    monkeypatch.setattr(probe, "_lane_step_s", lane_step_s)
    lanes = [Lane(classification.job(str(place))) for place in range(32)]
    assert choose_lanes(lanes, "in little memory", GPU) == 8
    assert tried == [1, 2, 4, 8]
    assert has_room(GPU, 5 * GiB)
    assert not has_room(GPU, 6 * GiB)  # something is left to spare
    assert has_room(torch.device("cpu"), 600 * GiB)


def test_a_cpu_counts_no_memory() -> None:
    cpu = torch.device("cpu")
    watch_peak(cpu)
    assert peak_bytes(cpu) == 0
    memory.give_back(cpu)


@pytest.mark.parametrize(("mixed_s", "chosen"), [(0.5, "bf16"), (0.97, "float32"), (2.0, "float32")])
def test_mixed_precision_is_taken_where_it_pays(
    classification: Run, monkeypatch: pytest.MonkeyPatch, mixed_s: float, chosen: str
) -> None:
    def lane_step_s(lanes: list[Lane], device: torch.device, clock: object, precision: str) -> float:
        return mixed_s if precision == "bf16" else 1.0

    monkeypatch.setattr(probe, "_lane_step_s", lane_step_s)
    monkeypatch.setattr(probe, "_precisions", {})
    lanes = [Lane(classification.job("a"))]
    assert choose_precision(lanes, "key", GPU) == chosen
    assert choose_precision(lanes, "key", torch.device("cpu")) == "float32"
