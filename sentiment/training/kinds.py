"""Adds outputs to the packaged deep model: how much a text reads like a review of a product, or of an app.

Who gives a product one or two stars often writes mildly ("그냥 그래요"), who does so to an app does not,
and who gives an app five stars may complain all the same: with one regression for all, products'
complaints were given too little, and complaints in other texts could not count more without apps
paying. The heads read hidden states that are computed anyway, so they cost nothing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx

from sentiment.classifier import KINDS
from sentiment.deep import Deep
from sentiment.training import export
from sentiment.training.calibrate import DOMAINS, balanced_weights, fit_logistic
from sentiment.training.table import OUTPUTS

if TYPE_CHECKING:
    from sentiment.training.data import Corpus, Row

MOST = 20_000
"""Training texts of a domain that are read."""


def add(folder: Path, corpus: Corpus) -> None:
    """Fit the outputs on training texts and write them into ``folder``'s ``deep.onnx``."""
    rng = np.random.default_rng(1)
    rows: list[Row] = []
    for domain in DOMAINS:
        own = [row for row in corpus.train if row.source == domain]
        rows += [own[i] for i in rng.permutation(len(own))[:MOST]]
    graph = onnx.load(folder / "deep.onnx")
    weight, bias = export.heads(graph)
    states = _states(folder, graph, [row.text for row in rows])
    domains = np.array([row.source for row in rows])
    negative = np.array([row.negative >= 0.5 for row in rows])
    weights = balanced_weights(domains, negative)
    found = [_head(states, domains == kind, weights) for kind in KINDS]
    known = len(OUTPUTS)
    export.set_heads(
        graph,
        np.column_stack([weight[:, :known], *(own for own, _ in found)]),
        np.append(bias[:known], [shift for _, shift in found]),
    )
    export.save(graph, folder / "deep.onnx")


def _head(states: np.ndarray, is_kind: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit one output; gives its weights, float [hidden], and its bias."""
    halves = np.where(is_kind, weights / weights[is_kind].sum(), weights / weights[~is_kind].sum())
    mean, spread = states.mean(0), states.std(0)
    found = fit_logistic((states - mean) / spread, is_kind, halves / 2, free=states.shape[1])
    own = found[:-1] / spread
    return own, found[-1] - own @ mean


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
