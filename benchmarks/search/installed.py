"""Where packages lie that only the comparison needs: apart from the project's own, in `.venv/peers`."""

from __future__ import annotations

import importlib.util
import sys

from benchmarks.report import ROOT

FOLDER = ROOT / ".venv" / "peers"


def is_installed(module: str) -> bool:
    """Tell whether a module can be imported, from the folder of peers if not from the project's packages.

    Effects:
        Puts the folder behind everything else on the import path, so that it never replaces a package of ours.
    """
    if str(FOLDER) not in sys.path and FOLDER.is_dir():
        sys.path.append(str(FOLDER))
    return importlib.util.find_spec(module) is not None
