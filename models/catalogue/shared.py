"""Hyperparameters that several models share: how they are trained, and the remedies against overfitting."""

from collections.abc import Mapping

from models.catalogue.entries import DataFacts, Hyperparameter, ParamValue, Rule

CLASSIFICATION_LOSSES = ("cross_entropy", "binary_cross_entropy", "hinge")
REGRESSION_LOSSES = ("mse", "mae", "huber")


def epochs(default: int = 20) -> Hyperparameter:
    """Describe the number of epochs."""
    meaning = "Passes over the training data. Too few underfit, too many overfit and cost time."
    return Hyperparameter("epochs", "int", default, meaning, low=1, high=10_000, log=True, per_lane=True)


def batch_size(default: int = 64) -> Hyperparameter:
    """Describe the examples of a step."""
    meaning = (
        "Examples per step. Small batches make noisy, frequent steps; large ones smooth, rare steps. More than the "
        "data set holds means the whole of it."
    )
    return Hyperparameter("batch_size", "int", default, meaning, low=1, high=65_536, log=True)


def learning_rate(default: float = 1e-3) -> Hyperparameter:
    """Describe the length of a step."""
    meaning = "Length of a step. The setting that matters most: too small learns slowly, too large diverges."
    return Hyperparameter("learning_rate", "float", default, meaning, low=1e-8, high=100.0, log=True, per_lane=True)


OPTIMIZER = Hyperparameter(
    "optimizer",
    "categorical",
    "adam",
    "Rule that turns gradients into steps. `adam`, `adamw` and `rmsprop` scale each weight's step by its recent "
    "gradients; `momentum` averages directions, `nesterov` looks ahead along them, `sgd` follows the gradient itself.",
    choices=("adam", "adamw", "rmsprop", "momentum", "nesterov", "sgd"),
)
MOMENTUM = Hyperparameter(
    "momentum",
    "float",
    0.9,
    "Share of the last direction that is kept, for the optimizers `momentum` and `nesterov`; the others ignore it.",
    low=0.0,
    high=0.999,
    per_lane=True,
)
SCHEDULE = Hyperparameter(
    "schedule",
    "categorical",
    "constant",
    "How the learning rate changes: `step` divides it by ten after each third of the epochs, `cosine` lets it fall to "
    "0, `one_cycle` raises it for the first 30 % and then lets it fall to almost 0.",
    choices=("constant", "step", "cosine", "one_cycle"),
    per_lane=True,
)
WARMUP = Hyperparameter(
    "warmup",
    "float",
    0.0,
    "Share of all steps over which the learning rate first grows from 0. Helps where the first steps would diverge.",
    low=0.0,
    high=0.5,
    per_lane=True,
)
CLIP_NORM = Hyperparameter(
    "clip_norm",
    "float",
    0.0,
    "Longest gradient that is followed as it is; longer ones are shortened to it. 0 for no limit. Against exploding "
    "gradients, above all in recurrent networks.",
    low=0.0,
    high=1000.0,
    per_lane=True,
)
PATIENCE = Hyperparameter(
    "patience",
    "int",
    0,
    "Early stopping: epochs without a better objective after which training ends. 0 to train to the end.",
    low=0,
    high=1000,
    per_lane=True,
)
RESTORE_BEST = Hyperparameter(
    "restore_best",
    "bool",
    False,
    "Keep the weights of the best epoch instead of the last one; the trial's values are then those of that epoch.",
    per_lane=True,
)
INITIALISER = Hyperparameter(
    "initialiser",
    "categorical",
    "kaiming",
    "How the first weights are drawn. `kaiming`, `xavier` and `orthogonal` keep the signal's size from layer to layer; "
    "`uniform` and `normal` draw small numbers of a fixed size; with `zeros` the units of a layer never part.",
    choices=("kaiming", "xavier", "orthogonal", "uniform", "normal", "zeros"),
    per_lane=True,
)
ACTIVATION_CHOICES = (
    "relu",
    "leaky_relu",
    "prelu",
    "elu",
    "gelu",
    "swish",
    "tanh",
    "sigmoid",
    "step",
    "identity",
)


def activation(default: str = "relu", choices: tuple[str, ...] = ACTIVATION_CHOICES) -> Hyperparameter:
    """Describe the curve between layers."""
    meaning = (
        "Curve that each hidden unit applies to its sum. Without one (`identity`) any depth is a linear model; `step` "
        "is the perceptron's, trained with a gradient that passes straight through; `prelu` learns its own slope."
    )
    return Hyperparameter("activation", "categorical", default, meaning, choices=choices)


def dropout(default: float = 0.0) -> Hyperparameter:
    """Describe dropout."""
    meaning = "Share of hidden units silenced at random in each training step, against overfitting."
    return Hyperparameter("dropout", "float", default, meaning, low=0.0, high=0.95, per_lane=True)


