"""The mean of the latency model: time as a sum of work and traffic, with non-negative prices.

Williams, Waterman and Patterson, "Roofline" (CACM 2009), in its additive form: a tuned kernel
hides only part of its memory traffic, and the sum fits published layers better than the maximum.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from netadapt.latency.model.features import Array

# Rows further than this from the fit (log scale) lose weight: an unlucky schedule or a bad
# measurement must not move the prices of all others.
OUTLIER = 0.1
ROUNDS = 12
LEAST_MS = 1e-5


def fit_roofline(terms: Array, latency_ms: Array) -> Array:
    """Prices of the terms, all ≥ 0: least squares on relative error, outliers downweighted.

    terms [N, T], latency_ms [N] → [T].
    """
    weight = 1.0 / latency_ms
    prices = np.zeros(terms.shape[1])
    for _ in range(ROUNDS):
        prices, _ = nnls(terms * weight[:, None], latency_ms * weight)
        error = np.log(latency_ms / np.maximum(terms @ prices, LEAST_MS))
        weight = 1.0 / (latency_ms * np.sqrt(1.0 + (error / OUTLIER) ** 2))
    return prices


def log_roofline(terms: Array, prices: Array) -> Array:
    """Logarithm of the priced terms in milliseconds, [N]."""
    logarithm: Array = np.log(np.maximum(terms @ prices, LEAST_MS))
    return logarithm
