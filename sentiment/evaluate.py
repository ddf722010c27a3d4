"""Measures a classifier on labelled texts, with confidence intervals.

Reads any TSV with texts and labels or stars, NSMC's own format (``id document label``) and our
labelled sentences (``sentiment/data/README.md``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from domain.errors import BadInputError
from domain.types import ComplaintCategory, Sentiment, Severity
from sentiment.classifier import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from domain.types import Analysis
    from sentiment.classifier import Classifier

    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]

ECE_BINS = 10
RESAMPLES = 200
_NEGATIVE = {"0", "negative", "neg", "부정", "-1"}
_POSITIVE = {"1", "positive", "pos", "긍정"}
_NEUTRAL = {"neutral", "중립"}
_TEXTS = ("text", "document", "review", "content", "내용", "리뷰")
_LABELS = ("sentiment", "label", "감성")
_STARS = ("rating", "star", "stars", "score", "별점", "평점")
_DETAILS = {"categories", "severity", "abusive", "intent", "group"}
_NAMES = (
    "begin with a line that names the columns, tabs between them: text, and label, rating or "
    "sentiment"
)


@dataclass(frozen=True)
class Labelled:
    """One labelled text; ``detail`` holds the further columns of our sentence format."""

    text: str
    sentiment: Sentiment
    detail: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Labels:
    """What a file holds.

    Attributes:
        rows: The texts that count.
        left_out: How many others have stars in the middle.
        reading: Which stars are taken for what; empty where there are none.
    """

    rows: Sequence[Labelled]
    left_out: int = 0
    reading: str = ""


@dataclass(frozen=True)
class Figure:
    """A measured value with its 95 % interval; ``n`` texts stand behind it."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}] n={self.n}"


@dataclass
class Report:
    """Figures by name, in reading order, for one data set; none where no text stands behind it.

    ``left_out`` and ``reading`` are those of the file's ``Labels``.
    """

    name: str
    rows: int
    unscored: int
    model_version: str
    figures: dict[str, Figure] = field(default_factory=dict)
    left_out: int = 0
    reading: str = ""

    def as_dict(self) -> dict[str, object]:
        """Give plain data for JSON."""
        return {
            "name": self.name,
            "rows": self.rows,
            "left_out": self.left_out,
            "reading": self.reading,
            "unscored": self.unscored,
            "model_version": self.model_version,
            "figures": {
                key: {"value": f.value, "low": f.low, "high": f.high, "n": f.n}
                for key, f in self.figures.items()
            },
        }

    def as_text(self) -> str:
        """Give lines for a terminal."""
        lines = [
            f"{self.name}: {self.rows} texts, {self.unscored} unscored, model {self.model_version}"
        ]
        if self.reading:
            lines.append(f"  {self.reading}; {self.left_out} texts between are left out")
        lines += [f"  {key:<32} {figure}" for key, figure in self.figures.items()]
        return "\n".join(lines)


def read_labelled(path: Path) -> Labels:
    """Read a labelled TSV.

    Args:
        path: Its first line names a column of texts (``text``, ``document``, ``review``,
            ``content``) and one of ``sentiment``, ``label`` or stars (``rating``, ``star``,
            ``score``), in any order. Labels: 0/1, negative/positive/neutral or the Korean words;
            beside -1, 0 is neutral. Stars: of 1-5 (as many as the largest tells) 1-2 count as
            negative and 5 as positive, of 1-10 1-4 and 9-10; others are left out.

    Raises:
        BadInputError: Columns are missing, a label is unknown, or nothing is left.
    """
    columns, records = _records(path)
    text = next((name for name in _TEXTS if name in columns), None)
    target = next((name for name in (*_LABELS, *_STARS) if name in columns), None)
    if text is None or target is None:
        missing = "texts" if text is None else "labels"
        raise BadInputError(f"names no column of {missing}", source=path.name, row=1, remedy=_NAMES)
    if target in _STARS:
        found = _by_stars(path.name, text, target, records)
    else:
        detailed = _DETAILS.issubset(columns)
        found = Labels(_by_label(path.name, text, target, records, detailed=detailed))
    if not found.rows:
        remedy = "give rows; of stars the lowest and the highest count, not those between"
        raise BadInputError("no labelled text", source=path.name, remedy=remedy)
    return found


