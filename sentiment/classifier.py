"""Reads Korean customer texts: one call for a batch, one ``Analysis`` per text.

A wide model (character n-grams, numpy) scores every text; where it is not sure a deep model
(ONNX Runtime) is asked too. Equal texts are scored once, texts of similar length share a
batch, and a text's scores do not depend on its neighbours. Rules find the words: categories,
severity, abuse. Rows that cannot be read get an empty analysis; they never stop a batch.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from domain.errors import ConfigurationError
from domain.types import Analysis, CategoryFinding, ComplaintCategory, Intent, Sentiment, Severity
from sentiment import abuse, complaints
from sentiment.text import fold, is_blank, is_korean, is_mash, normalise
from sentiment.wide import Wide, from_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from sentiment.text import Folded

    Floats = npt.NDArray[np.float32]

SHIPPED = Path(__file__).parent / "model"
REMEDY = "reinstall pyeongpan, or point PYEONGPAN_MODEL at a complete model directory"
CHUNK = 4096
"""Texts taken through the models at once; memory stays flat however many are asked for."""

_QUESTION = re.compile(
    r"\?|(?:나요|까요|을까|ㄹ까|던가요|는지요|인가요|한가요|은가요|ㄴ가요|건가요|는가요|습니까|ㅂ니까|됩니까|합니까|입니까|있어요\?|되요\?|궁금(?:합니다|해요|하네요|한데)|문의\s?드|알려\s?주|여쭤|여쭙)"
)
_CONTRAST = re.compile(
    r"(?<=지만)|(?<=는데)|(?<=은데)|(?<=[가-힣]데)\s|(?<=으나)|(?<=[.!?\n~])|다만|근데|그런데|하지만|그러나|반면|빼고는?|(?<=[가-힣]고)\s|(?<=대신)"
)
_BLANK = Analysis(None, None, None, (), Severity.NORMAL, abusive=False, intent=Intent.EMPTY)


class Scorer(Protocol):
    """Anything that gives polarity: the shipped engine or a transformers model."""

    version: str

    def score(self, texts: Sequence[str], batch_size: int) -> Scores:
        """Score normalised, readable, distinct texts."""

    def glance(self, texts: Sequence[str], batch_size: int) -> Floats:
        """Give a cheap P(negative), float32 [texts]; used for the clauses of a text."""


@dataclass(frozen=True)
class Scores:
    """Model outputs for a batch.

    Attributes:
        negative: P(negative), float32 [texts].
        neutral: P(neutral | not negative), float32 [texts].
        tags: Probability of each named tag, float32 [texts, tags]; no columns where the
            model has no such heads.
        tag_names: Names of the columns.
        escalated: True for the texts that the deep model was asked about, bool [texts].
    """

    negative: Floats
    neutral: Floats
    tags: Floats
    tag_names: tuple[str, ...]
    escalated: npt.NDArray[np.bool_]


def _sigmoid(x: Floats) -> Floats:
    result: Floats = (1.0 / (1.0 + np.exp(-np.clip(x, -30, 30)))).astype(np.float32)
    return result


class ShippedScorer:
    """The wide model, and the deep one for texts on which the wide one is not sure."""

    def __init__(self, directory: Path) -> None:
        config = _read_config(directory)
        _check_hashes(directory, config)
        try:
            with np.load(directory / "wide.npz", allow_pickle=False) as arrays:
                self._wide: Wide = from_arrays(arrays)
            self._slope, self._shift = map(float, config["wide_calibration"])
            self.version: str = str(config["version"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"model in {directory} is damaged: {error} -> {REMEDY}"
            ) from error

    def score(self, texts: Sequence[str], batch_size: int) -> Scores:
        """Score normalised, readable, distinct texts."""
        del batch_size
        logits = self._wide.logits(texts)
        negative = _sigmoid(logits[:, 0] * self._slope + self._shift)
        neutral = _sigmoid(logits[:, 1])
        none = np.zeros((len(texts), 0), np.float32)
        return Scores(negative, neutral, none, (), np.zeros(len(texts), np.bool_))

    def glance(self, texts: Sequence[str], batch_size: int) -> Floats:
        """Give the wide model's P(negative)."""
        del batch_size
        return _sigmoid(self._wide.logits(texts)[:, 0] * self._slope + self._shift)


