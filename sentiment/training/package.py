"""Puts the trained parts together: calibration, cascade, configuration, hashes."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit
from tokenizers import Tokenizer

from sentiment.classifier import (
    CONFIG,
    FILES,
    HEADS,
    KINDS,
    POLARITY,
    WIDE_OUTPUTS,
    deep_outputs,
    own_hash,
    polarity_from,
)
from sentiment.deep import Deep
from sentiment.training import export
from sentiment.training.calibrate import (
    DOMAINS,
    MOST,
    balanced_weights,
    fit_gated,
    fit_logistic,
    polar,
)
from sentiment.training.deep import balanced_accuracy, channel_sizes
from sentiment.training.encoder import load
from sentiment.training.table import tokenise
from sentiment.training.tags import CATEGORIES, TAGS, tag_targets
from sentiment.wide import load_wide

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from sentiment.training.data import Corpus, Row
    from sentiment.wide import Wide

    Voter = tuple[str, str, int]

DEEP_OUTPUTS = deep_outputs(TAGS)
MEASURED = 300
"""Training texts of one domain on which the size of activations is measured."""
PULL = 10.0
"""Rows' worth of belief that the two tag models deserve the same say."""
SHOPS = (
    ("wide", "negative", 1),
    ("deep", "negative", 1),
    ("deep", "complaint", 1),
    ("wide", "neutral", 1),
    ("deep", "question", -1),
    *(("deep", kind, 0) for kind in KINDS),
)
"""Who has a say in polarity: model, output, and 1 or -1 where more means more or less negative;
those that may mean either come last."""
FILMS = (
    ("wide", "film_negative", 1),
    ("wide", "negative", 1),
    ("deep", "negative", 1),
    ("deep", "complaint", 1),
    ("deep", "film_negative", 1),
)
"""The same where a text is about a film."""
MISSED = 1.75
"""What a complaint among our sentences counts more than praise: to miss one is worse than to show a
person a text too many. With 2 their calibration error exceeds .05."""
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
TOLERATED_LOSS = 0.002
"""Balanced accuracy, and share of the negatives found, that the cascade may cost on any set."""


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


def votes(wide: np.ndarray, deep: np.ndarray, voters: Sequence[Voter]) -> np.ndarray:
    """Give what each voter says, [texts, voters], of both models' first outputs, [texts, outputs]."""
    outputs = {"wide": (wide, WIDE_OUTPUTS), "deep": (deep, DEEP_OUTPUTS)}
    return np.column_stack(
        [(sign or 1) * outputs[m][0][:, outputs[m][1].index(name)] for m, name, sign in voters]
    )


def _fit_polarity(
    wide: np.ndarray,
    deep: np.ndarray,
    voters: tuple[Sequence[Voter], Sequence[Voter]],
    negative: np.ndarray,
    weights: np.ndarray,
) -> tuple[dict[str, Any], np.ndarray]:
    """Fit the mixes of shops and films; gives them as ``config.json`` has them, and P(negative)."""
    shops, films = (votes(wide, deep, own) for own in voters)
    film = expit(wide[:, WIDE_OUTPUTS.index("film")])
    free = sum(sign == 0 for _, _, sign in voters[0])
    found = fit_gated(shops, films, film, negative, weights, free)
    mixes = [_mix(own, w) for own, w in zip(voters, found, strict=True)]
    config = dict(zip(("shops", "films"), mixes, strict=True))
    return config, polarity_from(config, TAGS).join(wide, deep)


def _mix(voters: Sequence[Voter], found: np.ndarray) -> dict[str, Any]:
    """Give a mix as ``config.json`` has it, of ``[*weights, shift]``."""
    mix: dict[str, Any] = {"wide": {}, "deep": {}, "shift": float(found[-1])}
    for (model, name, sign), weight in zip(voters, found[:-1], strict=True):
        mix[model][name] = (sign or 1) * float(weight)
    return mix


