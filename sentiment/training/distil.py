"""Teachers and students: what a deeper model has learnt, taught to the one that is shipped.

A teacher is trained on film reviews and comments, and on the words of everything else. From it one
more for each fold learns the shop texts and our sentences but for that fold's, so that each of them
is judged by a teacher that never saw its label; the mean of all judges what is in no fold. The
student learns half from the labels and half from these judgements, which also cover varied and
joined sentences and the tags of film reviews.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import expit

from sentiment.training import deep, files
from sentiment.training.data import bucket
from sentiment.training.encoder import load, shallower

if TYPE_CHECKING:
    from pathlib import Path

    from sentiment.training.data import Row
    from sentiment.training.encoder import Encoder
    from sentiment.training.table import Table

FOLDS = 4
EVERYTHING = {
    "movie": 1.0,
    "product": 4.0,
    "app": 3.0,
    "kote": 1.0,
    "hate": 2.0,
    "written": 2.0,
    "varied": 1.0,
}
SHOPS = {
    "movie": 0.25,
    "product": 2.0,
    "app": 1.0,
    "kote": 1.0,
    "hate": 1.0,
    "written": 1.0,
    "varied": 0.7,
}


FURTHER = {
    "new": 2.0,
    "varied": 0.5,
    "written": 1.0,
    "varied old": 0.4,
    "product": 2.0,
    "app": 1.0,
    "movie": 0.25,
    "hate": 0.4,
    "kote": 0.5,
}
TRUST = {"new": 0.85, "varied": 0.8, "written": 0.65, "varied old": 0.65}
"""Share of the label where the student's own judgement is little more than a memory of it."""
FURTHER_WAY = 0.8
"""How far to go from the weights before stage ``further`` to those after it: all the way forgets a little."""


def fold_of(row: Row) -> int:
    """Give a row's fold; film reviews and comments are in none."""
    return bucket("fold:" + row.text, FOLDS) if row.source in ("product", "app", "written") else -1


def read(path: Path) -> dict[str, torch.Tensor]:
    """Read weights by name."""
    with files.reading(path) as file:
        return torch.load(file, weights_only=True, map_location="cpu")


def train_teacher(work: Path, table: Table, dev: Table, minutes: float) -> None:
    """Train ``WORK/start.pt`` on everything but the labels that are in folds."""
    plan = deep.Plan(
        minutes, EVERYTHING, rate=3e-4, guess_share=0.7, tokens_per_batch=24576, seed=1
    )
    model = load(read(work / "start.pt"))
    aim = deep.targets(table)
    aim.weight[table.fold >= 0] = 0
    deep.train(model, table, aim, plan, work / "teacher", dev=dev)


def train_folds(work: Path, table: Table, dev: Table, minutes: float) -> None:
    """Train, in ``minutes`` each, teachers on everything but one fold; go on where that stopped."""
    teacher = read(work / "teacher" / "model.pt")
    models = [work / f"fold{fold}" / "model.pt" for fold in range(FOLDS)]
    leaves = (*models, work / "soft.npz")
    if all(map(files.is_finished, leaves)):
        for path in leaves:
            path.unlink()  # All are wanted anew: what is found from here on was made since.
    for fold, path in enumerate(models):
        if files.is_finished(path):
            print(f"fold{fold}: finished before, kept ({path})", flush=True)
            continue
        plan = deep.Plan(minutes, SHOPS, rate=1.5e-4, tokens_per_batch=8192, seed=10 + fold)
        keep = table.fold != fold
        deep.train(load(teacher), table, deep.targets(table), plan, path.parent, keep, dev)


def judge(work: Path, table: Table, dev: Table) -> None:
    """Write what the teachers say: ``WORK/soft.npz``, logits float16 [rows, outputs]."""
    teachers = [load(read(work / f"fold{fold}" / "model.pt")) for fold in range(FOLDS)]
    found = np.stack([deep.predict(teacher, table) for teacher in teachers])
    logits = found.mean(0)
    for fold in range(FOLDS):
        rows = table.fold == fold
        logits[rows] = found[fold][rows]
    together = np.mean([deep.predict(teacher, dev) for teacher in teachers], axis=0)
    print("teachers together", deep.quick_dev(together, dev), flush=True)
    with files.replacing(work / "soft.npz") as file:
        np.savez_compressed(file, logits=logits.astype(np.float16))


def soft(work: Path) -> np.ndarray:
    """Give P that the teachers give, float32 [rows, outputs]."""
    with files.reading(work / "soft.npz") as file, np.load(file) as arrays:
        logits = arrays["logits"].astype(np.float32)
    return expit(logits)


def train_student(work: Path, table: Table, dev: Table, minutes: float, layers: int) -> Encoder:
    """Train a shallower model on labels and judgements."""
    plan = deep.Plan(
        minutes,
        EVERYTHING,
        rate=4e-4,
        settle_share=0.35,
        settle=SHOPS,
        tokens_per_batch=16384,
        seed=3,
    )
    model = shallower(read(work / "fold0" / "model.pt"), layers)
    aim = deep.targets(table, soft(work))
    return deep.train(model, table, aim, plan, work / f"student{layers}", dev=dev)


def train_further(work: Path, table: Table, dev: Table, minutes: float, model: Encoder) -> Encoder:
    """Teach a student what is new, and hold it to its own judgement of everything else."""
    (work / "further").mkdir(exist_ok=True)
    with files.replacing(work / "further" / "start.pt") as file:
        torch.save(model.state_dict(), file)
    plan = deep.Plan(minutes, FURTHER, rate=1.4e-4, tokens_per_batch=2048, warm_up=200, seed=2)
    aim = deep.targets(table, expit(deep.predict(model, table)), TRUST)
    return deep.train(model, table, aim, plan, work / "further", dev=dev)


def part_way(work: Path) -> dict[str, torch.Tensor]:
    """Give the weights ``FURTHER_WAY`` between those before and after stage ``further``."""
    start, end = (read(work / "further" / name) for name in ("start.pt", "model.pt"))
    return {name: torch.lerp(start[name], end[name], FURTHER_WAY) for name in end}
