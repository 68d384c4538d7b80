"""The terms of a polynomial as a layer: powers and products of features, on one scale, chosen one after the other.

Source: forward selection as in Efroymson, Multiple regression analysis, in Mathematical Methods for Digital Computers,
1960; done on covariances, from which each chosen term is swept out.
"""

from collections.abc import Mapping
from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn

from models.catalogue.linear import count_terms

ROWS_AT_ONCE = 4096
LEAST_VARIANCE = 1e-9
"""Share of a term's variance that must be left for it to say anything; rounding is smaller."""


class Products(nn.Module):
    """Make the terms of one degree: each is a term of the degree below it times a feature."""

    below: Tensor
    by: Tensor

    def __init__(self, n_inputs: int, degree: int, interactions: bool) -> None:
        """List the terms.

        Args:
            n_inputs: d.
            degree: 2 or more.
            interactions: whether there are products of different features.
        """
        super().__init__()
        below = by = torch.arange(n_inputs)  # (d,)  powers alone
        if interactions:
            lower = combinations_with_replacement(range(n_inputs), degree - 1)
            places = {features: place for place, features in enumerate(lower)}
            terms = list(combinations_with_replacement(range(n_inputs), degree))
            below = torch.tensor([places[features[:-1]] for features in terms])  # (products,)
            by = torch.tensor([features[-1] for features in terms])  # (products,)
        self.register_buffer("below", below, persistent=False)
        self.register_buffer("by", by, persistent=False)

    def forward(self, lower: Tensor, x: Tensor) -> Tensor:
        """Multiply: the terms of the degree below (..., n, k) and the features (..., n, d) to (..., n, products)."""
        return lower.index_select(-1, self.below) * x.index_select(-1, self.by)  # (..., n, products)


