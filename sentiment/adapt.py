"""Learns one brand's own language on top of the shipped model.

"정말 다네요" is praise for one brand and a complaint for another. An adapter moves the shipped
model's logit: ``slope * logit + shift + words``, where ``words`` is a small hashed linear
model over the same n-grams as the wide model. It is learnt from the brand's starred feedback
and its specialists' corrections, measured on a held-out part, kept only where it helps, and
versioned in a directory that belongs to one brand.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from domain.errors import BadInputError, ConfigurationError
from sentiment.text import normalise
from sentiment.wide import features

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy.typing as npt

    from sentiment.classifier import Classifier

    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]

BITS = 16
STEPS = 80
SMALLEST_CLASS = 10
"""Fewer texts of a class than this teach nothing and prove nothing."""
CORRECTION_WEIGHT = 4.0
"""What a specialist's correction counts beside a star rating."""
_PENALTIES = (3e-3, 3e-4)
_LEAST_SLOPE = 0.7
"""A flatter line lowers the log loss of any stars that fit badly, and is unsure of every text."""
_LEAST_READ = 0.7
"""What shipped model or adapter must read of the stars, balanced; drawn by lot they give .5."""
_LEAST_AGREEMENT = 0.3
"""What the shipped model alone must: a column whose best is 1 can be learnt by heart."""
_HELD_OUT, _CHOICE = (0, 1), (2,)  # of ten parts


@dataclass(frozen=True)
class Lesson:
    """One text of the brand and what it is.

    Attributes:
        negative: From the stars (1-2 True, 4-5 False; leave 3 out) or the correction.
        corrected: True when a specialist said so (label change, dismissed alert).
    """

    text: str
    negative: bool
    corrected: bool = False


@dataclass(frozen=True)
class Measure:
    """How good scores are on the held-out part, both classes weighing the same.

    Attributes:
        accuracy: Balanced accuracy at 0.5.
        log_loss: Balanced, in nats.
        missed: Share of negative texts scored below 0.5.
        false: Share of other texts scored 0.5 or more.
    """

    accuracy: float
    log_loss: float
    missed: float
    false: float


@dataclass(frozen=True)
class Summary:
    """What a training run did, kept beside its adapter.

    Attributes:
        version: 1, 2, ... within the brand; 0 when refused.
        replaced: The version in use until then, which rolling back leads to.
        accepted: False when the shipped model (or the adapter in use) is not improved, or the
            stars do not fit the texts.
        reason: In English, for the operator.
        learnt_at: ISO 8601 UTC.
    """

    brand: str
    version: int
    replaced: int
    accepted: bool
    reason: str
    base_version: str
    learnt_at: str
    lessons: int
    corrections: int
    held_out: int
    before: Measure
    after: Measure


@dataclass(frozen=True)
class Adapter:
    """A brand's correction of the shipped logits; ``words`` float32 [2**BITS]."""

    brand: str
    version: int
    base_version: str
    slope: float
    shift: float
    words: npt.NDArray[np.float32]

    def adjust(self, texts: Sequence[str], scores: Floats) -> Floats:
        """Give the brand's P(negative) for normalised texts and their shipped scores."""
        z = _logit(scores) * self.slope + self.shift + _dot(texts, self.words.astype(np.float64))
        return _sigmoid(z)


def _sigmoid(z: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-np.clip(z, -30, 30)))
    return result


def _logit(p: Floats) -> Floats:
    safe = np.clip(p, 1e-6, 1 - 1e-6)
    result: Floats = np.log(safe / (1 - safe))
    return result


@dataclass(frozen=True)
class _Features:
    """Sparse features: bucket and row of each entry, and 1/sqrt(entries) of each row."""

    buckets: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    scale: Floats

    def dot(self, words: Floats) -> Floats:
        """Give the rows' sums, float64 [rows]."""
        sums = np.bincount(self.rows, words[self.buckets], minlength=len(self.scale))
        result: Floats = sums * self.scale
        return result

    def back(self, errors: Floats) -> Floats:
        """Give the gradient of the words, float64 [2**BITS]."""
        result: Floats = np.bincount(
            self.buckets, (errors * self.scale)[self.rows], minlength=1 << BITS
        ).astype(np.float64)
        return result


