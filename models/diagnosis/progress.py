"""Does training still get anywhere, and can its validation be trusted?"""

from models.diagnosis.findings import Evidence, Finding, Hint, Remedy
from models.diagnosis.view import View

LOSSES = ("train_loss", "val_loss")
WORDS = {"val_loss": "The validation loss", "frechet_distance": "The Fréchet distance"}
MIN_EPOCHS = 5
"""Fewer show no trend."""
MIN_EPOCHS_PLATEAU = 10
"""A standstill is the second half of a run, and a half of five epochs is the shortest that shows one."""
LAST_SHARE = 5
"""The last fifth of the epochs, or five if that is more, tells whether the curve still falls."""
STILL_FALLING = 0.02
"""Share of the scale that the last fifth must gain: then as many epochs again may gain something worth having.
Digits at an accuracy of .966 gain 0.01 in four epochs, and twenty more change nothing."""
FALL_JITTERS = 2.0
"""How many times its usual wobble a fall must measure before it is one."""
FLAT = 0.01
"""Share of the scale by which losses change at most over a half that is called a plateau."""
LEARNED = 0.05
"""Share of the scale below which a training loss has nowhere to fall: flat there is the end, not a plateau. The same
holds of its accuracy, whose scale runs from naming always the commonest class."""
NOISE = 0.05
"""Share of the scale by which the validation loss wobbles between epochs when single epochs no longer tell trials
apart. Healthy runs show 0.00-0.02, a learning rate ten times too high 0.1-0.4."""
MIN_EPOCHS_NOISE = 8
"""The wobble is taken over the second half, and a median of fewer than four is no estimate."""


def find_still_improving(view: View) -> Finding | None:
    """Report a run whose validation loss (or Fréchet distance) was still falling when its epochs were used up."""
    name = "val_loss" if len(view.curve("val_loss")) else "frechet_distance"
    curve, scale = view.curve(name), scale_of(view, name)
    if scale is None or len(curve) < MIN_EPOCHS or not view.is_whole:
        return None
    n_last = max(len(curve) // LAST_SHARE, MIN_EPOCHS)
    smooth = curve.smooth()
    # Coming down from a bump is no progress: what counts is what lies below everything before.
    best_before = min(smooth.values[:-n_last], default=curve.values[0])
    fall = min(smooth.tail(n_last).fall(), best_before - curve.level)
    if fall < STILL_FALLING * scale or fall < FALL_JITTERS * curve.tail(n_last).jitter():
        return None
    return Finding(
        "still_improving",
        "Still improving",
        Evidence(
            f"{WORDS[name]} was still falling at the last of {view.facts.n_epochs} epochs: by {fall:.3g} over the last "
            f"{n_last}, to {curve.level:.3g}.",
            {"fall": fall, "n_last_epochs": n_last, "level": curve.level, "n_epochs": view.facts.n_epochs},
        ),
        Remedy(
            "Train for more epochs, or learn faster with a higher learning rate.",
            (Hint("epochs", "up"), Hint("learning_rate", "up")),
        ),
    )


def find_plateau(view: View) -> Finding | None:
    """Report a run in whose second half neither loss moved, although there was something left to learn."""
    train = view.curve("train_loss")
    scale = scale_of(view, "train_loss")
    if scale is None or len(train) < MIN_EPOCHS_PLATEAU or train.level < LEARNED * scale or _is_always_right(view):
        return None
    halves = [curve.smooth().tail(len(curve) // 2) for curve in (train, view.curve("val_loss")) if len(curve)]
    falls = [half.fall() for half in halves]
    if max(abs(fall) for fall in falls) > FLAT * scale:
        return None
    half = halves[0]
    return Finding(
        "plateau",
        "Plateau",
        Evidence(
            f"Since epoch {half.epochs[0]} the training loss has stayed near {train.level:.3g}: over these "
            f"{len(half)} epochs it changed by {abs(falls[0]):.2g}.",
            {"since_epoch": half.epochs[0], "train_loss": train.level, "fall": falls[0]},
        ),
        Remedy(
            "Fewer epochs would do. To get below, let the learning rate fall on a schedule, change it, or use a larger "
            "network; a loss that no network gets below is the data's own noise.",
            (Hint("schedule", "set", "cosine"), Hint("learning_rate", "down"), Hint("hidden_units", "up")),
        ),
    )


def find_noisy_validation(view: View) -> Finding | None:
    """Report a validation loss that jumps so much between epochs that which one is last decides the trial's value."""
    val = view.curve("val_loss")
    scale = scale_of(view, "val_loss")
    if scale is None or len(val) < MIN_EPOCHS_NOISE:
        return None
    half = val.tail(len(val) // 2)
    jitter = half.jitter()
    if jitter < NOISE * scale:
        return None
    return Finding(
        "noisy_validation",
        "Noisy validation",
        Evidence(
            f"From epoch to epoch the validation loss jumps by {jitter:.3g}; in the second half it lay between "
            f"{min(half.values):.3g} and {max(half.values):.3g}.",
            {"jitter": jitter, "lowest": min(half.values), "highest": max(half.values)},
        ),
        Remedy(
            "Take a lower learning rate, one that falls on a schedule, or larger batches; if the validation part is "
            "small, judge trials by cross-validation or several repeats.",
            (Hint("learning_rate", "down"), Hint("schedule", "set", "cosine"), Hint("batch_size", "up")),
        ),
    )


def _is_always_right(view: View) -> bool:
    accuracy = view.curve("train_accuracy")
    skill = view.skill(accuracy.level) if len(accuracy) else None
    return skill is not None and skill > 1 - LEARNED


def scale_of(view: View, name: str) -> float | None:
    """Return what changes of a curve are measured by: the reference for a loss, else the size of its first value.

    None where the curve is missing or begins at 0.
    """
    if view.reference is not None and name in LOSSES:
        return view.reference
    curve = view.curve(name)
    return abs(curve.values[0]) or None if len(curve) else None
