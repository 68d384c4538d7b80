"""The numbers that models report: after each epoch, and with a finished network.

The loss is the cross-entropy in nats for classes and tokens, and the squared error of the standardised target for
numbers. Where only one sign of improvement makes sense to nobody (a norm, a learning rate), the direction is
`minimize` because an entry needs one; such a number is there to be looked at.
"""

from models.catalogue.entries import MetricInfo, Task

TRAIN_LOSS = MetricInfo(
    "train_loss", "minimize", "Mean loss over the epoch's training batches, each measured before its own step."
)
VAL_LOSS = MetricInfo("val_loss", "minimize", "Mean loss on the validation part, after the epoch.")

TOP3_ACCURACY = MetricInfo(
    "val_top3_accuracy",
    "maximize",
    "Share of the validation part whose class is among the three with the highest scores, from 0 to 1.",
    is_per_epoch=False,
)
"""Reported where there are more than three classes: among three the answer is always 1."""

N_CLASSES_TOP3_NEEDS = 4

_CLASSIFICATION = (
    TRAIN_LOSS,
    MetricInfo(
        "train_accuracy",
        "maximize",
        "Share of the epoch's training examples classified rightly, each judged before its own step.",
    ),
    VAL_LOSS,
    MetricInfo("val_accuracy", "maximize", "Share of the validation part classified rightly, from 0 to 1."),
    MetricInfo(
        "val_balanced_accuracy",
        "maximize",
        "Mean over the classes of the share of each that is recognised, so that rare classes count as much as common "
        "ones; from 0 to 1.",
        is_per_epoch=False,
    ),
    MetricInfo(
        "val_f1_macro",
        "maximize",
        "Harmonic mean of precision and recall, averaged over the classes; from 0 to 1.",
        is_per_epoch=False,
    ),
    MetricInfo(
        "val_f1_micro",
        "maximize",
        "Harmonic mean of precision and recall over all decisions together: with one class an example, the accuracy.",
        is_per_epoch=False,
    ),
    MetricInfo(
        "val_roc_auc",
        "maximize",
        "Chance that an example of a class scores higher for it than an example of another class does; averaged over "
        "the classes where there are more than two; 0.5 is guessing, 1 perfect.",
        is_per_epoch=False,
    ),
    MetricInfo(
        "val_log_loss",
        "minimize",
        "Mean surprise at the true class, in nats: punishes misplaced confidence, whatever loss was trained.",
        is_per_epoch=False,
    ),
    TOP3_ACCURACY,
)
_REGRESSION = (
    TRAIN_LOSS,
    VAL_LOSS,
    MetricInfo("val_rmse", "minimize", "Root of the mean squared validation error, in the target's own unit."),
    MetricInfo("val_mae", "minimize", "Mean absolute validation error, in the target's own unit."),
    MetricInfo("val_r2", "maximize", "Share of the validation target's variance explained: 1 is perfect, 0 the mean."),
    MetricInfo(
        "val_mse", "minimize", "Mean squared validation error, in the square of the target's unit.", is_per_epoch=False
    ),
)
_NEXT_TOKEN = (
    TRAIN_LOSS,
    MetricInfo(
        "train_accuracy",
        "maximize",
        "Share of the epoch's training tokens foretold rightly, each judged before its own step.",
    ),
    VAL_LOSS,
    MetricInfo("val_accuracy", "maximize", "Share of the validation tokens foretold rightly, from 0 to 1."),
    MetricInfo(
        "val_perplexity",
        "minimize",
        "Number of equally likely tokens that would leave as much doubt: 1 is certainty, the size of the vocabulary "
        "guessing.",
    ),
    TOP3_ACCURACY,
)

METRICS_BY_TASK: dict[Task, tuple[MetricInfo, ...]] = {
    "classification": _CLASSIFICATION,
    "regression": _REGRESSION,
    "next_token": _NEXT_TOKEN,
}
"""What networks that predict report, the cheap numbers of every epoch first."""

GENERATIVE_METRICS: tuple[MetricInfo, ...] = (
    MetricInfo("train_generator_loss", "minimize", "Mean loss of the generator over the epoch's steps."),
    MetricInfo("train_discriminator_loss", "minimize", "Mean loss of the discriminator over the epoch's steps."),
    MetricInfo(
        "frechet_distance",
        "minimize",
        "Distance between generated and real examples as two Gaussians in the features of a classifier trained on the "
        "same data; 0 is indistinguishable.",
    ),
    MetricInfo(
        "kernel_distance",
        "minimize",
        "Squared maximum mean discrepancy between generated and real examples under a polynomial kernel on the same "
        "features; unbiased, so about 0, and at times below it, for indistinguishable ones.",
    ),
    MetricInfo(
        "diversity",
        "maximize",
        "Spread of the generated examples' features relative to that of real ones: 1 is as varied, near 0 collapsed.",
    ),
)
"""What networks that make examples report instead, after every epoch."""

TRAINING_METRICS: tuple[MetricInfo, ...] = (
    MetricInfo("learning_rate", "minimize", "Length of a step at the end of the epoch, as the schedule has it."),
    MetricInfo(
        "grad_norm", "minimize", "Mean length of the gradient over all weights in the epoch's steps, before clipping."
    ),
    MetricInfo(
        "grad_ratio",
        "minimize",
        "Length of the first layer's gradient divided by the last layer's: far below 1, the signal vanishes on its way "
        "back; far above, it explodes.",
    ),
    MetricInfo("weight_norm", "minimize", "Length of the vector of all weights after the epoch."),
    MetricInfo(
        "dead_units",
        "minimize",
        "Share of the hidden units that answer 0 to every validation example and so no longer learn, from 0 to 1.",
    ),
)
"""What the engine measures of every network after each epoch, for the diagnosis and the eye."""

COST_METRICS: tuple[MetricInfo, ...] = (
    MetricInfo("n_parameters", "minimize", "Numbers in the network that training changes.", is_per_epoch=False),
    MetricInfo("network_bytes", "minimize", "Size of the stored network's files, in bytes.", is_per_epoch=False),
    MetricInfo(
        "train_s",
        "minimize",
        "Seconds from the start of the trial's last attempt to its end, all its repeats and folds together. Networks "
        "that train as lanes of one program share that time, and each counts all of it.",
        is_per_epoch=False,
    ),
    MetricInfo(
        "predict_ms",
        "minimize",
        "Median of the milliseconds in which the stored network answers for one row, on the worker's CPU. Depends on "
        "the machine and on what else it does.",
        is_per_epoch=False,
    ),
)
"""What every finished network costs; a study may constrain them, or minimise them beside what it learns."""


def task_metrics(task: Task, n_classes: int | None) -> tuple[MetricInfo, ...]:
    """Return what networks that predict can report on data of a kind.

    Args:
        task: kind of data.
        n_classes: classes or tokens to tell apart; None for regression.

    Returns:
        `METRICS_BY_TASK[task]` without those that say nothing of so few classes.
    """
    is_small = n_classes is not None and n_classes < N_CLASSES_TOP3_NEEDS
    return tuple(info for info in METRICS_BY_TASK[task] if not (is_small and info is TOP3_ACCURACY))
