"""Is the network too weak for the data, too free for it, or right?

Losses are judged as shares of the reference, the loss of knowing nothing, so that one threshold serves every data set.
"""

from collections.abc import Mapping

from models.catalogue import Task
from models.diagnosis.findings import Evidence, Finding, Hint, Remedy
from models.diagnosis.view import Curve, View

MIN_EPOCHS = 3
"""Below, the first epoch's training loss (measured while the network still knew nothing) weighs too much."""
MIN_EPOCHS_RISE = 5
"""A rise needs a lowest point with something on either side."""
LEAST_EXPLAINED: Mapping[Task, float] = {"classification": 0.5, "regression": 0.25, "next_token": 0.15}
"""Share of the reference that a fit explains at least, where nothing better is known to be possible. Healthy networks
explain 0.9 of digits and 0.5 of diabetes, whose targets are mostly noise; a table of which letter follows which
explains 0.18 of English (4.03 to 3.32 bits a letter: Shannon, Prediction and Entropy of Printed English, 1951)."""
LEAST_SKILL = 0.75
"""And by accuracy: the share of the way from naming always the commonest class to never being wrong. Half of the loss
explained goes with 0.6-0.8 on digits."""
ACCURACIES = ("train_accuracy", "val_accuracy")
KNOWN_MARGIN = 0.05
"""How far, as a share of the reference, a fit may stay behind the known loss: about the noise of a hundred examples."""
FALLING = 0.01
"""Share of the reference by which a loss falls over its second half while it is still being learned."""
RISE = 0.02
"""Share of the reference by which the validation loss has risen when that is called overfitting; less is invisible."""
RISE_OF_BEST = 0.1
"""And the same as a share of the lowest validation loss."""
JITTERS = 2.0
"""Whatever separates two losses must exceed this many times the validation loss's wobble between epochs."""
LEARNED_ON = 0.9
"""The training loss must have fallen to this share meanwhile: where it stood still, nothing was learned by heart."""
GAP = 0.25
"""Share of the reference by which the validation loss lies above the training loss when that alone is overfitting. The
linear model of diabetes, which cannot overfit, shows 0.16 by the luck of its split, wide networks 0.35-1.07."""
BY_HEART = 0.95
"""Share of the training loss explained that says that nothing is left to learn there."""
GAP_BY_HEART = 0.15
"""The gap that is enough then. All of the digits leave 0.02-0.12 between them, 60 digits 0.19, 20 digits 0.33."""

LESS_FREEDOM = (
    Hint("dropout", "up"),
    Hint("weight_decay", "up"),
    Hint("hidden_units", "down"),
)


def find_underfitting(view: View) -> Finding | None:
    """Report a network that at no epoch fitted even the examples it was trained on.

    The better of training and validation loss counts: with dropout the training loss is measured with units silenced.
    A run that was ended while its loss was still falling is not judged.
    """
    train = view.curve("train_loss")
    wanted = acceptable_loss(view)
    if wanted is None or len(train) < MIN_EPOCHS or not is_settled(view, train):
        return None
    best = min(min(curve.smooth().values) for curve in (train, view.curve("val_loss")) if len(curve))
    if best <= wanted or names_classes(view):
        return None
    numbers = {"best_loss": best, "acceptable_loss": wanted, "explained": view.explained(best)}
    return Finding(
        "underfitting",
        "Underfitting",
        Evidence(
            f"The best loss of any epoch is {best:.3g}, which explains {_percent(view.explained(best))} of what there "
            f"is to know; {_wanted_words(view, wanted)}.",
            numbers,
        ),
        Remedy(
            "Give the network more freedom (wider or more layers, less dropout and weight decay) or more training "
            "(more epochs, a higher learning rate). If nothing helps, the features may not tell more about the target.",
            (
                Hint("hidden_units", "up"),
                Hint("hidden_layers", "up"),
                Hint("epochs", "up"),
                Hint("dropout", "down"),
                Hint("weight_decay", "down"),
            ),
        ),
    )


def find_overfitting(view: View) -> Finding | None:
    """Report a network that learns its examples by heart.

    Either the validation loss has risen from its lowest point while the training loss went on falling, or it ends far
    above the training loss.
    """
    train, val = view.curve("train_loss"), view.curve("val_loss")
    if view.reference is None or min(len(train), len(val)) < MIN_EPOCHS:
        return None
    return _risen(view, train, val) or _apart(view, train, val)


