"""Measures how fast the shipped model reads, beside a transformers pipeline on the same texts.

Run: ``python -m bench.classifier``. The pipeline has the shape of KoELECTRA-small-v3 with
random weights, which cost the same time as trained ones; it needs the torch extra.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.measuring import cores, peak_rss_mb
from sentiment.classifier import SHIPPED, Classifier, ShippedScorer
from sentiment.text import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("demo/data/nsmc_reviews.tsv", "sentiment/data/shopping_heldout.tsv")
_SPECIALS = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
ROUNDS = 3
SINGLES = 300
"""Texts given one by one in the batch-1 measurements."""


def read_texts(limit: int = 3000) -> list[str]:
    """Give distinct texts of the demo's film reviews and of the held-out shop sentences."""
    texts: dict[str, None] = {}
    for source in SOURCES:
        path = ROOT / source
        if not path.exists():
            continue
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                texts[row["text"]] = None
    step = max(1, len(texts) // limit)
    return list(texts)[::step][:limit]


def reference_pipeline(threads: int) -> Callable[[Sequence[str], int], object] | str:
    """Give the pipeline to compare with, or why there is none."""
    try:
        import torch
        from transformers import (
            ElectraConfig,
            ElectraForSequenceClassification,
            PreTrainedTokenizerFast,
            pipeline,
        )
    except ImportError:
        return "not measured: install pyeongpan[torch] to compare with transformers"
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    config = ElectraConfig(
        vocab_size=35000,
        embedding_size=128,
        hidden_size=256,
        num_hidden_layers=12,
        num_attention_heads=4,
        intermediate_size=1024,
        num_labels=2,
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(SHIPPED / "tokenizer.json"),
        **_SPECIALS,
    )
    made: Any = pipeline(
        "text-classification",
        model=ElectraForSequenceClassification(config).eval(),
        tokenizer=tokenizer,
        device=-1,
    )
    return lambda texts, size: made(list(texts), batch_size=size, truncation=True, max_length=128)


def _rate(work: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def run(texts: Sequence[str] | None = None) -> dict[str, object]:
    """Measure reviews per second; best of several interleaved rounds.

    Args:
        texts: Texts to read; None for the shipped ones named by ``SOURCES``.

    Returns:
        Figures by name: reviews/s per engine and batch size, ratios, the share of texts the
        deep model was asked about, load time in s, peak resident memory in MB.
    """
    start = time.perf_counter()
    classifier = Classifier.load()
    load_s = time.perf_counter() - start
    memory_mb = peak_rss_mb()
    chosen = list(texts) if texts is not None else read_texts()
    scorer = ShippedScorer(SHIPPED)
    clean = [t for t in dict.fromkeys(map(normalise, chosen)) if t]
    threads = cores()
    reference = reference_pipeline(threads)
    few = chosen[:SINGLES]
    works: dict[str, tuple[Callable[[], object], int]] = {
        "wide alone, batch 32": (lambda: scorer.glance(clean, 32), len(clean)),
        "deep alone, batch 32": (lambda: scorer.deep.logits(clean, 32), len(clean)),
        "score, batch 32": (lambda: classifier.score(chosen, 32), len(chosen)),
        "classify, batch 32": (lambda: classifier.classify(chosen, batch_size=32), len(chosen)),
        "deep alone, batch 1": (lambda: [scorer.deep.logits([t], 1) for t in few], len(few)),
        "score, batch 1": (lambda: [classifier.score([t], 1) for t in few], len(few)),
        "classify, batch 1": (lambda: [classifier.classify([t]) for t in few], len(few)),
    }
    if not isinstance(reference, str):
        works["pipeline, batch 32"] = (lambda: reference(chosen[:1000], 32), len(chosen[:1000]))
        works["pipeline, batch 1"] = (lambda: [reference([t], 1) for t in few], len(few))
    rates = dict.fromkeys(works, 0.0)
    for _ in range(ROUNDS):
        for name, (work, count) in works.items():
            rates[name] = max(rates[name], _rate(work, count))
    asked = scorer.score(clean, 32, tags=False).escalated
    figures: dict[str, object] = {
        "texts": len(chosen),
        "sources": SOURCES if texts is None else "given",
        "threads": threads,
        "load_s": round(load_s, 2),
        "memory_mb": memory_mb,
        "escalated_share": round(float(np.mean(asked)), 3),
        "reviews_per_s": {name: round(rate, 1) for name, rate in rates.items()},
    }
    if isinstance(reference, str):
        figures["pipeline"] = reference
    else:
        figures["ratio"] = {
            f"{kind}, batch {size}": round(
                rates[f"{kind}, batch {size}"] / rates[f"pipeline, batch {size}"], 2
            )
            for kind in ("score", "classify", "deep alone")
            for size in (32, 1)
        }
    return figures


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name}: {value}")
