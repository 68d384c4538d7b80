"""What is known of a trial when it is diagnosed: its curves, and a few facts beside them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.catalogue import ParamValue, Task


@dataclass(frozen=True, slots=True)
class Divergence:
    """The place where a number stopped being finite.

    Attributes:
        epoch: from 1.
        step: of that epoch, from 1; None where only the epoch is known.
        reason: one sentence, such as `train_loss became nan in epoch 3, step 2 of 17.`; may be empty.
    """

    epoch: int
    step: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Curves:
    """A trial's numbers per epoch, and what is needed to judge them.

    Curves that the rules read: `train_loss` and `val_loss` (the same loss, per example); `grad_norm` (length of the
    whole gradient); `grad_ratio` (length of the first layer's gradient divided by the last layer's); `dead_units`
    (share of hidden units that answer 0 to every validation example, 0..1); `train_accuracy` and `val_accuracy`; of a
    network that makes examples, `frechet_distance` and `diversity`: tr (C C')^(1/2) / tr C' with the covariances C and
    C' of made and real examples among features of a classifier. Others are welcome and ignored; for each that is
    missing, the rules that need it say nothing.

    Attributes:
        metrics: by name, the value at index i being that of epoch i + 1; None where an epoch's value is not known.
        n_epochs: how many epochs were planned.
        task: what the network learns; None where the rules about losses do not apply.
        n_train: examples it was fitted on; None where not known.
        reference_loss: what `val_loss` is for a network that knows nothing but the targets' distribution, see
            `reference_loss` below; None where not known.
        reference_accuracy: the same for `val_accuracy`, see `reference_accuracy` below. Where it is known, a classifier
            that names the right classes counts as fitted even if its scores make poor probabilities.
        known_loss: the validation loss that something else (a baseline, another trial) has reached on the same data,
            which is then what a fit is measured by; None where not known.
        divergence: where training broke off; None where it did not.
        params: the trial's hyperparameters, so that a remedy names only those that the model has; None to name all.
    """

    metrics: Mapping[str, Sequence[float | None]]
    n_epochs: int
    task: Task | None = None
    n_train: int | None = None
    reference_loss: float | None = None
    reference_accuracy: float | None = None
    known_loss: float | None = None
    divergence: Divergence | None = None
    params: Mapping[str, ParamValue] | None = None


def reference_loss(task: Task, class_counts: Sequence[int] = ()) -> float | None:
    """Return the loss of a network that answers the same to every example, in the best way.

    Args:
        task: kind of data.
        class_counts: for classes and tokens, how often each occurs among the training targets.

    Returns:
        For classes and tokens the entropy of their shares, in nats; for numbers 1, the variance of a standardised
        target. None where there is nothing to learn: no example, or a single class.
    """
    if task == "regression":
        return 1.0
    total = sum(class_counts)
    shares = [count / total for count in class_counts if count > 0]
    entropy = -sum(share * math.log(share) for share in shares)
    return entropy if entropy > 0 else None


def reference_accuracy(task: Task, class_counts: Sequence[int] = ()) -> float | None:
    """Return the accuracy of a network that always names the commonest class.

    Args:
        task: kind of data.
        class_counts: how often each class occurs among the training targets.

    Returns:
        From 0 to 1; None for other tasks than classification, and where there is nothing to learn.
    """
    total = sum(class_counts)
    if task != "classification" or not total or max(class_counts) == total:
        return None
    return max(class_counts) / total
