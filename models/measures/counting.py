"""Next tokens by counting, with the two methods of a classifier of scikit-learn.

Source: the maximum-likelihood n-gram with Laplace's rule of succession: one is added to each count.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Tokens = npt.NDArray[np.int64]


class Bigram:
    """Foretell the next token from the present one."""

    def __init__(self, n_tokens: int) -> None:
        """Start without having read anything.

        Args:
            n_tokens: size of the vocabulary.
        """
        self.n_tokens = n_tokens
        self.chances = np.full((n_tokens, n_tokens), 1 / n_tokens)  # (present, next), rows sum to 1

    def fit(self, features: Array, targets: Tokens) -> "Bigram":
        """Count which token follows which.

        Args:
            features: (n, steps) tokens, of any number type.
            targets: (n, steps) the tokens that follow.
        """
        pairs = features.astype(np.int64).ravel() * self.n_tokens + targets.ravel()  # (n * steps,)
        counts = 1.0 + np.bincount(pairs, minlength=self.n_tokens**2).reshape(self.n_tokens, self.n_tokens)
        self.chances = counts / counts.sum(axis=1, keepdims=True)  # (present, next)
        return self

    def predict_proba(self, features: Array) -> Array:
        """Return the chances of each token to come next, (n, steps, n_tokens)."""
        return self.chances[features.astype(np.int64)]  # (n, steps, n_tokens)


class Unigram(Bigram):
    """Foretell the next token from nothing: the most frequent ones."""

    def fit(self, features: Array, targets: Tokens) -> "Unigram":
        """Count tokens.

        Args:
            features: (n, steps), not looked at.
            targets: (n, steps) the tokens to foretell.
        """
        counts = 1.0 + np.bincount(targets.ravel(), minlength=self.n_tokens)  # (n_tokens,)
        self.chances = np.tile(counts / counts.sum(), (self.n_tokens, 1))  # (present, next)
        return self
