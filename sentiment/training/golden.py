"""Pins what the shipped files say: hashes and the outputs for 60 texts.

Run ``python -m sentiment.training.golden`` after packaging; the test compares.
"""

from __future__ import annotations

import hashlib
import json

from sentiment.classifier import SHIPPED, Classifier
from sentiment.evaluate import evaluate, read_labelled
from sentiment.training.data import HELD_OUT, REPOSITORY

TARGET = REPOSITORY / "tests" / "sentiment" / "golden.json"
COUNT = 60
MEASURED = ("accuracy", "negatives_found", "auc", "categories_macro_f1", "critical_recall")


def main() -> None:
    """Write the golden file."""
    sets = {name: read_labelled(REPOSITORY / "sentiment" / "data" / name).rows for name in HELD_OUT}
    rows = sets[HELD_OUT[0]]
    step = len(rows) // COUNT
    texts = [row.text for row in rows[::step]][:COUNT]
    classifier = Classifier.load()
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(SHIPPED.iterdir())
    }
    outputs = [
        {
            "text": text,
            "score": None if found.score is None else round(found.score, 4),
            "sentiment": found.sentiment.value if found.sentiment else None,
            "categories": sorted(finding.category.value for finding in found.categories),
            "severity": found.severity.value,
            "abusive": found.abusive,
            "intent": found.intent.value,
        }
        for text, found in zip(texts, classifier.classify(texts), strict=True)
    ]
    quality = {}
    for name, own in sets.items():
        figures = evaluate(classifier, own, name).figures
        quality[name] = {
            wanted: {"value": figures[wanted].value, "low": figures[wanted].low}
            for wanted in MEASURED
            if wanted in figures
        }
    golden = {"sha256": hashes, "quality": quality, "outputs": outputs}
    TARGET.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
