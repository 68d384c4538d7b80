"""A GPU's memory without a GPU: training runs on the CPU, and what it would take of a device is taken of a ledger.

So everything that depends on memory running out (halving the lanes, an attempt that ends as OOM, admission by measured
bytes) runs as the very same code on a machine without GPU, and fails with the very same error type.

What is counted: weights, gradients, optimizer memory, buffers and the resident data of each program, by their real
sizes; and the tensors that autograd keeps for the backward pass, summed over the first step of a program, so that they
grow with lanes and batch as the real ones do.

What is not, so that nobody takes a figure from here for a GPU's: the context that CUDA takes for each process,
workspaces of libraries, temporary results that autograd does not keep, what validation takes, fragmentation beyond
blocks, and speed. Of a network with two phases (a GAN) both are counted as if they were kept at the same time.
"""

import weakref
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

if TYPE_CHECKING:  # its locks are POSIX's, and training is to go on without them elsewhere
    from models.engine.ledger import Ledger

BLOCK_BYTES = 1 << 16
"""What is taken at once: less than CUDA's 2 MiB, so that small networks can be told apart."""
VARIABLE = "TUNEWELL_SIMULATED_GPU"
"""Names the device to a process that trains: its bytes, a colon, the folder of its ledger."""


class SimulatedMemory:
    """The memory of a simulated device, as one process sees it.

    Like CUDA's allocator it keeps blocks that its owner has freed, until `give_back`.

    Attributes:
        limit_bytes: Most that this process may take; None for all there is.
        held_bytes: What programs hold now.
        peak_bytes: The most they held since `watch`.
    """

    def __init__(self, ledger: "Ledger", limit_bytes: int | None = None) -> None:
        """Take nothing yet.

        Args:
            ledger: Of the device.
            limit_bytes: Most that this process may take; None for all there is.
        """
        self.ledger = ledger
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.peak_bytes = 0
        self._reserved_bytes = 0

    def take(self, n_bytes: int) -> None:
        """Hold more.

        Raises:
            OutOfMemoryError: torch's own: it does not fit; nothing more is held.
        """
        wanted = self.held_bytes + n_bytes
        blocks = -(-wanted // BLOCK_BYTES) * BLOCK_BYTES
        if blocks > self._reserved_bytes:
            self._reserve(blocks, n_bytes)
        self.held_bytes = wanted
        self.peak_bytes = max(self.peak_bytes, wanted)

    def give(self, n_bytes: int) -> None:
        """Hold less; the blocks stay this process's."""
        self.held_bytes -= n_bytes

    def give_back(self) -> None:
        """Let others have the blocks that nothing is in."""
        self._reserved_bytes = -(-self.held_bytes // BLOCK_BYTES) * BLOCK_BYTES
        self.ledger.hold(self._reserved_bytes)

    def watch(self) -> None:
        """Begin to look for the most in use."""
        self.peak_bytes = self.held_bytes

    def room_bytes(self) -> int:
        """Return how much more this process could hold now."""
        most = self.ledger.total_bytes - self.ledger.others_bytes()
        return max(0, min(most, self.limit_bytes or most) - self.held_bytes)

    def _reserve(self, blocks: int, n_bytes: int) -> None:
        said = f"Simulated GPU out of memory. Tried to allocate {n_bytes} bytes on top of {self.held_bytes}; "
        if self.limit_bytes is not None and blocks > self.limit_bytes:
            raise torch.OutOfMemoryError(f"{said}this process may take {self.limit_bytes}")
        try:
            self.ledger.hold(blocks)
        except MemoryError as error:
            raise torch.OutOfMemoryError(f"{said}{error}") from error
        self._reserved_bytes = blocks


class Allotment:
    """What one program holds; given back when the program is gone."""

    def __init__(self, memory: SimulatedMemory, owner: object, tensors: Iterable[Tensor]) -> None:
        """Take what the tensors are in size.

        Raises:
            OutOfMemoryError: torch's own: they do not fit.
        """
        held = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in tensors}
        self._memory = memory
        self._known = set(held)
        self._is_measured = False
        self._share = _Share(memory)
        weakref.finalize(owner, self._share.end)
        self._share.take(sum(held.values()))

    def step(self) -> AbstractContextManager[None]:
        """Return the context of a training step; in the first one what autograd keeps is counted and taken."""
        return nullcontext() if self._is_measured else self._measure()

    @contextmanager
    def _measure(self) -> Iterator[None]:
        with saved_tensors_hooks(self._keep, _same):
            yield
        self._is_measured = True

    def _keep(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        place = storage.data_ptr()
        if place not in self._known:
            self._known.add(place)
            self._share.take(storage.nbytes())
        return tensor.detach()


class _Share:
    """The bytes of one program, which outlive it by a moment."""

    def __init__(self, memory: SimulatedMemory) -> None:
        self._memory = memory
        self._n_bytes = 0

    def take(self, n_bytes: int) -> None:
        self._memory.take(n_bytes)
        self._n_bytes += n_bytes

    def end(self) -> None:
        self._memory.give(self._n_bytes)
        self._n_bytes = 0


def open_simulated(text: str) -> SimulatedMemory:
    """Return the memory that `VARIABLE` names.

    Args:
        text: `BYTES:FOLDER`.

    Raises:
        ValueError: It names none.
    """
    from models.engine.ledger import Ledger

    total, _, folder = text.partition(":")
    if not total.isdecimal() or not folder:
        raise ValueError(f"{VARIABLE}={text!r} names no simulated GPU; a worker sets it, to BYTES:FOLDER")
    return SimulatedMemory(Ledger(Path(folder), int(total)))


def _same(tensor: Tensor) -> Tensor:
    return tensor
