"""The one phase of networks that learn from right answers: outputs, a loss by name, its mean over the batch."""

from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.catalogue import Task
from models.engine.losses import CRITERIA, loss_name
from models.engine.stack import Stack
from models.networks.base import Batch, HasLosses, Numbers, Phase, StepLosses


def supervised_phase(stack: Stack, task: Task, loss: object, class_weights: Tensor | None) -> Phase:
    """Return the phase: the network's own loss where it has one, else the criterion that the trial names.

    Args:
        stack: the networks.
        task: what is predicted.
        loss: the trials' choice; None or `auto` for what fits the task.
        class_weights: (n_classes,) or (lanes, n_classes); None for equal weights.
    """
    network = stack.network
    if isinstance(network, HasLosses):
        return Phase("", "", network.training_losses)
    name = loss_name(loss, task)
    criterion = CRITERIA[name]
    is_plain = name == "cross_entropy" and task == "classification" and class_weights is None and not stack.lane_shape

    def losses(batch: Batch, numbers: Numbers) -> StepLosses:
        outputs = stack.forward(batch.x).float()  # (..., n, n_outputs)  of mixed precision only the loss's own
        if is_plain and "label_smoothing" not in numbers:
            return StepLosses(F.cross_entropy(outputs, batch.y), outputs)  # the same in one operation
        each = criterion(outputs, batch.y, numbers)  # (..., n), or (..., n, steps)
        if class_weights is not None:
            weights = class_weights.gather(-1, batch.y)  # (..., n)
            each = each * weights / weights.mean(dim=-1, keepdim=True)  # (..., n)
        return StepLosses(each.flatten(len(stack.lane_shape)).mean(dim=-1), outputs)

    return Phase("", "", losses)
