"""The deep model: a six-layer BERT cut from multilingual-e5-small, with small heads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from sentiment.training.tags import TAGS

if TYPE_CHECKING:
    from sentiment.training.e5 import E5

DROP_SHARE = 0.1
HEADS = ("negative", "neutral")


class Drop(nn.Module):
    """Dropout with one draw per text and unit: drawing for every token costs 1/5 of a step."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float [batch, ..., hidden] to the same shape."""
        if not self.training:
            return x
        shape = (x.shape[0], *([1] * (x.ndim - 2)), x.shape[-1])
        return x * ((torch.rand(shape) > DROP_SHARE).to(x.dtype) / (1 - DROP_SHARE))


class Layer(nn.Module):
    """One post-norm transformer layer with fused query, key and value."""

    def __init__(self, hidden: int, heads: int, ffn: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.norm1 = nn.LayerNorm(hidden, eps)
        self.up = nn.Linear(hidden, ffn)
        self.down = nn.Linear(ffn, hidden)
        self.norm2 = nn.LayerNorm(hidden, eps)
        self.drop = Drop()

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """Map float [batch, seq, hidden] to the same shape."""
        b, s, h = x.shape
        d = h // self.heads
        qkv = self.qkv(x).view(b, s, 3, self.heads, d).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        # Plain matmuls: the fused kernel costs half a step on short bf16 batches.
        scores = q @ k.transpose(-1, -2) * (1.0 / math.sqrt(d))
        if bias is not None:
            scores = scores + bias
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, s, h)
        x = self.norm1(x + self.drop(self.out(mixed)))
        return self.norm2(x + self.drop(self.down(nn.functional.gelu(self.up(x)))))


class Encoder(nn.Module):
    """Token ids int64 [batch, seq] to logits.

    ``forward`` gives polarity logits [batch, 2] (negative, neutral-if-not-negative) and tag
    logits [batch, len(TAGS)].
    """

    def __init__(
        self,
        vocabulary: int,
        layers: int = 6,
        hidden: int = 384,
        heads: int = 12,
        ffn: int = 1536,
        eps: float = 1e-12,
        positions: int = 160,
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, hidden)
        self.positions = nn.Embedding(positions, hidden)
        self.norm = nn.LayerNorm(hidden, eps)
        self.layers = nn.ModuleList(Layer(hidden, heads, ffn, eps) for _ in range(layers))
        self.drop = Drop()
        self.polarity = nn.Linear(hidden, len(HEADS))
        self.tags = nn.Linear(hidden, len(TAGS))
        self.masked = nn.Linear(hidden, hidden)
        self.masked_bias = nn.Parameter(torch.zeros(vocabulary))

    def encode(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Give hidden states [batch, seq, hidden]."""
        bias = None
        if mask is not None:
            bias = (1.0 - mask[:, None, None, :].to(self.words.weight.dtype)) * -10000.0
        place = self.positions.weight[: ids.shape[1]]
        x = self.drop(self.norm(self.words(ids) + place))
        for layer in self.layers:
            x = layer(x, bias)
        return x

    def pool(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Average over the tokens that are not padding."""
        if mask is None:
            return x.mean(1)
        weights = mask[:, :, None].to(x.dtype)
        return (x * weights).sum(1) / weights.sum(1)

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Give (polarity logits, tag logits)."""
        pooled = self.drop(self.pool(self.encode(ids, mask), mask))
        return self.polarity(pooled), self.tags(pooled)


def from_e5(e5: E5, words: torch.Tensor, keep: tuple[int, ...] = (1, 3, 5, 7, 9, 11)) -> Encoder:
    """Build the encoder from e5's weights, keeping the named layers (0-based)."""
    model = Encoder(len(words), len(keep), e5.hidden, e5.heads, e5.ffn, e5.eps)
    t = {name: torch.from_numpy(value) for name, value in e5.tensors.items()}
    with torch.no_grad():
        model.words.weight.copy_(words)
        # XLM-R tokenisers feed a BERT here: positions start at 0, one token type.
        model.positions.weight.copy_(t["emb.pos"][:160] + t["emb.type"][0])
        model.norm.weight.copy_(t["emb.ln.w"])
        model.norm.bias.copy_(t["emb.ln.b"])
        for layer, source in zip(model.layers, keep, strict=True):
            part = {key.split(".", 1)[1]: t[key] for key in t if key.startswith(f"l{source}.")}
            layer.qkv.weight.copy_(torch.cat([part["q.w"], part["k.w"], part["v.w"]]))
            layer.qkv.bias.copy_(torch.cat([part["q.b"], part["k.b"], part["v.b"]]))
            for target, name in (
                (layer.out, "ao"),
                (layer.up, "fi"),
                (layer.down, "fo"),
                (layer.norm1, "aln"),
                (layer.norm2, "oln"),
            ):
                target.weight.copy_(part[f"{name}.w"])
                target.bias.copy_(part[f"{name}.b"])
    return model
