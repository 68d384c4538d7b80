"""The diagnosis of anything: it never raises, never contradicts itself, and always turns into JSON."""

import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalogue import Task
from models.diagnosis.curves import Curves, Divergence, reference_loss
from models.diagnosis.diagnose import diagnose
from models.diagnosis.findings import SEVERITIES

ANY = st.one_of(st.none(), st.floats(), st.floats(0, 3), st.sampled_from([0.0, 1.0, math.nan, math.inf, -math.inf]))
NAMES = (
    "train_loss",
    "val_loss",
    "train_accuracy",
    "val_accuracy",
    "grad_norm",
    "grad_ratio",
    "dead_units",
    "frechet_distance",
    "diversity",
    "made_up",
)
TASKS: tuple[Task | None, ...] = ("classification", "regression", "next_token", None)
CONTRADICTIONS = (
    {"overfitting", "underfitting"},
    {"plateau", "still_improving"},
    {"diverged", "underfitting"},
    {"diverged", "overfitting"},
    {"overfitting", "still_improving"},
)


@st.composite
def any_curves(draw: st.DrawFn) -> Curves:
    """Draw curves of any lengths and values, with any facts."""
    return Curves(
        metrics=draw(st.dictionaries(st.sampled_from(NAMES), st.lists(ANY, max_size=40))),
        n_epochs=draw(st.integers(0, 50)),
        task=draw(st.sampled_from(TASKS)),
        n_train=draw(st.none() | st.integers(0, 10**9)),
        reference_loss=draw(st.none() | st.floats()),
        reference_accuracy=draw(st.none() | st.floats()),
        known_loss=draw(st.none() | st.floats()),
        divergence=draw(st.none() | st.builds(Divergence, st.integers(1, 99), st.none() | st.integers(1, 99))),
        params=draw(st.none() | st.just({"dropout": 0.1, "epochs": 5})),
    )


@st.composite
def smooth_curves(draw: st.DrawFn) -> Curves:
    """Draw losses between 0 and 2 that wander in small steps, so that the rules about trends come to speak."""
    n_epochs = draw(st.integers(3, 40))
    metrics: dict[str, list[float]] = {}
    for name in ("train_loss", "val_loss"):
        level, values = draw(st.floats(0, 2)), []
        for step in draw(st.lists(st.floats(-0.1, 0.05), min_size=n_epochs, max_size=n_epochs)):
            level = max(level + step, 0.0)
            values.append(level)
        metrics[name] = values
    return Curves(metrics, n_epochs, draw(st.sampled_from(TASKS[:3])), reference_loss=1.0)


def check(curves: Curves) -> None:
    """Diagnose and hold what comes out against what every diagnosis promises."""
    findings = diagnose(curves)
    kinds = [finding.kind for finding in findings]
    assert kinds == sorted(set(kinds), key=list(SEVERITIES).index)
    assert not any(pair <= set(kinds) for pair in CONTRADICTIONS)
    if "good_fit" in kinds:
        assert all(SEVERITIES[kind] != "problem" for kind in kinds)
    for finding in findings:
        shape = finding.to_json()
        assert json.loads(json.dumps(shape, allow_nan=False)) == shape
        assert finding.evidence.numbers
        assert finding.evidence.sentence.endswith(".")


@given(any_curves())
@settings(max_examples=150, deadline=None)
def test_any_curves(curves: Curves) -> None:
    check(curves)


@given(smooth_curves())
@settings(max_examples=100, deadline=None)
def test_wandering_losses(curves: Curves) -> None:
    check(curves)


@given(st.lists(st.integers(0, 10**6), max_size=20))
def test_reference_loss_is_positive_or_unknown(counts: list[int]) -> None:
    reference = reference_loss("classification", counts)
    assert reference is None or 0 < reference <= math.log(max(len(counts), 1)) + 1e-9