def calibrate(folder: Path, corpus: Corpus) -> dict[str, Any]:
    """Fit the mixes on the development rows and choose how much the cascade asks."""
    wide = load_wide(folder / "wide.npz", len(WIDE_OUTPUTS))
    deep = Deep(folder, len(DEEP_OUTPUTS))
    said, negative, domains = [], [], []
    for name in DOMAINS:
        rows = polar(corpus, name)[:MOST]
        if not rows:
            continue
        said.append(_outputs(rows, wide, deep))
        negative.append(np.array([row.negative == 1 for row in rows]))
        domains += [name] * len(rows)
    w, d = (np.concatenate(parts) for parts in zip(*said, strict=True))
    y, names = np.concatenate(negative), np.array(domains)
    weights = balanced_weights(names, y)
    weights[y & (names == "written")] *= MISSED
    weights /= weights.sum()
    alone, wide_p = _fit_polarity(w, d, (SHOPS[:1], FILMS[:2]), y, weights)
    both, mixed_p = _fit_polarity(w, d, (SHOPS, FILMS), y, weights)
    deep_p = expit(d[:, DEEP_OUTPUTS.index("negative")])
    low, high = _unsure(wide_p, mixed_p, y, names)
    asked = (wide_p > low) & (wide_p < high)
    cascade = np.where(asked, mixed_p, wide_p)
    figures = {}
    for name in np.unique(names):
        here = names == name
        measured = {"wide": wide_p, "deep": deep_p, "both": mixed_p, "cascade": cascade}
        figures[str(name)] = {
            "rows": int(here.sum()),
            **{who: balanced_accuracy(p[here] >= 0.5, y[here]) for who, p in measured.items()},
            "escalated": float(asked[here].mean()),
        }
    # Neutral follows our own sentences alone: 5-8 stars for a film is another thing.
    calm = [row for row in corpus.dev["written"] if row.negative <= 0.5]
    w, d = _outputs(calm, wide, deep)
    nx, ny = np.column_stack([w[:, 1], d[:, 1]]), np.array([row.neutral == 1 for row in calm])
    share = np.where(ny, 0.5 / max(1, ny.sum()), 0.5 / max(1, (~ny).sum()))
    neutral = fit_logistic(nx, ny, share)
    return {
        "wide_mix": alone,
        "negative_mix": both,
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

    It is asked as seldom as no set loses more than ``TOLERATED_LOSS``.
    """
    sets = [names == name for name in np.unique(names)]

    def share(band: tuple[float, float]) -> float:
        asked = (wide_p > band[0]) & (wide_p < band[1])
        return float(np.mean([asked[here].mean() for here in sets]))

    def figures(p: np.ndarray) -> np.ndarray:
        said = p >= 0.5
        return np.array(
            [(balanced_accuracy(said[here], y[here]), said[here & y].mean()) for here in sets]
        )

    best = figures(mixed_p)

    def loss(band: tuple[float, float]) -> float:
        p = np.where((wide_p > band[0]) & (wide_p < band[1]), mixed_p, wide_p)
        return float((best - figures(p)).max())

    bands = [(low, 1 - high) for low in EDGES for high in EDGES]
    return next(band for band in sorted(bands, key=share) if loss(band) <= TOLERATED_LOSS)


def tagged(corpus: Corpus) -> list[Row]:
    """Give the development rows that carry tags: our sentences and the reviews that were read."""
    return [row for name in ("written", "product read", "app read") for row in corpus.dev[name]]


def mix_tags(folder: Path, deep: Deep, rows: list[Row]) -> list[list[float]]:
    """Fit how wide and deep tag logits are joined; categories share one fit."""
    wide = load_wide(folder / "tags.npz", len(TAGS))
    texts = [row.text for row in rows]
    w, d = wide.logits(texts), deep.logits(texts, 32)[:, len(POLARITY) : -len(HEADS)]
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
        "id2label": {str(i): name for i, name in enumerate(DEEP_OUTPUTS)}
        | {"1": "neutral_if_not_negative"},
        "pyeongpan": {"version": version, **settings, "sha256": hashes},
    }
    hashes[CONFIG] = own_hash(config)
    text = json.dumps(config, indent=1, ensure_ascii=False) + "\n"
    (folder / CONFIG).write_text(text, encoding="utf-8")
    # Without it transformers would cut the letters of "bert" apart first, and know no word.
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")},
    }
    text = json.dumps(tokenizer, indent=1) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
