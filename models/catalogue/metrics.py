"""The numbers that supervised models report after each epoch.

The loss is the cross-entropy in nats for classes, and the squared error of the standardised target for numbers.
"""

from models.catalogue.entries import MetricInfo, Task

TRAIN_LOSS = MetricInfo(
    "train_loss", "minimize", "Mean loss over the epoch's training batches, each measured before its own step."
)
VAL_LOSS = MetricInfo("val_loss", "minimize", "Mean loss on the validation part, after the epoch.")

METRICS_BY_TASK: dict[Task, tuple[MetricInfo, ...]] = {
    "classification": (
        TRAIN_LOSS,
        MetricInfo(
            "train_accuracy",
            "maximize",
            "Share of the epoch's training examples classified rightly, each judged before its own step.",
        ),
        VAL_LOSS,
        MetricInfo("val_accuracy", "maximize", "Share of the validation part classified rightly, from 0 to 1."),
    ),
    "regression": (
        TRAIN_LOSS,
        VAL_LOSS,
        MetricInfo("val_rmse", "minimize", "Root of the mean squared validation error, in the target's own unit."),
        MetricInfo("val_mae", "minimize", "Mean absolute validation error, in the target's own unit."),
        MetricInfo(
            "val_r2", "maximize", "Share of the validation target's variance explained: 1 is perfect, 0 the mean."
        ),
    ),
}
