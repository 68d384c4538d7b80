"""Packages against the lock file, and torch against the driver."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tunewell.doctor.finding import Finding, ok, problem, warning
from tunewell.doctor.gpus import Driver, NoDriver

from worker.launcher import trial_environment

INSTALL = ".venv/bin/pip install -r requirements.lock"
_PINNED = re.compile(r"^([\w.-]+)==([\w.!+-]+)", re.MULTILINE)
_IMPORT_WITHIN_S = 120.0
_N_SHOWN = 3
_PROGRAM = (
    "import json, torch; print(json.dumps("
    "[torch.__version__, torch.version.cuda, torch.cuda.is_available(), torch.cuda.device_count()]))"
)


@dataclass(frozen=True, slots=True)
class Torch:
    """What torch says of itself; `cuda` is the release it was built for, None for a build that knows no GPU."""

    version: str
    cuda: str | None
    is_cuda_available: bool
    n_gpus: int


def read_lock(text: str) -> dict[str, str]:
    """Return the version of each package that a lock file pins."""
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in _PINNED.findall(text)}


def check_packages(locked: Mapping[str, str], installed: Mapping[str, str]) -> Finding:
    """Hold what is installed against what was tested together; local parts such as `+cpu` make no difference."""
    missing = [name for name in locked if name not in installed]
    others = [
        f"{name} {installed[name]} instead of {version}"
        for name, version in locked.items()
        if name in installed and installed[name].partition("+")[0] != version.partition("+")[0]
    ]
    if missing:
        return problem("packages", f"missing: {_few(missing)}", INSTALL)
    if others:
        return warning("packages", _few(others), f"these were not tested together: {INSTALL}")
    return ok("packages", f"the {len(locked)} that requirements.lock names")


def check_torch(torch: Torch | str, driver: Driver | NoDriver) -> Finding:
    """Hold torch's build against the driver.

    Args:
        torch: What it says, or why it cannot be imported.
        driver: NVIDIA's.
    """
    if isinstance(torch, str):
        return problem("torch", f"it cannot be imported: {torch}", INSTALL)
    seen = f"torch {torch.version}, {'for CPU' if torch.cuda is None else f'for CUDA {torch.cuda}'}"
    gpus = driver.gpus if isinstance(driver, Driver) else ()
    if not isinstance(driver, Driver) or not gpus:
        return ok("torch", seen)
    if torch.cuda is None:
        return warning("torch", f"{seen}, but there are {len(gpus)} GPUs", "install a build for CUDA: pytorch.org")
    if _release(torch.cuda)[0] > driver.cuda[0]:
        seen += f", the driver {driver.version} supports CUDA up to {driver.cuda[0]}.{driver.cuda[1]}"
        return problem("torch", seen, "install a newer driver, or torch for an older CUDA")
    if not torch.is_cuda_available:
        return problem(
            "torch", f"{seen}, and it reaches no GPU", "see why: python -c 'import torch; torch.cuda.init()'"
        )
    if torch.n_gpus < len(gpus):
        return warning("torch", f"{seen}, sees {torch.n_gpus} of {len(gpus)} GPUs", "is CUDA_VISIBLE_DEVICES set?")
    return ok("torch", f"{seen}, sees {torch.n_gpus} GPUs")


def ask_torch(root: Path) -> Torch | str:
    """Import torch in a process of its own, as trials do; return what it says, or why it cannot be imported."""
    command = [sys.executable, "-c", _PROGRAM]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            command, cwd=root, env=trial_environment(), capture_output=True, timeout=_IMPORT_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not within {_IMPORT_WITHIN_S:g} s"
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return said[-1] if said else f"the interpreter ended with {done.returncode}"
    return Torch(*json.loads(done.stdout.splitlines()[-1]))


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdecimal()) or (0,)


def _few(words: list[str]) -> str:
    more = len(words) - _N_SHOWN
    return ", ".join(words[:_N_SHOWN]) + (f" and {more} more" if more > 0 else "")
