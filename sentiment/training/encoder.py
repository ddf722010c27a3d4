"""The deep models: BERTs cut from multilingual-e5-small, with small heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from sentiment.classifier import POLARITY
from sentiment.training.tags import TAGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.training.e5 import E5

DROP_SHARE = 0.1


class Drop(nn.Module):
    """Dropout with one draw per text and unit: drawing for every token costs 1/5 of a step."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float [batch, ..., hidden] to the same shape."""
        if not self.training:
            return x
        shape = (x.shape[0], *([1] * (x.ndim - 2)), x.shape[-1])
        kept = torch.rand(shape, device=x.device) > DROP_SHARE
        return x * (kept.to(x.dtype) / (1 - DROP_SHARE))


def attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None
) -> torch.Tensor:
    """Mix values float [batch, heads, seq, d]; on processors by plain products.

    The fused kernel halves the training speed there: texts are short, and AMX likes products.
    """
    if q.device.type != "cpu":
        return nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(-1).to(v.dtype) @ v


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

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Map float [batch, seq, hidden] to the same shape; ``mask`` bool [batch, 1, 1, seq]."""
        b, s, h = x.shape
        d = h // self.heads
        qkv = self.qkv(x).view(b, s, 3, self.heads, d).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        mixed = attend(q, k, v, mask)
        mixed = mixed.transpose(1, 2).reshape(b, s, h)
        x = self.norm1(x + self.drop(self.out(mixed)))
        return self.norm2(x + self.drop(self.down(nn.functional.gelu(self.up(x)))))


class Encoder(nn.Module):
    """Token ids int64 [batch, seq] to hidden states, and those to logits."""

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
        self.polarity = nn.Linear(hidden, len(POLARITY))
        self.tags = nn.Linear(hidden, len(TAGS))
        self.masked = nn.Linear(hidden, hidden)
        self.masked_bias = nn.Parameter(torch.zeros(vocabulary))

    def encode(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Give hidden states [batch, seq, hidden]; ``mask`` bool [batch, seq], False is padding."""
        wide = None if mask is None else mask[:, None, None, :]
        x = self.drop(self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]]))
        for layer in self.layers:
            x = layer(x, wide)
        return x

    def read(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Give logits [batch, len(OUTPUTS)] of hidden states, averaged over what is no padding."""
        if mask is None:
            pooled = x.mean(1)
        else:
            weights = mask[:, :, None].to(x.dtype)
            pooled = (x * weights).sum(1) / weights.sum(1)
        pooled = self.drop(pooled)
        return torch.cat([self.polarity(pooled), self.tags(pooled)], 1)


def spread(layers: int, of: int) -> list[int]:
    """Choose layers of a deeper model, evenly, its last one included."""
    return [round((number + 1) * of / layers) - 1 for number in range(layers)]


def depth(state: Mapping[str, object]) -> int:
    """Count the layers that weights by name are of."""
    return 1 + max(int(name.split(".")[1]) for name in state if name.startswith("layers."))


def load(state: Mapping[str, torch.Tensor]) -> Encoder:
    """Build an encoder of as many layers as its weights have."""
    model = Encoder(len(state["words.weight"]), depth(state))
    model.load_state_dict(state)
    return model


def shallower(deeper: Mapping[str, torch.Tensor], layers: int) -> Encoder:
    """Build an encoder that begins with some of a deeper one's layers."""
    state = {name: value for name, value in deeper.items() if not name.startswith("layers.")}
    for number, source in enumerate(spread(layers, depth(deeper))):
        for name, value in deeper.items():
            if name.startswith(f"layers.{source}."):
                state[f"layers.{number}.{name.split('.', 2)[2]}"] = value
    return load(state)


def from_e5(e5: E5, words: torch.Tensor) -> Encoder:
    """Build an encoder with all of e5's layers and other words."""
    model = Encoder(len(words), e5.layers, e5.hidden, e5.heads, e5.ffn, e5.eps)
    t = {name: torch.from_numpy(value) for name, value in e5.tensors.items()}
    with torch.no_grad():
        model.words.weight.copy_(words)
        # XLM-R tokenisers feed a BERT here: positions start at 0, one token type.
        model.positions.weight.copy_(t["emb.pos"][:160] + t["emb.type"][0])
        model.norm.weight.copy_(t["emb.ln.w"])
        model.norm.bias.copy_(t["emb.ln.b"])
        for number, layer in enumerate(model.layers):
            part = {key.split(".", 1)[1]: t[key] for key in t if key.startswith(f"l{number}.")}
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
