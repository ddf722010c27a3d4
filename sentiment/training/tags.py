"""The tags that models give a text beside its polarity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sentiment.training.data import Row

CATEGORIES = (
    "delivery",
    "stock",
    "defect",
    "quality",
    "mismatch",
    "return_refund",
    "service",
    "price",
    "packaging",
    "safety",
    "other",
)
TAGS = (*CATEGORIES, "critical", "high", "abusive", "question", "praise", "complaint")


def tag_targets(row: Row) -> np.ndarray:
    """Give float32 [len(TAGS)], NaN where the label is unknown."""
    target = np.full(len(TAGS), np.nan, np.float32)
    if row.categories is not None:
        target[: len(CATEGORIES)] = [name in row.categories for name in CATEGORIES]
        target[TAGS.index("critical")] = row.severity == "critical"
        target[TAGS.index("high")] = row.severity == "high"
        target[TAGS.index("question")] = row.intent == "question"
        target[TAGS.index("praise")] = row.intent in ("praise", "mixed")
        target[TAGS.index("complaint")] = row.intent in ("complaint", "mixed")
    if row.abusive >= 0:
        target[TAGS.index("abusive")] = row.abusive
    return target
