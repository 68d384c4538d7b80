"""The generative adversarial network's entry. `models/networks/gan.py` is the network itself."""

from collections.abc import Mapping
from dataclasses import replace

from models.catalogue import shared
from models.catalogue.entries import DataFacts, Hyperparameter, ModelInfo, ParamValue, Rule, Template, by_name

ACTIVATIONS = ("relu", "leaky_relu", "prelu", "elu", "gelu", "swish", "tanh", "sigmoid", "identity")

OPTIMIZER_MEANING = (
    f"{shared.OPTIMIZER.meaning} Here `rmsprop` is the choice: momentum, which `adam` has too, carries a network past "
    "an opponent that has moved on."
)

Params = Mapping[str, ParamValue]


def gan_widths(params: Params) -> tuple[int, ...]:
    """Return the sizes of the hidden layers, from the image to the noise.

    Dense layers have `hidden_units` each; a convolution has twice the channels of the one nearer to the image.
    """
    n_layers = int(params["hidden_layers"])
    if params["architecture"] == "dense":
        return (int(params["hidden_units"]),) * n_layers
    return tuple(int(params["channels"]) << place for place in range(n_layers))


def _odd_halves(params: Params, data: DataFacts | None) -> str | None:
    if params["architecture"] == "dense" or data is None or data.kind != "image":
        return None
    factor = 2 ** int(params["hidden_layers"])
    _, height, width = data.shape
    if height % factor == 0 and width % factor == 0:
        return None
    return (
        f"{params['hidden_layers']} convolutions halve an image as many times, and {height}x{width} pixels are not "
        f"multiples of {factor}"
    )


def _smoothing_without_labels(params: Params, data: DataFacts | None) -> str | None:
    if params["label_smoothing"] and params["loss"] != "non_saturating":
        return f"label_smoothing is defined for non_saturating, not for {params['loss']}"
    return None


GAN = ModelInfo(
    name="gan",
    title="Generative adversarial network",
    meaning=(
        "Two networks in a contest: a generator makes images of random numbers, a discriminator tells them from real "
        "ones, and each learns from the other. For making images like those of the data set."
    ),
    source="Goodfellow et al., arXiv 1406.2661; Radford, Metz and Chintala, arXiv 1511.06434",
    tasks=("classification",),
    kinds=("image",),
    is_generative=True,
    template=Template("digits", n_trials=12),
    hyperparameters=by_name(
        shared.epochs(100),
        shared.batch_size(64),
        shared.learning_rate(1e-3),
        Hyperparameter(
            "discriminator_rate_factor",
            "float",
            1.0,
            "Learning rate of the discriminator divided by the generator's. More helps a discriminator that is fooled "
            "too easily, less one that always wins.",
            low=0.01,
            high=100.0,
            log=True,
            per_lane=True,
        ),
        Hyperparameter(
            "architecture",
            "categorical",
            "dense",
            "`dense` layers see all pixels at once and suit small, centred images; `convolutional` ones work with "
            "neighbourhoods, each halving or doubling the image, and suit larger ones.",
            choices=("dense", "convolutional"),
        ),
        Hyperparameter("latent", "int", 32, "Random numbers that an image is made of.", low=1, high=1024, log=True),
        Hyperparameter(
            "hidden_layers", "int", 2, "Hidden layers of the generator, and of the discriminator.", low=1, high=5
        ),
        Hyperparameter("hidden_units", "int", 128, "Width of dense hidden layers.", low=1, high=2048, log=True),
        Hyperparameter(
            "channels",
            "int",
            16,
            "Channels of the convolution next to the image; each further one has twice as many.",
            low=1,
            high=128,
            log=True,
        ),
        shared.activation("relu", ACTIVATIONS),
        Hyperparameter(
            "norm",
            "categorical",
            "batch",
            "Normalisation of the generator's hidden sums over the examples of a step, which keeps it from making them "
            "all alike.",
            choices=("none", "batch"),
        ),
        Hyperparameter(
            "spectral_norm",
            "bool",
            False,
            "Whether the discriminator's weights are divided by their largest singular value, so that its judgement "
            "changes slowly from image to image. Steadies the contest.",
        ),
        replace(shared.dropout(), meaning="Share of the discriminator's hidden units silenced at random in each step."),
        *shared.REGULARISATION,
        replace(shared.OPTIMIZER, default="rmsprop", meaning=OPTIMIZER_MEANING),
        *(one for one in shared.OPTIMISATION if one is not shared.OPTIMIZER),
        shared.INITIALISER,
        Hyperparameter(
            "loss",
            "categorical",
            "non_saturating",
            "What the two make smaller: `non_saturating` is the original contest of probabilities, `hinge` stops "
            "rewarding the discriminator for what it is sure of.",
            choices=("non_saturating", "hinge"),
        ),
        replace(
            shared.LABEL_SMOOTHING,
            meaning="Certainty taken from the label of real images, for `non_saturating`: a discriminator never "
            "quite sure goes on teaching.",
        ),
    ),
    default_space={
        "learning_rate": {"type": "float", "low": 3e-4, "high": 5e-3, "log": True},
        "discriminator_rate_factor": {"type": "float", "low": 0.25, "high": 4.0, "log": True},
        "latent": {"type": "categorical", "choices": [8, 16, 32, 64]},
        "loss": {"type": "categorical", "choices": ["non_saturating", "hinge"]},
        "spectral_norm": {"type": "categorical", "choices": [False, True]},
    },
    rules=(
        Rule(
            ("hidden_layers", "architecture"),
            _odd_halves,
            "Fewer hidden layers, or dense ones.",
        ),
        Rule(("label_smoothing", "loss"), _smoothing_without_labels, "Set label_smoothing to 0."),
        *shared.SCHEDULE_RULES,
    ),
)