WEIGHT_DECAY = Hyperparameter(
    "weight_decay",
    "float",
    0.0,
    "Pull of all weights towards zero, against overfitting. `adamw` applies it to the weights themselves, the other "
    "optimizers add it to the gradient.",
    low=0.0,
    high=10.0,
    per_lane=True,
)
L1 = Hyperparameter(
    "l1",
    "float",
    0.0,
    "Weight of the sum of absolute weights in the loss (lasso): drives weights that are not needed to zero.",
    low=0.0,
    high=10.0,
    per_lane=True,
)
L2 = Hyperparameter(
    "l2",
    "float",
    0.0,
    "Weight of the sum of squared weights in the loss (ridge). Together with `l1` it is the elastic net.",
    low=0.0,
    high=10.0,
    per_lane=True,
)
PERFORMANCE_RATIO = Hyperparameter(
    "performance_ratio",
    "float",
    1.0,
    "Weight of the error against the mean squared weight: the loss is ratio x error + (1 - ratio) x mean square of all "
    "weights. 1 is the error alone; less makes smoother networks.",
    low=0.01,
    high=1.0,
    per_lane=True,
)
LABEL_SMOOTHING = Hyperparameter(
    "label_smoothing",
    "float",
    0.0,
    "Share of certainty taken from the right class and spread over all classes, for `cross_entropy`.",
    low=0.0,
    high=0.9,
    per_lane=True,
)
CLASS_WEIGHTS = Hyperparameter(
    "class_weights",
    "categorical",
    "none",
    "`balanced` lets each class count equally in the loss, however rare it is.",
    choices=("none", "balanced"),
    per_lane=True,
)
HUBER_DELTA = Hyperparameter(
    "huber_delta",
    "float",
    1.0,
    "Error, in standard deviations of the target, beyond which the `huber` loss grows straight instead of squared.",
    low=1e-3,
    high=100.0,
    log=True,
    per_lane=True,
)


def loss(choices: tuple[str, ...] = (*CLASSIFICATION_LOSSES, *REGRESSION_LOSSES)) -> Hyperparameter:
    """Describe the loss; `auto` is cross-entropy for classes and the squared error for numbers."""
    meaning = (
        "What training makes smaller. `auto`: `cross_entropy` for classes and tokens, `mse` for numbers. "
        "`binary_cross_entropy` and `hinge` judge each class by itself against the others; `mae` and `huber` mind "
        "outliers less than `mse`."
    )
    return Hyperparameter("loss", "categorical", "auto", meaning, choices=("auto", *choices))


OPTIMISATION = (OPTIMIZER, MOMENTUM, SCHEDULE, WARMUP, CLIP_NORM, PATIENCE, RESTORE_BEST)
REGULARISATION = (WEIGHT_DECAY, L1, L2, PERFORMANCE_RATIO)
LOSS_SETTINGS = (LABEL_SMOOTHING, CLASS_WEIGHTS, HUBER_DELTA)

Params = Mapping[str, ParamValue]


def _two_warmups(params: Params, data: DataFacts | None) -> str | None:
    if params["schedule"] == "one_cycle" and params["warmup"]:
        return "the schedule one_cycle warms up by itself, and warmup asks for another one"
    return None


def _loss_of_other_task(params: Params, data: DataFacts | None) -> str | None:
    name = params["loss"]
    if data is None or name == "auto":
        return None
    if data.task == "regression" and name in CLASSIFICATION_LOSSES:
        return f"the loss {name} judges classes, and {data.name} asks for numbers"
    if data.task != "regression" and name in REGRESSION_LOSSES:
        return f"the loss {name} judges numbers, and {data.name} asks for classes"
    if data.task == "next_token" and name != "cross_entropy":
        return f"the loss {name} cannot judge sequences of tokens"
    return None


def _smoothing_without_classes(params: Params, data: DataFacts | None) -> str | None:
    if params["label_smoothing"] and params["loss"] not in ("auto", "cross_entropy"):
        return f"label_smoothing is defined for cross_entropy, not for {params['loss']}"
    if params["label_smoothing"] and data is not None and data.task == "regression":
        return f"label_smoothing needs classes, and {data.name} asks for numbers"
    return None


def _weights_without_classes(params: Params, data: DataFacts | None) -> str | None:
    if params["class_weights"] != "none" and data is not None and data.task != "classification":
        return f"class_weights need classes, and the task of {data.name} is {data.task}"
    return None


SCHEDULE_RULES = (Rule(("warmup", "schedule"), _two_warmups, "Set warmup to 0, or take another schedule."),)
LOSS_RULES = (
    Rule(("loss",), _loss_of_other_task, "`auto` takes the loss that fits the data."),
    Rule(("label_smoothing", "loss"), _smoothing_without_classes, "Set label_smoothing to 0."),
    Rule(("class_weights",), _weights_without_classes, "Set class_weights to none."),
)
