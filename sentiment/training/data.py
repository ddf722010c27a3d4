"""Reads the training data and cuts it into training and development parts.

The cut depends on the film (NSMC) or on the text, never on row order, so that a text or a
film is always on the same side and two runs see the same parts.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from sentiment.text import normalise

REPOSITORY = Path(__file__).resolve().parents[2]
HELD_OUT = (
    "shopping_heldout.tsv",
    "plain_heldout.tsv",
    "natural_heldout.tsv",
    "facts_heldout.tsv",
    "food_heldout.tsv",
)
"""Our sentences that measure and never teach."""
COMPLAINT_EMOTIONS = {0, 3, 6, 9, 10, 12, 20, 21, 22, 23, 31, 36, 37}
KIND_EMOTIONS = {1, 2, 4, 7, 14, 16, 28, 32, 40, 42, 43}
READ_AS = {"negative": 1.0, "neutral": 0.3, "positive": 0.0}
"""P(negative) that a reading speaks for."""


@dataclass(frozen=True)
class Row:
    """One training text.

    Attributes:
        text: Normalised.
        negative: Target of P(negative): 1, 0, or between for lukewarm stars.
        neutral: 1 neutral, 0 polar, -1 unknown.
        source: ``movie``, ``product``, ``app``, ``kote``, ``hate`` or ``written``.
        strength: How far the label can be trusted, 0-1.
    """

    text: str
    negative: float
    neutral: int
    source: str
    strength: float = 1.0
    stars: int = 0
    categories: tuple[str, ...] | None = None
    severity: str = ""
    abusive: int = -1
    intent: str = ""
    group: str = ""


@dataclass(frozen=True)
class Reading:
    """What a person who read a text found in it, beside its stars."""

    sentiment: str
    categories: tuple[str, ...]
    severity: str
    abusive: int
    intent: str


@dataclass
class Corpus:
    """Training rows and development rows by set name."""

    train: list[Row] = field(default_factory=list)
    dev: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))


def bucket(key: str, parts: int) -> int:
    """Give a stable part number for ``key``, 0 <= part < ``parts``."""
    return zlib.crc32(("pyeongpan:" + key).encode("utf-8", "replace")) % parts


def demo_films(repository: Path = REPOSITORY) -> set[str]:
    """Give the film ids of the demo sample, which training must not see."""
    path = repository / "demo" / "data" / "nsmc_reviews.tsv"
    if not path.exists():
        return set()
    with path.open(encoding="utf-8", newline="") as file:
        return {row["movie_id"] for row in csv.DictReader(file, delimiter="\t")}


def read_movies(data: Path, corpus: Corpus) -> None:
    """Add NSMC's raw reviews; one film in 25 is development."""
    left_out = demo_films()
    rows: dict[str, tuple[str, int]] = {}
    clashing: set[str] = set()
    with gzip.open(data / "nsmc_reviews.tsv.gz", "rt", encoding="utf-8") as file:
        next(file)
        for line in file:
            parts = line.rstrip("\n").split("\t", 4)
            if len(parts) < 5 or parts[1] in left_out:
                continue
            text, stars = normalise(parts[4]), int(parts[3])
            if not text:
                continue
            known = rows.setdefault(text, (parts[1], stars))
            if (known[1] <= 4) != (stars <= 4):
                clashing.add(text)
    soft = {5: 0.7, 6: 0.5, 7: 0.3, 8: 0.12}
    for text, (film, stars) in rows.items():
        if text in clashing:
            continue
        negative = 1.0 if stars <= 4 else soft.get(stars, 0.0)
        row = Row(text, negative, int(5 <= stars <= 8), "movie", 1.0, stars)
        if bucket(film, 25) == 0:
            corpus.dev["movie"].append(row)
        else:
            corpus.train.append(row)


def read_readings(name: str, repository: Path = REPOSITORY) -> dict[int, Reading]:
    """Read ``sentiment/data/readings_NAME.tsv`` by the line of the text in its own file."""
    path = repository / "sentiment" / "data" / f"readings_{name}.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        return {
            int(record["line"]): Reading(
                record["sentiment"],
                _listed(record["categories"]),
                record["severity"],
                int(record["abusive"]),
                record["intent"],
            )
            for record in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


def _listed(categories: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in categories.split(",") if name.strip())


def _read(row: Row, reading: Reading | None) -> Row:
    """Add what was read to a row with stars; polarity is halfway between stars and reading."""
    if reading is None:
        return row
    return replace(
        row,
        negative=(row.negative + READ_AS[reading.sentiment]) / 2,
        neutral=int(reading.sentiment == "neutral"),
        categories=reading.categories,
        severity=reading.severity,
        abusive=reading.abusive,
        intent=reading.intent,
    )


