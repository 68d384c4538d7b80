"""The convolutional network keeps the contract of all models."""

from tests.contracts.model_contract import PredictorContract


class TestCNN(PredictorContract):
    name = "cnn"
    brief = {"epochs": 3, "channels": "4-4", "widths": "8", "batch_size": 32, "dropout": 0.2}  # noqa: RUF012  (declared ClassVar above)
