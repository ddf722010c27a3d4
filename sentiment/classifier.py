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
import zlib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zipfile import BadZipFile

import numpy as np

from domain.errors import ConfigurationError
from domain.types import Analysis, CategoryFinding, Intent, Sentiment, Severity
from sentiment import abuse, complaints
from sentiment.deep import Deep
from sentiment.text import fold, is_blank, is_korean, is_mash, normalise
from sentiment.wide import Wide, load_wide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from sentiment.adapt import Adapter
    from sentiment.text import Folded

    Floats = npt.NDArray[np.float32]

SHIPPED = Path(__file__).parent / "model"
FILES = ("wide.npz", "tags.npz", "deep.onnx", "tokenizer.json")
CONFIG = "config.json"
REMEDY = "reinstall pyeongpan, or point PYEONGPAN_MODEL at a complete model directory"
POLARITY = ("negative", "neutral")
"""First outputs of both models; neutral is meant where the text is not negative."""
WIDE_OUTPUTS = (*POLARITY, "film_negative", "film")
"""The wide model's: ``film_negative`` knows film reviews alone, ``film`` whether a text is one."""
KINDS = ("product", "app")
"""How much a text reads like a review of one: stars of products' reviews are low for mild words, those of
apps' high in spite of a complaint."""
HEADS = (*KINDS, "film_negative")
"""The deep model's last outputs, after the tags; the last one says what it heard of film reviews that
training never saw."""
CHUNK = 4096
"""Texts taken through the models at once; memory stays flat however many are asked for."""

_QUESTION = re.compile(
    r"\?|(?:나요|까요|을까|ㄹ까|던가요|는지요|인가요|한가요|은가요|ㄴ가요|건가요|는가요|습니까|ㅂ니까|됩니까|합니까|입니까|있어요\?|되요\?|궁금(?:합니다|해요|하네요|한데)|문의\s?드|알려\s?주|여쭤|여쭙|(?:확인|답변|회신|안내|변경|취소)\s?부탁\s?드)"
)
_CONTRAST = re.compile(
    r"(?<=지만)|(?<=는데)|(?<=은데)|(?<=[가-힣]데)\s|(?<=으나)|(?<=[.!?\n~])|다만|근데|그런데|하지만|그러나|반면|빼고는?|(?<=[가-힣]고)\s|(?<=대신)"
)
MOST_CLAUSES = 12
ENDS_BADLY = 0.98
"""How negative the last clause of praise must be by itself for a person to look: the longer the praise
before it, the less of it the models hear."""
MIXED_ALONE, MIXED_WITH_TURN = 0.55, 0.5
"""How likely both praise and complaint must be; less where a clause turns."""
_NO_DEEP: Floats = np.zeros((0, 0), np.float32)
_BLANK = Analysis(None, None, None, (), Severity.NORMAL, abusive=False, intent=Intent.EMPTY)


class Scorer(Protocol):
    """Anything that gives polarity: the shipped engine or a transformers model."""

    version: str

    def score(self, texts: Sequence[str], batch_size: int, *, tags: bool = True) -> Scores:
        """Score normalised, readable, distinct texts; without ``tags`` only polarity."""

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


@dataclass(frozen=True)
class Mix:
    """How logits of both models become one: a weighted sum and a shift.

    Attributes:
        wide: Output of the wide model and its weight, where it has one.
        deep: Output of the deep model and its weight, where it has one.
    """

    wide: tuple[tuple[int, np.float32], ...]
    deep: tuple[tuple[int, np.float32], ...]
    shift: float

    def join(self, wide: Floats, deep: Floats) -> Floats:
        """Give the logit of each text, float32 [texts], of logits float32 [texts, outputs]."""
        # Summed output by output: a matrix product's order may depend on how many texts there are.
        total = np.full(len(wide), self.shift, np.float32)
        for logits, weights in ((wide, self.wide), (deep, self.deep)):
            for output, weight in weights:
                total += logits[:, output] * weight
        return total


@dataclass(frozen=True)
class Polarity:
    """One mix for shops and one for films: people write about them in different ways.

    A text counts by both, as far as the wide model takes it for a film review.
    """

    shops: Mix
    films: Mix

    def join(self, wide: Floats, deep: Floats) -> Floats:
        """Give P(negative) of logits float32 [texts, outputs]."""
        film = _sigmoid(wide[:, WIDE_OUTPUTS.index("film")])
        return _sigmoid(
            (1 - film) * self.shops.join(wide, deep) + film * self.films.join(wide, deep)
        )


def deep_outputs(tags: Sequence[str]) -> tuple[str, ...]:
    """Name the deep model's outputs, in order."""
    return (*POLARITY, *tags, *HEADS)


