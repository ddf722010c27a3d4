"""The deep model: a small BERT with heads, run by ONNX Runtime."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    from tokenizers import Tokenizer

    Floats = npt.NDArray[np.float32]

MAX_TOKENS = 128
"""Longer texts are read as their first three quarters and last quarter of this."""
_CLS = 2
_RUN_TOKENS = 8
"""What one more run costs, in tokens: the time of a batch grows with its padded tokens."""


def threads() -> int:
    """Give the number of cores this process may use, at most 4."""
    try:
        return max(1, min(4, len(os.sched_getaffinity(0))))
    except AttributeError:
        return max(1, min(4, os.cpu_count() or 1))


class Deep:
    """Polarity and tag logits of texts. Thread-safe.

    Raises:
        ValueError: A file is not what it should be.
    """

    def __init__(self, directory: Path, outputs: int) -> None:
        # Otherwise its import sends Microsoft an id of this machine and what the machine is.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime as ort
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
            options = ort.SessionOptions()
            # One thread a run and one run a core: small products do not split well.
            options.intra_op_num_threads = 1
            options.inter_op_num_threads = 1
            self._session = ort.InferenceSession(
                (directory / "deep.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except OSError:
            raise
        except Exception as error:  # both libraries raise bare Exception subclasses
            raise ValueError(f"tokenizer.json or deep.onnx: {type(error).__name__}") from error
        if self._session.get_outputs()[0].shape[1] != outputs:
            raise ValueError("deep.onnx has another number of outputs than config.json says")
        self._outputs = outputs
        self._pool = ThreadPoolExecutor(threads(), thread_name_prefix="sentiment")

    def _token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        room = MAX_TOKENS - 1
        head = room * 3 // 4
        found = []
        for encoding in self._tokenizer.encode_batch_fast(list(texts)):
            ids = encoding.ids
            found.append([_CLS, *(ids if len(ids) <= room else ids[:head] + ids[head - room :])])
        return found

    def logits(self, texts: Sequence[str], batch_size: int) -> Floats:
        """Give logits float32 [texts, outputs] of normalised texts."""
        result = np.zeros((len(texts), self._outputs), np.float32)
        ids = self._token_ids(texts)
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        batches = _cut(order, ids, max(1, batch_size))
        if len(batches) == 1:
            result[batches[0]] = self._run([ids[row] for row in batches[0]])
            return result
        jobs = self._pool.map(lambda rows: self._run([ids[row] for row in rows]), batches)
        for rows, found in zip(batches, jobs, strict=True):
            result[rows] = found
        return result

    def _run(self, ids: Sequence[list[int]]) -> Floats:
        longest = max(map(len, ids))
        padded = np.zeros((len(ids), longest), np.int64)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = tokens
        logits: Floats = self._session.run(None, {"ids": padded})[0]
        return logits


def _cut(order: Sequence[int], ids: Sequence[list[int]], batch_size: int) -> list[list[int]]:
    """Cut rows sorted by length into batches, so that padding and runs together cost least."""
    lengths = [len(ids[row]) for row in order]
    costs = [0]
    starts = [0]
    for end, longest in enumerate(lengths, start=1):
        cost, start = min(
            (costs[start] + longest * (end - start), start)
            for start in range(max(0, end - batch_size), end)
        )
        costs.append(cost + _RUN_TOKENS)
        starts.append(start)
    batches: list[list[int]] = []
    end = len(lengths)
    while end:
        batches.append(list(order[starts[end] : end]))
        end = starts[end]
    return batches[::-1]
