"""Does a generator still make different examples?"""

from models.diagnosis.findings import Evidence, Finding, Hint, Number, Remedy
from models.diagnosis.view import View

MIN_EPOCHS = 10
"""A generator begins with grey noise, all alike; before this it may be young rather than collapsed."""
COLLAPSED = 0.5
"""Spread of generated examples against the real ones', among a classifier's features. A single one of the ten digits
has 0.37-0.49 of the spread of all together, a healthy generator 0.68-0.97, a collapsed one below 0.1."""
GROWING = 0.1
"""Growth of that number over the second half that says: not yet rather than no longer."""


def find_gan_collapse(view: View) -> Finding | None:
    """Report a generator that makes few kinds of examples and shows no sign of learning others."""
    diversity = view.curve("diversity")
    if len(diversity) < MIN_EPOCHS or diversity.level >= COLLAPSED:
        return None
    if -diversity.smooth().tail(len(diversity) // 2).fall() > GROWING:
        return None
    numbers: dict[str, Number] = {"diversity": diversity.level, "highest_diversity": max(diversity.values)}
    sentence = f"Generated examples spread {diversity.level:.2g} times as far as real ones"
    frechet = view.curve("frechet_distance")
    if len(frechet):
        numbers |= {"frechet_distance": frechet.level, "best_frechet_distance": min(frechet.values)}
        sentence += f", and their Fréchet distance is {frechet.level:.4g} (best {min(frechet.values):.4g})"
    return Finding(
        "gan_collapse",
        "Generator collapsed",
        Evidence(f"{sentence}.", numbers),
        Remedy(
            "Slow the generator down against the discriminator (learning rates, steps of each), smooth the labels, "
            "use spectral normalisation or the hinge loss, or keep the network of an earlier epoch.",
            (
                Hint("learning_rate", "down"),
                Hint("discriminator_rate_factor", "up"),
                Hint("spectral_norm", "set", True),
                Hint("loss", "set", "hinge"),
                Hint("label_smoothing", "up"),
            ),
        ),
    )
