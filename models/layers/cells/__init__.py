"""Recurrent cells by name. A new one is a file here, a line below and its name among the catalogue's choices."""

from collections.abc import Mapping
from types import MappingProxyType

from models.layers.cells.base import Cell, Gradients
from models.layers.cells.elman import Elman
from models.layers.cells.gru import GRU
from models.layers.cells.lstm import LSTM

CELLS: Mapping[str, Cell] = MappingProxyType({"elman": Elman(), "gru": GRU(), "lstm": LSTM()})

__all__ = ["CELLS", "Cell", "Gradients"]