def _records(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Give the columns, and each row that is not blank with its line in the file.

    Cells are split at tabs and nothing else: quotes are text, and so are tabs in the last column.
    """
    columns: list[str] = []
    records = []
    number = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if not columns:
                    columns = [name.strip().lower() for name in line.split("\t")]
                elif line:
                    cells = line.split("\t", len(columns) - 1)
                    cells += [""] * (len(columns) - len(cells))
                    records.append((number, dict(zip(columns, cells, strict=True))))
    except UnicodeDecodeError as error:
        raise BadInputError(
            f"is not UTF-8: {error.reason}",
            source=path.name,
            row=number,
            remedy="save it as UTF-8 text with tabs between columns, no spreadsheet and not packed",
        ) from error
    except OSError as error:
        raise BadInputError(
            f"cannot be read: {error}", source=path.name, remedy="give a UTF-8 TSV file"
        ) from error
    return columns, records


def _by_label(
    source: str,
    text: str,
    target: str,
    records: Sequence[tuple[int, Mapping[str, str]]],
    *,
    detailed: bool,
) -> list[Labelled]:
    words = [_bare(record[target]) for _, record in records]
    meant = dict.fromkeys(_NEGATIVE, Sentiment.NEGATIVE)
    meant |= dict.fromkeys(_POSITIVE, Sentiment.POSITIVE)
    meant |= dict.fromkeys(_NEUTRAL, Sentiment.NEUTRAL)
    if "-1" in words:
        meant["0"] = Sentiment.NEUTRAL
    rows = []
    for (number, record), word in zip(records, words, strict=True):
        if word not in meant:
            raise BadInputError(
                "unknown label",
                source=source,
                row=number,
                field=target,
                remedy="use 0 for negative and 1 for positive, or the words; call stars rating",
            )
        rows.append(Labelled(record[text], meant[word], record if detailed else None))
    return rows


def _bare(value: str) -> str:
    """Give a cell as a label or stars: tables with a gap in a column of numbers write ``4.0``."""
    return value.strip().lower().removesuffix(".0")


def _by_stars(
    source: str, text: str, target: str, records: Sequence[tuple[int, Mapping[str, str]]]
) -> Labels:
    stars = []
    for number, record in records:
        value = _bare(record[target])
        if not (value.isdecimal() and 1 <= int(value) <= 10):
            raise BadInputError(
                "is not a whole number from 1 to 10",
                source=source,
                row=number,
                field=target,
                remedy="give 1-5 stars, or 1-10; leave out rows without",
            )
        stars.append(int(value))
    shop = max(stars, default=0) <= 5
    bad, good = (range(1, 3), range(5, 6)) if shop else (range(1, 5), range(9, 11))
    rows = [
        Labelled(record[text], Sentiment.NEGATIVE if star in bad else Sentiment.POSITIVE)
        for (_, record), star in zip(records, stars, strict=True)
        if star in bad or star in good
    ]
    scale = "1-5: 1-2 negative, 5 positive" if shop else "1-10: 1-4 negative, 9-10 positive"
    return Labels(rows, len(stars) - len(rows), f"stars {scale}")


def wilson(hits: float, n: int) -> Figure:
    """Give a proportion with its Wilson 95 % interval."""
    if n == 0:
        return Figure(float("nan"), 0.0, 1.0, 0)
    share, z2 = hits / n, 1.96**2
    middle = (share + z2 / 2 / n) / (1 + z2 / n)
    half = 1.96 * ((share * (1 - share) + z2 / 4 / n) / n) ** 0.5 / (1 + z2 / n)
    return Figure(share, max(0.0, middle - half), min(1.0, middle + half), n)


def auc(scores: Floats, negative: Bools) -> float:
    """Give the chance that a negative text scores above another; ties count half."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    ranks = np.empty(len(scores))
    first = np.searchsorted(ordered, ordered, "left")
    last = np.searchsorted(ordered, ordered, "right")
    ranks[order] = (first + last + 1) / 2
    hits, misses = int(negative.sum()), int((~negative).sum())
    if hits == 0 or misses == 0:
        return float("nan")
    return float((ranks[negative].sum() - hits * (hits + 1) / 2) / (hits * misses))


def balanced_ece(scores: Floats, negative: Bools) -> float:
    """Give the expected calibration error with both classes weighing the same."""
    hits, misses = int(negative.sum()), int((~negative).sum())
    if hits == 0 or misses == 0:
        return float("nan")
    weights = np.where(negative, 0.5 / hits, 0.5 / misses)
    bins = np.minimum((scores * ECE_BINS).astype(int), ECE_BINS - 1)
    total = 0.0
    for number in range(ECE_BINS):
        here = bins == number
        if here.any():
            gap = (weights[here] * (scores[here] - negative[here])).sum()
            total += abs(float(gap))
    return total


def bootstrap(measure: Callable[[npt.NDArray[np.int64]], float], n: int) -> Figure:
    """Give ``measure`` of all rows with a resampled 95 % interval."""
    rng = np.random.default_rng(0)
    value = measure(np.arange(n))
    drawn = [measure(rng.integers(0, n, n)) for _ in range(RESAMPLES)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Figure(value, float(low), float(high), n)


def evaluate(
    classifier: Classifier,
    rows: Sequence[Labelled],
    name: str,
    tell: Callable[[int], object] = lambda _: None,
) -> Report:
    """Measure the classifier on labelled rows.

    Neutral rows count only in the figures that say so. An unscored text counts as not
    negative, with score 0.5 for AUC and calibration.

    Args:
        classifier: What is measured.
        rows: Any number; where none has details, only numbers are kept of each.
        name: Of the data set.
        tell: Called with the number of rows classified since the last call.
    """
    scores, said = np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.bool_)
    is_detailed = any(row.detail for row in rows)
    found: list[Analysis] = []
    for at in range(0, len(rows), CHUNK):
        part = classifier.classify([row.text for row in rows[at : at + CHUNK]])
        here = slice(at, at + len(part))
        scores[here] = [np.nan if a.score is None else a.score for a in part]
        said[here] = [a.is_negative for a in part]
        if is_detailed:
            found += part
        tell(len(part))
    is_unscored = np.isnan(scores)
    report = Report(name, len(rows), int(is_unscored.sum()), classifier.version)
    scores[is_unscored] = 0.5
    negative = np.array([row.sentiment is Sentiment.NEGATIVE for row in rows])
    polar = np.array([row.sentiment is not Sentiment.NEUTRAL for row in rows])
    _binary(report, scores[polar], said[polar], negative[polar])
    if is_detailed:
        _sentences(report, rows, found, said)
    report.figures = {name: figure for name, figure in report.figures.items() if figure.n}
    return report


def _binary(report: Report, scores: Floats, said: Bools, negative: Bools) -> None:
    figures, n = report.figures, len(scores)
    figures["accuracy"] = wilson(float((said == negative).sum()), n)
    figures["negatives_found"] = wilson(float(said[negative].sum()), int(negative.sum()))
    figures["praise_flagged"] = wilson(float(said[~negative].sum()), int((~negative).sum()))
    recall, false = figures["negatives_found"], figures["praise_flagged"]
    if recall.n and false.n:
        half = ((recall.high - recall.low) ** 2 + (false.high - false.low) ** 2) ** 0.5 / 4
        value = (recall.value + 1 - false.value) / 2
        figures["balanced_accuracy"] = Figure(
            value, max(0.0, value - half), min(1.0, value + half), n
        )
        figures["auc"] = bootstrap(lambda i: auc(scores[i], negative[i]), n)
        figures["ece_balanced"] = bootstrap(lambda i: balanced_ece(scores[i], negative[i]), n)


def macro_f1(truth: npt.NDArray[np.bool_], said: npt.NDArray[np.bool_]) -> float:
    """Give the mean F1 over the columns that occur in ``truth``, bool [rows, labels]; nan if none."""
    both = (truth & said).sum(axis=0)
    total = truth.sum(axis=0) + said.sum(axis=0)
    occurs = truth.any(axis=0)
    if not occurs.any():
        return float("nan")
    return float((2 * both[occurs] / np.maximum(total[occurs], 1)).mean())


def _f1(truth: Bools, told: Bools) -> Figure:
    figure = bootstrap(lambda i: macro_f1(truth[i], told[i]), len(truth))
    return replace(figure, n=int(truth.sum()))


def _sentences(
    report: Report, rows: Sequence[Labelled], found: Sequence[Analysis], said: Bools
) -> None:
    figures = report.figures
    details = [row.detail or {} for row in rows]
    classes = np.array([a.sentiment is row.sentiment for a, row in zip(found, rows, strict=True)])
    figures["sentiment_3way"] = wilson(float(classes.sum()), len(rows))
    names = list(ComplaintCategory)
    truth = np.array(
        [[c.value in d.get("categories", "").split(",") for c in names] for d in details]
    )
    told = np.array([[any(f.category is c for f in a.categories) for c in names] for a in found])
    if truth.any():
        figures["categories_macro_f1"] = bootstrap(lambda i: macro_f1(truth[i], told[i]), len(rows))
    for column, category in enumerate(names):
        if truth[:, column].any():
            figures[f"category_f1:{category.value}"] = _f1(truth[:, [column]], told[:, [column]])
    for name, is_true, is_said in (
        (
            "critical",
            np.array([d.get("severity") == "critical" for d in details]),
            np.array([a.severity is Severity.CRITICAL for a in found]),
        ),
        (
            "high_or_critical",
            np.array([d.get("severity") in ("critical", "high") for d in details]),
            np.array([a.severity is not Severity.NORMAL for a in found]),
        ),
        (
            "abuse",
            np.array([d.get("abusive") == "1" for d in details]),
            np.array([a.abusive for a in found]),
        ),
    ):
        figures[f"{name}_recall"] = wilson(float(is_said[is_true].sum()), int(is_true.sum()))
        figures[f"{name}_false"] = wilson(float(is_said[~is_true].sum()), int((~is_true).sum()))
    intents = np.array(
        [a.intent.value == d.get("intent") for a, d in zip(found, details, strict=True)]
    )
    figures["intent"] = wilson(float(intents.sum()), len(rows))
    negative = np.array([row.sentiment is Sentiment.NEGATIVE for row in rows])
    groups = np.array([d.get("group", "") for d in details])
    for group in sorted(set(groups)):
        here = groups == group
        figures[f"group:{group}"] = wilson(float((said == negative)[here].sum()), int(here.sum()))