class Terms(nn.Module):
    """Make the terms of a polynomial: (n, d) to (n, terms), in lanes (lanes, n, d) to (lanes, n, terms).

    The terms of degree 1 come first, then those of degree 2, then those of degree 3, each in the order of
    `itertools.combinations_with_replacement`.

    Attributes:
        factor: what each term is multiplied by; 0 for a term that is left out.
        shift: what is then added to it.
        is_idle: whether it hands the features on as they are.
    """

    factor: Tensor
    shift: Tensor

    def __init__(self, n_inputs: int, degree: int, interactions: bool, n_chosen: int = 0) -> None:
        """Make the layer; until `fit` has seen data it keeps all terms on the scale they come in.

        Args:
            n_inputs: d.
            degree: highest power, 1 to 3.
            interactions: whether there are products of different features.
            n_chosen: terms that `fit` chooses; 0 for all.
        """
        super().__init__()
        self.degree = degree
        self.n_chosen = n_chosen
        self.is_idle = degree == 1 and n_chosen == 0
        self.powers = nn.ModuleList(Products(n_inputs, power, interactions) for power in range(2, degree + 1))
        self.n_terms = count_terms(n_inputs, degree, interactions)
        self.register_buffer("factor", torch.ones(self.n_terms))  # (terms,)
        self.register_buffer("shift", torch.zeros(self.n_terms))  # (terms,)

    def set_numbers(self, numbers: Mapping[str, list[float]]) -> None:
        """Take note of how many terms each lane has chosen, from the hyperparameter `n_features`."""
        self.is_idle = self.degree == 1 and not any(numbers["n_features"])

    def forward(self, x: Tensor) -> Tensor:
        """Return the terms that were chosen, each on its scale, and 0 for the others."""
        if self.is_idle:
            return x  # (..., n, d)
        terms = self.products(x)  # (..., n, terms)
        return torch.addcmul(self.shift.unsqueeze(-2), terms, self.factor.unsqueeze(-2))  # (..., n, terms)

    def products(self, x: Tensor) -> Tensor:
        """Return all terms as they come: (..., n, d) to (..., n, terms)."""
        by_degree = [x]
        for power in self.powers:
            by_degree.append(power(by_degree[-1], x))  # (..., n, products)
        return torch.cat(by_degree, dim=-1) if self.degree > 1 else x  # (..., n, terms)

    def fit(self, x: Tensor, targets: Tensor) -> Tensor:
        """Choose terms, and bring those of a polynomial on one scale.

        Args:
            x: (n, d) the training part.
            targets: (n, outputs) what is to be explained.

        Returns:
            (terms,) 1 for the terms that are kept and 0 for the others.

        Effects:
            Sets `factor` and `shift`. Without a polynomial features keep the scale of the data set.
        """
        kept = torch.ones_like(self.factor)  # (terms,)
        if self.degree > 1:
            self._standardise(x)
        if 0 < self.n_chosen < self.n_terms:
            kept.zero_()[choose_forward(*self._covariances(x, targets), self.n_chosen)] = 1
        self.factor.mul_(kept)
        self.shift.mul_(kept)
        return kept

    def _standardise(self, x: Tensor) -> None:
        sums = torch.zeros(2, self.n_terms, dtype=torch.float64)  # (2, terms)
        for rows in torch.split(x, ROWS_AT_ONCE):
            terms = self.products(rows.double())  # (n, terms)
            sums += torch.stack([terms.sum(dim=0), terms.square().sum(dim=0)])  # (2, terms)
        mean, mean_square = sums / len(x)  # (terms,) each
        variance = mean_square - mean.square()  # (terms,)
        is_constant = variance <= LEAST_VARIANCE * mean_square  # (terms,)
        factor = torch.where(is_constant, 1.0, variance.clamp(min=0).rsqrt())  # (terms,)
        self.factor.copy_(factor)
        self.shift.copy_(-mean * factor)

    def _covariances(self, x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        # In double precision, since small differences of large sums decide.
        sums = torch.zeros(self.n_terms + targets.shape[1], dtype=torch.float64)  # (terms + outputs,)
        squares = torch.zeros(self.n_terms, len(sums), dtype=torch.float64)  # (terms, terms + outputs)
        for rows, wanted in zip(torch.split(x, ROWS_AT_ONCE), torch.split(targets, ROWS_AT_ONCE), strict=True):
            both = torch.cat([self(rows), wanted], dim=1).double()  # (n, terms + outputs)
            sums += both.sum(dim=0)  # (terms + outputs,)
            squares += both[:, : self.n_terms].T @ both  # (terms, terms + outputs)
        mean = sums / len(x)  # (terms + outputs,)
        covariances = squares / len(x) - torch.outer(mean[: self.n_terms], mean)  # (terms, terms + outputs)
        return covariances[:, : self.n_terms], covariances[:, self.n_terms :]


def choose_forward(covariance: Tensor, with_targets: Tensor, n_chosen: int) -> list[int]:
    """Choose terms for least squares, each the one that lowers the sum of squared errors most.

    Args:
        covariance: (terms, terms) of the terms with each other, all on about one scale.
        with_targets: (terms, outputs) of the terms with what is to be explained.
        n_chosen: how many to choose.

    Returns:
        Numbers of terms in the order of their choice; fewer where all others are sums of those.
    """
    left, explained = covariance.clone(), with_targets.clone()  # (terms, terms), (terms, outputs)
    least = LEAST_VARIANCE * covariance.diagonal().max()  # ()
    chosen: list[int] = []
    while len(chosen) < n_chosen:
        variance = left.diagonal()  # (terms,)
        gain = torch.where(variance > least, explained.square().sum(dim=1) / variance, -1.0)  # (terms,)
        best = int(gain.argmax())
        if gain[best] < 0:
            break
        chosen.append(best)
        column = left[:, best] / left[best, best]  # (terms,)
        explained -= torch.outer(column, explained[best])  # (terms, outputs)
        left -= torch.outer(column, left[best])  # (terms, terms)
    return chosen