def _mix_from(config: Mapping[str, Any], names: Sequence[str]) -> Mix:
    """Read a mix from ``{"wide": {output: weight}, "deep": {...}, "shift": number}``.

    ``names`` are the tags.
    """
    wide, deep = (
        tuple(
            (output, np.float32(config[model][name]))
            for output, name in enumerate(outputs)
            if config[model].get(name)
        )
        for model, outputs in (("wide", WIDE_OUTPUTS), ("deep", deep_outputs(names)))
    )
    return Mix(wide, deep, float(config["shift"]))


def polarity_from(config: Mapping[str, Any], names: Sequence[str]) -> Polarity:
    """Read ``{"shops": mix, "films": mix}``."""
    return Polarity(_mix_from(config["shops"], names), _mix_from(config["films"], names))


def _between(limits: Sequence[float]) -> Callable[[Floats], npt.NDArray[np.bool_]]:
    low, high = map(float, limits)
    return lambda p: (p > low) & (p < high)


def _join_tags(wide: Floats, deep: Floats, mix: Floats) -> Floats:
    """Give tag probabilities; ``mix`` float32 [tags, 3] holds wide, deep and shift."""
    return _sigmoid(wide * mix[:, 0] + deep * mix[:, 1] + mix[:, 2])


class ShippedScorer:
    """The wide model, and the deep one for texts on which the wide one is not sure.

    Args:
        directory: Holds ``config.json`` (its ``pyeongpan`` part), ``wide.npz``,
            ``tags.npz``, ``deep.onnx`` and ``tokenizer.json``.

    Raises:
        ConfigurationError: Something is missing or damaged.
    """

    def __init__(self, directory: Path) -> None:
        config = _read_config(directory)
        try:
            self._wide: Wide = load_wide(directory / "wide.npz", len(WIDE_OUTPUTS))
            self._tag_names: tuple[str, ...] = tuple(config["tags"])
            self._wide_tags: Wide = load_wide(directory / "tags.npz", len(self._tag_names))
            self._tag_mix = np.array(config["tag_mix"], dtype=np.float32)
            if self._tag_mix.shape != (len(self._tag_names), 3):
                raise ValueError("tags and their mixes do not fit together")
            self._alone = polarity_from(config["wide_mix"], self._tag_names)
            self._negative = polarity_from(config["negative_mix"], self._tag_names)
            self._neutral = _mix_from(config["neutral_mix"], self._tag_names)
            self._unsure = _between(config["escalate_between"])
            self._tag_low = float(config["tags_above"])
            self.deep = Deep(directory, len(deep_outputs(self._tag_names)))
            self.version: str = str(config["version"])
        except (
            *(OSError, ValueError, KeyError, TypeError),
            *(AttributeError, EOFError, BadZipFile, zlib.error),
        ) as error:
            raise ConfigurationError(
                f"model in {directory} is damaged: {error!r} -> {REMEDY}"
            ) from error

    def score(self, texts: Sequence[str], batch_size: int, *, tags: bool = True) -> Scores:
        """Score normalised, readable, distinct texts.

        The deep model has a say in polarity where the wide one is not sure. With ``tags`` it
        also reads every other likely complaint, for its tags alone: polarity never depends on
        ``tags``.
        """
        logits = self._wide.logits(texts)
        negative = self._alone.join(logits, _NO_DEEP)
        neutral = _sigmoid(logits[:, 1])
        found = np.zeros((len(texts), len(self._tag_names)), np.float32)
        asked = self._unsure(negative)
        read = asked | (negative > self._tag_low) if tags else asked
        rows = np.flatnonzero(read)
        if rows.size:
            deep = self.deep.logits([texts[int(row)] for row in rows], batch_size)
            if tags:
                wide_tags = self._wide_tags.logits([texts[int(row)] for row in rows])
                found[rows] = _join_tags(
                    wide_tags, deep[:, len(POLARITY) : -len(HEADS)], self._tag_mix
                )
            own = asked[rows]
            rows, deep = rows[own], deep[own]
            negative[rows] = self._negative.join(logits[rows], deep)
            neutral[rows] = _sigmoid(self._neutral.join(logits[rows], deep))
        return Scores(negative, neutral, found, self._tag_names, asked)

    def glance(self, texts: Sequence[str], batch_size: int) -> Floats:
        """Give the wide model's P(negative)."""
        del batch_size
        return self._alone.join(self._wide.logits(texts), _NO_DEEP)


class AdaptedScorer:
    """A scorer whose polarity is moved by one brand's adapter."""

    def __init__(self, scorer: Scorer, adapter: Adapter) -> None:
        self._scorer, self._adapter = scorer, adapter
        self.version = f"{scorer.version}+{adapter.brand}.{adapter.version}"

    def score(self, texts: Sequence[str], batch_size: int, *, tags: bool = True) -> Scores:
        """Score normalised, readable, distinct texts."""
        found = self._scorer.score(texts, batch_size, tags=tags)
        moved = self._adapter.adjust(texts, found.negative.astype(np.float64))
        return replace(found, negative=moved.astype(np.float32))

    def glance(self, texts: Sequence[str], batch_size: int) -> Floats:
        """Give a cheap P(negative)."""
        found = self._scorer.glance(texts, batch_size)
        return self._adapter.adjust(texts, found.astype(np.float64)).astype(np.float32)


