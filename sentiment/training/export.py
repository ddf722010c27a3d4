"""Writes the trained encoder as an ONNX graph of integer kernels.

The graph is put together by hand, so that every matrix product is one integer kernel and so
that a text's result cannot depend on its batch: activations are quantised with fixed steps
measured beforehand, never with the range of the batch at hand. A few channels are ten times
larger than the rest; as in SmoothQuant (Xiao and others, 2023) part of their size is moved into
the weights first, or one step for all channels would round the others away.

Processors without VNNI add two neighbouring products in 16 bits. Weights are rounded so that no two
of them can overflow there, so the fastest kernels of every processor give the same scores.

Inputs: ``ids`` int64 [batch, seq], 0 where padded. Output: ``logits`` float32
[batch, 2 + tags]: negative, neutral if not negative, then ``encoder.TAGS``; stage ``calibrate`` adds one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from sentiment.classifier import POLARITY
from sentiment.training.encoder import depth
from sentiment.training.table import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KINDS = ("weight", "bias")
MOVED = 0.8
"""Share of a channel's size that moves into the weights: of .5 to 1 the fewest labels turn."""


@dataclass(frozen=True)
class Smoothed:
    """An encoder's weights made ready for fixed steps.

    Attributes:
        state: Weights by name; those of linear layers expect divided inputs.
        divisors: What a layer's input is divided by, float32 [channels], by layer; ``out``
            has none, its share was taken from the values it mixes.
        steps: Quantisation step of each layer's divided input.
    """

    state: dict[str, np.ndarray]
    divisors: dict[str, np.ndarray]
    steps: dict[str, np.float32]


def smooth(state: Mapping[str, np.ndarray], sizes: Mapping[str, np.ndarray]) -> Smoothed:
    """Move size from activations into weights; the network computes the same.

    Args:
        state: Weights by name.
        sizes: How large each input channel gets, float [channels], by linear layer.
    """
    found = Smoothed({name: value.copy() for name, value in state.items()}, {}, {})
    for name, size in sizes.items():
        weight = found.state[f"{name}.weight"]
        reach = np.maximum(np.abs(weight).max(axis=0), 1e-4)
        divisor = np.maximum(size, 1e-3) ** MOVED / reach ** (1 - MOVED)
        divisor = (divisor / np.exp(np.log(divisor).mean())).astype(np.float32)
        found.state[f"{name}.weight"] = weight * divisor
        found.steps[name] = np.float32(np.maximum(size / divisor, 1e-6).max() / 127)
        if not name.endswith(".out"):
            found.divisors[name] = divisor
            continue
        # Attention mixes values by weights that sum to one: dividing them divides the mix.
        values = name.replace(".out", ".qkv")
        found.state[f"{values}.weight"][-len(divisor) :] /= divisor[:, None]
        found.state[f"{values}.bias"][-len(divisor) :] /= divisor
    return found


class Graph:
    """Collects nodes and weights; ``smoothed`` None leaves the products in floating point."""

    def __init__(self, smoothed: Smoothed | None) -> None:
        self.smoothed = smoothed
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
        if self.smoothed is None:
            return self.one("Add", [self.one("MatMul", [x, self.const(w)]), self.const(bias)])
        rounded, scale = round_weights(w)
        divisor = self.smoothed.divisors.get(name)
        if divisor is not None:
            x = self.one("Mul", [x, self.const(1 / divisor)])
        step, zero = self.const(self.smoothed.steps[name]), self.const(np.array(128, np.uint8))
        return self.one(
            "MatMulIntegerToFloat",
            [
                self.one("QuantizeLinear", [x, step, zero]),
                self.const(rounded),
                step,
                self.const(scale),
                zero,
                self.const(np.zeros_like(scale, np.int8)),
                self.const(bias.astype(np.float32)),
            ],
            "com.microsoft",
        )

    def norm(self, x: str, y: str, weight: np.ndarray, bias: np.ndarray, eps: float) -> str:
        """Add the layer norm of ``x + y``.

        ONNX Runtime's one node for both (SkipLayerNormalization) takes six times as long.
        """
        scale = [self.const(weight), self.const(bias)]
        both = self.one("Add", [x, y])
        return self.one("LayerNormalization", [both, *scale], axis=-1, epsilon=eps)


