"""This repository's samplers, asked as the service asks them: with the whole history, running trials included."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.search.peers.base import Setting
from benchmarks.search.spaces import Value
from search.samplers import get_sampler
from search.space import parse_space
from search.types import PastTrial, SuggestRequest


class Ours:
    """A study without a database."""

    def __init__(self, setting: Setting, sampler: str) -> None:
        self._sampler = get_sampler(sampler)
        self._setting = setting
        self._space = parse_space(setting.space.to_json())
        self._trials: list[PastTrial] = []

    def ask(self) -> dict[str, Value]:
        """Ask for the next trial.

        Raises:
            RuntimeError: The sampler has come to an end.
        """
        number = len(self._trials)
        request = SuggestRequest(
            space=self._space,
            directions=("minimize",),
            seed=self._setting.seed,
            number=number,
            cell=number,
            history=tuple(self._trials),
            n_trials=self._setting.n_trials,
            max_parallel=self._setting.max_parallel,
        )
        suggestion = self._sampler.suggest(request)
        if suggestion is None:
            raise RuntimeError(f"the sampler '{self._sampler.name}' proposes nothing after {number} trials")
        self._trials.append(PastTrial(number, "RUNNING", suggestion.params))
        return {name: value for name, value in suggestion.params.items() if value is not None}

    def tell(self, number: int, loss: float) -> None:
        """Finish a trial."""
        self._trials[number] = replace(self._trials[number], state="COMPLETE", values=(loss,))


def build(setting: Setting) -> Ours:
    """Start a search with `bayesian`."""
    return Ours(setting, "bayesian")
