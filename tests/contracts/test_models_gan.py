"""Generative adversarial networks keep the contract of all models."""

from tests.contracts.model_contract import GeneratorContract


class TestDenseGAN(GeneratorContract):
    name = "gan"
    brief = {"epochs": 3, "hidden_units": 16, "latent": 4, "batch_size": 32}  # noqa: RUF012  (declared ClassVar above)
    lane_params = {"learning_rate": 0.0005, "dropout": 0.2, "label_smoothing": 0.1}  # noqa: RUF012


class TestConvolutionalGAN(GeneratorContract):
    name = "gan"
    brief = {  # noqa: RUF012
        "architecture": "convolutional",
        "epochs": 3,
        "channels": 4,
        "latent": 4,
        "batch_size": 32,
        "spectral_norm": True,
        "loss": "hinge",
    }
    lane_params = {"learning_rate": 0.0005, "discriminator_rate_factor": 2.0}  # noqa: RUF012
