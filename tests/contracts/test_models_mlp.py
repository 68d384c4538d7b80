"""The multilayer perceptron keeps the contract of all models."""

from tests.contracts.model_contract import PredictorContract


class TestMLP(PredictorContract):
    name = "mlp"
    brief = {"epochs": 3, "hidden_units": 16, "batch_size": 32, "dropout": 0.2}  # noqa: RUF012  (declared ClassVar above)
