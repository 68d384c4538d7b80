"""Combinations of settings: which cannot be built, and which can train together as lanes of one program."""

import itertools
from collections.abc import Hashable, Iterable, Mapping

from models.catalogue.checks import complete_params, list_texts
from models.catalogue.entries import DataFacts, DatasetInfo, ModelInfo, ParamValue, Rule
from models.catalogue.errors import CatalogueError

MAX_FOLDS = 20


def check_combination(
    model: ModelInfo, params: Mapping[str, object], dataset: DataFacts | None = None, field: str = "params"
) -> dict[str, ParamValue]:
    """Refuse parameters that are sound one by one and impossible together.

    Args:
        model: the catalogue's entry.
        params: values by hyperparameter name; missing ones take their defaults.
        dataset: the data, where known.
        field: name of the mapping in the caller's document.

    Returns:
        The complete parameters.

    Raises:
        CatalogueError: `impossible_combination`, or what `complete_params` raises.
    """
    complete = complete_params(model, params, field)
    for rule in model.rules:
        wrong = rule.check(complete, dataset)
        if wrong is not None:
            raise _refusal(rule, wrong, field)
    return complete


def check_space_combinations(
    model: ModelInfo,
    fixed: Mapping[str, object],
    space: Mapping[str, Mapping[str, object]],
    dataset: DataFacts | None = None,
) -> None:
    """Refuse a study none of whose trials could be built.

    Each rule is held against the ends and choices of the parameters it speaks of. A rule that some of them satisfy
    passes: the trials that break it are refused one by one, before they train.

    Args:
        model: the catalogue's entry.
        fixed: values that the study sets.
        space: distributions by hyperparameter name, each sound in itself.
        dataset: the study's data, where known.

    Raises:
        CatalogueError: `impossible_combination`.
    """
    base = complete_params(model, {name: value for name, value in fixed.items() if name not in space}, "fixed")
    for rule in model.rules:
        names = [name for name in rule.fields if name in space]
        options = [end_values(space[name], base[name]) for name in names]
        wrongs = [
            rule.check({**base, **dict(zip(names, chosen, strict=True))}, dataset)
            for chosen in itertools.product(*options)
        ]
        if wrongs and all(wrong is not None for wrong in wrongs):
            in_fixed = next((name for name in rule.fields if name in fixed), None)
            raise _refusal(rule, str(wrongs[0]), "search_space" if in_fixed is None and names else "fixed")


def check_folds(dataset: DatasetInfo, n_folds: int, field: str = "evaluation.folds") -> None:
    """Refuse a cross-validation that the data does not allow.

    Args:
        dataset: the catalogue's entry.
        n_folds: parts that take turns as validation part.
        field: where the number stood.

    Raises:
        CatalogueError: `out_of_range`, or `unfit_folds` for data in the order of time or with too few rows.
    """
    if not 2 <= n_folds <= MAX_FOLDS:
        raise CatalogueError(
            "out_of_range",
            f"{n_folds} folds: out of range.",
            field,
            f"Accepted: a whole number from 2 to {MAX_FOLDS}.",
        )
    if dataset.is_chronological:
        raise CatalogueError(
            "unfit_folds",
            f"{dataset.name} is in the order of time: a fold would be validated on the past of its training part.",
            field,
            "Use the holdout.",
        )
    n_rows = dataset.n_train + dataset.n_val
    if n_rows < 2 * n_folds:
        raise CatalogueError(
            "unfit_folds", f"{dataset.name} has {n_rows} rows for {n_folds} folds.", field, "Fewer folds."
        )


def end_values(distribution: Mapping[str, object], default: ParamValue) -> list[ParamValue]:
    """Return the values of a distribution that rules are held against: its choices, or its ends.

    Args:
        distribution: as a search space has it; of a list the shortest and the longest texts of end values.
        default: what a network takes while the parameter is not active; counts where it has conditions.
    """
    inactive = [default] if distribution.get("when") else []
    each, length = distribution.get("each"), distribution.get("length")
    if isinstance(each, Mapping) and isinstance(length, Mapping):
        return [*list_texts(each, length), *inactive]
    choices = distribution.get("choices")
    if isinstance(choices, Iterable):
        return [*choices, *inactive]
    ends = [distribution[end] for end in ("low", "high", "value") if end in distribution]
    return [*ends, *inactive]  # type: ignore[list-item]


def structure_key(model: ModelInfo, params: Mapping[str, object]) -> Hashable:
    """Return what trials must share to train as lanes of one program: all settings that are not per-lane numbers.

    Args:
        model: the catalogue's entry.
        params: values by hyperparameter name; missing ones take their defaults.

    Returns:
        Equal for trials that fit together.

    Raises:
        CatalogueError: what `complete_params` raises.
    """
    complete = complete_params(model, params)
    return (
        model.name,
        *((name, value) for name, value in complete.items() if not model.hyperparameters[name].per_lane),
    )


def _refusal(rule: Rule, wrong: str, field: str) -> CatalogueError:
    message = wrong[0].upper() + wrong[1:] + "."
    return CatalogueError("impossible_combination", message, f"{field}.{rule.fields[0]}", rule.hint)