def _read_config(directory: Path) -> Mapping[str, Any]:
    try:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"no readable model in {directory}: {error} -> {REMEDY}"
        ) from error
    settings = config.get("pyeongpan") if isinstance(config, dict) else None
    if not isinstance(settings, dict):
        raise ConfigurationError(f"{directory}/config.json has no 'pyeongpan' part -> {REMEDY}")
    return settings


def _check_hashes(directory: Path, config: Mapping[str, Any]) -> None:
    files = config.get("sha256")
    if not isinstance(files, dict):
        raise ConfigurationError(f"{directory}/config.json names no files -> {REMEDY}")
    for name, expected in files.items():
        try:
            found = hashlib.sha256((directory / name).read_bytes()).hexdigest()
        except OSError as error:
            raise ConfigurationError(
                f"model file {name} cannot be read: {error} -> {REMEDY}"
            ) from error
        if found != expected:
            raise ConfigurationError(f"model file {directory / name} is damaged -> {REMEDY}")


class Classifier:
    """Understands Korean customer texts. Thread-safe: holds no state between calls."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @classmethod
    def load(cls, path: str | Path | None = None) -> Classifier:
        """Load a model.

        Args:
            path: None for the shipped model; otherwise a directory made by our training, or
                a sequence-classification directory or hub id for transformers (torch extra).

        Raises:
            ConfigurationError: The model is missing or damaged, or the extra is not
                installed; the message names the remedy.
        """
        if path is None or str(path) == "":
            return cls(ShippedScorer(SHIPPED))
        if (Path(path) / "wide.npz").exists():
            return cls(ShippedScorer(Path(path)))
        from sentiment.hub import HubScorer

        return cls(HubScorer(str(path)))

    @property
    def version(self) -> str:
        """Name of the loaded model, kept with every analysis."""
        return self._scorer.version

    def classify(
        self,
        texts: Sequence[str],
        ratings: Sequence[int | None] | None = None,
        batch_size: int = 32,
    ) -> list[Analysis]:
        """Analyse texts, in order; total for any list of ``str``.

        Empty text, spaces, only emoji, punctuation, digits or ㅋㅋㅋ: unscored,
        ``Intent.EMPTY``. Keyboard noise: unscored, ``EMPTY``, unsure. Mostly another
        language: unscored, ``NOT_KOREAN``; swear words are found all the same. Very long
        text: its first 2,000 and last 1,000 code points are read. Lone surrogates, NUL,
        zero-width characters and HTML tags are dropped. Instructions inside a text are
        text.

        Args:
            texts: As collected.
            ratings: 1-5 stars or None, as many as texts; anything else counts as None.
            batch_size: Texts per deep-model run; speed only, never the scores.

        Raises:
            ValueError: ``ratings`` has another length than ``texts``.
        """
        if ratings is not None and len(ratings) != len(texts):
            raise ValueError("ratings must have as many entries as texts")
        results: list[Analysis] = []
        for at in range(0, len(texts), CHUNK):
            part = texts[at : at + CHUNK]
            stars = ratings[at : at + CHUNK] if ratings is not None else [None] * len(part)
            results.extend(self._classify_chunk(part, stars, batch_size))
        return results

    def score(self, texts: Sequence[str], batch_size: int = 32) -> list[float | None]:
        """Give only P(negative) per text, None where unscored; the fast path for numbers."""
        scores: list[float | None] = []
        for at in range(0, len(texts), CHUNK):
            clean = [normalise(t) for t in texts[at : at + CHUNK]]
            distinct = [t for t in dict.fromkeys(clean) if _unreadable(t) is None]
            found = self._scorer.score(distinct, batch_size)
            by_text = dict(zip(distinct, found.negative.tolist(), strict=True))
            scores.extend(by_text.get(t) for t in clean)
        return scores

    def _classify_chunk(
        self, texts: Sequence[str], ratings: Sequence[int | None], batch_size: int
    ) -> list[Analysis]:
        clean = [normalise(text) for text in texts]
        distinct = [t for t in dict.fromkeys(clean) if _unreadable(t) is None]
        scores = self._scorer.score(distinct, batch_size)
        place = {text: index for index, text in enumerate(distinct)}
        clauses = [split_clauses(text) for text in distinct]
        wanted = {clause for parts in clauses if len(parts) > 1 for clause in parts}
        parts_score = self._clause_scores(sorted(wanted), batch_size)
        known: dict[str, Analysis] = {}
        results = []
        for text, normal, stars in zip(texts, clean, ratings, strict=True):
            analysis = known.get(text)
            if analysis is None:
                index = place.get(normal)
                if index is None:
                    analysis = self._unscored(text, normal)
                else:
                    extremes = [parts_score[c] for c in clauses[index] if c in parts_score]
                    analysis = self._scored(text, scores, index, extremes)
                known[text] = analysis
            results.append(compare_rating(analysis, stars))
        return results

    def _clause_scores(self, clauses: Sequence[str], batch_size: int) -> dict[str, float]:
        if not clauses:
            return {}
        return dict(zip(clauses, self._scorer.glance(clauses, batch_size).tolist(), strict=True))

    def _unscored(self, text: str, normal: str) -> Analysis:
        intent = _unreadable(normal) or Intent.EMPTY
        spans = abuse.find(fold(text), None)
        return replace(
            _BLANK,
            intent=intent,
            unsure=bool(spans) or is_mash(normal),
            abusive=bool(spans),
            abuse_spans=spans,
            model_version=self.version,
        )

    def _scored(
        self, text: str, scores: Scores, index: int, clause_scores: Sequence[float]
    ) -> Analysis:
        score = float(scores.negative[index])
        neutral_share = float(scores.neutral[index])
        folded = fold(text)
        abuse_spans = abuse.find(folded, score)
        probabilities = (
            score,
            (1.0 - score) * neutral_share,
            (1.0 - score) * (1.0 - neutral_share),
        )
        if score >= 0.5:
            sentiment = Sentiment.NEGATIVE
        elif neutral_share >= 0.5:
            sentiment = Sentiment.NEUTRAL
        else:
            sentiment = Sentiment.POSITIVE
        intent = find_intent(folded.text, sentiment, score, clause_scores)
        complains = sentiment is Sentiment.NEGATIVE or intent is Intent.MIXED
        categories: tuple[CategoryFinding, ...] = ()
        severity, severity_spans = complaints.CALM
        if complains:
            categories = self._categories(folded, score)
            severity, severity_spans = complaints.find_severity(folded)
        return Analysis(
            sentiment=sentiment,
            score=score,
            probabilities=probabilities,
            categories=categories,
            severity=severity,
            severity_spans=severity_spans,
            abusive=bool(abuse_spans),
            abuse_spans=abuse_spans,
            intent=intent,
            unsure=0.3 < score < 0.7,
            model_version=self.version,
        )

    def _categories(self, folded: Folded, score: float) -> tuple[CategoryFinding, ...]:
        found = complaints.find_categories(folded)
        if not found:
            return (CategoryFinding(ComplaintCategory.OTHER, round(score, 4)),)
        return tuple(
            CategoryFinding(category, round(score, 4), span) for category, span in found.items()
        )


def _unreadable(normal: str) -> Intent | None:
    """Say why a normalised text is not scored; None when it is."""
    if is_blank(normal):
        return Intent.EMPTY
    if not is_korean(normal):
        return Intent.NOT_KOREAN
    if is_mash(normal):
        return Intent.EMPTY
    return None


def split_clauses(normal: str) -> list[str]:
    """Cut a text where opinions may turn; at most 12 clauses of 6 code points or more."""
    parts = [part.strip() for part in _CONTRAST.split(normal)]
    return [part for part in parts if len(part) >= 6][:12]


def find_intent(
    text: str, sentiment: Sentiment, score: float, clause_scores: Sequence[float]
) -> Intent:
    """Say what the writer wants, from the scores of the whole and of its clauses."""
    if len(clause_scores) > 1 and max(clause_scores) > 0.8 and min(clause_scores) < 0.15:
        return Intent.MIXED
    if sentiment is Sentiment.NEGATIVE:
        return Intent.COMPLAINT
    if sentiment is Sentiment.NEUTRAL or score > 0.2:
        return Intent.QUESTION if _QUESTION.search(text) else Intent.PRAISE
    return Intent.PRAISE


def compare_rating(analysis: Analysis, stars: int | None) -> Analysis:
    """Mark an analysis whose stars say the opposite of its text; the text decides."""
    if analysis.score is None or not isinstance(stars, int) or not 1 <= stars <= 5:
        return analysis
    opposite = (stars >= 4 and analysis.score >= 0.5) or (stars <= 2 and analysis.score < 0.5)
    if not opposite:
        return analysis
    return replace(analysis, rating_mismatch=True, unsure=True)
