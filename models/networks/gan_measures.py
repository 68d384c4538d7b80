"""How near made examples are to real ones, as numbers that a search can go by; alone and in lanes.

All compare features (n, f), see `models.networks.gan_features`; a leading lane dimension is kept, and an example set
without one is shared by all lanes. A lane whose features are not finite has NaN for an answer and harms no other.
"""

import torch
from torch import Tensor


def frechet_and_diversity(made: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Compare mean and covariance.

    Args:
        made: (n, f) or (lanes, n, f) features of made examples, n at least 2.
        real: (m, f) or (lanes, m, f) features of real ones, m at least 2.

    Returns:
        The Fréchet distance between two normal distributions of these means and covariances C, squared as is usual:
        |mean - mean'|^2 + tr C + tr C' - 2 tr (C C')^(1/2), from 0. And tr (C C')^(1/2) / tr C' with C' of the real
        ones: how far made examples spread along the directions in which real ones do; 1 is as far, 0 not at all.
        Each () or (lanes,).

    Source: Heusel et al., arXiv 1706.08500, equation 6.
    """
    made_mean, made_covariance, is_finite = _moments(made)  # (..., f), (..., f, f), (...)
    real_mean, real_covariance, _ = _moments(real)  # (..., f), (..., f, f)
    root = _root(real_covariance)  # (..., f, f)
    # C C' has the eigenvalues of the symmetric root(C') C root(C').
    shared = torch.linalg.eigvalsh(root @ made_covariance @ root).clamp_min(0).sqrt().sum(dim=-1)  # (...)
    made_spread, real_spread = _trace(made_covariance), _trace(real_covariance)  # (...) each
    distance = (made_mean - real_mean).square().sum(dim=-1) + made_spread + real_spread - 2 * shared  # (...)
    diversity = shared / real_spread.clamp_min(torch.finfo(real_spread.dtype).tiny)  # (...)
    unknown = torch.full_like(distance, torch.nan)  # (...)
    return (
        torch.where(is_finite, distance.clamp_min(0), unknown).float(),
        torch.where(is_finite, diversity, unknown).float(),
    )


def kernel_distance(made: Tensor, real: Tensor) -> Tensor:
    """Estimate the squared maximum mean discrepancy under the kernel (a b + 1)^3.

    The features' mean squared length should be about 1, which is what dividing their product by f does to features
    of variance 1 in the source.

    Args:
        made: (n, f) or (lanes, n, f), n at least 2.
        real: (m, f) or (lanes, m, f), m at least 2.

    Returns:
        () or (lanes,), about 0 and at times below it where both come from the same source: the estimate is unbiased.

    Source: Binkowski et al., arXiv 1801.01401, equations 3 and 4.
    """
    return _mean_of_pairs(made) + _mean_of_pairs(real) - 2 * _kernel(made, real).mean(dim=(-2, -1))  # (...)


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    return (first @ second.transpose(-2, -1) + 1) ** 3  # (..., n, m)


def _mean_of_pairs(x: Tensor) -> Tensor:
    # Of different examples: one with itself would make the estimate too large.
    n = x.shape[-2]
    themselves = (x.square().sum(dim=-1) + 1).pow(3).sum(dim=-1)  # (...)
    return (_kernel(x, x).sum(dim=(-2, -1)) - themselves) / (n * (n - 1))  # (...)


def _moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    is_finite = x.isfinite().all(dim=-1).all(dim=-1)  # (...)
    x = torch.where(is_finite[..., None, None], x, torch.zeros_like(x)).double()  # (..., n, f)
    mean = x.mean(dim=-2)  # (..., f)
    rest = x - mean.unsqueeze(-2)  # (..., n, f)
    return mean, rest.transpose(-2, -1) @ rest / (x.shape[-2] - 1), is_finite


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)  # (..., f), (..., f, f)
    root: Tensor = (vectors * values.clamp_min(0).sqrt().unsqueeze(-2)) @ vectors.transpose(-2, -1)  # (..., f, f)
    return root


def _trace(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(dim=-1)  # (...)
