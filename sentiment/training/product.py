"""Adds an output to the packaged deep model: how much a text reads like a product's review.

Who gives a product one or two stars often writes mildly ("그냥 그래요"), who does so to an app does not:
with one regression for all, products' complaints were given too little and apps' praise too much.
The heads read hidden states that are computed anyway, so one more costs nothing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx

from sentiment.classifier import PRODUCT
from sentiment.deep import Deep
from sentiment.training import export
from sentiment.training.calibrate import DOMAINS, balanced_weights, fit_logistic
from sentiment.training.table import OUTPUTS

if TYPE_CHECKING:
    from sentiment.training.data import Corpus, Row

MOST = 20_000
"""Training texts of a domain that are read."""


def add(folder: Path, corpus: Corpus) -> None:
    """Fit the output on training texts and write it into ``folder``'s ``deep.onnx``."""
    rng = np.random.default_rng(1)
    rows: list[Row] = []
    for domain in DOMAINS:
        own = [row for row in corpus.train if row.source == domain]
        rows += [own[i] for i in rng.permutation(len(own))[:MOST]]
    graph = onnx.load(folder / "deep.onnx")
    weight, bias = export.heads(graph)
    states = _states(folder, graph, [row.text for row in rows])
    is_product = np.array([row.source == PRODUCT for row in rows])
    domains = np.array([row.source for row in rows])
    weights = balanced_weights(domains, np.array([row.negative >= 0.5 for row in rows]))
    weights[is_product] *= 0.5 / weights[is_product].sum()
    weights[~is_product] *= 0.5 / weights[~is_product].sum()
    mean, spread = states.mean(0), states.std(0)
    found = fit_logistic((states - mean) / spread, is_product, weights, free=states.shape[1])
    own_weight = found[:-1] / spread
    own_bias = found[-1] - own_weight @ mean
    known = len(OUTPUTS)
    export.set_heads(
        graph,
        np.column_stack([weight[:, :known], own_weight]),
        np.append(bias[:known], own_bias),
    )
    export.save(graph, folder / "deep.onnx")


def _states(folder: Path, graph: onnx.ModelProto, texts: list[str]) -> np.ndarray:
    """Give the mean hidden state of each text, float [texts, hidden], by heads that change nothing."""
    bare = onnx.ModelProto()
    bare.CopyFrom(graph)
    hidden = len(export.heads(graph)[0])
    export.set_heads(bare, np.eye(hidden), np.zeros(hidden))
    with tempfile.TemporaryDirectory() as name:
        export.save(bare, Path(name) / "deep.onnx")
        (Path(name) / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
        return Deep(Path(name), hidden).logits(texts, 32)