def read_shops(data: Path, corpus: Corpus) -> None:
    """Add the product and app reviews; one text in seven is development, judged by its stars."""
    seen: set[str] = set()
    readings = read_readings("product")
    with (data / "naver_shopping_sample.tsv").open(encoding="utf-8") as file:
        next(file)
        for number, line in enumerate(file, start=2):
            label, raw = line.rstrip("\n").split("\t", 1)
            text = normalise(raw)
            if text and text not in seen:
                seen.add(text)
                row = Row(text, 1.0 - int(label), -1, "product")
                _place_shop(row, readings.get(number), corpus)
    readings = read_readings("app")
    with (data / "app_reviews.tsv").open(encoding="utf-8", newline="") as file:
        records = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        for number, record in enumerate(records, start=2):
            text, stars = normalise(record["text"] or ""), int(record["rating"])
            if not text or text in seen:
                continue
            seen.add(text)
            negative = {1: 1.0, 2: 1.0, 3: 0.6, 4: 0.25, 5: 0.0}[stars]
            row = Row(text, negative, int(stars == 3), "app", 1.0, stars)
            _place_shop(row, readings.get(number), corpus)


def _place_shop(row: Row, reading: Reading | None, corpus: Corpus) -> None:
    if bucket(row.text, 7) == 0:
        corpus.dev[row.source].append(row)
        if reading is not None:
            polarity = float(reading.sentiment == "negative")
            corpus.dev[f"{row.source} read"].append(replace(_read(row, reading), negative=polarity))
    else:
        corpus.train.append(_read(row, reading))


def _place(row: Row, corpus: Corpus, parts: int) -> None:
    if bucket(row.text, parts) == 0:
        corpus.dev[row.source].append(row)
    else:
        corpus.train.append(row)


def read_comments(data: Path, corpus: Corpus) -> None:
    """Add KOTE (emotions) and the hate-speech comments (abuse)."""
    with (data / "kote_val.tsv").open(encoding="utf-8") as file:
        for line in file:
            parts = line.rstrip("\n").split("\t")
            if len(parts) < 3:
                continue
            labels = {int(label) for label in parts[2].split(",") if label}
            bad, good = len(labels & COMPLAINT_EMOTIONS), len(labels & KIND_EMOTIONS)
            text = normalise(parts[1].strip('"'))
            if not text or (bad and good):
                continue
            negative = 1.0 if bad else 0.0
            neutral = int(labels == {24})
            corpus.train.append(Row(text, negative, neutral, "kote", 0.5))
    for name, part in (("hate_speech_train.tsv", "train"), ("hate_speech_dev.tsv", "dev")):
        with (data / name).open(encoding="utf-8") as file:
            next(file)
            for line in file:
                parts = line.rstrip("\n").split("\t")
                abusive = {"hate": 1, "offensive": -1, "none": 0}[parts[-1]]
                row = Row(normalise(parts[0]), 0.5, -1, "hate", 0.0, abusive=abusive)
                (corpus.train if part == "train" else corpus.dev["hate"]).append(row)


def read_sentences(path: Path) -> list[Row]:
    """Read one file of our own labelled sentences."""
    rows = []
    content = path.read_text(encoding="utf-8")
    reader = csv.DictReader(io.StringIO(content), delimiter="\t", quoting=csv.QUOTE_NONE)
    for record in reader:
        if not record.get("text") or record.get("group") is None:
            continue
        sentiment = record["sentiment"].strip()
        rows.append(
            Row(
                normalise(record["text"]),
                1.0 if sentiment == "negative" else 0.0,
                int(sentiment == "neutral"),
                "written",
                categories=_listed(record["categories"]),
                severity=record["severity"].strip(),
                abusive=int(record["abusive"] or 0),
                intent=record["intent"].strip(),
                group=record["group"].strip(),
            )
        )
    return rows


def _bare(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def drop_held_out(corpus: Corpus, repository: Path = REPOSITORY) -> int:
    """Drop every training and development text that equals a held-out one; gives how many."""
    paths = [repository / "sentiment" / "data" / name for name in HELD_OUT]
    held = {_bare(row.text) for path in paths for row in read_sentences(path)}
    before = len(corpus.train)
    corpus.train = [row for row in corpus.train if _bare(row.text) not in held]
    for name, rows in corpus.dev.items():
        corpus.dev[name] = [row for row in rows if _bare(row.text) not in held]
    return before - len(corpus.train)


def read_written(corpus: Corpus, repository: Path = REPOSITORY) -> None:
    """Add our own sentences; one text in eight is development."""
    for path in sorted((repository / "sentiment" / "data").glob("shopping_train*.tsv")):
        for row in read_sentences(path):
            _place(row, corpus, 8)


def load(data: Path) -> Corpus:
    """Read everything there is."""
    corpus = Corpus()
    read_movies(data, corpus)
    read_shops(data, corpus)
    read_comments(data, corpus)
    read_written(corpus)
    drop_held_out(corpus)
    # Files have one film, one writer after another: their first rows would be a handful of them.
    for rows in corpus.dev.values():
        rows.sort(key=lambda row: bucket(row.text, 1 << 31))
    return corpus
