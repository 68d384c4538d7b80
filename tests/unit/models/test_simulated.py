"""A GPU's memory without a GPU: a ledger that programs share, and a trainer that gets along with what there is."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.engine import memory
from models.engine.groups import Group
from models.engine.jobs import Outcome
from models.engine.ledger import Ledger, LedgerFull
from models.engine.memory import has_room, is_out_of_memory, peak_bytes, seen_peaks, watch_peak
from models.engine.simulated import BLOCK_BYTES, SimulatedMemory, open_simulated
from models.engine.trainer import TrainSettings, train
from tests.servers.waiting import wait_until
from tests.unit.models.helpers import Recorder, Run

CPU = torch.device("cpu")
MiB = 1 << 20


@pytest.fixture
def device(tmp_path: Path) -> Iterator[SimulatedMemory]:
    """Let this process train on a simulated device with more memory than it needs."""
    simulated = open_simulated(f"{64 * MiB}:{tmp_path / 'device'}")
    memory.simulate(simulated)
    yield simulated
    memory.limit(CPU, None)
    memory.simulate(None)
    simulated.ledger.close()


def most_of(classification: Run, device: SimulatedMemory, n_lanes: int) -> int:
    """Return what some lanes take at most."""
    watch_peak(CPU)
    group = Group([classification.job(f"{n_lanes}-{place}") for place in range(n_lanes)], CPU, n_lanes)
    group.refill()
    group.train_epoch()
    return peak_bytes(CPU)


def test_what_two_hold_is_counted_together_and_comes_back(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path, 100), Ledger(tmp_path, 100)
    one.hold(70)
    with pytest.raises(LedgerFull, match="70 of 100 bytes are held by other programs"):
        other.hold(31)
    other.hold(30)
    assert (one.free_bytes(), one.others_bytes(), other.others_bytes()) == (0, 30, 70)
    one.hold(10)
    assert other.free_bytes() == 60
    one.close()
    other.close()
    assert Ledger(tmp_path, 100).free_bytes() == 100


def test_a_killed_program_holds_nothing(tmp_path: Path) -> None:
    holds = f"from models.engine.ledger import *; one = Ledger(Path({str(tmp_path)!r}), 100); one.hold(60)"
    code = f"{holds}; print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        ledger = Ledger(tmp_path, 100)
        assert ledger.free_bytes() == 40
        holder.kill()
        wait_until(lambda: ledger.free_bytes() == 100, what="the memory is free again")


def test_memory_is_taken_in_blocks_kept_and_given_back(tmp_path: Path) -> None:
    ledger, neighbour = Ledger(tmp_path, 4 * BLOCK_BYTES), Ledger(tmp_path, 4 * BLOCK_BYTES)
    taken = SimulatedMemory(ledger)
    taken.take(BLOCK_BYTES + 1)
    taken.give(BLOCK_BYTES)
    assert neighbour.free_bytes() == 2 * BLOCK_BYTES
    taken.give_back()
    assert neighbour.free_bytes() == 3 * BLOCK_BYTES
    with pytest.raises(torch.OutOfMemoryError, match="Simulated GPU out of memory") as refusal:
        taken.take(4 * BLOCK_BYTES)
    assert is_out_of_memory(refusal.value)
    assert taken.held_bytes == 1
    taken.limit_bytes = 2 * BLOCK_BYTES
    with pytest.raises(torch.OutOfMemoryError, match="this process may take"):
        taken.take(2 * BLOCK_BYTES)
    taken.take(BLOCK_BYTES)
    assert taken.room_bytes() == BLOCK_BYTES - 1
    ledger.close()


def test_what_names_no_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="BYTES:FOLDER"):
        open_simulated("8GiB")
    assert open_simulated(f"8:{tmp_path}").ledger.total_bytes == 8


def test_more_lanes_and_larger_batches_take_more(classification: Run, device: SimulatedMemory) -> None:
    one, four = most_of(classification, device, 1), most_of(classification, device, 4)
    assert one < four < 4 * one, "each lane has its own weights; the data they share"
    before = device.held_bytes
    smaller = replace(classification, params={**classification.params, "batch_size": 8})
    assert most_of(smaller, device, 1) - before < one
    assert device.held_bytes == 0, "what is gone holds nothing"


def test_what_was_taken_is_known_by_the_number_of_lanes(classification: Run, device: SimulatedMemory) -> None:
    assert seen_peaks() == {}
    jobs = [classification.job(f"lane-{place}", epochs=1) for place in range(4)]
    train(jobs, Recorder())
    seen = seen_peaks()
    assert seen.keys() >= {1, 2, 4}, "the probe tries all of these"
    assert seen[1] < seen[2] < seen[4]
    memory.simulate(None)
    assert seen_peaks() == {}
    train([classification.job("uncounted", epochs=1)], Recorder())
    assert seen_peaks() == {}, "a CPU counts none"


def test_lanes_are_halved_until_they_fit_and_results_stay(
    classification: Run, device: SimulatedMemory, tmp_path: Path
) -> None:
    jobs = [classification.job(f"lane-{place}", epochs=3) for place in range(8)]
    plenty = train(jobs, Recorder(), TrainSettings(n_lanes=8))
    memory.limit(CPU, 4 * BLOCK_BYTES)
    most = most_of(classification, device, 8)
    assert most <= 4 * BLOCK_BYTES
    again = Run(classification.dataset, tmp_path / "again", params=classification.params)
    tight = train([again.job(job.lane_id, epochs=3) for job in jobs], Recorder(), TrainSettings(n_lanes=8))
    assert [one.outcome for one in tight] == [Outcome.COMPLETE] * 8
    for one, other in zip(tight, plenty, strict=True):
        assert one.metrics == pytest.approx(other.metrics, rel=1e-4)


def test_a_lane_that_does_not_fit_alone_ends_as_out_of_memory_and_its_neighbours_go_on(
    classification: Run, device: SimulatedMemory
) -> None:
    memory.limit(CPU, 4 * BLOCK_BYTES)
    jobs = [classification.job("small"), *(classification.job(f"large-{n}", hidden_units=512) for n in range(2))]
    small, *large = train(jobs, Recorder())
    assert [small.outcome, *(one.outcome for one in large)] == [Outcome.COMPLETE, Outcome.OOM, Outcome.OOM]
    assert all("alone does not fit into memory: Simulated GPU" in one.reason for one in large)


def test_a_probe_stays_within_the_limit(device: SimulatedMemory) -> None:
    assert has_room(CPU, 57 * MiB)
    memory.limit(CPU, 10 * MiB)
    assert not has_room(CPU, 10 * MiB)
    assert has_room(CPU, 8 * MiB)