def own_hash(config: Mapping[str, Any]) -> str:
    """Give the SHA-256 of ``config.json`` without the hash it gives of itself."""
    settings = config["pyeongpan"]
    others = {name: value for name, value in settings["sha256"].items() if name != CONFIG}
    bare = {**config, "pyeongpan": {**settings, "sha256": others}}
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


def _read_config(directory: Path) -> Mapping[str, Any]:
    """Give our part of ``config.json`` once it and the files it names are what they were."""
    try:
        config = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"no readable model in {directory}: {error} -> {REMEDY}"
        ) from error
    settings = config.get("pyeongpan") if isinstance(config, dict) else None
    if not isinstance(settings, dict):
        raise ConfigurationError(f"{directory / CONFIG} has no 'pyeongpan' part -> {REMEDY}")
    files = settings.get("sha256")
    if not isinstance(files, dict) or not files.keys() >= {*FILES, CONFIG}:
        raise ConfigurationError(
            f"{directory / CONFIG} does not name all of {', '.join((*FILES, CONFIG))} -> {REMEDY}"
        )
    if files[CONFIG] != own_hash(config):
        raise ConfigurationError(f"model file {directory / CONFIG} is damaged -> {REMEDY}")
    for name in FILES:
        _check_hash(directory, name, files[name])
    return settings


def _check_hash(directory: Path, name: str, expected: str) -> None:
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
        # Any file that only ours have: one that lost the others is damaged, not another kind.
        if any((Path(path) / name).exists() for name in FILES[:3]):
            return cls(ShippedScorer(Path(path)))
        from sentiment.hub import HubScorer

        return cls(HubScorer(str(path)))

    def for_brand(self, adapter: Adapter | None) -> Classifier:
        """Give a classifier that speaks a brand's language; this one stays as it is.

        Args:
            adapter: From ``sentiment.adapt.load``; None gives this classifier back.
        """
        return self if adapter is None else Classifier(AdaptedScorer(self._scorer, adapter))

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
            batch_size: Texts per deep-model run; speed only, of scores no more than rounding (1e-6).

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
            found = self._scorer.score(distinct, batch_size, tags=False)
            by_text = dict(zip(distinct, found.negative.tolist(), strict=True))
            scores.extend(by_text.get(t) for t in clean)
        return scores

    def _classify_chunk(
        self, texts: Sequence[str], ratings: Sequence[int | None], batch_size: int
    ) -> list[Analysis]:
        by_text = {text: normalise(text) for text in texts}
        distinct = [t for t in dict.fromkeys(by_text.values()) if _unreadable(t) is None]
        scores = self._scorer.score(distinct, batch_size)
        place = {text: index for index, text in enumerate(distinct)}
        known: dict[str, Analysis] = {}
        readings: list[_Reading] = []
        for text, normal in by_text.items():
            index = place.get(normal)
            if index is None:
                known[text] = self._unscored(text, normal)
            else:
                readings.append(_read(text, index))
        clause_scores = self._clause_scores(readings, batch_size)
        for reading in readings:
            found = [clause_scores[words] for words in reading.words]
            known[reading.text] = self._scored(reading, scores, found)
        return [
            compare_rating(known[text], stars) for text, stars in zip(texts, ratings, strict=True)
        ]

    def _clause_scores(self, readings: Sequence[_Reading], batch_size: int) -> dict[str, float]:
        wanted = list(dict.fromkeys(words for reading in readings for words in reading.words))
        if not wanted:
            return {}
        return dict(zip(wanted, self._scorer.glance(wanted, batch_size).tolist(), strict=True))

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
        self, reading: _Reading, scores: Scores, clause_scores: Sequence[float]
    ) -> Analysis:
        score = float(scores.negative[reading.index])
        neutral_share = float(scores.neutral[reading.index])
        tags = dict(zip(scores.tag_names, scores.tags[reading.index].tolist(), strict=True))
        folded = reading.folded
        abuse_spans = abuse.decide(folded, score, tags.get("abusive"))
        # Who was harmed complains, however politely they ask or however much they praised before; the models hear that only.
        end = complaints.harm_at_end(folded) if score < 0.5 else None
        is_harmed = end is not None or (
            score < 0.5 <= neutral_share
            and bool(_QUESTION.search(folded.text))
            and complaints.tells_of_harm(folded)
        )
        if is_harmed:
            score, tags = 0.5, {}
        if score >= 0.5:
            sentiment = Sentiment.NEGATIVE
        elif neutral_share >= 0.5:
            sentiment = Sentiment.NEUTRAL
        else:
            sentiment = Sentiment.POSITIVE
        if is_harmed:
            intent = Intent.COMPLAINT if neutral_share >= 0.5 else Intent.MIXED
        else:
            intent = find_intent(folded.text, sentiment, tags, clause_scores)
        categories: tuple[CategoryFinding, ...] = ()
        severity, severity_spans = complaints.CALM
        complains = sentiment is Sentiment.NEGATIVE
        if complains or intent is Intent.MIXED:
            worst = (
                reading.clauses[clause_scores.index(max(clause_scores))]
                if clause_scores and end is None
                else None
            )
            find = complaints.decide_categories if complains else complaints.blamed_in_passing
            blamed = end or folded
            categories = find(blamed, tags, worst)
            severity, severity_spans = complaints.decide_severity(blamed, tags, worst)
        return Analysis(
            sentiment=sentiment,
            score=score,
            probabilities=(
                score,
                (1.0 - score) * neutral_share,
                (1.0 - score) * (1.0 - neutral_share),
            ),
            categories=categories,
            severity=severity,
            severity_spans=severity_spans,
            abusive=bool(abuse_spans),
            abuse_spans=abuse_spans,
            intent=intent,
            unsure=0.3 < score < 0.7
            or (0.1 < score <= 0.3 and complaints.threatens(folded))
            or (score <= 0.3 and bool(clause_scores) and clause_scores[-1] > ENDS_BADLY),
            model_version=self.version,
        )


