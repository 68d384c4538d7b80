"""Each rule of the diagnosis on curves made to show its condition, and on their twins that do not."""

import json
import math
from collections.abc import Callable, Sequence

import pytest

from models.catalogue import Task
from models.diagnosis.curves import Curves, Divergence, reference_accuracy, reference_loss
from models.diagnosis.diagnose import RULES, SILENCES, diagnose
from models.diagnosis.findings import SEVERITIES, Finding, FindingKind

N_EPOCHS = 20


def curve(formula: Callable[[int], float], n_epochs: int = N_EPOCHS) -> list[float]:
    """Return a formula's value at epochs 1, 2, ..."""
    return [formula(epoch) for epoch in range(1, n_epochs + 1)]


def towards(start: float, end: float, pace: float = 0.25) -> Callable[[int], float]:
    """Return a curve that approaches its end, a constant share nearer each epoch."""
    return lambda epoch: end + (start - end) * math.exp(-pace * (epoch - 1))


def learner(
    train: Callable[[int], float], val: Callable[[int], float] | None = None, **others: Sequence[float]
) -> Curves:
    """Return the curves of a classifier whose reference is a loss of 1."""
    metrics: dict[str, Sequence[float]] = {"train_loss": curve(train), **others}
    if val is not None:
        metrics["val_loss"] = curve(val)
    return Curves(metrics, n_epochs=N_EPOCHS, task="classification", n_train=100, reference_loss=1.0)


HEALTHY = learner(towards(1.2, 0.1), towards(1.0, 0.15), grad_norm=[0.5] * N_EPOCHS, grad_ratio=[0.6] * N_EPOCHS)


def kinds(curves: Curves) -> list[FindingKind]:
    """Diagnose and name the findings."""
    return [finding.kind for finding in diagnose(curves)]


def the(kind: FindingKind, curves: Curves) -> Finding:
    """Return the finding of a kind."""
    return next(finding for finding in diagnose(curves) if finding.kind == kind)


def with_metrics(curves: Curves, **metrics: Sequence[float | None]) -> Curves:
    """Return curves with some metrics added or replaced."""
    return Curves({**curves.metrics, **metrics}, curves.n_epochs, curves.task, curves.n_train, curves.reference_loss)


def test_healthy_curves_are_a_good_fit_and_nothing_else() -> None:
    assert kinds(HEALTHY) == ["good_fit"]
    numbers = the("good_fit", HEALTHY).evidence.numbers
    assert numbers["explained_train"] == pytest.approx(0.888, abs=0.002)
    assert numbers["explained_val"] == pytest.approx(0.839, abs=0.002)


# ---- fit


def test_underfitting_where_even_the_training_loss_stays_high() -> None:
    weak = learner(towards(1.2, 0.7, 0.5), towards(1.1, 0.72, 0.5))
    assert kinds(weak) == ["underfitting", "plateau"]
    assert the("underfitting", weak).evidence.numbers["explained"] == pytest.approx(0.3, abs=0.01)
    assert "underfitting" not in kinds(learner(towards(1.2, 0.4), towards(1.1, 0.45)))


def test_training_loss_under_dropout_is_no_underfitting() -> None:
    assert kinds(learner(towards(1.5, 0.6), towards(1.0, 0.3))) == ["good_fit"]


@pytest.mark.parametrize(("task", "is_fit"), [("classification", False), ("regression", True), ("next_token", True)])
def test_how_much_a_fit_explains_depends_on_the_task(task: Task, is_fit: bool) -> None:
    metrics = {"train_loss": curve(towards(1.2, 0.6)), "val_loss": curve(towards(1.2, 0.62))}
    assert ("good_fit" in kinds(Curves(metrics, N_EPOCHS, task, reference_loss=1.0))) is is_fit


@pytest.mark.parametrize(("known_loss", "found"), [(0.6, "good_fit"), (0.4, "underfitting"), (None, "underfitting")])
def test_a_known_loss_says_what_is_possible(known_loss: float | None, found: FindingKind) -> None:
    metrics = {"train_loss": curve(towards(1.2, 0.6)), "val_loss": curve(towards(1.2, 0.62))}
    curves = Curves(metrics, N_EPOCHS, "classification", reference_loss=1.0, known_loss=known_loss)
    assert [kind for kind in kinds(curves) if kind != "plateau"] == [found]


