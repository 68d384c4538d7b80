"""A script that trains nothing and keeps a diary of what it logs: the measure of what the server should hold.

    python diarist.py run STUDY RATE N_STEPS PAUSE_S DIARIES        one tracked run
    python diarist.py agent STUDY N_STEPS PAUSE_S DIARIES           trials of a study, until there are none left
    python diarist.py command N_STEPS PAUSE_S DIARIES               the command of a study

A line is in the diary before the same point is logged, so what the server holds must stand in it.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import sys
import time
from pathlib import Path

import tunewell


class Diary:
    """One try at one trial; each line is written at once, so that it outlives the process."""

    def __init__(self, folder: str, kind: str, rate: float) -> None:
        path = Path(folder) / f"{kind}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.write({"kind": kind, "rate": rate, "pid": os.getpid()})

    def write(self, line: dict[str, object]) -> None:
        """Add a line."""
        os.write(self._file, json.dumps(line).encode() + b"\n")


def train(run: tunewell.Run, kind: str, n_steps: int, pause_s: float, folder: str) -> None:
    """Log numbers that no other try logs."""
    diary = Diary(folder, kind, float(run.params["rate"] or 0.0))
    mark = random.random() / 2
    for step in range(n_steps):
        diary.write({"step": step, "value": step + mark, "at": time.time()})
        run.log({"val_loss": step + mark}, step=step)
        if pause_s:
            time.sleep(pause_s)
        if step % 50 == 49 and run.should_prune():
            diary.write({"end": "told to end"})
            return
    diary.write({"end": "done"})


def main(mode: str, *words: str) -> None:
    """Do what the first word says."""
    if mode == "run":
        study, rate, n_steps, pause_s, folder = words
        with tunewell.init(study, {"rate": float(rate)}) as run:
            train(run, mode, int(n_steps), float(pause_s), folder)
        return
    *study_or_none, n_steps, pause_s, folder = words
    if mode == "agent":
        tunewell.agent(study_or_none[0], lambda run: train(run, mode, int(n_steps), float(pause_s), folder))
        return
    with tunewell.init() as run:
        train(run, mode, int(n_steps), float(pause_s), folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