@dataclass(frozen=True)
class _Reading:
    """A readable text, its row in the scores, and its clauses.

    Attributes:
        clauses: Offsets in ``folded``.
        words: The clauses as the models read them.
    """

    text: str
    index: int
    folded: Folded
    clauses: tuple[tuple[int, int], ...]
    words: tuple[str, ...]


def _read(text: str, index: int) -> _Reading:
    folded = fold(text)
    clauses = split_clauses(folded.text)
    words = tuple(normalise(folded.text[start:end]) for start, end in clauses)
    return _Reading(text, index, folded, clauses, words)


def _unreadable(normal: str) -> Intent | None:
    """Say why a normalised text is not scored; None when it is."""
    if is_blank(normal):
        return Intent.EMPTY
    if not is_korean(normal):
        return Intent.NOT_KOREAN
    if is_mash(normal):
        return Intent.EMPTY
    return None


def split_clauses(text: str) -> tuple[tuple[int, int], ...]:
    """Cut a folded text where opinions may turn.

    Gives ``[start, end)`` of at most ``MOST_CLAUSES`` clauses of 6 code points or more, the last one always
    among them; nothing for a text that does not turn.
    """
    cuts = [0, *(match.end() for match in _CONTRAST.finditer(text)), len(text)]
    pairs = [(a, b) for a, b in pairwise(cuts) if len(text[a:b].strip()) >= 6]
    if len(pairs) > MOST_CLAUSES:
        pairs = [*pairs[: MOST_CLAUSES - 1], pairs[-1]]
    return tuple(pairs) if len(pairs) > 1 else ()


def find_intent(
    text: str,
    sentiment: Sentiment,
    tags: Mapping[str, float],
    clause_scores: Sequence[float],
) -> Intent:
    """Say what the writer wants, from the model's tags, or from clauses where it has none."""
    turns = len(clause_scores) > 1 and max(clause_scores) > 0.8 and min(clause_scores) < 0.15
    if tags.get("complaint", 0.0) > 0.0:
        mixed = min(tags["complaint"], tags["praise"])
        if mixed > (MIXED_WITH_TURN if turns else MIXED_ALONE):
            return Intent.MIXED
    elif turns and not tags:
        return Intent.MIXED
    if sentiment is Sentiment.NEGATIVE:
        return Intent.COMPLAINT
    asks = bool(_QUESTION.search(text))
    if tags.get("question", 0.0) > (0.05 if asks else 0.3):
        return Intent.QUESTION
    if not tags.get("complaint") and asks and sentiment is Sentiment.NEUTRAL:
        return Intent.QUESTION
    return Intent.PRAISE if sentiment is Sentiment.POSITIVE else Intent.MIXED


def compare_rating(analysis: Analysis, stars: int | None) -> Analysis:
    """Mark an analysis whose stars say the opposite of its text; the text decides."""
    if analysis.score is None or not isinstance(stars, int) or not 1 <= stars <= 5:
        return analysis
    opposite = (stars >= 4 and analysis.score >= 0.5) or (stars <= 2 and analysis.score < 0.5)
    if not opposite:
        return analysis
    return replace(analysis, rating_mismatch=True, unsure=True)