def _features(texts: Sequence[str]) -> _Features:
    buckets, rows = features(texts, BITS)
    count = np.bincount(rows, minlength=len(texts))
    return _Features(buckets, rows, 1 / np.sqrt(np.maximum(count.astype(np.float64), 1)))


def _dot(texts: Sequence[str], words: Floats) -> Floats:
    if not len(texts) or not words.any():
        return np.zeros(len(texts))
    return _features(texts).dot(words)


def _balance(negative: Bools, weights: Floats) -> Floats:
    balanced = weights.copy()
    for label in (False, True):
        here = negative == label
        balanced[here] /= 2 * max(float(weights[here].sum()), 1e-9)
    return balanced


def _fit(
    logits: Floats, texts: Sequence[str], negative: Bools, weights: Floats, penalty: float | None
) -> tuple[float, float, Floats]:
    """Fit slope, shift and, where ``penalty`` is given, words; full-batch Adam."""
    features = _features(texts) if penalty is not None else None
    point = np.zeros(2 + ((1 << BITS) if features else 0))
    point[0] = 1.0
    mean, square = np.zeros_like(point), np.zeros_like(point)
    for step in range(1, STEPS + 1):
        z = logits * point[0] + point[1]
        if features:
            z = z + features.dot(point[2:])
        error = weights * (_sigmoid(z) - negative)
        gradient = np.zeros_like(point)
        gradient[0] = (error * logits).sum() + 0.01 * (point[0] - 1)
        gradient[1] = error.sum()
        if features and penalty is not None:
            gradient[2:] = features.back(error) + penalty * point[2:] / 100
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        rate = 0.05 * (1 - (step - 1) / STEPS)
        point -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-6)
    # Held there from the start, words would learn the wrong stars instead: measured, a quarter of all texts became unsure.
    return float(max(point[0], _LEAST_SLOPE)), float(point[1]), point[2:]


def measure(scores: Floats, negative: Bools) -> Measure:
    """Measure scores on labelled texts of both classes."""
    weights = _balance(negative, np.ones(len(scores)))
    safe = np.clip(scores, 1e-6, 1 - 1e-6)
    loss = -(weights * np.where(negative, np.log(safe), np.log(1 - safe))).sum()
    said = scores >= 0.5
    missed, false = float((~said)[negative].mean()), float(said[~negative].mean())
    return Measure(1 - (missed + false) / 2, float(loss), missed, false)


def _surely_better(before: Floats, after: Floats, negative: Bools) -> bool:
    """Tell whether the balanced log loss falls in 95 % of resamples."""
    gain = np.where(negative, np.log(np.clip(after, 1e-6, 1)) - np.log(np.clip(before, 1e-6, 1)), 0)
    gain = gain + np.where(
        ~negative,
        np.log(np.clip(1 - after, 1e-6, 1)) - np.log(np.clip(1 - before, 1e-6, 1)),
        0,
    )
    weighted = gain * _balance(negative, np.ones(len(gain)))
    rng = np.random.default_rng(0)
    drawn = [weighted[rng.integers(0, len(gain), len(gain))].sum() for _ in range(400)]
    return bool(np.quantile(drawn, 0.05) > 0)


def _doubt(shipped: Floats, after: Floats, negative: Bools, starred: Bools, held: Bools) -> str:
    """Say why the stars are not believed, with the remedy; empty where they are.

    Corrections do not count: each contradicts the shipped model. A brand of whose stars nothing can
    be said yet is believed, and so is one whose own words the adapter has understood.
    """
    here = starred & held
    if min((here & negative).sum(), (here & ~negative).sum()) < SMALLEST_CLASS:
        return ""
    agreement = measure(shipped[starred], negative[starred]).accuracy
    read = measure(after[here], negative[here]).accuracy
    if agreement >= _LEAST_AGREEMENT and max(agreement, read) >= _LEAST_READ:
        return ""
    return (
        f"the stars do not fit the texts: the shipped model agrees with {agreement:.0%} of them, "
        f"what was learnt with {read:.0%} -> check the rating column of what was imported, and "
        "that its highest number is the best"
    )


