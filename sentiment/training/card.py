"""Measures the packaged model and writes ``sentiment/MODEL_CARD.md``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from domain.types import Sentiment
from sentiment.classifier import Classifier, Scores, ShippedScorer
from sentiment.evaluate import Labelled, Report, evaluate, read_labelled
from sentiment.training.calibrate import DOMAINS, polar
from sentiment.training.data import HELD_OUT, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sentiment.training.data import Corpus, Row

COLUMNS = (
    "accuracy",
    "balanced_accuracy",
    "auc",
    "ece_balanced",
    "negatives_found",
    "praise_flagged",
)
PROSE = REPOSITORY / "sentiment" / "training" / "card.md"
TRIED = REPOSITORY / "sentiment" / "training" / "tried.md"


class WideOnly(ShippedScorer):
    """The linear baseline: the wide model and the word rules alone."""

    def score(self, texts: Sequence[str], batch_size: int, *, tags: bool = True) -> Scores:
        """Score without the deep model."""
        del tags
        negative = self.glance(texts, batch_size)
        neutral = 1 / (1 + np.exp(-self._wide.logits(texts)[:, 1]))
        none = np.zeros((len(texts), 0), np.float32)
        return Scores(negative, neutral, none, (), np.zeros(len(texts), np.bool_))


class DeepAlways(ShippedScorer):
    """Both models on every text: what the cascade is measured against."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._unsure = lambda p: np.ones(len(p), np.bool_)


def data_sets(corpus: Corpus) -> dict[str, Sequence[Labelled]]:
    """Give the development sets by stars, those that were read, and our held-out sentences."""
    sets: dict[str, Sequence[Labelled]] = {}
    for name in DOMAINS:
        sets[f"development: {name}"] = [
            Labelled(row.text, Sentiment.NEGATIVE if row.negative == 1 else Sentiment.POSITIVE)
            for row in polar(corpus, name)[:3000]
        ]
    for name in ("product read", "app read"):
        sets[f"development: {name}"] = [_as_read(row) for row in corpus.dev[name]]
    titles = (
        "our shopping sentences",
        "the plainest texts",
        "everyday reviews",
        "bare facts",
        "delivered food",
    )
    for title, name in zip(titles, HELD_OUT, strict=True):
        sets[f"held out: {title}"] = read_labelled(REPOSITORY / "sentiment" / "data" / name).rows
    return sets


def _as_read(row: Row) -> Labelled:
    neutral = row.neutral == 1
    calm = Sentiment.NEUTRAL if neutral else Sentiment.POSITIVE
    detail = {
        "categories": ",".join(row.categories or ()),
        "severity": row.severity,
        "abusive": str(row.abusive),
        "intent": row.intent,
        "group": "all",
    }
    sentiment = Sentiment.NEGATIVE if row.negative == 1 else calm
    return Labelled(row.text, sentiment, detail=detail)


def table(reports: Sequence[tuple[str, Report]]) -> list[str]:
    """Give a Markdown table of the binary figures."""
    lines = [
        "| model | " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * (len(COLUMNS) + 1),
    ]
    for name, report in reports:
        cells = []
        for column in COLUMNS:
            figure = report.figures[column]
            cells.append(f"{figure.value:.4f} [{figure.low:.3f}, {figure.high:.3f}]")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def write(corpus: Corpus, model: Path, work: Path) -> None:
    """Measure baseline, cascade and both-on-everything; write the card and ``figures.json``."""
    engines = {
        "linear baseline": Classifier(WideOnly(model)),
        "shipped (cascade)": Classifier(ShippedScorer(model)),
        "both models on every text": Classifier(DeepAlways(model)),
    }
    lines: list[str] = []
    plain: dict[str, object] = {}
    for title, rows in data_sets(corpus).items():
        reports = [(name, evaluate(engine, rows, title)) for name, engine in engines.items()]
        lines += [f"### {title} ({len(rows)} texts)", "", *table(reports), ""]
        plain[title] = {name: report.as_dict() for name, report in reports}
        if any(row.detail for row in rows):
            lines += _details(reports[0][1], reports[1][1])
    (work / "figures.json").write_text(json.dumps(plain, indent=1), encoding="utf-8")
    settings = json.loads((model / "config.json").read_text(encoding="utf-8"))["pyeongpan"]
    share = ["| set | wide | deep alone | both | cascade | deep asked |", "|" + "---|" * 6]
    for name, f in settings["development"].items():
        share.append(
            f"| {name} | {f['wide']:.4f} | {f['deep']:.4f} | {f['both']:.4f} | "
            f"{f['cascade']:.4f} | {f['escalated']:.1%} |"
        )
    text = PROSE.read_text(encoding="utf-8")
    text = text.replace("{{version}}", settings["version"])
    text = text.replace("{{figures}}", "\n".join(lines).rstrip())
    text = text.replace("{{cascade}}", "\n".join(share))
    text = text.replace("{{tried}}", TRIED.read_text(encoding="utf-8").strip())
    target = REPOSITORY / "sentiment" / "MODEL_CARD.md"
    target.write_text(text, encoding="utf-8")


def _details(baseline: Report, shipped: Report) -> list[str]:
    lines = ["| figure | linear baseline and rules | shipped | texts |", "|---|---|---|---|"]
    for name, figure in shipped.figures.items():
        if name in COLUMNS:
            continue
        other = baseline.figures[name]
        lines.append(
            f"| {name} | {other.value:.3f} | {figure.value:.3f} "
            f"[{figure.low:.3f}, {figure.high:.3f}] | {figure.n} |"
        )
    return [*lines, ""]
