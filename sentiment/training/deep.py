"""Trains the deep model within a time budget, with checkpoints, and resumes.

Batches hold texts of equal length, so nothing is padded; bf16 autocast where the processor
multiplies it. The first part of the budget may hide 15 % of the tokens and also learn to guess
them, which teaches a new vocabulary; the learning rate falls linearly over the budget.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from sentiment.training.tags import TAGS, tag_targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tokenizers import Tokenizer

    from sentiment.training.data import Corpus, Row
    from sentiment.training.encoder import Encoder

CLS, MASK = 2, 4
HAS_BF16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001 - it has no other name
"""Elsewhere bf16 is emulated and slower than fp32."""
MAX_TOKENS = 128


@dataclass
class Plan:
    """One training stage.

    Attributes:
        minutes: Budget of training time, resumed runs included.
        guess_share: Share of the budget with hidden tokens.
        repeats: How often each source's rows appear in a round.
        movies: Polar and lukewarm film rows per round: negative, positive, lukewarm.
    """

    minutes: float
    rate: float = 2e-4
    guess_share: float = 0.5
    tokens_per_batch: int = 2600
    repeats: tuple[tuple[str, int], ...] = (
        ("product", 4),
        ("app", 3),
        ("kote", 1),
        ("written", 4),
        ("hate", 1),
    )
    movies: tuple[int, int, int] = (90000, 100000, 45000)
    seed: int = 1


def tokenise(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    """Give ids with [CLS] first; a long text keeps its first 3/4 and last 1/4."""
    room = MAX_TOKENS - 1
    head = room * 3 // 4
    result = []
    for encoding in tokenizer.encode_batch(texts):
        ids = encoding.ids
        if len(ids) > room:
            ids = ids[:head] + ids[head - room :]
        result.append([CLS, *ids])
    return result


def _round(rows: list[Row], plan: Plan, rng: random.Random) -> list[int]:
    parts: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        key = row.source
        if key == "movie":
            key = "neg" if row.negative == 1 else "pos" if row.negative == 0 else "luke"
        parts.setdefault(key, []).append(index)
    chosen = []
    for key, count in zip(("neg", "pos", "luke"), plan.movies, strict=True):
        pool = parts.get(key, [])
        chosen += rng.sample(pool, min(count, len(pool)))
    for key, times in plan.repeats:
        chosen += parts.get(key, []) * times
    return chosen


def batches(rows: list[Row], ids: list[list[int]], plan: Plan, seed: int) -> Iterator[list[int]]:
    """Yield row numbers of equal token length, for ever, freshly mixed each round."""
    rng = random.Random(seed)
    while True:
        waiting: dict[int, list[int]] = {}
        chosen = _round(rows, plan, rng)
        rng.shuffle(chosen)
        for index in chosen:
            length = len(ids[index])
            group = waiting.setdefault(length, [])
            group.append(index)
            if len(group) >= max(8, min(192, plan.tokens_per_batch // length)):
                yield waiting.pop(length)
        rest = [group for group in waiting.values() if len(group) >= 4]
        rng.shuffle(rest)
        yield from rest


def step_loss(
    model: Encoder, batch: torch.Tensor, rows: list[Row], tags: torch.Tensor, *, guess: bool
) -> torch.Tensor:
    """Give the loss of one batch of equal-length texts."""
    hidden_at = torch.zeros_like(batch, dtype=torch.bool)
    visible = batch
    if guess:
        hidden_at = (torch.rand(batch.shape) < 0.15) & (batch > MASK)
        visible = torch.where(hidden_at, MASK, batch)
    encoded = model.encode(visible)
    pooled = model.drop(encoded.mean(1))
    polarity, tag_logits = model.polarity(pooled).float(), model.tags(pooled).float()
    bce = nn.functional.binary_cross_entropy_with_logits
    target = torch.tensor([row.negative for row in rows])
    strength = torch.tensor([row.strength for row in rows])
    loss = (bce(polarity[:, 0], target, reduction="none") * strength).mean()
    neutral = torch.tensor([float(row.neutral) for row in rows])
    known = ((neutral >= 0) & (target <= 0.5)).float()
    loss = loss + 0.3 * (bce(polarity[:, 1], neutral.clamp(min=0), reduction="none") * known).mean()
    tagged = ~tags.isnan()
    if tagged.any():
        each = bce(tag_logits, tags.nan_to_num(), reduction="none") * tagged
        loss = loss + 0.5 * each.sum() / len(rows)
    if guess and hidden_at.any():
        guesses = nn.functional.gelu(model.masked(encoded[hidden_at]))
        logits = nn.functional.linear(guesses, model.words.weight, model.masked_bias)
        loss = loss + 0.15 * nn.functional.cross_entropy(logits.float(), batch[hidden_at])
    return loss


@torch.no_grad()
def predict(model: Encoder, ids: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Give polarity logits [n, 2] and tag logits [n, tags] of tokenised texts."""
    model.eval()
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    polarity = np.zeros((len(ids), 2), np.float32)
    tags = np.zeros((len(ids), len(TAGS)), np.float32)
    at = 0
    while at < len(order):
        length = len(ids[order[at]])
        group = []
        while at < len(order) and len(ids[order[at]]) == length and len(group) < 256:
            group.append(order[at])
            at += 1
        with torch.autocast("cpu", torch.bfloat16, enabled=HAS_BF16):
            first, second = model(torch.tensor([ids[i] for i in group]))
        polarity[group], tags[group] = first.float().numpy(), second.float().numpy()
    model.train()
    return polarity, tags


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
        model(torch.tensor([tokens]))
    for hook in hooks:
        hook.remove()
    return {
        name: np.quantile(np.concatenate(parts).astype(np.float32), 0.9995, axis=0)
        for name, parts in seen.items()
    }


