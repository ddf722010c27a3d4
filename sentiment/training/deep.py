"""Trains encoders within a time budget, with checkpoints, and resumes; on a GPU where there is one.

Batches hold texts of similar length, in bf16 where the processor multiplies it. The first part of
the budget may hide 15 % of the tokens and also learn to guess them, which teaches a new vocabulary;
the learning rate falls linearly over the budget.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from sentiment.evaluate import macro_f1
from sentiment.training import files
from sentiment.training.table import MASK, OUTPUTS
from sentiment.training.tags import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sentiment.training.encoder import Encoder
    from sentiment.training.table import Table

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
HAS_BF16 = DEVICE.type == "cuda" or torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 - it has no other name
"""Elsewhere bf16 is emulated and many times slower than fp32."""
SHARES = {"negative": 1.0, "neutral": 0.3}
TAG_SHARE = 0.5
"""What an output weighs in the loss."""
GUESS_SHARE = 0.15
CHECKPOINT_S = 240
"""Between checkpoints; a tenth of the budget where that is less."""


@dataclass(frozen=True)
class Plan:
    """One training stage.

    Attributes:
        minutes: Budget of training time, resumed runs included.
        mix: How often each source's rows appear in a round; a fraction is drawn anew each round.
        guess_share: Share of the budget with hidden tokens.
        settle_share: Share of the budget, at its end, that goes by ``settle``.
        settle: Like ``mix``.
        warm_up: Steps in which the learning rate rises.
    """

    minutes: float
    mix: dict[str, float]
    rate: float = 2e-4
    guess_share: float = 0.0
    settle_share: float = 0.0
    settle: dict[str, float] = field(default_factory=dict)
    warm_up: int = 300
    tokens_per_batch: int = 8192
    seed: int = 1


@dataclass(frozen=True)
class Targets:
    """What is learnt: P of each output and how much it counts, both float32 [rows, outputs]."""

    p: np.ndarray
    weight: np.ndarray


def targets(
    table: Table, soft: np.ndarray | None = None, trust: Mapping[str, float] | None = None
) -> Targets:
    """Give what the labels say; with ``soft`` halfway to it, and it alone where there is no label.

    Args:
        table: The rows.
        soft: P that teachers give, float [rows, outputs].
        trust: How much of the way is the label's, by source, where it is not half.
    """
    labels = table.labels.astype(np.float32)
    known = ~np.isnan(labels)
    share = np.array([SHARES.get(name, TAG_SHARE) for name in OUTPUTS], np.float32)
    if soft is None:
        p, weight = np.nan_to_num(labels), known * share
        weight[:, 0] *= table.strength
    else:
        shares = np.array([(trust or {}).get(str(name), 0.5) for name in table.names], np.float32)
        own = shares[table.source][:, None]
        p = np.where(known, own * np.nan_to_num(labels) + (1 - own) * soft, soft)
        p = p.astype(np.float32)
        weight = np.tile(share, (len(p), 1))
        # Whether a text is neutral is asked only where it is not negative.
        weight[:, 1] *= 1 - p[:, 0]
    return Targets(p, weight)


class Rows:
    """A table's tokens on the device, given out in batches."""

    def __init__(self, table: Table) -> None:
        self.lengths = table.lengths
        self._ids = torch.from_numpy(table.ids.astype(np.int32)).to(DEVICE)
        self._starts = torch.from_numpy(table.starts).to(DEVICE)

    def batch(self, chosen: np.ndarray) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Give ids int64 [batch, longest] and, unless all are of one length, what is no padding."""
        lengths = self.lengths[chosen]
        longest = int(lengths.max())
        rows = torch.from_numpy(chosen).to(DEVICE, non_blocking=True)
        place = torch.arange(longest, device=DEVICE)
        at = self._starts[rows][:, None] + place
        ids = self._ids[at.clamp(max=len(self._ids) - 1)].long()
        if longest == lengths.min():
            return ids, None
        mask = place < (self._starts[rows + 1] - self._starts[rows])[:, None]
        return ids * mask, mask


def cut(lengths: np.ndarray, order: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Cut rows into batches of about ``tokens``, of similar length; ``order`` decides the rest."""
    order = order[np.argsort(lengths[order], kind="stable")]
    sizes = lengths[order]
    found, at = [], 0
    while at < len(order):
        guess = min(at + max(1, tokens // int(sizes[at])), len(order))
        take = max(1, tokens // int(sizes[guess - 1]))
        found.append(order[at : at + take])
        at += take
    return found


def _round(table: Table, mix: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    chosen = []
    for name, times in mix.items():
        rows = table.of(name)
        chosen += [rows] * int(times)
        chosen.append(rng.permutation(rows)[: round(len(rows) * (times % 1))])
    return rng.permutation(np.concatenate(chosen))


def batches(
    table: Table, keep: np.ndarray, mix: dict[str, float], tokens: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the row numbers of one round's batches, freshly mixed."""
    chosen = _round(table, mix, rng)
    found = cut(table.lengths, chosen[keep[chosen]], tokens)
    for number in rng.permutation(len(found)):
        yield found[number]


def hide(
    ids: torch.Tensor, mask: torch.Tensor | None, tokens: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hide 15 % of ``tokens``; gives the ids and where, int64, in the flattened batch."""
    luck = torch.rand(ids.shape, device=ids.device) * (ids > MASK)
    if mask is not None:
        luck = luck * mask
    at = luck.flatten().topk(max(1, int(0.15 * tokens))).indices
    return ids.flatten().index_fill(0, at, MASK).view(ids.shape), at


def step_loss(
    model: Encoder,
    ids: torch.Tensor,
    mask: torch.Tensor | None,
    aim: tuple[torch.Tensor, torch.Tensor],
    guess: int,
) -> torch.Tensor:
    """Give the loss of one batch; ``guess`` real tokens of it are there to be hidden, or 0."""
    visible, at = hide(ids, mask, guess) if guess else (ids, None)
    encoded = model.encode(visible, mask)
    logits = model.read(encoded, mask).float()
    p, weight = aim
    each = nn.functional.binary_cross_entropy_with_logits(logits, p, reduction="none")
    loss = (each * weight).sum() / len(ids)
    if at is not None:
        guesses = nn.functional.gelu(model.masked(encoded.flatten(0, 1)[at]))
        words = nn.functional.linear(guesses, model.words.weight, model.masked_bias)
        missed = nn.functional.cross_entropy(words.float(), ids.flatten()[at])
        loss = loss + GUESS_SHARE * missed
    return loss


@torch.no_grad()
def predict(model: Encoder, table: Table) -> np.ndarray:
    """Give logits float32 [rows, outputs]."""
    model.to(DEVICE).eval()
    rows = Rows(table)
    found = np.zeros((len(table.source), len(OUTPUTS)), np.float32)
    # A processor's caches hold the states of a small batch only.
    tokens = 65536 if DEVICE.type == "cuda" else 2048
    for chosen in cut(rows.lengths, np.arange(len(found)), tokens):
        ids, mask = rows.batch(chosen)
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=HAS_BF16):
            found[chosen] = model.read(model.encode(ids, mask), mask).float().cpu().numpy()
    model.train()
    return found


@torch.no_grad()
def channel_sizes(model: Encoder, ids: list[list[int]]) -> dict[str, np.ndarray]:
    """Give how large each linear layer's input channels get: |x| that 99.95 % do not exceed."""
    seen: dict[str, list[np.ndarray]] = {}
    model.eval()
    hooks = [
        module.register_forward_hook(
            lambda _module, given, _made, name=name: seen.setdefault(name, []).append(
                given[0].abs().reshape(-1, given[0].shape[-1]).half().numpy()
            )
        )
        for name, module in model.named_modules()
        if name.startswith("layers.") and isinstance(module, nn.Linear)
    ]
    for tokens in ids:
        model.encode(torch.tensor([tokens]))
    for hook in hooks:
        hook.remove()
    return {
        name: np.quantile(np.concatenate(parts).astype(np.float32), 0.9995, axis=0)
        for name, parts in seen.items()
    }


def balanced_accuracy(said: np.ndarray, negative: np.ndarray) -> float:
    """Average recall of both classes; bool [rows]."""
    return float((said[negative].mean() + (~said[~negative]).mean()) / 2)


def quick_dev(logits: np.ndarray, dev: Table) -> dict[str, float]:
    """Measure balanced accuracy by set, and categories of our sentences, of ``dev``'s logits."""
    figures = {}
    for name in map(str, dev.names):
        rows = dev.of(name)
        truth = dev.labels[rows, 0]
        clear = (truth == 0) | (truth == 1)
        figures[name] = round(balanced_accuracy(logits[rows, 0][clear] >= 0, truth[clear] == 1), 4)
    columns = [OUTPUTS.index(name) for name in CATEGORIES]
    rows = dev.of("written")
    said, true = logits[rows][:, columns] > -0.85, dev.labels[rows][:, columns] == 1
    return figures | {"categories": round(macro_f1(true, said), 4)}


def train(
    model: Encoder,
    table: Table,
    aim: Targets,
    plan: Plan,
    folder: Path,
    keep: np.ndarray | None = None,
    dev: Table | None = None,
) -> Encoder:
    """Train ``model`` by ``plan``; checkpoint, log and resume in ``folder``.

    Args:
        model: Changed in place.
        table: The rows.
        aim: What they are to say.
        plan: Budget, mix and rates.
        folder: Gets ``checkpoint.pt``, ``log.jsonl`` and, in its place, ``model.pt`` at the end.
        keep: Rows that may be seen, bool [rows]; None for all.
        dev: Rows to measure at the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    model.to(DEVICE)
    keep = np.ones(len(table.source), bool) if keep is None else keep
    rows = Rows(table)
    p, weight = (torch.from_numpy(array).to(DEVICE) for array in (aim.p, aim.weight))
    slow = [p for n, p in model.named_parameters() if p.ndim > 1 and not n.startswith("words")]
    bare = [p for p in model.parameters() if p.ndim == 1]
    optimiser = torch.optim.AdamW(
        [
            {"params": slow, "weight_decay": 0.01, "share": 1.0},
            {"params": bare, "weight_decay": 0.0, "share": 1.0},
            {"params": [model.words.weight], "weight_decay": 0.0, "share": 2.0},
        ],
        lr=plan.rate,
        betas=(0.9, 0.98),
        eps=1e-6,
        fused=True,
    )
    spent_s, step, seen = 0.0, 0, 0
    checkpoint = folder / files.CHECKPOINT
    if checkpoint.exists():
        with files.reading(checkpoint) as file:
            state = torch.load(file, weights_only=True, map_location="cpu")
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        spent_s, step, seen = state["spent_s"], state["step"], state["seen"]
    # Written line by line: whoever is killed leaves what was logged.
    log = (folder / "log.jsonl").open("a", buffering=1, encoding="utf-8")
    begun = {"plan": asdict(plan), "rows": int(keep.sum()), "resumed_at_s": spent_s}
    log.write(json.dumps(begun) + "\n")
    budget_s = plan.minutes * 60
    settles_at_s = budget_s * (1 - plan.settle_share)
    rng = np.random.default_rng(plan.seed + step)
    last, saved, logged, tokens = time.monotonic(), spent_s, spent_s, 0
    losses: list[torch.Tensor] = []
    model.train()
    while spent_s < budget_s:
        settling = spent_s >= settles_at_s
        mix, until_s = (plan.settle, budget_s) if settling else (plan.mix, settles_at_s)
        for chosen in batches(table, keep, mix, plan.tokens_per_batch, rng):
            if spent_s >= until_s:
                break
            done = spent_s / budget_s
            for group in optimiser.param_groups:
                group["lr"] = (
                    plan.rate * group["share"] * min(1.0, step / plan.warm_up) * (1.0 - done)
                )
            ids, mask = rows.batch(chosen)
            at = torch.from_numpy(chosen).to(DEVICE, non_blocking=True)
            real = int(rows.lengths[chosen].sum())
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=HAS_BF16):
                guess = real if done < plan.guess_share else 0
                loss = step_loss(model, ids, mask, (p[at], weight[at]), guess)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
            optimiser.step()
            step, seen, tokens = step + 1, seen + len(chosen), tokens + real
            losses.append(loss.detach())
            if step % 20 == 0 or DEVICE.type == "cpu":
                # Reading the loss waits for the device, so that the clock sees what was done.
                mean = float(torch.stack(losses).mean())
                now = time.monotonic()
                spent_s, last = spent_s + now - last, now
                if step % 100 == 0:
                    line = {
                        "step": step,
                        "seen": seen,
                        "spent_s": round(spent_s),
                        "loss": round(mean, 4),
                        "tokens_per_s": int(tokens / max(spent_s - logged, 1e-3)),
                    }
                    log.write(json.dumps(line) + "\n")
                    losses, tokens, logged = [], 0, spent_s
                if spent_s - saved > min(CHECKPOINT_S, budget_s / 10):
                    _save(checkpoint, model, optimiser, spent_s, step, seen)
                    saved, last = spent_s, time.monotonic()
    figures = quick_dev(predict(model, dev), dev) if dev else {}
    finished = {"finished": True, "step": step, "seen": seen, "dev": figures}
    log.write(json.dumps(finished) + "\n")
    log.close()
    print(folder.name, json.dumps(finished), flush=True)
    with files.replacing(folder / "model.pt") as file:
        torch.save(model.state_dict(), file)
    checkpoint.unlink(missing_ok=True)
    return model


def _save(
    path: Path,
    model: Encoder,
    optimiser: torch.optim.Optimizer,
    spent_s: float,
    step: int,
    seen: int,
) -> None:
    state = {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "spent_s": spent_s,
        "step": step,
        "seen": seen,
    }
    with files.replacing(path) as file:
        torch.save(state, file)
