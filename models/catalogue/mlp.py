"""The multilayer perceptron's entry. `models/networks/mlp.py` is the network itself."""

from models.catalogue.entries import Hyperparameter, ModelInfo, by_name

MLP = ModelInfo(
    name="mlp",
    title="Multilayer perceptron",
    meaning=(
        "Dense layers with an activation between them. The first network to try on a table of numbers, and the "
        "yardstick for every other one."
    ),
    source="Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, Nature 323, 1986",
    tasks=("classification", "regression"),
    hyperparameters=by_name(
        Hyperparameter(
            "epochs",
            "int",
            20,
            "Passes over the training data. Too few underfit, too many overfit and cost time.",
            low=1,
            high=10_000,
            log=True,
        ),
        Hyperparameter(
            "batch_size",
            "int",
            64,
            "Examples per step. Small batches make noisy, frequent steps; large ones smooth, rare steps. More than the "
            "data set holds means the whole of it.",
            low=1,
            high=65_536,
            log=True,
        ),
        Hyperparameter(
            "learning_rate",
            "float",
            1e-3,
            "Length of a step. The setting that matters most: too small learns slowly, too large diverges.",
            low=1e-8,
            high=100.0,
            log=True,
        ),
        Hyperparameter(
            "hidden_layers",
            "int",
            2,
            "Layers between input and output. 0 is a linear model.",
            low=0,
            high=8,
        ),
        Hyperparameter(
            "hidden_units",
            "int",
            64,
            "Width of each hidden layer.",
            low=1,
            high=4096,
            log=True,
        ),
        Hyperparameter(
            "activation",
            "categorical",
            "relu",
            "Curve that each hidden unit applies to its sum. Without one (`identity`) any depth is a linear model.",
            choices=("relu", "leaky_relu", "elu", "gelu", "swish", "tanh", "sigmoid", "identity"),
        ),
        Hyperparameter(
            "dropout",
            "float",
            0.0,
            "Share of hidden units silenced at random in each training step, against overfitting.",
            low=0.0,
            high=0.95,
        ),
        Hyperparameter(
            "weight_decay",
            "float",
            0.0,
            "Pull of all weights towards zero, against overfitting. `adamw` applies it to the weights themselves, the "
            "other optimizers add it to the gradient.",
            low=0.0,
            high=10.0,
        ),
        Hyperparameter(
            "optimizer",
            "categorical",
            "adam",
            "Rule that turns gradients into steps. `adam`, `adamw` and `rmsprop` scale each weight's step by its "
            "recent gradients; `momentum` (0.9) averages directions; `sgd` follows the gradient as it is.",
            choices=("adam", "adamw", "rmsprop", "momentum", "sgd"),
        ),
    ),
    default_space={
        "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
        "hidden_layers": {"type": "int", "low": 1, "high": 3},
        "hidden_units": {"type": "int", "low": 16, "high": 128, "step": 16},
        "activation": {"type": "categorical", "choices": ["relu", "tanh", "swish"]},
        "dropout": {"type": "float", "low": 0.0, "high": 0.5},
    },
)
