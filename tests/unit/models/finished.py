"""Networks to measure and export, made without the trainer: their weights need not be good."""

from collections.abc import Mapping
from types import MappingProxyType

from models.catalogue import ParamValue
from models.data.dataset import Dataset
from models.networks.registry import build_network
from models.networks.saved import Network, NetworkConfig, wrap_network

NO_PARAMS: Mapping[str, ParamValue] = MappingProxyType({})


def make_network(
    dataset: Dataset, params: Mapping[str, ParamValue] = NO_PARAMS, model: str = "mlp", seed: int = 0
) -> Network:
    """Build a network as if it had been trained on a data set, with its first weights."""
    body = build_network(model, params, dataset.data_shape, seed)
    config = NetworkConfig(
        model=model, params=dict(params), data=dataset.data_shape, seed=seed, epoch=0, dataset_sha256=dataset.sha256
    )
    return wrap_network(body, config, dataset).eval()
