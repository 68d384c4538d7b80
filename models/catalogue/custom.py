"""The entry of networks that are not in the catalogue: how they are trained is described, what they are is not."""

from models.catalogue import shared
from models.catalogue.entries import ModelInfo, by_name

CUSTOM = ModelInfo(
    name="custom",
    title="A network of your own",
    meaning="Any `nn.Module` from features to scores or numbers, built by a function that the job brings along.",
    source="",
    tasks=("classification", "regression", "next_token"),
    kinds=("table", "image", "sequence", "text"),
    hyperparameters=by_name(
        shared.epochs(),
        shared.batch_size(),
        shared.learning_rate(),
        *shared.REGULARISATION,
        *shared.OPTIMISATION,
        shared.loss(),
        *shared.LOSS_SETTINGS,
    ),
    default_space={"learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True}},
    rules=(*shared.SCHEDULE_RULES, *shared.LOSS_RULES),
)
"""Not in `MODELS`: a study cannot name it."""
