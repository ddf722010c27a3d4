"""Adds outputs to the packaged deep model, read from hidden states that are computed anyway.

How much a text reads like a review of a product, or of an app: who gives a product one or two stars
often writes mildly ("그냥 그래요"), who does so to an app does not, and who gives an app five stars may
complain all the same. With one regression for all, products' complaints were given too little, and
complaints in other texts could not count more without apps paying.

What is left to hear in a film review: the model knows the reviews that it learnt by heart, so which of
its hidden states can be trusted is asked of films that it never saw.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx

from sentiment.classifier import KINDS, WIDE_OUTPUTS
from sentiment.deep import Deep
from sentiment.training import export
from sentiment.training.calibrate import DOMAINS, MOST, balanced_weights, fit_logistic, polar
from sentiment.training.package import FILMS, votes
from sentiment.training.table import OUTPUTS
from sentiment.wide import load_wide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.training.data import Corpus, Row

READ = 20_000
"""Training texts of a domain that are read."""
PULL = 0.015
"""What keeps the film output small: its 384 weights are fitted on some ten thousand reviews."""


def add(folder: Path, corpus: Corpus) -> None:
    """Fit the outputs ``classifier.HEADS`` and write them into ``folder``'s ``deep.onnx``."""
    graph = onnx.load(folder / "deep.onnx")
    weight, bias = export.heads(graph)
    weight, bias = weight[:, : len(OUTPUTS)], bias[: len(OUTPUTS)]
    found = [*_kinds(folder, graph, corpus), _film_negative(folder, graph, corpus)]
    export.set_heads(
        graph,
        np.column_stack([weight, *(own for own, _ in found)]),
        np.append(bias, [shift for _, shift in found]),
    )
    export.save(graph, folder / "deep.onnx")


def _kinds(folder: Path, graph: onnx.ModelProto, corpus: Corpus) -> list[tuple[np.ndarray, float]]:
    """Fit one output per kind on training texts of all domains."""
    rng = np.random.default_rng(1)
    rows: list[Row] = []
    for domain in DOMAINS:
        own = [row for row in corpus.train if row.source == domain]
        rows += [own[i] for i in rng.permutation(len(own))[:READ]]
    states, spread, mean = _standard(_states(folder, graph, [row.text for row in rows]))
    domains = np.array([row.source for row in rows])
    weights = balanced_weights(domains, np.array([row.negative >= 0.5 for row in rows]))
    outputs = []
    for kind in KINDS:
        is_kind = domains == kind
        halves = np.where(
            is_kind, weights / weights[is_kind].sum(), weights / weights[~is_kind].sum()
        )
        found = fit_logistic(states, is_kind, halves / 2, free=states.shape[1])
        outputs.append(_output(found[:-1], found[-1], spread, mean))
    return outputs


def _film_negative(
    folder: Path, graph: onnx.ModelProto, corpus: Corpus
) -> tuple[np.ndarray, float]:
    """Fit what hidden states add to the other voters about films.

    On development films, but for those that join the models afterwards (unless there are no others).
    """
    films = polar(corpus, "movie")
    films = films[MOST:] or films
    texts = [row.text for row in films]
    hidden = _states(folder, graph, texts)
    states, spread, mean = _standard(hidden)
    weight, bias = export.heads(graph)
    outputs = hidden @ weight[:, : len(OUTPUTS)] + bias[: len(OUTPUTS)]
    wide = load_wide(folder / "wide.npz", len(WIDE_OUTPUTS)).logits(texts)
    # The last voter is the one that is made here.
    others = votes(wide, outputs, FILMS[:-1])
    negative = np.array([row.negative == 1 for row in films])
    weights = balanced_weights(np.zeros(len(films)), negative)
    found = fit_logistic(
        np.column_stack([others, states]), negative, weights, PULL, free=states.shape[1]
    )
    return _output(found[others.shape[1] : -1], 0.0, spread, mean)


def _standard(states: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give states with mean 0 and spread 1, and the spread and mean they had."""
    mean, spread = states.mean(0), states.std(0)
    return (states - mean) / spread, spread, mean


def _output(
    found: np.ndarray, shift: float, spread: np.ndarray, mean: np.ndarray
) -> tuple[np.ndarray, float]:
    """Turn what was fitted on standard states into weights, float [hidden], and bias of an output."""
    own = found / spread
    return own, float(shift - own @ mean)


def _states(folder: Path, graph: onnx.ModelProto, texts: Sequence[str]) -> np.ndarray:
    """Give the mean hidden state of each text, float [texts, hidden], by heads that change nothing."""
    bare = onnx.ModelProto()
    bare.CopyFrom(graph)
    hidden = len(export.heads(graph)[0])
    export.set_heads(bare, np.eye(hidden), np.zeros(hidden))
    with tempfile.TemporaryDirectory() as name:
        export.save(bare, Path(name) / "deep.onnx")
        (Path(name) / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
        return Deep(Path(name), hidden).logits(texts, 32)
