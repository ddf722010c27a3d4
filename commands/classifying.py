"""``pyeongpan classify``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sentiment.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from domain.types import Span
    from settings import Settings

BATCH = 512


def model_version(name: str) -> str:
    """Load a model, the shipped one where ``name`` is empty, and give its version.

    Raises:
        ConfigurationError: It is missing or damaged.
    """
    return Classifier.load(name or None).version


def classify_lines(settings: Settings, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Classify one text per line; give each text and its JSON line, in order.

    Spans are ``[start, end)`` in code points of the text; ``category_spans`` go with ``categories``.
    """
    classifier = Classifier.load(settings.model or None)
    for batch in _batches(lines):
        for text, analysis in zip(batch, classifier.classify(batch), strict=True):
            found = {
                "text": text,
                "sentiment": analysis.sentiment,
                "score": analysis.score,
                "probabilities": analysis.probabilities,
                "categories": [found.category for found in analysis.categories],
                "category_spans": [_pair(found.span) for found in analysis.categories],
                "severity": analysis.severity,
                "severity_spans": [_pair(span) for span in analysis.severity_spans],
                "abusive": analysis.abusive,
                "abuse_spans": [_pair(span) for span in analysis.abuse_spans],
                "intent": analysis.intent,
                "unsure": analysis.unsure,
            }
            yield text, _line(found)


def _pair(span: Span | None) -> tuple[int, int] | None:
    return (span.start, span.end) if span else None


def _line(found: dict[str, Any]) -> str:
    """Give JSON that people can read; bytes that are no UTF-8 escaped, or they could not be written."""
    line = json.dumps(found, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(found)
    return line


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for line in lines:
        batch.append(line.rstrip("\r\n"))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