def find_good_fit(view: View) -> Finding | None:
    """Report a network that fits its training examples and others alike; other findings may outweigh this one."""
    train, val = view.curve("train_loss"), view.curve("val_loss")
    wanted = acceptable_loss(view)
    if wanted is None or min(len(train), len(val)) < MIN_EPOCHS or not is_settled(view, val):
        return None
    if val.level > wanted and not names_classes(view):
        return None
    shares = {"explained_train": view.explained(train.level), "explained_val": view.explained(val.level)}
    if val.level > wanted:
        seen = "The network names the right class of most examples, those of the validation part too"
    else:
        seen = (
            f"The network explains {_percent(shares['explained_train'])} of the training examples and "
            f"{_percent(shares['explained_val'])} of the validation examples"
        )
    return Finding(
        "good_fit",
        "Good fit",
        Evidence(
            f"{seen}, and nothing in its curves looks wrong.",
            {**shares, "train_loss": train.level, "val_loss": val.level},
        ),
        Remedy("Nothing to mend. More gain lies in tuning, more data or averaging several networks."),
    )


def acceptable_loss(view: View) -> float | None:
    """Return the loss that a fit must reach to count as one, or None where nothing is known to compare with."""
    if view.reference is None or view.facts.task is None:
        return None
    known = view.facts.known_loss
    if known is not None and 0 <= known <= view.reference:
        return known + KNOWN_MARGIN * view.reference
    return (1 - LEAST_EXPLAINED[view.facts.task]) * view.reference


def ends_unfitted(view: View) -> bool:
    """Tell whether a network is known to fit badly when it ends, its own examples and others."""
    wanted = acceptable_loss(view)
    levels = [curve.level for name in ("train_loss", "val_loss") if len(curve := view.curve(name))]
    return wanted is not None and bool(levels) and min(levels) > wanted and not names_classes(view)


def names_classes(view: View) -> bool:
    """Tell whether a classifier ended up naming the right class of most examples it could have got wrong.

    A perceptron's scores are steps, and a loss that reads probabilities from them stays high however right it is.
    """
    if view.facts.known_loss is not None:
        return False
    ends = [view.skill(curve.level) for name in ACCURACIES if len(curve := view.curve(name))]
    return bool(ends) and min(skill if skill is not None else 0.0 for skill in ends) >= LEAST_SKILL


def is_settled(view: View, curve: Curve) -> bool:
    """Tell whether a run has had its chance: all planned epochs, or a loss that has stopped falling."""
    second_half = curve.smooth().tail(max(len(curve) // 2, MIN_EPOCHS))
    return view.is_whole or second_half.fall() < FALLING * (view.reference or 1.0)


def _risen(view: View, train: Curve, val: Curve) -> Finding | None:
    assert view.reference is not None
    if len(val) < MIN_EPOCHS_RISE:
        return None
    # Neighbouring epochs often share a median; of those the one that was lowest itself.
    best, _, best_epoch = min(zip(val.smooth().values, val.values, val.epochs, strict=True))
    rise, train_then = val.level - best, train.smooth().at(best_epoch)
    least = max(RISE * view.reference, RISE_OF_BEST * best, JITTERS * val.jitter())
    if rise < least or train_then is None or train.level > LEARNED_ON * train_then:
        return None
    numbers = {"best_epoch": best_epoch, "best_val_loss": best, "val_loss": val.level, "train_loss": train.level}
    return Finding(
        "overfitting",
        "Overfitting",
        Evidence(
            f"After epoch {best_epoch} the validation loss rose from {best:.3g} to {val.level:.3g} while the training "
            f"loss fell from {train_then:.3g} to {train.level:.3g}.",
            {**numbers, "train_loss_then": train_then},
        ),
        Remedy(
            "Stop where the validation loss is lowest (early stopping), hold the network back (dropout, weight decay, "
            "fewer units) or train it on more data.",
            (Hint("epochs", "set", best_epoch), *LESS_FREEDOM),
        ),
    )


def _apart(view: View, train: Curve, val: Curve) -> Finding | None:
    assert view.reference is not None
    least = GAP_BY_HEART if view.explained(train.level) > BY_HEART else GAP
    if val.level - train.level < least * view.reference + JITTERS * val.jitter():
        return None
    shares = {"explained_train": view.explained(train.level), "explained_val": view.explained(val.level)}
    examples = f" {view.facts.n_train}" if view.facts.n_train else ""
    return Finding(
        "overfitting",
        "Overfitting",
        Evidence(
            f"The network explains {_percent(shares['explained_train'])} of its{examples} training examples, but "
            f"{_percent(shares['explained_val'])} of the validation examples.",
            {**shares, "train_loss": train.level, "val_loss": val.level},
        ),
        Remedy(
            "Hold the network back (dropout, weight decay, fewer units) or train it on more data.",
            LESS_FREEDOM,
        ),
    )


def _percent(share: float) -> str:
    if share <= 0:
        return "nothing"
    return f"{100 * share:.1f} %" if share >= 0.001 else "less than 0.1 %"


def _wanted_words(view: View, wanted: float) -> str:
    if view.facts.known_loss is None:
        return f"a fit begins at a loss of {wanted:.3g}"
    return f"the loss {view.facts.known_loss:.3g} is known to be possible on this data"
