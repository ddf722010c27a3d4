"""The wide model: a linear model over hashed character n-grams and words, in numpy alone.

A text is a bag of its character 1- to 5-grams (with a space before and after), its words and
its word pairs, each hashed into one of ``2**BITS`` buckets. A logit is the sum of the
buckets' weights divided by the root of the number of features, plus a bias. Everything is
done for a whole batch of texts at once; a text's logit does not depend on its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    UInts = npt.NDArray[np.uint64]
    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]

BITS = 22
LONGEST = 5
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_WORD = np.uint64(0x51ED270B0A1F39C1)
_PAIR = np.uint64(0xA24BAED4963EE407)
_SPACE = np.uint64(32)
_SLICE = 128
"""Texts read at once: more would need more memory and save no time."""


def _bucket(hashes: UInts, bits: int) -> Ints:
    mixed = (hashes ^ (hashes >> np.uint64(32))) * _MIX
    return (mixed >> np.uint64(64 - bits)).astype(np.int64)


def _words(codes: UInts, text_of: Ints) -> tuple[UInts, Ints]:
    """Hash each word; gives (hashes, text number of each word)."""
    inside = codes != _SPACE
    begins = inside & ~np.concatenate(([False], inside[:-1]))
    starts = np.flatnonzero(begins)
    if not starts.size:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    word_of = np.cumsum(begins) - 1
    place = (np.arange(codes.size) - starts[np.maximum(word_of, 0)]).astype(np.uint64)
    spun = (codes + np.uint64(1)) * (place * _STEP + _WORD)
    parts = np.where(inside, spun ^ (codes << place % np.uint64(31)), np.uint64(0))
    return np.add.reduceat(parts * _MIX, starts), text_of[starts]


def features(texts: Sequence[str], bits: int = BITS) -> tuple[Ints, Ints]:
    """Give the bucket and the text number of every feature of normalised texts."""
    padded = [f" {text} " for text in texts]
    joined = "".join(padded)
    codes = np.frombuffer(joined.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    lengths = np.fromiter((len(text) for text in padded), np.int64, len(padded))
    text_of = np.repeat(np.arange(len(padded)), lengths)
    hashes, owners = [], []
    with np.errstate(over="ignore"):
        rolling = np.zeros(codes.size, np.uint64)
        for length in range(1, min(LONGEST, codes.size) + 1):
            if length > 1:
                rolling = rolling[:-1]
            rolling = (rolling * _STEP) + codes[length - 1 :] + np.uint64(length)
            whole = text_of[: rolling.size] == text_of[length - 1 :]
            hashes.append(rolling[whole])
            owners.append(text_of[: rolling.size][whole])
        words, owner = _words(codes, text_of)
        together = owner[:-1] == owner[1:]
        pairs = words[:-1] * _PAIR + words[1:]
        hashes += words, pairs[together]
        owners += owner, owner[:-1][together]
        return _bucket(np.concatenate(hashes), bits), np.concatenate(owners)


@dataclass(frozen=True)
class Wide:
    """Weights of the wide model.

    Attributes:
        weights: int8 [2**bits, outputs]; a weight is worth ``q * |q|`` scales, which keeps
            the many small weights apart from 0.
        scales: float32 [outputs].
        biases: float32 [outputs].
    """

    weights: npt.NDArray[np.int8]
    scales: Floats
    biases: Floats

    @property
    def bits(self) -> int:
        """Number of hash bits."""
        return int(self.weights.shape[0]).bit_length() - 1

    def logits(self, texts: Sequence[str]) -> Floats:
        """Give logits float32 [texts, outputs] of normalised texts."""
        parts = [self._logits(texts[at : at + _SLICE]) for at in range(0, len(texts), _SLICE)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.biases)), np.float32)

    def _logits(self, texts: Sequence[str]) -> Floats:
        buckets, owner = features(texts, self.bits)
        count = np.bincount(owner, minlength=len(texts))
        picked = self.weights[buckets].astype(np.int32)
        picked *= np.abs(picked)
        # Sums of integers are exact, so the order of texts cannot change them.
        columns = [np.bincount(owner, column, minlength=len(texts)) for column in picked.T]
        total = np.column_stack(columns)
        scaled = total * self.scales / np.sqrt(np.maximum(count, 1))[:, None]
        result: Floats = (scaled + self.biases).astype(np.float32)
        return result


def load_wide(path: Path, outputs: int) -> Wide:
    """Read a model of so many outputs from its ``.npz`` file.

    Raises:
        ValueError: The arrays do not fit together.
        KeyError: One is missing.
        OSError, EOFError, zipfile.BadZipFile, zlib.error: The file cannot be read.
    """
    with path.open("rb") as file, np.load(file) as arrays:
        wide = Wide(arrays["weights"], arrays["scales"], arrays["biases"])
    if (
        wide.weights.shape != (1 << wide.bits, outputs)
        or wide.scales.shape != (outputs,)
        or wide.biases.shape != (outputs,)
    ):
        raise ValueError("the wide model's arrays do not fit together")
    return wide
