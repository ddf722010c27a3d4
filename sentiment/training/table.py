"""Training rows as arrays: all that the deep stages read, on whatever machine they run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from sentiment.classifier import POLARITY
from sentiment.training import files
from sentiment.training.tags import TAGS, tag_targets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tokenizers import Tokenizer

    from sentiment.training.data import Row

CLS, MASK = 2, 4
MAX_TOKENS = 128
OUTPUTS = (*POLARITY, *TAGS)
"""What the deep model says; neutral is meant where the text is not negative."""


@dataclass(frozen=True)
class Table:
    """Tokenised texts and their labels.

    Attributes:
        ids: Token ids of all texts, one after the other, uint16 [tokens].
        starts: Where each text begins in ``ids``, and the end, int64 [rows + 1].
        labels: P of each of ``OUTPUTS``, NaN where unknown, float16 [rows, outputs].
        strength: How far polarity can be trusted, 0-1, float16 [rows].
        names: Sources (or development sets) by number.
        source: Which of ``names`` a row is from, int8 [rows].
        fold: Which part of the data a row is in, -1 where it is in none, int8 [rows].
    """

    ids: np.ndarray
    starts: np.ndarray
    labels: np.ndarray
    strength: np.ndarray
    names: np.ndarray
    source: np.ndarray
    fold: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row."""
        return np.diff(self.starts)

    def of(self, name: str) -> np.ndarray:
        """Give the row numbers of a source."""
        return np.flatnonzero(self.names[self.source] == name)

    def save(self, path: Path) -> None:
        """Write the arrays."""
        with files.replacing(path) as file:
            np.savez_compressed(file, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Table:
        """Read what ``save`` wrote."""
        with files.reading(path) as file, np.load(file, allow_pickle=False) as arrays:
            return cls(**{f.name: arrays[f.name] for f in fields(cls)})


def tokenise(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    """Give ids with [CLS] first; a long text keeps its first 3/4 and last 1/4."""
    room = MAX_TOKENS - 1
    head = room * 3 // 4
    result = []
    for encoding in tokenizer.encode_batch(texts):
        ids = encoding.ids
        if len(ids) > room:
            ids = ids[:head] + ids[head - room :]
        result.append([CLS, *ids])
    return result


def _labels(row: Row) -> np.ndarray:
    known = row.neutral >= 0 and row.negative <= 0.5
    polarity = (
        row.negative if row.strength > 0 else np.nan,
        float(row.neutral) if known and row.strength > 0 else np.nan,
    )
    return np.concatenate([polarity, tag_targets(row)])


def build(groups: Sequence[tuple[str, int, list[Row]]], tokenizer: Tokenizer) -> Table:
    """Tokenise rows given as (source, fold, rows)."""
    rows = [row for _, _, part in groups for row in part]
    tokens = tokenise(tokenizer, [row.text for row in rows])
    names = list(dict.fromkeys(name for name, _, _ in groups))
    sizes = [len(part) for _, _, part in groups]
    return Table(
        ids=np.concatenate([np.array(ids, np.uint16) for ids in tokens]),
        starts=np.cumsum([0, *map(len, tokens)]),
        labels=np.stack([_labels(row) for row in rows]).astype(np.float16),
        strength=np.array([row.strength for row in rows], np.float16),
        names=np.array(names),
        source=np.repeat([names.index(name) for name, _, _ in groups], sizes).astype(np.int8),
        fold=np.repeat([fold for _, fold, _ in groups], sizes).astype(np.int8),
    )
