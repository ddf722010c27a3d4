"""Trains the wide model by L-BFGS on weighted, soft-labelled rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import expit

from sentiment.training.tags import tag_targets
from sentiment.wide import BITS, Wide, features

if TYPE_CHECKING:
    from sentiment.training.data import Row

WEIGHT = {"movie": 1.0, "product": 5.0, "app": 5.0, "kote": 1.0, "written": 5.0, "hate": 0.0}


def matrix(texts: list[str], bits: int = BITS, chunk: int = 20000) -> sp.csr_matrix:
    """Give counts / sqrt(features of the text), float32 [texts, 2**bits]."""
    blocks = []
    for at in range(0, len(texts), chunk):
        part = texts[at : at + chunk]
        column, row = (array.astype(np.int32) for array in features(part, bits))
        size = np.bincount(row, minlength=len(part)).astype(np.float32)
        values = 1 / np.sqrt(size[row])
        blocks.append(sp.csr_matrix((values, (row, column)), shape=(len(part), 1 << bits)))
    return sp.vstack(blocks, format="csr")


def inverse_frequency(x: sp.csr_matrix, least: int) -> np.ndarray:
    """Give idf per bucket; 0 for buckets met in fewer than ``least`` texts."""
    seen = np.bincount(x.indices, minlength=x.shape[1])
    idf = np.log((1 + x.shape[0]) / (1 + seen)).astype(np.float32) + 1
    return np.where(seen >= least, idf / 6, 0).astype(np.float32)


def fit(
    x: sp.csr_matrix,
    target: np.ndarray,
    weight: np.ndarray,
    penalty: float,
    iterations: int = 60,
    start: np.ndarray | float = 0.0,
) -> tuple[np.ndarray, float]:
    """Fit a logistic regression; gives (weights float32, bias).

    ``start`` is the logit that each row has without them. Loss: weighted mean cross-entropy + penalty / 2 * |w|^2 / total weight.
    """
    used = np.flatnonzero(np.bincount(x.indices, np.abs(x.data), minlength=x.shape[1]) > 0)
    width = x.shape[1]
    x = x[:, used]
    back = x.T.tocsr()
    total = weight.sum()

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        w, b = point[:-1].astype(np.float32), point[-1]
        z = start + x @ w + b
        value = (weight * (np.logaddexp(0, z) - target * z)).sum() / total
        error = (weight * (expit(z) - target) / total).astype(np.float32)
        gradient = np.empty_like(point)
        gradient[:-1] = back @ error + penalty / total * w
        gradient[-1] = error.sum()
        return value + penalty / 2 / total * float(w @ w), gradient

    found = minimize(
        loss,
        np.zeros(len(used) + 1),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "maxcor": 8},
    )
    weights = np.zeros(width, np.float32)
    weights[used] = found.x[:-1]
    return weights, float(found.x[-1])


def row_weights(rows: list[Row]) -> np.ndarray:
    """Give each row's weight: its domain's, balanced between the classes of the domain."""
    weights = np.array([WEIGHT[r.source] * r.strength for r in rows])
    negative = np.array([r.negative for r in rows])
    source = np.array([r.source for r in rows])
    for name in set(source):
        here = source == name
        mass_negative = (weights * negative)[here].sum()
        mass_other = (weights * (1 - negative))[here].sum()
        if mass_negative > 0 and mass_other > 0:
            lift = mass_other / mass_negative
            weights[here] *= (negative[here] * lift + (1 - negative[here])) * 2 / (1 + lift)
    return weights


def neutral_rows(rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Choose rows that are not negative for the neutral output; gives (rows, weights)."""
    rng = np.random.default_rng(1)
    chosen = np.array(
        [
            i
            for i, row in enumerate(rows)
            if row.neutral >= 0
            and row.negative <= 0.5
            and (row.source != "movie" or rng.random() < 0.45)
        ]
    )
    weight = {"written": 12.0, "app": 3.0}
    weights = np.array([weight.get(rows[i].source, 1.0) for i in chosen])
    neutral = np.array([rows[i].neutral == 1 for i in chosen])
    weights[neutral] *= 0.5 * weights[~neutral].sum() / weights[neutral].sum()
    return chosen, weights


FILM_ODDS = -2.0
"""Log odds that a text is about a film where its words do not tell: most shops sell other things."""


