"""Did the loss leave all bounds?"""

from models.diagnosis.curves import Divergence
from models.diagnosis.findings import Evidence, Finding, Hint, Number, Remedy
from models.diagnosis.view import View

MIN_EPOCHS = 2
"""The first epoch's training loss counts the first steps, which may overshoot and come back."""
BLOWN_UP = 2.0
"""Times the reference: a loss that stays beyond says that the outputs have run away. Standing still costs 1."""


def find_divergence(view: View) -> Finding | None:
    """Report where the loss stopped being a number, or that it ended far above that of knowing nothing."""
    place = view.facts.divergence or view.broken
    if place is not None:
        step = "" if place.step is None else f", step {place.step}"
        sentence = place.reason or f"The loss stopped being a finite number in epoch {place.epoch}{step}."
        return _diverged(f"Diverged in epoch {place.epoch}{step}", sentence, _numbers(place))
    train = view.curve("train_loss")
    if view.reference is None or len(train) < MIN_EPOCHS or train.level < BLOWN_UP * view.reference:
        return None
    first = next(epoch for epoch, value in zip(train.epochs, train.values, strict=True) if value >= train.level)
    return _diverged(
        "Diverged",
        f"The training loss ended at {train.level:.3g}, where knowing nothing costs {view.reference:.3g}; it was that "
        f"high in epoch {first} already.",
        {"train_loss": train.level, "reference_loss": view.reference, "epoch": first},
    )


def _diverged(title: str, sentence: str, numbers: dict[str, Number]) -> Finding:
    return Finding(
        "diverged",
        title,
        Evidence(sentence, numbers),
        Remedy(
            "Take a lower learning rate (a tenth is a fair next try), clip the gradient, or begin with a warm-up.",
            (Hint("learning_rate", "down"), Hint("clip_norm", "set", 1.0), Hint("warmup", "up")),
        ),
    )


def _numbers(place: Divergence) -> dict[str, Number]:
    return {"epoch": place.epoch} if place.step is None else {"epoch": place.epoch, "step": place.step}
