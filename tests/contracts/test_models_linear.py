"""Linear and logistic regression keep the contract of all models, with chosen terms and with all of them."""

from tests.contracts.model_contract import PredictorContract


class TestLinear(PredictorContract):
    name = "linear"
    brief = {"epochs": 3, "learning_rate": 0.05, "batch_size": 32, "degree": 2, "interactions": False, "n_features": 4}  # noqa: RUF012  (declared ClassVar above)
    lane_params = {"learning_rate": 0.003, "n_features": 0, "l1": 0.01}  # noqa: RUF012  (declared ClassVar above)


class TestLogistic(PredictorContract):
    name = "logistic"
    brief = {"epochs": 3, "learning_rate": 0.05, "batch_size": 32}  # noqa: RUF012  (declared ClassVar above)
    lane_params = {"learning_rate": 0.003, "n_features": 2, "l2": 0.01}  # noqa: RUF012  (declared ClassVar above)