def film_rows(rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Choose rows for the output that knows film reviews from shop texts; gives (rows, weights)."""
    rng = np.random.default_rng(1)
    source = np.array([row.source for row in rows])
    share = {"movie": 1.0, "product": 0.3, "app": 0.3, "written": 0.4}
    parts = {name: np.flatnonzero(source == name) for name in share}
    parts["movie"] = rng.permutation(parts["movie"])[:200_000]
    chosen = np.concatenate(list(parts.values()))
    weights = [np.full(len(part), share[name] / len(part)) for name, part in parts.items()]
    return chosen, np.concatenate(weights) * len(chosen)


def fit_polarity(rows: list[Row]) -> Wide:
    """Fit the outputs ``classifier.WIDE_OUTPUTS`` on rows whose polarity is known."""
    x = matrix([row.text for row in rows])
    idf = inverse_frequency(x, 3)
    x.data *= idf[x.indices]
    x.eliminate_zeros()
    everything = np.arange(len(rows))
    polar = np.array(
        [i for i, row in enumerate(rows) if row.source == "movie" and not 5 <= row.stars <= 8]
    )
    calm, calm_weights = neutral_rows(rows)
    told, told_weights = film_rows(rows)
    negative, neutral, stars, film = (
        np.array([value(row) for row in rows], float)
        for value in (
            lambda row: row.negative,
            lambda row: row.neutral,
            lambda row: row.stars <= 4,
            lambda row: row.source == "movie",
        )
    )
    plans = (
        (everything, negative, row_weights(rows), 1.0, 150),
        (calm, neutral, calm_weights, 3.0, 40),
        (polar, stars, row_weights([rows[i] for i in polar]), 0.25, 100),
        (told, film, told_weights, 1.0, 40),
    )
    columns = np.zeros((1 << BITS, len(plans)), np.float32)
    biases = np.zeros(len(plans))
    for number, (chosen, target, weights, penalty, steps) in enumerate(plans):
        fitted, biases[number] = fit(x[chosen], target[chosen], weights, penalty, steps)
        columns[:, number] = fitted * idf
    biases[-1] += FILM_ODDS
    return quantise(columns, biases)


NEW_WEIGHT, FURTHER_PENALTY, FURTHER_FILMS = 3.0, 5.0, 40_000


def further(model: Wide, rows: list[Row], new: set[str]) -> Wide:
    """Teach the first output the texts in ``new``, and hold it to its own judgement of all others.

    Film reviews have an output of their own and only hold this one: some of them are enough.
    """
    rng = np.random.default_rng(1)
    films = [row for row in rows if row.source == "movie"]
    kept = [films[i] for i in rng.permutation(len(films))[:FURTHER_FILMS]]
    kept += [row for row in rows if row.source != "movie" and WEIGHT[row.source]]
    x = matrix([row.text for row in kept])
    before = model.weights.astype(np.float32)
    before *= np.abs(before) * model.scales
    start = x @ before[:, 0] + model.biases[0]
    is_new = np.array([row.text in new for row in kept])
    target = np.where(is_new, [row.negative for row in kept], expit(start))
    weight = row_weights(kept) * np.where(is_new, NEW_WEIGHT, 1.0)
    weight[[row.source == "movie" for row in kept]] *= 0.5
    idf = inverse_frequency(x, 2)
    x.data *= idf[x.indices]
    x.eliminate_zeros()
    moved, shift = fit(x, target, weight, FURTHER_PENALTY, 40, start)
    before[:, 0] += moved * idf
    return quantise(before, model.biases + np.eye(len(model.biases))[0] * shift)


def fit_tags(rows: list[Row], bits: int, penalty: float) -> Wide:
    """Fit one small linear model for each tag of ``encoder.TAGS`` on rows that carry tags."""
    x = matrix([row.text for row in rows], bits)
    idf = inverse_frequency(x, 2)
    x.data *= idf[x.indices]
    x.eliminate_zeros()
    targets = np.stack([tag_targets(row) for row in rows])
    columns = np.zeros((1 << bits, targets.shape[1]), np.float32)
    biases = np.zeros(targets.shape[1])
    for number in range(targets.shape[1]):
        known = ~np.isnan(targets[:, number])
        target = targets[known, number]
        weights = np.where(target == 1, 0.5 * (1 - target.mean()) / max(target.mean(), 1e-3), 1.0)
        weights = np.maximum(weights, 1.0)
        fitted, biases[number] = fit(x[known], target, weights, penalty, 60)
        columns[:, number] = fitted * idf
    return quantise(columns, biases)


def quantise(weights: np.ndarray, biases: np.ndarray) -> Wide:
    """Round float weights [2**bits, outputs] to int8 by output."""
    scales = np.maximum(np.abs(weights).max(axis=0) / 127**2, 1e-9)
    rounded = np.sign(weights) * np.clip(np.rint(np.sqrt(np.abs(weights) / scales)), 0, 127)
    return Wide(rounded.astype(np.int8), scales.astype(np.float32), biases.astype(np.float32))