def learn(
    classifier: Classifier,
    brand: str,
    lessons: Sequence[Lesson],
    directory: Path,
    now: datetime,
) -> Summary:
    """Learn from a brand's lessons and keep the result where it helps.

    Compares with what the brand uses now: the adapter in ``directory`` if there is one,
    otherwise the shipped model. One text counts once: as its last correction says, otherwise as
    most of its stars do. Stars that neither the shipped model nor the adapter can tell from the
    texts teach nothing, whatever they do to the figures.

    Args:
        classifier: The shipped model, without an adapter.
        brand: Whose language this is; stored and checked on loading.
        lessons: Up to some tens of thousands.
        directory: The brand's own; created when missing.
        now: Aware UTC, kept with the version.

    Raises:
        BadInputError: Too few texts of a class.
        ConfigurationError: ``directory`` belongs to another brand or is damaged.
    """
    kept = _distinct(lessons)
    texts = list(kept)
    found = classifier.score(texts)
    usable = [(t, kept[t], s) for t, s in zip(texts, found, strict=True) if s is not None]
    negative = np.array([lesson.negative for _, lesson, _ in usable], dtype=np.bool_)
    part = np.array([zlib.crc32(text.encode()) % 10 for text, _, _ in usable])
    held = np.isin(part, _HELD_OUT)
    for label, name in ((True, "negative"), (False, "other")):
        for here, where in ((held, "held-out"), (~held, "training")):
            count = int((here & (negative == label)).sum())
            if count < SMALLEST_CLASS:
                raise BadInputError(
                    f"only {count} {name} texts in the {where} part",
                    source=brand,
                    remedy=f"collect at least {SMALLEST_CLASS * 6} negative and other texts each",
                )
    words = [text for text, _, _ in usable]
    scores = np.array([score for _, _, score in usable])
    weights = np.array([CORRECTION_WEIGHT if one.corrected else 1.0 for _, one, _ in usable])
    current = load(directory, brand, classifier.version)
    before = current.adjust(words, scores) if current else scores
    choice = np.isin(part, _CHOICE)
    study = ~held & ~choice
    penalty = _choose(scores, words, negative, weights, study, choice)
    version = newest_version(directory) + 1
    adapter = _adapter(
        brand, version, classifier.version, scores, words, negative, weights, ~held, penalty
    )
    after = adapter.adjust(words, scores)
    was, now_is = measure(before[held], negative[held]), measure(after[held], negative[held])
    starred = np.array([not one.corrected for _, one, _ in usable])
    reason = _doubt(scores, after, negative, starred, held)
    if not reason and not (
        now_is.accuracy >= was.accuracy
        and _surely_better(before[held], after[held], negative[held])
    ):
        reason = "does not help on the held-out part"
    accepted = not reason
    summary = Summary(
        brand=brand,
        version=version if accepted else 0,
        replaced=current_version(directory),
        accepted=accepted,
        reason=reason or "helps on the held-out part",
        base_version=classifier.version,
        learnt_at=now.isoformat(),
        lessons=len(usable),
        corrections=sum(one.corrected for _, one, _ in usable),
        held_out=int(held.sum()),
        before=was,
        after=now_is,
    )
    if accepted:
        _keep(directory, adapter, summary)
    return summary


def _distinct(lessons: Sequence[Lesson]) -> dict[str, Lesson]:
    kept: dict[str, Lesson] = {}
    stars: Counter[str] = Counter()
    for lesson in lessons:
        text = normalise(lesson.text)
        if text and lesson.corrected:
            kept[text] = lesson
        elif text:
            stars[text] += 1 if lesson.negative else -1
    for text, excess in stars.items():
        if excess and text not in kept:
            kept[text] = Lesson(text, negative=excess > 0)
    return kept


def _pick(texts: Sequence[str], here: Bools) -> list[str]:
    return [text for text, wanted in zip(texts, here, strict=True) if wanted]


def _choose(
    scores: Floats,
    texts: Sequence[str],
    negative: Bools,
    weights: Floats,
    study: Bools,
    choice: Bools,
) -> float | None:
    """Choose how strongly words are held back; None leaves words out."""
    best, best_loss = None, np.inf
    if not (negative[choice].any() and (~negative[choice]).any()):
        return None
    for penalty in (None, *_PENALTIES):
        made = _adapter("", 0, "", scores, texts, negative, weights, study, penalty)
        tried = made.adjust(_pick(texts, choice), scores[choice])
        loss = measure(tried, negative[choice]).log_loss
        if loss < best_loss:
            best, best_loss = penalty, loss
    return best


