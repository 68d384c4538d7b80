"""Finished networks as two files that anybody may open: `model.safetensors` (weights) and `model.json` (all the rest).

Nothing is pickled: loading builds the network from its configuration and copies the weights in.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from models.catalogue import DataShape, ParamValue
from models.data.dataset import Dataset
from models.files import write_atomically
from models.networks.custom import BuildCustom, build_custom
from models.networks.registry import Params, build_network

FORMAT = "tunewell-network-2"
WEIGHTS_FILE, CONFIG_FILE = "model.safetensors", "model.json"


class NetworkError(RuntimeError):
    """A folder does not hold a network that can be loaded (code `corrupt_network`)."""

    code = "corrupt_network"


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Everything but the weights.

    Attributes:
        model: name in the catalogue.
        params: all hyperparameters.
        data: what it was built for.
        seed: the trial's seed.
        epoch: epochs trained.
        dataset_sha256: digest of the data.
    """

    model: str
    params: dict[str, ParamValue]
    data: DataShape
    seed: int
    epoch: int
    dataset_sha256: str


class Network(nn.Module):
    """A trained network that takes raw features and answers in the target's own unit.

    Attributes:
        body: the network as it was trained, for standardised features.
        config: where it comes from.
    """

    feature_mean: Tensor
    feature_scale: Tensor
    target_mean: Tensor
    target_scale: Tensor

    def __init__(self, body: nn.Module, config: NetworkConfig) -> None:
        """Wrap a network; the standardisation starts as one that changes nothing.

        Args:
            body: the network.
            config: its description.
        """
        super().__init__()
        self.body = body
        self.config = config
        self.register_buffer("feature_mean", torch.zeros(config.data.n_inputs))  # (d,)
        self.register_buffer("feature_scale", torch.ones(config.data.n_inputs))  # (d,)
        self.register_buffer("target_mean", torch.zeros(()))  # ()
        self.register_buffer("target_scale", torch.ones(()))  # ()

    def forward(self, x: Tensor) -> Tensor:
        """Predict.

        Args:
            x: (n, d) raw features.

        Returns:
            (n, n_classes) scores, whose softmax are probabilities; or (n, 1) predictions in the target's unit.
        """
        x = (x - self.feature_mean) / self.feature_scale  # (n, d)
        x = self.body(x)  # (n, n_outputs)
        return x * self.target_scale + self.target_mean  # (n, n_outputs)


def wrap_network(body: nn.Module, config: NetworkConfig, dataset: Dataset) -> Network:
    """Join a trained network with the standardisation of the data it was trained on."""
    network = Network(body, config)
    for name in ("feature_mean", "feature_scale", "target_mean", "target_scale"):
        setattr(network, name, torch.from_numpy(getattr(dataset, name)))
    return network


def save_network(network: Network, folder: Path) -> tuple[Path, ...]:
    """Write a network.

    Args:
        network: what to save.
        folder: where to; made where missing.

    Returns:
        The files written.

    Effects:
        Replaces both files, each atomically, the weights first.
    """
    weights, config = folder / WEIGHTS_FILE, folder / CONFIG_FILE
    write_atomically(weights, save(dict(network.state_dict()), {"format": FORMAT}))
    described = {"format": FORMAT, **asdict(network.config)}
    write_atomically(config, (json.dumps(described, indent=2) + "\n").encode())
    return weights, config


def load_network(folder: Path, build: BuildCustom | None = None) -> Network:
    """Load a saved network, ready for prediction.

    Args:
        folder: holds `model.safetensors` and `model.json`.
        build: for a network of the user's own, the function that built it.

    Returns:
        The network in evaluation mode; it takes raw features.

    Raises:
        NetworkError: the folder lacks a file, or a file is damaged or of another format.
        CatalogueError: the configuration names a model or parameter that this version does not know.
    """
    try:
        described: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        found_format = described.pop("format", None)
        data = described.pop("data")
        config = NetworkConfig(data=DataShape(**{**data, "shape": tuple(data["shape"])}), **described)
        tensors = load_file(folder / WEIGHTS_FILE)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise NetworkError(f"{folder} does not hold a network: {error}") from error
    if found_format != FORMAT:
        raise NetworkError(f"{folder / CONFIG_FILE} has the format {found_format!r}; this version reads {FORMAT!r}.")
    try:
        body = build_body(config) if build is None else build_custom(build, config.data, config.seed)
        network = Network(body, config)
        network.load_state_dict(tensors)
    except (RuntimeError, TypeError) as error:
        raise NetworkError(f"{folder / WEIGHTS_FILE} does not fit {CONFIG_FILE}: {error}") from error
    return network.eval()


def build_body(config: NetworkConfig) -> nn.Module:
    """Build the network that a configuration describes, with initial weights."""
    params: Params = config.params
    return build_network(config.model, params, config.data, config.seed)