def balanced_accuracy(scores: np.ndarray, negative: np.ndarray) -> float:
    """Average recall of both classes for logits."""
    said = scores >= 0
    return float((said[negative].mean() + (~said[~negative]).mean()) / 2)


def quick_dev(model: Encoder, tokenizer: Tokenizer, corpus: Corpus) -> dict[str, float]:
    """Measure balanced accuracy on small development parts."""
    figures = {}
    for name in ("movie", "product", "app", "written"):
        rows = [
            r
            for r in corpus.dev[name]
            if (r.stars not in (3, 4) if name == "app" else True) and r.negative in (0.0, 1.0)
        ][:800]
        if len(rows) < 20:
            continue
        polarity, _ = predict(model, tokenise(tokenizer, [r.text for r in rows]))
        negative = np.array([r.negative == 1 for r in rows])
        figures[name] = round(balanced_accuracy(polarity[:, 0], negative), 4)
    return figures


def train(
    model: Encoder, tokenizer: Tokenizer, corpus: Corpus, plan: Plan, folder: Path
) -> Encoder:
    """Train ``model`` by ``plan``; checkpoint, log and resume in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    ids = tokenise(tokenizer, [row.text for row in corpus.train])
    tags = np.stack([tag_targets(row) for row in corpus.train])
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
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        spent_s, step, seen = state["spent_s"], state["step"], state["seen"]
    log = (folder / "log.jsonl").open("a", encoding="utf-8")
    log.write(json.dumps({"plan": asdict(plan), "rows": len(ids), "resumed_at_s": spent_s}) + "\n")
    budget_s = plan.minutes * 60
    last, since, losses, tokens = time.monotonic(), 0.0, [], 0
    next_save, next_dev = spent_s + 240, spent_s + 900
    model.train()
    for chosen in batches(corpus.train, ids, plan, plan.seed + step):
        done = spent_s / budget_s
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * group["share"] * min(1.0, step / 200) * (1.0 - done)
        batch = torch.tensor([ids[i] for i in chosen])
        with torch.autocast("cpu", torch.bfloat16, enabled=HAS_BF16):
            loss = step_loss(
                model,
                batch,
                [corpus.train[i] for i in chosen],
                torch.from_numpy(tags[chosen]),
                guess=done < plan.guess_share,
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimiser.step()
        step += 1
        seen += len(chosen)
        tokens += batch.numel()
        losses.append(loss.item())
        now = time.monotonic()
        spent_s, since, last = spent_s + now - last, since + now - last, now
        if step % 100 == 0:
            line = {
                "step": step,
                "seen": seen,
                "spent_s": round(spent_s),
                "loss": round(sum(losses) / len(losses), 4),
                "tokens_per_s": int(tokens / since),
            }
            log.write(json.dumps(line) + "\n")
            log.flush()
            losses, tokens, since = [], 0, 0.0
        if spent_s > next_dev:
            log.write(json.dumps({"step": step, "dev": quick_dev(model, tokenizer, corpus)}) + "\n")
            next_dev = spent_s + 900
        if spent_s > next_save:
            _save(checkpoint, model, optimiser, spent_s, step, seen)
            next_save = spent_s + 240
        last = time.monotonic()
    figures = quick_dev(model, tokenizer, corpus)
    log.write(json.dumps({"finished": True, "step": step, "seen": seen, "dev": figures}) + "\n")
    log.close()
    _save(checkpoint, model, optimiser, budget_s, step, seen)
    torch.save(model.state_dict(), folder / "model.pt")
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
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)
