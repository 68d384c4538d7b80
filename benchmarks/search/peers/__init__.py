"""What is compared. A new peer is a file here and a line in PEERS."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

from benchmarks.report import ROOT
from benchmarks.search.installed import is_installed
from benchmarks.search.peers.base import Peer, Setting

__all__ = ["PEERS", "Entry", "Peer", "Setting", "describe_peer", "list_installed", "open_peer"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A peer that may be installed.

    Attributes:
        module: The file below `benchmarks.search.peers`.
        needs: The module that it stands on.
        package: The package that it comes in; empty for this repository's `search`.
        uses_budget: Whether its proposals depend on how many trials there will be; the others' shorter searches are
            beginnings of their longest, and run once.
    """

    module: str
    needs: str
    package: str
    uses_budget: bool = False

    def open(self, setting: Setting) -> Peer:
        """Start a search."""
        build: Callable[[Setting], Any] = import_module(f"benchmarks.search.peers.{self.module}").build
        peer: Peer = build(setting)
        return peer


PEERS: Mapping[str, Entry] = {
    "random": Entry("uniform", "numpy", "numpy"),
    "bayesian": Entry("ours", "optuna", ""),
    "optuna": Entry("optuna_default", "optuna", "optuna"),
    "hyperopt": Entry("hyperopt_tpe", "hyperopt", "hyperopt"),
    "smac": Entry("smac_facade", "smac", "smac", uses_budget=True),
    "ax": Entry("ax_client", "ax", "ax-platform"),
}


def list_installed() -> list[str]:
    """Return the names of those that can run here."""
    return [name for name, entry in PEERS.items() if is_installed(entry.needs)]


@cache
def describe_peer(name: str) -> str:
    """Return what the runs of a peer depend on: a package with its version, or a digest of our samplers' sources."""
    package = PEERS[name].package
    if package:
        return f"{package} {version(package)}"
    sources = sorted((ROOT / "search").glob("samplers/**/*.py"))
    return f"search {hashlib.sha256(b''.join(path.read_bytes() for path in sources)).hexdigest()[:12]}"


def open_peer(name: str, setting: Setting) -> Peer:
    """Start a search with the peer of this name.

    Raises:
        KeyError: There is no such peer.
    """
    return PEERS[name].open(setting)
