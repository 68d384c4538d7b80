"""The perceptron's entry. `models/networks/perceptron.py` is the network itself."""

from collections.abc import Mapping
from dataclasses import replace

from models.catalogue import shared
from models.catalogue.entries import DataFacts, Hyperparameter, ModelInfo, ParamValue, Rule, Template, by_name


def _rule_of_its_own(params: Mapping[str, ParamValue], data: DataFacts | None) -> str | None:
    if params["rule"] == "rosenblatt" and params["optimizer"] != "sgd":
        return f"the rule rosenblatt says itself what a step is, and the optimizer {params['optimizer']} changes it"
    return None


PERCEPTRON = ModelInfo(
    name="perceptron",
    title="Perceptron",
    meaning=(
        "A single unit with a step, for more than two classes one a class: fires or does not. It learns all that a "
        "plane can part, and nothing else."
    ),
    source="Rosenblatt, The perceptron: a probabilistic model, Psychological Review 65, 1958",
    tasks=("classification",),
    template=Template("iris_two"),
    hyperparameters=by_name(
        shared.epochs(20),
        shared.batch_size(1),
        shared.learning_rate(0.1),
        Hyperparameter(
            "rule",
            "categorical",
            "rosenblatt",
            "`rosenblatt` adds a wrongly judged example to the weights or takes it away from them, and stops where "
            "none is judged wrongly; `gradient` follows the gradient of an error, as larger networks do.",
            choices=("rosenblatt", "gradient"),
        ),
        Hyperparameter(
            "activation",
            "categorical",
            "sigmoid",
            "For the rule `gradient`, what the unit does with its sum: `sigmoid` turns it into a probability; `step` "
            "keeps the perceptron's own, whose gradient passes straight through. Rosenblatt's rule has the step.",
            choices=("sigmoid", "step"),
        ),
        *shared.REGULARISATION,
        *(replace(one, default="sgd") if one is shared.OPTIMIZER else one for one in shared.OPTIMISATION),
        shared.INITIALISER,
    ),
    default_space={
        "rule": {"type": "categorical", "choices": ["rosenblatt", "gradient"]},
        "learning_rate": {"type": "float", "low": 1e-3, "high": 1.0, "log": True},
        "schedule": {"type": "categorical", "choices": ["constant", "cosine"]},
        "batch_size": {"type": "categorical", "choices": [1, 8]},
    },
    rules=(
        Rule(("optimizer", "rule"), _rule_of_its_own, "The optimizer sgd, or the rule gradient."),
        *shared.SCHEDULE_RULES,
    ),
)