def test_a_run_ended_while_it_still_learned_is_not_called_weak() -> None:
    falling = [1.0 - 0.02 * epoch for epoch in range(N_EPOCHS)]
    cut = {"train_loss": falling, "val_loss": falling}
    assert kinds(Curves(cut, 100, "classification", reference_loss=1.0)) == []
    assert "underfitting" in kinds(Curves(cut, N_EPOCHS, "classification", reference_loss=1.0))


def test_overfitting_where_validation_turns_while_training_goes_on() -> None:
    turning = learner(towards(1.0, 0.01, 0.3), lambda epoch: 0.3 + 0.0005 * (epoch - 8) ** 2)
    assert kinds(turning) == ["overfitting"]
    finding = the("overfitting", turning)
    assert finding.evidence.numbers["best_epoch"] == 8
    assert finding.remedy.hints[0].to_json() == {"parameter": "epochs", "direction": "set", "value": 8}


def test_a_rise_without_further_learning_is_not_overfitting() -> None:
    assert "overfitting" not in kinds(learner(lambda epoch: 0.3, lambda epoch: 0.3 + 0.0005 * (epoch - 8) ** 2))


def test_a_rise_nobody_would_see_is_not_overfitting() -> None:
    assert kinds(learner(towards(1.0, 0.01, 0.3), lambda epoch: 0.1 + 0.0001 * (epoch - 8) ** 2)) == ["good_fit"]


def test_overfitting_where_validation_ends_far_above_training() -> None:
    apart = learner(towards(1.0, 0.05), towards(1.0, 0.45))
    assert kinds(apart) == ["overfitting"]
    assert "100 training examples" in the("overfitting", apart).evidence.sentence
    assert kinds(learner(towards(1.0, 0.05), towards(1.0, 0.25))) == ["good_fit"]
    # Where nothing is left to learn, less is enough.
    assert kinds(learner(towards(1.0, 0.01), towards(1.0, 0.25))) == ["overfitting"]
    assert kinds(learner(towards(1.0, 0.01), towards(1.0, 0.12))) == ["good_fit"]


def test_overfitting_takes_its_opposite_advice_out() -> None:
    weak_and_apart = learner(towards(1.0, 0.6), lambda epoch: 1.6)
    assert kinds(weak_and_apart) == ["overfitting"]


def test_scores_that_make_poor_probabilities_may_name_the_right_classes() -> None:
    metrics = {"train_loss": [0.7] * 20, "val_loss": [0.7] * 20, "grad_norm": [0.0] * 20}
    right = {**metrics, "train_accuracy": [0.99] * 20, "val_accuracy": [0.95] * 20}
    named = Curves(right, N_EPOCHS, "classification", reference_loss=1.0, reference_accuracy=0.5)
    assert kinds(named) == ["good_fit"]
    assert "names the right class" in the("good_fit", named).evidence.sentence
    # Where one class makes up nearly all examples, an accuracy of .95 is none.
    lopsided = Curves(right, N_EPOCHS, "classification", reference_loss=1.0, reference_accuracy=0.95)
    assert "underfitting" in kinds(lopsided)
    unknown = Curves(right, N_EPOCHS, "classification", reference_loss=1.0)
    assert "underfitting" in kinds(unknown)
    assert kinds(Curves(right, N_EPOCHS, "classification", reference_loss=1.0, known_loss=0.3))[:2] == [
        "vanishing_gradients",
        "underfitting",
    ]


# ---- progress


def test_still_improving_at_the_last_planned_epoch() -> None:
    falling = [0.5 - 0.01 * epoch for epoch in range(N_EPOCHS)]
    improving = learner(towards(1.2, 0.1), lambda epoch: falling[epoch - 1])
    assert kinds(improving) == ["still_improving"]
    assert the("still_improving", improving).remedy.hints[0].parameter == "epochs"
    ended_early = Curves(improving.metrics, 50, "classification", reference_loss=1.0)
    assert kinds(ended_early) == []


