"""Puts the trained parts together: calibration, cascade, configuration, hashes."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from sentiment.classifier import POLARITY
from sentiment.deep import Deep
from sentiment.training import export
from sentiment.training.calibrate import DOMAINS, balanced_weights, fit_logistic, polar
from sentiment.training.deep import balanced_accuracy, channel_sizes
from sentiment.training.encoder import load
from sentiment.training.table import OUTPUTS, tokenise
from sentiment.training.tags import CATEGORIES, TAGS, tag_targets
from sentiment.wide import Wide, from_arrays

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from sentiment.training.data import Corpus, Row

FILES = ("wide.npz", "tags.npz", "deep.onnx", "tokenizer.json")
MOST = 2500
"""Development texts of one set that are measured."""
MEASURED = 300
"""Training texts of one domain on which the size of activations is measured."""
PULL = 10.0
"""Rows' worth of belief that the two tag models deserve the same say."""
VOTERS = (
    ("wide", "negative", 1),
    ("deep", "negative", 1),
    ("deep", "complaint", 1),
    ("wide", "neutral", 1),
    ("deep", "question", -1),
)
"""Who has a say in polarity: model, output, and -1 where more means less negative."""
EDGES = (
    0.4,
    0.35,
    0.3,
    0.25,
    0.2,
    0.18,
    0.16,
    0.14,
    0.12,
    0.1,
    0.08,
    0.06,
    0.05,
    0.04,
    0.03,
    0.02,
    0.01,
    0,
)
"""How far from 0 and 1 the wide model's probability may lie before the deep one is asked: the
first that costs little is taken."""
TOLERATED_LOSS = 0.003
"""Balanced accuracy that the cascade may cost on any development set."""


def write_parts(folder: Path, work: Path, state: dict[str, torch.Tensor], corpus: Corpus) -> None:
    """Write the model files without a configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("wide.npz", "tags.npz", "tokenizer.json"):
        shutil.copyfile(work / name, folder / name)
    model = load(state)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts: list[str] = []
    for domain in DOMAINS:
        texts += [row.text for row in corpus.train if row.source == domain][:MEASURED]
    sizes = channel_sizes(model, tokenise(tokenizer, texts))
    arrays = {name: value.float().numpy() for name, value in state.items()}
    export.save(export.build(arrays, sizes), folder / "deep.onnx")


def _outputs(rows: list[Row], wide: Wide, deep: Deep) -> tuple[np.ndarray, np.ndarray]:
    texts = [row.text for row in rows]
    return wide.logits(texts), deep.logits(texts, 32)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Give 1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


def _votes(wide: np.ndarray, deep: np.ndarray) -> np.ndarray:
    """Give the logits that have a say in polarity, each turned so that more is more negative."""
    outputs = {"wide": (wide, POLARITY), "deep": (deep, OUTPUTS)}
    return np.column_stack(
        [sign * outputs[model][0][:, outputs[model][1].index(name)] for model, name, sign in VOTERS]
    )


def _mix(voters: Sequence[tuple[str, str, int]], found: np.ndarray) -> dict[str, Any]:
    """Give a mix as ``config.json`` has it, of ``fit_logistic``'s result."""
    mix: dict[str, Any] = {"wide": {}, "deep": {}, "shift": float(found[-1])}
    for (model, name, sign), weight in zip(voters, found[:-1], strict=True):
        mix[model][name] = sign * float(weight)
    return mix


