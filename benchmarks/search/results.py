"""Finished runs, one line of JSON each, so that a comparison that was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple


class Key(NamedTuple):
    """What a run is of; `n_trials` is the budget that its peer was told."""

    task: str
    sampler: str
    parallel: int
    seed: int
    n_trials: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A run.

    Attributes:
        losses: Of each trial, in the order of the asks.
        ask_s: Mean CPU seconds of an ask.
        last_ask_s: Those of the last tenth of the asks, when most is known.
        made_by: What proposed: a package's version, or a digest of our own sources.
    """

    losses: tuple[float, ...]
    ask_s: float
    last_ask_s: float
    made_by: str

    def least(self, n_trials: int) -> float:
        """Return the least loss of the first `n_trials` trials."""
        return min(self.losses[:n_trials])


Runs = Mapping[Key, Stored]


def load_runs(path: Path) -> dict[Key, Stored]:
    """Read the runs of a file; none where it does not exist. A last line that was cut off is ignored."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text().splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        stored = Stored(tuple(entry["losses"]), entry["ask_s"], entry["last_ask_s"], entry["made_by"])
        found[Key(*(entry[name] for name in Key._fields))] = stored
    return found


def append_run(path: Path, key: Key, run: Stored) -> None:
    """Add a run to a file.

    Effects:
        Appends one line, and begins with a line's end where a killed process left half a line.
    """
    line = json.dumps({**key._asdict(), **asdict(run)}) + "\n"
    is_cut = path.exists() and path.stat().st_size > 0 and not path.read_bytes()[-1:] == b"\n"
    with path.open("a") as file:
        file.write("\n" + line if is_cut else line)


def forget_runs(path: Path, samplers: Iterable[str]) -> None:
    """Drop the runs of samplers that have changed.

    Effects:
        Writes the file anew.
    """
    dropped = set(samplers)
    kept = {key: run for key, run in load_runs(path).items() if key.sampler not in dropped}
    path.write_text("".join(json.dumps({**key._asdict(), **asdict(run)}) + "\n" for key, run in kept.items()))