def test_wobbling_down_is_not_still_improving() -> None:
    wobble = [0.3, 0.1, 0.28, 0.12, 0.26] * 4
    assert "still_improving" not in kinds(learner(towards(1.2, 0.1), lambda epoch: wobble[epoch - 1]))


def test_coming_down_from_a_bump_is_not_still_improving() -> None:
    bump = [0.2] * 14 + [0.25] * 3 + [0.2] * 3
    assert "still_improving" not in kinds(learner(towards(1.2, 0.1), lambda epoch: bump[epoch - 1]))


def test_leaving_a_plateau_at_the_last_moment() -> None:
    late = [0.45] * 16 + [0.42, 0.39, 0.36, 0.33]
    assert kinds(learner(lambda epoch: 0.45, lambda epoch: late[epoch - 1])) == ["still_improving"]
    assert kinds(learner(lambda epoch: 0.45, lambda epoch: 0.45)) == ["plateau", "good_fit"]


def test_a_falling_frechet_distance_is_still_improving() -> None:
    distances = {"frechet_distance": [1000.0 - 20 * epoch for epoch in range(30)], "diversity": [0.9] * 30}
    assert kinds(Curves(distances, 30)) == ["still_improving"]
    assert kinds(Curves({**distances, "frechet_distance": [400.0 - epoch for epoch in range(30)]}, 30)) == []


def test_plateau_where_half_the_run_changed_nothing() -> None:
    flat = learner(towards(1.2, 0.3, 2.0), towards(1.0, 0.35, 2.0))
    assert kinds(flat) == ["plateau", "good_fit"]
    assert the("plateau", flat).evidence.numbers["since_epoch"] == N_EPOCHS // 2 + 1
    learned_all = learner(towards(1.2, 0.001, 2.0), towards(1.0, 0.05, 2.0))
    assert kinds(learned_all) == ["good_fit"]
    slow = learner(towards(1.2, 0.3, 0.15), towards(1.0, 0.35, 0.15))
    assert "plateau" not in kinds(slow)


def test_noisy_validation() -> None:
    noisy = learner(towards(1.2, 0.1), lambda epoch: 0.3 + 0.1 * (-1) ** epoch)
    assert kinds(noisy) == ["noisy_validation"]
    calm = learner(towards(1.2, 0.1), lambda epoch: 0.3 + 0.01 * (-1) ** epoch)
    assert kinds(calm) == ["good_fit"]


def test_noise_alone_is_not_overfitting() -> None:
    # Three high epochs at the end would pass for a gap.
    val = [0.2, 0.6] * 8 + [0.2, 0.6, 0.55, 0.6]
    assert kinds(learner(towards(1.2, 0.1), lambda epoch: val[epoch - 1])) == ["noisy_validation"]


# ---- divergence


def test_divergence_names_the_first_bad_step() -> None:
    place = Divergence(3, 2, "train_loss became nan in epoch 3, step 2 of 17.")
    broken = Curves(
        {"train_loss": [1.0, 5.0], "val_loss": [1.0, 9.0]}, 20, "classification", 100, 1.0, divergence=place
    )
    [finding] = diagnose(broken)
    assert (finding.kind, finding.title) == ("diverged", "Diverged in epoch 3, step 2")
    assert finding.evidence.numbers == {"epoch": 3, "step": 2}
    assert finding.evidence.sentence == place.reason


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_divergence(bad: float) -> None:
    finding = diagnose(with_metrics(HEALTHY, val_loss=[0.5, 0.4, bad, 0.3, bad]))[0]
    assert (finding.kind, finding.title) == ("diverged", "Diverged in epoch 3")
    assert f"val_loss became {bad}" in finding.evidence.sentence


def test_a_loss_that_ran_away_is_divergence() -> None:
    assert kinds(learner(lambda epoch: 500.0 / epoch, lambda epoch: 1e9)) == ["diverged"]
    came_back = learner(lambda epoch: 500.0 if epoch == 1 else 0.1, towards(1.0, 0.15))
    assert kinds(came_back) == ["good_fit"]


# ---- gradients


