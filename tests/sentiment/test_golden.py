"""The shipped model files and what they say for 60 texts do not change unnoticed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort
import pytest
from tokenizers import Tokenizer

from sentiment.classifier import SHIPPED, Classifier
from sentiment.evaluate import evaluate, read_labelled

if TYPE_CHECKING:
    from domain.types import Analysis

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))
BOTH_WAYS = 0.02
"""Kernels of other processors round differently; a label may turn only within this of 0.5."""


def test_shipped_files_are_the_ones_that_were_measured() -> None:
    shipped = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in SHIPPED.iterdir()
    }
    assert shipped == GOLDEN["sha256"]


def test_sixty_texts_are_read_as_before() -> None:
    texts = [output["text"] for output in GOLDEN["outputs"]]
    assert len(texts) == 60
    for output, found in zip(GOLDEN["outputs"], Classifier.load().classify(texts), strict=True):
        if output["score"] is None:
            assert found.score is None
            continue
        assert found.score == pytest.approx(output["score"], abs=BOTH_WAYS)
        if abs(output["score"] - 0.5) < BOTH_WAYS:
            continue
        assert found.sentiment is not None
        assert (found.sentiment.value == "negative") == (output["sentiment"] == "negative")


def said(found: Analysis) -> dict[str, object]:
    """Give what the golden file holds beside polarity."""
    return {
        "categories": sorted(finding.category for finding in found.categories),
        "severity": found.severity,
        "abusive": found.abusive,
        "intent": found.intent,
    }


def test_what_sixty_texts_complain_of_is_found_as_before() -> None:
    """Where kernels round differently, two near a limit may turn."""
    outputs = GOLDEN["outputs"]
    analyses = Classifier.load().classify([output["text"] for output in outputs])
    differing = [
        output["text"]
        for output, found in zip(outputs, analyses, strict=True)
        if said(found) != {name: output[name] for name in said(found)}
    ]
    scores = [analysis.score or 0.0 for analysis in analyses]
    before = [output["score"] or 0.0 for output in outputs]
    allowed = 0 if np.allclose(scores, before, rtol=0, atol=0.0001) else 2
    assert len(differing) <= allowed, differing


def test_transformers_would_read_the_tokenizer_as_it_is() -> None:
    """Its own for ``bert`` takes Hangul apart, and knows no word then."""
    config = json.loads((SHIPPED / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(SHIPPED / "tokenizer.json"))
    assert config.pop("tokenizer_class") == "PreTrainedTokenizerFast"
    assert all(tokenizer.token_to_id(token) is not None for token in config.values())


def test_no_product_overflows_where_two_are_added_in_sixteen_bits() -> None:
    """Exact kernels, which widen first, must agree to the bit; with VNNI both are the same."""
    texts = np.random.default_rng(1).integers(5, 20_000, (200, 24))
    answers = []
    for precision in ("0", "1"):
        options = ort.SessionOptions()
        options.add_session_config_entry("session.x64quantprecision", precision)
        session = ort.InferenceSession(SHIPPED / "deep.onnx", options)
        answers.append(session.run(None, {"ids": texts})[0])
    assert np.array_equal(*answers)


def test_shipped_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 40_000_000


@pytest.mark.parametrize("name", sorted(GOLDEN["quality"]))
def test_held_out_figures_stay_within_their_interval(name: str) -> None:
    report = evaluate(Classifier.load(), read_labelled(SHIPPED.parent / "data" / name).rows, name)
    assert GOLDEN["quality"][name]
    for wanted, figure in GOLDEN["quality"][name].items():
        assert report.figures[wanted].value >= figure["low"], wanted
