"""Turns logits into probabilities on development rows, every domain and class weighing the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from sentiment.training.data import Corpus, Row

DOMAINS = ("movie", "product", "app", "written")


def polar(corpus: Corpus, name: str) -> list[Row]:
    """Give a development set's clearly polar rows (apps: 1-2 against 5 stars)."""
    rows = corpus.dev[name]
    if name == "app":
        return [row for row in rows if row.stars in (1, 2, 5)]
    if name == "written":
        return [row for row in rows if row.neutral != 1 and row.intent != "mixed"]
    return [row for row in rows if row.negative in (0.0, 1.0) and row.neutral != 1]


def balanced_weights(domains: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Give weights that sum to 1 over each (domain, class)."""
    weights = np.zeros(len(domains))
    for domain in np.unique(domains):
        for label in (False, True):
            here = (domains == domain) & (negative == label)
            weights[here] = 1 / max(1, here.sum())
    return weights / weights.sum()


def fit_logistic(
    features: np.ndarray, negative: np.ndarray, weights: np.ndarray, pull: float = 0.0
) -> np.ndarray:
    """Fit P = sigmoid(features @ w + b) with no negative w; gives [*w, b].

    Each feature is a logit that speaks for the same side: one that votes the other way is noise.

    Args:
        features: Logits, [rows, features].
        negative: What is true, bool [rows].
        weights: Of the rows; they sum to 1.
        pull: How strongly each w is drawn to 1/2, for fits on few rows.
    """
    x = np.column_stack([features, np.ones(len(features))])

    def loss(w: np.ndarray) -> float:
        z = x @ w
        far = ((w[:-1] - 0.5) ** 2).sum()
        return float((weights * (np.logaddexp(0, z) - negative * z)).sum() + pull * far)

    bounds = [(0.0, None)] * (x.shape[1] - 1) + [(None, None)]
    return minimize(loss, np.full(x.shape[1], 0.5), method="L-BFGS-B", bounds=bounds).x
