"""The capsule network keeps the contract of all models."""

from tests.contracts.model_contract import PredictorContract


class TestCapsNet(PredictorContract):
    name = "capsnet"
    brief = {  # noqa: RUF012  (declared ClassVar above)
        "epochs": 3,
        "batch_size": 32,
        "conv_channels": 8,
        "primary_types": 4,
        "decoder_widths": "16",
        "reconstruction_weight": 1e-3,
    }
