"""The perceptron keeps the contract of all models."""

from tests.contracts.model_contract import PredictorContract


class TestPerceptron(PredictorContract):
    name = "perceptron"
    brief = {"epochs": 3, "batch_size": 8}  # noqa: RUF012  (declared ClassVar above)
