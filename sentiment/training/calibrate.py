"""Turns logits into probabilities on development rows, every domain and class weighing the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

if TYPE_CHECKING:
    from sentiment.training.data import Corpus, Row

DOMAINS = ("movie", "product", "app", "written")
MOST = 6000
"""Development texts of one set that join the models; those after them may teach a head."""


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
    features: np.ndarray,
    negative: np.ndarray,
    weights: np.ndarray,
    pull: float = 0.0,
    free: int = 0,
) -> np.ndarray:
    """Fit P = sigmoid(features @ w + b) with no negative w; gives [*w, b].

    Each feature is a logit that speaks for the same side: one that votes the other way is noise.

    Args:
        features: Logits, [rows, features].
        free: How many of them, the last, may speak for either side.
        negative: What is true, bool [rows].
        weights: Of the rows; they sum to 1.
        pull: How strongly each w is drawn to 1/2, or to 0 where it may speak for either side: for fits
            on few rows.
    """
    x = np.column_stack([features, np.ones(len(features))])
    return _fit(x, np.arange(x.shape[1]) >= features.shape[1] - free, negative, weights, pull)


def fit_gated(
    shops: np.ndarray,
    films: np.ndarray,
    film: np.ndarray,
    negative: np.ndarray,
    weights: np.ndarray,
    free: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a regression for shops and one for films together; gives [*w, b] of each.

    Args:
        shops: Logits that have a say about shops, [rows, features].
        free: How many of them, the last, may speak for either side.
        films: The same about films.
        film: How far a row counts as a film review, 0-1, [rows].
        negative: What is true, bool [rows].
        weights: Of the rows; they sum to 1.
    """
    parts = [
        share[:, None] * np.column_stack([votes, np.ones(len(votes))])
        for votes, share in ((shops, 1 - film), (films, film))
    ]
    x = np.concatenate(parts, axis=1)
    place = np.arange(x.shape[1])
    either = (place >= shops.shape[1] - free) & (place <= shops.shape[1]) | (place == place[-1])
    found = _fit(x, either, negative, weights)
    return found[: shops.shape[1] + 1], found[shops.shape[1] + 1 :]


def _fit(
    x: np.ndarray, either: np.ndarray, negative: np.ndarray, weights: np.ndarray, pull: float = 0.0
) -> np.ndarray:
    """Fit P = sigmoid(x @ w); only where ``either``, bool [columns], may w be negative."""

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ w
        far = np.append((w - np.where(either, 0, 0.5))[:-1], 0)
        value = (weights * (np.logaddexp(0, z) - negative * z)).sum() + pull * (far**2).sum()
        return float(value), x.T @ (weights * (expit(z) - negative)) + 2 * pull * far

    return minimize(
        loss,
        np.where(either, 0, 0.5),
        jac=True,
        method="L-BFGS-B",
        bounds=[(None if free else 0.0, None) for free in either],
        options={"maxiter": 3000},
    ).x
