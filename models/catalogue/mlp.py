"""The multilayer perceptron's entry. `models/networks/mlp.py` is the network itself."""

from collections.abc import Mapping
from itertools import pairwise

from models.catalogue import shared
from models.catalogue.entries import DataFacts, Hyperparameter, ModelInfo, ParamValue, Rule, Template, by_name
from models.catalogue.widths import read_widths, widths_parameter, widths_rule


def mlp_widths(params: Mapping[str, ParamValue]) -> tuple[int, ...]:
    """Return the widths of the hidden layers: those listed, or `hidden_layers` times `hidden_units`."""
    listed = read_widths(str(params["widths"]))
    return listed or (int(params["hidden_units"]),) * int(params["hidden_layers"])


def _nothing_to_add(params: Mapping[str, ParamValue], data: DataFacts | None) -> str | None:
    widths = mlp_widths(params)
    if not params["residual"] or (data is not None and widths[:1] == (data.n_features,)):
        return None
    if any(first == second for first, second in pairwise(widths)):
        return None
    return "residual adds a layer's input to its output, and no two neighbouring layers have the same width"


MLP = ModelInfo(
    name="mlp",
    title="Multilayer perceptron",
    meaning=(
        "Dense layers with an activation between them. The first network to try on a table of numbers, and the "
        "yardstick for every other one."
    ),
    source="Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, Nature 323, 1986",
    tasks=("classification", "regression"),
    template=Template("digits"),
    hyperparameters=by_name(
        shared.epochs(),
        shared.batch_size(),
        shared.learning_rate(),
        Hyperparameter(
            "hidden_layers", "int", 2, "Layers between input and output. 0 is a linear model.", low=0, high=8
        ),
        Hyperparameter("hidden_units", "int", 64, "Width of each hidden layer.", low=1, high=4096, log=True),
        widths_parameter(
            "widths",
            "Width of each hidden layer by itself, such as `128-64`; overrides `hidden_layers` and `hidden_units`.",
        ),
        shared.activation(),
        Hyperparameter(
            "norm",
            "categorical",
            "none",
            "Normalisation of each hidden layer's sums: `batch` over the examples of a step, `layer` over the units of "
            "an example. Both steady the training of deep networks.",
            choices=("none", "batch", "layer"),
        ),
        Hyperparameter("bias", "bool", True, "Whether each unit has a bias neuron: a constant added to its sum."),
        Hyperparameter(
            "residual",
            "bool",
            False,
            "Whether a layer's input is added to its output where both have the same width, which helps deep networks.",
        ),
        shared.dropout(),
        *shared.REGULARISATION,
        *shared.OPTIMISATION,
        shared.INITIALISER,
        shared.loss(),
        *shared.LOSS_SETTINGS,
    ),
    default_space={
        "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
        "hidden_layers": {"type": "int", "low": 1, "high": 3},
        "hidden_units": {"type": "int", "low": 16, "high": 128, "step": 16},
        "activation": {"type": "categorical", "choices": ["relu", "tanh", "swish"]},
        "dropout": {"type": "float", "low": 0.0, "high": 0.5},
    },
    rules=(
        widths_rule("widths"),
        Rule(
            ("residual", "widths", "hidden_layers", "hidden_units"),
            _nothing_to_add,
            "Two or more hidden layers of one width, or residual false.",
        ),
        *shared.SCHEDULE_RULES,
        *shared.LOSS_RULES,
    ),
)
