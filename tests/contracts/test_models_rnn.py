"""The recurrent network keeps the contract of all models."""

from tests.contracts.model_contract import PredictorContract


class TestRNN(PredictorContract):
    name = "rnn"
    brief = {"epochs": 3, "hidden_units": 12, "batch_size": 32, "dropout": 0.2}  # noqa: RUF012  (declared ClassVar above)
