"""Do gradients reach the whole network, neither fading, nor growing, nor stopping at silent units?"""

from statistics import median

from models.diagnosis.findings import Evidence, Finding, Hint, Number, Remedy
from models.diagnosis.fit import ends_unfitted, names_classes
from models.diagnosis.view import View

MIN_EPOCHS = 2
"""One epoch's gradients are those of the initial weights, and may right themselves."""
VANISHING_RATIO = 0.01
"""First layer's gradient against the last one's. Healthy networks of up to eight layers show 0.04-2 from the start,
four layers of sigmoids 0.01 at first and soon 0.1; eight layers of sigmoids 0.00001-0.001 for half a run."""
VANISHING_NORM = 1e-4
"""Length of the whole gradient below which nothing is learned. Healthy runs keep above 1e-3 until they have
learned nearly everything."""
FITTED = 0.9
"""A network that explains this share of its training loss has had gradients enough, whatever they look like."""
EXPLODING_NORM = 100.0
"""Length of the whole gradient: with standardised inputs and a mean loss, healthy runs stay below 30."""
EXPLODING_RATIO = 1000.0
"""First layer's gradient against the last one's, when it grows on its way back. A healthy capsule network shows 60."""
DEAD_SHARE = 0.25
"""Share of silent hidden units, in a network that has not learned. Dense networks have 0-0.16; learning rates ten times
too high leave 0.3 and more."""
DEAD_SHARE_FITTED = 0.6
"""The same in any network: the dense layer behind convolutions, whose inputs are never negative, reaches its best
accuracy on digits with 0.56, and from 0.6 on accuracy falls, with or without convolutions."""


def find_vanishing_gradients(view: View) -> Finding | None:
    """Report gradients that fade on their way to the first layer, or altogether, in a network that has not learned.

    The first half of the run counts: later the last layer's own gradient shrinks, and the ratio says less.
    """
    ratio, norm = _early(view, "grad_ratio"), _early(view, "grad_norm")
    if view.n_seen < MIN_EPOCHS or _is_fitted(view):
        return None
    if ratio is not None and ratio < VANISHING_RATIO:
        sentence = f"In the first half of training the first layer's gradient was {ratio:.2g} times the last layer's."
        numbers: dict[str, Number] = {"grad_ratio": ratio}
    elif norm is not None and norm < VANISHING_NORM:
        sentence = f"In the first half of training the whole gradient measured {norm:.2g}, and the loss is still high."
        numbers = {"grad_norm": norm}
    else:
        return None
    return Finding(
        "vanishing_gradients",
        "Vanishing gradients",
        Evidence(sentence, numbers),
        Remedy(
            "Use activations that do not flatten out (ReLU and its relatives), weights drawn to keep the signal's "
            "size, normalisation or residual connections, or fewer layers.",
            (
                Hint("activation", "set", "relu"),
                Hint("norm", "set", "batch"),
                Hint("residual", "set", True),
                Hint("initialiser", "set", "kaiming"),
                Hint("hidden_layers", "down"),
            ),
        ),
    )


def find_exploding_gradients(view: View) -> Finding | None:
    """Report gradients beyond any healthy length in some epoch, or growing on their way to the first layer."""
    evidence = _explosion(view)
    if evidence is None:
        return None
    return Finding(
        "exploding_gradients",
        "Exploding gradients",
        evidence,
        Remedy(
            "Clip the gradient's length and take a lower learning rate; begin with a warm-up.",
            (Hint("clip_norm", "set", 1.0), Hint("learning_rate", "down"), Hint("warmup", "up")),
        ),
    )


def find_dead_relus(view: View) -> Finding | None:
    """Report hidden units that answer 0 to every validation example: no gradient reaches them, they never recover."""
    dead = view.curve("dead_units")
    if view.n_seen < MIN_EPOCHS or not len(dead):
        return None
    if dead.level < (DEAD_SHARE if ends_unfitted(view) else DEAD_SHARE_FITTED):
        return None
    return Finding(
        "dead_relus",
        "Dead units",
        Evidence(
            f"{100 * dead.level:.0f} % of the hidden units answer 0 to every validation example "
            f"({100 * dead.values[0]:.0f} % after epoch {dead.epochs[0]}).",
            {"dead_units": dead.level, "dead_units_first": dead.values[0]},
        ),
        Remedy(
            "Take a lower learning rate: one long step has pushed these units where ReLU is flat. Leaky ReLU, ELU or "
            "GELU let them come back.",
            (Hint("learning_rate", "down"), Hint("activation", "set", "leaky_relu"), Hint("warmup", "up")),
        ),
    )


def _explosion(view: View) -> Evidence | None:
    norm, ratio = view.curve("grad_norm"), _early(view, "grad_ratio")
    if view.broken is not None and view.broken.reason.startswith("grad_norm"):
        return Evidence(view.broken.reason, {"epoch": view.broken.epoch})
    peak = max(norm.values, default=0.0)
    if peak >= EXPLODING_NORM:
        epoch = norm.epochs[norm.values.index(peak)]
        sentence = f"In epoch {epoch} the gradient measured {peak:.3g}; below {EXPLODING_NORM:g} is usual."
        return Evidence(sentence, {"grad_norm": peak, "epoch": epoch})
    if ratio is not None and ratio >= EXPLODING_RATIO and view.n_seen >= MIN_EPOCHS:
        sentence = f"In the first half of training the first layer's gradient was {ratio:.3g} times the last layer's."
        return Evidence(sentence, {"grad_ratio": ratio})
    return None


def _early(view: View, name: str) -> float | None:
    curve = view.curve(name)
    n_early = (len(curve) + 1) // 2
    return median(curve.values[:n_early]) if n_early else None


def _is_fitted(view: View) -> bool:
    train = view.curve("train_loss")
    by_loss = view.reference is not None and len(train) > 0 and view.explained(train.level) > FITTED
    return by_loss or names_classes(view)