def test_vanishing_gradients() -> None:
    stuck = learner(towards(1.1, 0.9, 0.05), towards(1.1, 0.9, 0.05))
    assert "vanishing_gradients" in kinds(with_metrics(stuck, grad_ratio=[1e-4] * N_EPOCHS))
    assert "vanishing_gradients" in kinds(with_metrics(stuck, grad_norm=[1e-6] * N_EPOCHS))
    assert "vanishing_gradients" not in kinds(with_metrics(stuck, grad_ratio=[0.1] * N_EPOCHS, grad_norm=[0.5] * 20))


def test_small_gradients_of_a_network_that_has_learned_are_no_problem() -> None:
    done = learner(towards(1.2, 0.01), towards(1.0, 0.05))
    assert kinds(with_metrics(done, grad_ratio=[1e-4] * N_EPOCHS, grad_norm=[1e-6] * N_EPOCHS)) == ["good_fit"]


def test_exploding_gradients() -> None:
    peak = [0.5, 0.6, 4000.0] + [0.5] * 17
    finding = the("exploding_gradients", with_metrics(HEALTHY, grad_norm=peak))
    assert finding.evidence.numbers == {"grad_norm": 4000.0, "epoch": 3}
    assert "exploding_gradients" in kinds(with_metrics(HEALTHY, grad_ratio=[5000.0] * N_EPOCHS))
    assert kinds(with_metrics(HEALTHY, grad_norm=[20.0] * N_EPOCHS, grad_ratio=[60.0] * N_EPOCHS)) == ["good_fit"]


def test_a_gradient_that_is_no_number_both_diverged_and_exploded() -> None:
    assert kinds(with_metrics(HEALTHY, grad_norm=[0.5, 3.0, math.inf])) == ["diverged", "exploding_gradients"]


def test_a_ratio_of_nothing_to_nothing_is_no_divergence() -> None:
    assert kinds(with_metrics(HEALTHY, grad_ratio=[math.nan] * N_EPOCHS)) == ["good_fit"]


def test_dead_relus() -> None:
    finding = the("dead_relus", with_metrics(HEALTHY, dead_units=[0.1] * 5 + [0.7] * 15))
    assert "70 % of the hidden units" in finding.evidence.sentence
    assert kinds(with_metrics(HEALTHY, dead_units=[0.5] * N_EPOCHS)) == ["good_fit"]


def test_fewer_dead_relus_matter_where_nothing_was_learned() -> None:
    weak = learner(towards(1.2, 0.7), towards(1.1, 0.72))
    assert "dead_relus" in kinds(with_metrics(weak, dead_units=[0.4] * N_EPOCHS))
    assert "dead_relus" not in kinds(with_metrics(weak, dead_units=[0.15] * N_EPOCHS))


def test_silent_units_explain_gradients_that_do_not_arrive() -> None:
    stuck = learner(towards(1.1, 0.9, 0.05), towards(1.1, 0.9, 0.05))
    dead = with_metrics(stuck, grad_ratio=[0.0] * N_EPOCHS, dead_units=[0.6] * N_EPOCHS)
    assert [kind for kind in kinds(dead) if "gradients" in kind or "dead" in kind] == ["dead_relus"]


# ---- generators


def test_gan_collapse() -> None:
    distances = [900.0 - 10 * epoch for epoch in range(N_EPOCHS)]
    collapsed = Curves({"frechet_distance": distances, "diversity": [0.9] * 8 + [0.1] * 12}, N_EPOCHS)
    assert kinds(collapsed) == ["gan_collapse"]
    assert the("gan_collapse", collapsed).evidence.numbers["highest_diversity"] == 0.9
    healthy = Curves({"frechet_distance": distances, "diversity": [0.2] * 8 + [0.9] * 12}, N_EPOCHS)
    assert kinds(healthy) == ["still_improving"]


def test_a_young_generator_has_not_collapsed() -> None:
    assert kinds(Curves({"diversity": [0.1] * 9}, 9)) == []
    assert kinds(Curves({"diversity": [0.03 * epoch for epoch in range(12)]}, 12)) == []
    assert kinds(Curves({"diversity": [0.1] * 12}, 12)) == ["gan_collapse"]


# ---- how rules live together