def _adapter(
    brand: str,
    version: int,
    base_version: str,
    scores: Floats,
    texts: Sequence[str],
    negative: Bools,
    weights: Floats,
    here: Bools,
    penalty: float | None,
) -> Adapter:
    balanced = _balance(negative[here], weights[here])
    slope, shift, words = _fit(
        _logit(scores[here]), _pick(texts, here), negative[here], balanced, penalty
    )
    if not words.size:
        words = np.zeros(1 << BITS)
    return Adapter(brand, version, base_version, slope, shift, words.astype(np.float32))


def _keep(directory: Path, adapter: Adapter, summary: Summary) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"v{adapter.version:04d}"
    packed = io.BytesIO()
    np.savez_compressed(packed, words=adapter.words, line=np.array([adapter.slope, adapter.shift]))
    _write(directory / f"{stem}.npz", packed.getvalue())
    told = json.dumps(asdict(summary), ensure_ascii=False, indent=1) + "\n"
    _write(directory / f"{stem}.json", told.encode())
    _point(directory, adapter.version)


def _point(directory: Path, version: int) -> None:
    _write(directory / "current", f"{version}\n".encode())


def _write(path: Path, content: bytes) -> None:
    """Replace a file so that a loss of power leaves the old one or the new one, whole."""
    fresh = path.with_suffix(".tmp")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def newest_version(directory: Path) -> int:
    """Give the highest version ever kept, 0 when there is none."""
    return max(_versions(directory), default=0)


def _versions(directory: Path) -> list[int]:
    numbers = [path.stem[1:] for path in directory.glob("v[0-9]*.json")]
    # What synchronizes folders leaves copies: "v0001 (2).json".
    return [int(number) for number in numbers if number.isdecimal()]


def current_version(directory: Path) -> int:
    """Give the version in use; 0 is the shipped model.

    Args:
        directory: The brand's own, with its name.

    Raises:
        ConfigurationError: The ``current`` file is damaged.
    """
    path = directory / "current"
    try:
        return int(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        raise _damaged(path, directory.name) from error


def _damaged(path: Path, brand: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is damaged -> roll back with pyeongpan train --brand {brand} --rollback, "
        "then train again"
    )


def rollback(directory: Path) -> int:
    """Go back to what was in use when the version in use was learnt; gives the version now in use.

    That may be an older one than the last kept, which was left by rolling back. Version 0, the
    shipped model, stays 0. Where nobody can say which one is in use, it is the newest; should that
    be damaged too, the next call leads away from it.
    """
    try:
        now = current_version(directory)
    except ConfigurationError:
        now = newest_version(directory) + 1
    version = _before(directory, now)
    if directory.exists():
        _point(directory, version)
    return version


def _before(directory: Path, version: int) -> int:
    kept = [0, *(number for number in _versions(directory) if number < version)]
    try:
        told = json.loads((directory / f"v{version:04d}.json").read_text(encoding="utf-8"))
        replaced = told["replaced"]
    except (OSError, ValueError, KeyError, TypeError):
        replaced = None
    return replaced if replaced in kept else max(kept)


def load(directory: Path, brand: str, base_version: str) -> Adapter | None:
    """Load the adapter in use; None when the brand uses the shipped model.

    Args:
        directory: The brand's own.
        brand: Must be the brand that the adapter was learnt for.
        base_version: Of the classifier it will correct. An adapter learnt on another model
            is left aside (None): its numbers mean nothing there.

    Raises:
        ConfigurationError: The files are damaged or belong to another brand.
    """
    version = current_version(directory)
    if version == 0:
        return None
    stem = f"v{version:04d}"
    try:
        data = json.loads((directory / f"{stem}.json").read_text(encoding="utf-8"))
        owner, learnt_on = str(data["brand"]), str(data["base_version"])
        packed = io.BytesIO((directory / f"{stem}.npz").read_bytes())
        with np.load(packed, allow_pickle=False) as arrays:
            words = arrays["words"].astype(np.float32)
            slope, shift = (float(value) for value in arrays["line"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise _damaged(directory / stem, brand) from error
    if owner != brand:
        raise ConfigurationError(
            f"{directory} holds the language of another brand -> give every brand its own directory"
        )
    if words.shape != (1 << BITS,):
        raise _damaged(directory / stem, brand)
    if learnt_on != base_version:
        return None
    return Adapter(brand, version, learnt_on, slope, shift, words)
