"""Chooses, on development sentences, how likely a tag must be; prints, changes nothing.

The chosen numbers are constants in ``complaints``, ``abuse`` and ``classifier``.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from domain.types import ComplaintCategory, Severity
from sentiment import abuse, complaints
from sentiment.classifier import MIXED_ALONE
from sentiment.evaluate import macro_f1
from sentiment.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.classifier import ShippedScorer
    from sentiment.training.data import Row

GRID = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def _pairs(tag: np.ndarray, words: np.ndarray, truth: np.ndarray, limit: float) -> None:
    best: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    for alone, with_words in itertools.product(GRID, (*GRID, 0.0)):
        if with_words > alone:
            continue
        said = np.where(words, tag >= with_words, tag >= alone)
        recall, false = float(said[truth].mean()), float(said[~truth].mean())
        if false <= limit and (recall, -false) > (best[0], -best[1]):
            best = (recall, false, alone, with_words)
    print(
        "recall {:.3f} false {:.3f} alone {:.2f} with words {:.2f}".format(*best),
        "n",
        int(truth.sum()),
    )


def choose(scorer: ShippedScorer, rows: Sequence[Row]) -> None:
    """Print the best thresholds for categories, severity, hostility and intent."""
    found = scorer.score([row.text for row in rows], 32, tags=True)
    tags = {name: found.tags[:, i] for i, name in enumerate(found.tag_names)}
    folded = [fold(row.text) for row in rows]
    shown = [complaints.find_categories(text) for text in folded]
    negative = np.array([row.negative == 1 for row in rows])
    names = list(ComplaintCategory)
    truth = np.array([[c.value in (row.categories or ()) for c in names] for row in rows])
    probability = np.column_stack([tags[c.value] for c in names])
    words = np.array([[c in s for c in names] for s in shown])
    complains = found.negative >= 0.5
    in_passing = ~complains & (np.minimum(tags["complaint"], tags["praise"]) > MIXED_ALONE)
    likeliest = probability == probability.max(axis=1, keepdims=True)

    def told(alone: float, with_words: float, passing: float) -> np.ndarray:
        own = np.where(words, probability >= with_words, probability >= alone)
        own |= likeliest & ~own.any(axis=1, keepdims=True)
        blamed = (probability >= passing) & in_passing[:, None]
        return np.where(complains[:, None], own, blamed)

    best = max(
        (macro_f1(truth, told(a, b, c)), a, b, c)
        for a, b, c in itertools.product(GRID, GRID, GRID)
        if b <= a
    )
    print("categories macro-F1 {:.3f} alone {:.2f} words {:.2f} in passing {:.2f}".format(*best))
    severity = [complaints.find_severity(text)[0] for text in folded]
    gate = found.negative >= 0.5
    for name, level, limit in (
        ("critical", Severity.CRITICAL, 0.02),
        ("high", Severity.HIGH, 0.06),
    ):
        tag = (tags[name] if name == "critical" else tags["critical"] + tags["high"]) * gate
        hit = np.array([s is level or s is Severity.CRITICAL for s in severity])
        target = np.array([r.severity in (level.value, "critical") for r in rows])
        print(name, end=" ")
        _pairs(tag, hit, target, limit)
    hostile = np.array(
        [bool(abuse.find(f, s)) for f, s in zip(folded, found.negative, strict=True)]
    )
    print("abuse", end=" ")
    _pairs(tags["abusive"], hostile, np.array([row.abusive == 1 for row in rows]), 0.015)
    intents = np.array([row.intent for row in rows])
    both = np.minimum(tags["complaint"], tags["praise"])
    for limit in GRID:
        said = both > limit
        print("mixed", limit, macro_f1((intents == "mixed")[:, None], said[:, None]))
    for limit in GRID:
        said = (tags["question"] > limit) & ~negative
        print("question", limit, macro_f1((intents == "question")[:, None], said[:, None]))