@pytest.mark.parametrize("missing", sorted(HEALTHY.metrics))
def test_a_missing_curve_silences_its_rules_only(missing: str) -> None:
    rest = {name: values for name, values in HEALTHY.metrics.items() if name != missing}
    expected = [] if missing.endswith("_loss") else ["good_fit"]
    assert kinds(Curves(rest, N_EPOCHS, "classification", 100, 1.0)) == expected


def test_without_a_reference_nothing_is_said_of_the_fit() -> None:
    flat = {"train_loss": curve(towards(1.2, 0.7, 0.5)), "val_loss": curve(towards(1.2, 0.72, 0.5))}
    assert kinds(Curves(flat, N_EPOCHS, "classification")) == ["plateau"]


def test_one_epoch_says_little() -> None:
    one = {
        "train_loss": [5.0],
        "val_loss": [9.0],
        "grad_ratio": [1e-9],
        "grad_norm": [0.5],
        "dead_units": [0.9],
        "diversity": [0.0],
    }
    assert kinds(Curves(one, 1, "classification", 100, 1.0)) == []


def test_unknown_epochs_are_left_out() -> None:
    unknown: list[float | None] = [None] * 5
    resumed = {name: [*unknown, *values[5:]] for name, values in HEALTHY.metrics.items()}
    assert kinds(Curves(resumed, N_EPOCHS, "classification", 100, 1.0)) == ["good_fit"]


def test_one_odd_epoch_decides_nothing() -> None:
    for epoch in range(N_EPOCHS):
        val = list(HEALTHY.metrics["val_loss"])
        val[epoch] = 5.0
        assert kinds(with_metrics(HEALTHY, val_loss=val)) == ["good_fit"]


def test_findings_come_in_order_of_importance() -> None:
    sick = with_metrics(
        learner(towards(1.2, 0.7), lambda epoch: 0.75 + 0.1 * (-1) ** epoch),
        grad_norm=[500.0] * N_EPOCHS,
        dead_units=[0.6] * N_EPOCHS,
    )
    found = kinds(sick)
    assert found == ["exploding_gradients", "dead_relus", "underfitting", "noisy_validation"]
    assert found == sorted(found, key=list(SEVERITIES).index)
    assert len(RULES) == len(SEVERITIES)
    assert all(kind not in silenced for kind, silenced in SILENCES.items())


def test_remedies_name_only_what_the_model_has() -> None:
    params = {"dropout": 0.0, "epochs": 8}
    turning = learner(towards(1.0, 0.01, 0.3), lambda epoch: 0.3 + 0.0005 * (epoch - 8) ** 2)
    everything = the("overfitting", turning).remedy.hints
    assert {"epochs", "dropout", "weight_decay"} < {hint.parameter for hint in everything} | {"epochs"}
    known = Curves(turning.metrics, N_EPOCHS, "classification", 100, 1.0, params=params)
    # Epochs are at the advised number already.
    assert [hint.parameter for hint in the("overfitting", known).remedy.hints] == ["dropout"]


def test_json_shape() -> None:
    turning = learner(towards(1.0, 0.01, 0.3), lambda epoch: 0.3 + 0.0005 * (epoch - 8) ** 2)
    shape = the("overfitting", turning).to_json()
    assert json.loads(json.dumps(shape, allow_nan=False)) == shape
    assert set(shape) == {"kind", "severity", "title", "evidence", "remedy"}
    assert shape["severity"] == "problem"


def test_reference_loss() -> None:
    assert reference_loss("classification", [50, 50]) == pytest.approx(math.log(2))
    assert reference_loss("next_token", [10, 10, 10, 10, 0]) == pytest.approx(math.log(4))
    assert reference_loss("classification", [90, 10]) == pytest.approx(0.3251, abs=1e-4)
    assert reference_loss("regression") == 1.0
    assert reference_loss("classification", [7, 0]) is None
    assert reference_loss("classification") is None


def test_reference_accuracy() -> None:
    assert reference_accuracy("classification", [90, 10]) == 0.9
    assert reference_accuracy("classification", [7, 0]) is None
    assert reference_accuracy("classification") is None
    assert reference_accuracy("regression") is None