def round_weights(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round weights float [in, out] to int8 and the scale of each output, float32 [out].

    Two neighbours' sizes add up to 128 at most: with activations of 255 that is 32,640.
    """
    sizes = np.abs(w)
    pairs = sizes[0::2] + sizes[1::2]  # never less than either
    scale = np.maximum(pairs.max(axis=0) / 127, 1e-8).astype(np.float32)
    return np.rint(w / scale).astype(np.int8), scale


def build(
    state: Mapping[str, np.ndarray],
    sizes: Mapping[str, np.ndarray] | None,
    heads: int = 12,
    eps: float = 1e-12,
) -> onnx.ModelProto:
    """Build the graph from a state dict of float32 arrays.

    Args:
        state: Weights by name, as in ``Encoder.state_dict()``.
        sizes: How large each input channel of each linear layer gets (``deep.channel_sizes``);
            None for a graph in floating point.
        heads: Attention heads.
        eps: Of the layer norms.
    """
    smoothed = smooth(state, sizes) if sizes is not None else None
    state = smoothed.state if smoothed else state
    g = Graph(smoothed)
    words = state["words.weight"]
    hidden = words.shape[1]
    if smoothed is None:
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
    x = g.norm(x, place, state["norm.weight"], state["norm.bias"], eps)
    for i in range(depth(state)):
        p = {key.split(".", 2)[2]: v for key, v in state.items() if key.startswith(f"layers.{i}.")}
        name = f"layers.{i}."
        qkv = g.linear(x, p["qkv.weight"], p["qkv.bias"], name + "qkv")
        split = g.node("Split", [qkv, g.const(np.array([hidden] * 3))], 3, axis=-1)
        mixed = g.one("MultiHeadAttention", [*split, "", seen], "com.microsoft", num_heads=heads)
        out = g.linear(mixed, p["out.weight"], p["out.bias"], name + "out")
        x = g.norm(x, out, p["norm1.weight"], p["norm1.bias"], eps)
        up = g.linear(x, p["up.weight"], p["up.bias"], name + "up")
        up = g.one("Gelu", [up], "com.microsoft")
        down = g.linear(up, p["down.weight"], p["down.bias"], name + "down")
        x = g.norm(x, down, p["norm2.weight"], p["norm2.bias"], eps)
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


def read(path: Path) -> dict[str, torch.Tensor]:
    """Read a graph that ``build`` made back into weights by name, rounded as they are in it.

    What only guesses hidden words is not in a graph: it comes back as zeros.
    """
    model = onnx.load(path)
    graph = model.graph
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    made = {output: node for node in graph.node for output in node.output}
    by_op: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        by_op.setdefault(node.op_type, []).append(node)
    state: dict[str, np.ndarray] = {}
    for number, node in enumerate(by_op["MatMulIntegerToFloat"]):
        layer, part = divmod(number, 4)
        weight = arrays[node.input[1]].astype(np.float32) * arrays[node.input[3]]
        given = made[made[node.input[0]].input[0]]
        if given.op_type == "Mul":
            weight *= arrays[given.input[1]][:, None]
        name = f"layers.{layer}.{('qkv', 'out', 'up', 'down')[part]}"
        state |= {f"{name}.weight": weight.T, f"{name}.bias": arrays[node.input[6]]}
    for number, node in enumerate(by_op["LayerNormalization"]):
        layer, part = divmod(number - 1, 2)
        name = f"layers.{layer}.norm{part + 1}" if number else "norm"
        state |= {f"{name}.{kind}": arrays[node.input[-2 + i]] for i, kind in enumerate(KINDS)}
    table, scale = [node.input[0] for node in by_op["Gather"] if node.input[1] == "ids"]
    state["words.weight"] = arrays[table].astype(np.float32) * arrays[scale]
    state["positions.weight"] = next(
        arrays[node.input[0]] for node in by_op["Slice"] if node.input[0] in arrays
    )
    weight, biases = heads(model)
    ends = len(POLARITY), len(OUTPUTS)
    for name, rows in (("polarity", slice(ends[0])), ("tags", slice(*ends))):
        state |= {f"{name}.weight": weight.T[rows], f"{name}.bias": biases[rows]}
    words, hidden = state["words.weight"].shape
    state |= {"masked.weight": np.zeros((hidden, hidden)), "masked.bias": np.zeros(hidden)}
    state["masked_bias"] = np.zeros(words)
    return {name: torch.tensor(value, dtype=torch.float32) for name, value in state.items()}


def _head_names(graph: onnx.GraphProto) -> tuple[str, str]:
    """Name the weights and the biases of all outputs."""
    product, total = (
        next(node for node in reversed(graph.node) if node.op_type == op)
        for op in ("MatMul", "Add")
    )
    return product.input[1], total.input[1]


def heads(model: onnx.ModelProto) -> tuple[np.ndarray, np.ndarray]:
    """Give what turns mean hidden states into outputs: float32 [hidden, outputs] and [outputs]."""
    arrays = {one.name: one for one in model.graph.initializer}
    weight, bias = (numpy_helper.to_array(arrays[name]) for name in _head_names(model.graph))
    return weight, bias


def set_heads(model: onnx.ModelProto, weight: np.ndarray, bias: np.ndarray) -> None:
    """Replace what ``heads`` gives; there may be more or fewer outputs than before."""
    arrays = {one.name: one for one in model.graph.initializer}
    for name, value in zip(_head_names(model.graph), (weight, bias), strict=True):
        arrays[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = len(bias)


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write the graph."""
    path.write_bytes(model.SerializeToString(deterministic=True))