def calibrate(folder: Path, corpus: Corpus) -> dict[str, Any]:
    """Fit the mixes on the development rows and choose how much the cascade asks."""
    with np.load(folder / "wide.npz") as arrays:
        wide = from_arrays(arrays)
    deep = Deep(folder, 2 + len(TAGS))
    features, negative, domains = [], [], []
    for name in DOMAINS:
        rows = polar(corpus, name)[:MOST]
        if not rows:
            continue
        w, d = _outputs(rows, wide, deep)
        features.append(_votes(w, d))
        negative.append(np.array([row.negative == 1 for row in rows]))
        domains += [name] * len(rows)
    x, y, names = np.concatenate(features), np.concatenate(negative), np.array(domains)
    weights = balanced_weights(names, y)
    alone = fit_logistic(x[:, :1], y, weights)
    both = fit_logistic(x, y, weights)
    # Neutral follows our own sentences alone: 5-8 stars for a film is another thing.
    calm = [row for row in corpus.dev["written"] if row.negative <= 0.5]
    w, d = _outputs(calm, wide, deep)
    nx, ny = np.column_stack([w[:, 1], d[:, 1]]), np.array([row.neutral == 1 for row in calm])
    share = np.where(ny, 0.5 / max(1, ny.sum()), 0.5 / max(1, (~ny).sum()))
    neutral = fit_logistic(nx, ny, share)
    wide_p = sigmoid(x[:, 0] * alone[0] + alone[1])
    mixed_p = sigmoid(x @ both[:-1] + both[-1])
    low, high = _unsure(wide_p, mixed_p, y, names)
    asked = (wide_p > low) & (wide_p < high)
    cascade = np.where(asked, mixed_p, wide_p)
    figures = {}
    for name in np.unique(names):
        here = names == name
        figures[str(name)] = {
            "rows": int(here.sum()),
            "wide": balanced_accuracy(wide_p[here] >= 0.5, y[here]),
            "deep": balanced_accuracy(x[here, VOTERS.index(("deep", "negative", 1))] >= 0, y[here]),
            "both": balanced_accuracy(mixed_p[here] >= 0.5, y[here]),
            "cascade": balanced_accuracy(cascade[here] >= 0.5, y[here]),
            "escalated": float(asked[here].mean()),
        }
    return {
        "wide_mix": _mix(VOTERS[:1], alone),
        "negative_mix": _mix(VOTERS, both),
        "neutral_mix": _mix((("wide", "neutral", 1), ("deep", "neutral", 1)), neutral),
        "escalate_between": [low, high],
        "tags_above": 0.35,
        "tags": list(TAGS),
        "tag_mix": mix_tags(folder, deep, tagged(corpus)),
        "development": figures,
    }


def _unsure(
    wide_p: np.ndarray, mixed_p: np.ndarray, y: np.ndarray, names: np.ndarray
) -> tuple[float, float]:
    """Choose between which P(negative) of the wide model the deep one is asked.

    It is asked as seldom as no set's balanced accuracy loses more than ``TOLERATED_LOSS`` by.
    """
    sets = [names == name for name in np.unique(names)]

    def share(band: tuple[float, float]) -> float:
        asked = (wide_p > band[0]) & (wide_p < band[1])
        return float(np.mean([asked[here].mean() for here in sets]))

    def loss(band: tuple[float, float]) -> float:
        p = np.where((wide_p > band[0]) & (wide_p < band[1]), mixed_p, wide_p)
        return max(
            balanced_accuracy(mixed_p[here] >= 0.5, y[here])
            - balanced_accuracy(p[here] >= 0.5, y[here])
            for here in sets
        )

    bands = [(low, 1 - high) for low in EDGES for high in EDGES]
    return next(band for band in sorted(bands, key=share) if loss(band) <= TOLERATED_LOSS)


def tagged(corpus: Corpus) -> list[Row]:
    """Give the development rows that carry tags: our sentences and the reviews that were read."""
    return [row for name in ("written", "product read", "app read") for row in corpus.dev[name]]


def mix_tags(folder: Path, deep: Deep, rows: list[Row]) -> list[list[float]]:
    """Fit how wide and deep tag logits are joined; categories share one fit."""
    with np.load(folder / "tags.npz") as arrays:
        wide = from_arrays(arrays)
    texts = [row.text for row in rows]
    w, d = wide.logits(texts), deep.logits(texts, 32)[:, 2:]
    truth = np.stack([tag_targets(row) for row in rows]) == 1
    groups = [list(range(len(CATEGORIES))), *([i] for i in range(len(CATEGORIES), len(TAGS)))]
    mix: list[list[float]] = [[] for _ in TAGS]
    for group in groups:
        x = np.column_stack([w[:, group].ravel(), d[:, group].ravel()])
        y = truth[:, group].ravel()
        # A rare tag has a few dozen true rows: without a pull one lucky model would get all.
        found = fit_logistic(x, y, np.full(len(y), 1 / len(y)), pull=PULL / len(y))
        for number in group:
            mix[number] = found.tolist()
    return mix


def finish(folder: Path, settings: dict[str, Any], version: str, layers: int) -> None:
    """Write ``config.json`` with the files' hashes, in Hugging Face's layout."""
    hashes = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in FILES}
    config = {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "hidden_size": 384,
        "num_hidden_layers": layers,
        "num_attention_heads": 12,
        "intermediate_size": 1536,
        "max_position_embeddings": 160,
        "id2label": {"0": "negative", "1": "neutral_if_not_negative"}
        | {str(i + 2): tag for i, tag in enumerate(TAGS)},
        "pyeongpan": {"version": version, **settings, "sha256": hashes},
    }
    text = json.dumps(config, indent=1, ensure_ascii=False) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
