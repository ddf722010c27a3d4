"""Writes the trained encoder as an ONNX graph, int8 by a static recipe.

The graph is put together by hand, so that every matrix product is one integer kernel and so
that a text's result cannot depend on its batch: activations are quantised with fixed scales
measured beforehand (or by token), never with the range of the batch at hand.

Inputs: ``ids`` int64 [batch, seq], 0 where padded. Output: ``logits`` float32
[batch, 2 + tags]: negative, neutral if not negative, then ``encoder.TAGS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

MODES = ("float", "static", "row", "nbits")


class Graph:
    """Collects nodes and weights."""

    def __init__(self, mode: str, ranges: dict[str, tuple[float, float]]) -> None:
        self.mode, self.ranges = mode, ranges
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.count = 0

    def const(self, value: np.ndarray, name: str = "") -> str:
        """Add a constant; gives its name."""
        name = name or f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(
        self, op: str, inputs: list[str], outputs: int = 1, domain: str = "", **attributes: object
    ) -> str | list[str]:
        """Add a node; gives the name of its output, or their names."""
        self.count += 1
        names = [f"v{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def one(self, op: str, inputs: list[str], domain: str = "", **attributes: object) -> str:
        """Add a node with one output; gives its name."""
        name = self.node(op, inputs, 1, domain, **attributes)
        if not isinstance(name, str):
            raise TypeError(op)
        return name

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray, name: str) -> str:
        """Add ``x @ weight.T + bias``; ``weight`` is [out, in]."""
        w = weight.T.astype(np.float32)
        if self.mode == "float":
            return self.one("Add", [self.one("MatMul", [x, self.const(w)]), self.const(bias)])
        if self.mode == "nbits":
            return self._nbits(x, weight, bias)
        scale = np.maximum(np.abs(w).max(axis=0) / 127, 1e-8).astype(np.float32)
        q = np.clip(np.rint(w / scale), -127, 127).astype(np.int8)
        if self.mode == "row":
            return self._row(x, q, scale, bias)
        low, high = self.ranges[name]
        low, high = min(low, 0.0), max(high, 0.0)
        step = np.float32(max(high - low, 1e-6) / 255)
        zero = np.uint8(np.clip(round(-low / step), 0, 255))
        s, z = self.const(np.array(step)), self.const(np.array(zero))
        xq = self.one("QuantizeLinear", [x, s, z])
        return self.one(
            "MatMulIntegerToFloat",
            [
                xq,
                self.const(q),
                s,
                self.const(scale),
                z,
                self.const(np.zeros_like(scale, np.int8)),
                self.const(bias.astype(np.float32)),
            ],
            "com.microsoft",
        )

    def _row(self, x: str, q: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> str:
        top = self.one("ReduceMax", [self.one("Abs", [x])], axes=[-1], keepdims=1)
        step = self.one(
            "Max",
            [self.one("Mul", [top, self.const(np.float32(1 / 127))]), self.const(np.float32(1e-8))],
        )
        # Shifted by 128 so that the kernel gets unsigned bytes, its fastest left side.
        shifted = self.one(
            "Add", [self.one("Round", [self.one("Div", [x, step])]), self.const(np.float32(128))]
        )
        xq = self.one("Cast", [shifted], to=TensorProto.UINT8)
        total = self.one("MatMulInteger", [xq, self.const(q), self.const(np.array(128, np.uint8))])
        real = self.one("Mul", [self.one("Cast", [total], to=TensorProto.FLOAT), self.const(scale)])
        return self.one("Add", [self.one("Mul", [real, step]), self.const(bias)])

    def _nbits(self, x: str, weight: np.ndarray, bias: np.ndarray, block: int = 128) -> str:
        out, inner = weight.shape
        blocks = weight.reshape(out, inner // block, block)
        scale = np.maximum(np.abs(blocks).max(axis=2) / 127, 1e-8).astype(np.float32)
        q = np.clip(np.rint(blocks / scale[:, :, None]) + 128, 0, 255).astype(np.uint8)
        y = self.one(
            "MatMulNBits",
            [x, self.const(q), self.const(scale)],
            "com.microsoft",
            K=inner,
            N=out,
            bits=8,
            block_size=block,
            accuracy_level=4,
        )
        return self.one("Add", [y, self.const(bias)])


def build(
    state: dict[str, np.ndarray],
    mode: str,
    ranges: dict[str, tuple[float, float]] | None = None,
    heads: int = 12,
    eps: float = 1e-12,
) -> onnx.ModelProto:
    """Build the graph from a state dict of float32 arrays.

    Args:
        state: Weights by name, as in ``Encoder.state_dict()``.
        mode: One of ``MODES``.
        heads: Attention heads.
        eps: Of the layer norms.
        ranges: For ``static``: (low, high) of the input of each linear layer, by the layer's
            name in the state dict.
    """
    g = Graph(mode, ranges or {})
    words = state["words.weight"]
    hidden = words.shape[1]
    if mode == "float":
        x = g.one("Gather", [g.const(words), "ids"])
    else:
        scale = np.maximum(np.abs(words).max(axis=1, keepdims=True) / 127, 1e-8)
        table = np.clip(np.rint(words / scale), -127, 127).astype(np.int8)
        picked = g.one("Cast", [g.one("Gather", [g.const(table), "ids"])], to=TensorProto.FLOAT)
        x = g.one("Mul", [picked, g.one("Gather", [g.const(scale.astype(np.float32)), "ids"])])
    shape = g.one("Shape", ["ids"])
    length = g.one("Slice", [shape, g.const(np.array([1])), g.const(np.array([2]))])
    place = g.one("Slice", [g.const(state["positions.weight"]), g.const(np.array([0])), length])
    seen = g.one("Cast", [g.one("Cast", ["ids"], to=TensorProto.BOOL)], to=TensorProto.INT32)
    eps = max(eps, 1e-12)
    x = g.one(
        "LayerNormalization",
        [g.one("Add", [x, place]), g.const(state["norm.weight"]), g.const(state["norm.bias"])],
        axis=-1,
        epsilon=eps,
    )
    count = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("layers."))
    for i in range(count):
        p = {key.split(".", 2)[2]: v for key, v in state.items() if key.startswith(f"layers.{i}.")}
        name = f"layers.{i}."
        qkv = g.linear(x, p["qkv.weight"], p["qkv.bias"], name + "qkv")
        split = g.node("Split", [qkv, g.const(np.array([hidden] * 3))], 3, axis=-1)
        mixed = g.one("MultiHeadAttention", [*split, "", seen], "com.microsoft", num_heads=heads)
        out = g.linear(mixed, p["out.weight"], p["out.bias"], name + "out")
        x = g.one(
            "SkipLayerNormalization",
            [x, out, g.const(p["norm1.weight"]), g.const(p["norm1.bias"])],
            "com.microsoft",
            epsilon=eps,
        )
        up = g.linear(x, p["up.weight"], p["up.bias"], name + "up")
        up = g.one("Gelu", [up], "com.microsoft")
        down = g.linear(up, p["down.weight"], p["down.bias"], name + "down")
        x = g.one(
            "SkipLayerNormalization",
            [x, down, g.const(p["norm2.weight"]), g.const(p["norm2.bias"])],
            "com.microsoft",
            epsilon=eps,
        )
    weight = g.one(
        "Unsqueeze", [g.one("Cast", [seen], to=TensorProto.FLOAT), g.const(np.array([2]))]
    )
    total = g.one("ReduceSum", [g.one("Mul", [x, weight]), g.const(np.array([1]))], keepdims=0)
    pooled = g.one("Div", [total, g.one("ReduceSum", [weight, g.const(np.array([1]))], keepdims=0)])
    w = np.concatenate([state["polarity.weight"], state["tags.weight"]]).T
    b = np.concatenate([state["polarity.bias"], state["tags.bias"]])
    logits = g.one("Add", [g.one("MatMul", [pooled, g.const(w.astype(np.float32))]), g.const(b)])
    g.nodes.append(helper.make_node("Identity", [logits], ["logits"]))
    graph = helper.make_graph(
        g.nodes,
        "pyeongpan",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "seq"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(b)])],
        g.weights,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )
    model.producer_name = "pyeongpan"
    return model


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write the graph."""
    path.write_bytes(model.SerializeToString(deterministic=True))
