"""Uses a sequence-classification model of one's own through transformers (torch extra)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.errors import ConfigurationError
from sentiment.classifier import CONFIG, Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_NEGATIVE_NAMES = ("negative", "neg", "부정", "bad", "label_0")
_NEUTRAL_NAMES = ("neutral", "중립")


class HubScorer:
    """Scores with a transformers model whose labels name a negative class.

    Labels called negative (or 부정, or ``LABEL_0``) and neutral (중립) are used; the rest is
    positive.

    Raises:
        ConfigurationError: The extra is missing, the model cannot be loaded, or its labels are
            not one negative and one that is not.
    """

    def __init__(self, name: str) -> None:
        if Path(name).is_absolute() and not Path(name).is_dir():
            raise ConfigurationError(
                f"model directory {name} does not exist -> check PYEONGPAN_MODEL"
            )
        if Path(name).is_dir() and not (Path(name) / CONFIG).exists():
            raise ConfigurationError(
                f"model directory {name} holds no {CONFIG} -> check PYEONGPAN_MODEL"
            )
        try:
            import torch
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ImportError as error:
            raise ConfigurationError(
                f"model {name!r} needs transformers -> install pyeongpan[torch] or unset PYEONGPAN_MODEL"
            ) from error
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(name)
            self._model: Any = AutoModelForSequenceClassification.from_pretrained(name).eval()
        except Exception as error:
            # Damaged weights and odd configurations raise errors of their readers' own.
            reason = " ".join(str(error).split())
            raise ConfigurationError(
                f"model {name!r} cannot be loaded: {reason} -> check PYEONGPAN_MODEL"
            ) from error
        self._torch: Any = torch
        labels = {i: str(label).lower() for i, label in self._model.config.id2label.items()}
        self._negative = [i for i, label in labels.items() if label in _NEGATIVE_NAMES]
        self._neutral = [i for i, label in labels.items() if label in _NEUTRAL_NAMES]
        if not self._negative or len(labels) < 2:
            raise ConfigurationError(
                f"model {name!r} has labels {sorted(labels.values())}, not one negative and one that is not -> "
                "name one 'negative' in its id2label"
            )
        self.version = f"hub:{name}"

    def _probabilities(self, texts: Sequence[str], batch_size: int) -> npt.NDArray[np.float32]:
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        result = np.zeros((len(texts), self._model.config.num_labels), np.float32)
        for at in range(0, len(order), batch_size):
            rows = order[at : at + batch_size]
            encoded = self._tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=128,
                return_tensors="pt",
            )
            with self._torch.inference_mode():
                result[rows] = self._model(**encoded).logits.softmax(-1).float().numpy()
        return result

    def score(self, texts: Sequence[str], batch_size: int, *, tags: bool = True) -> Scores:
        """Score normalised, readable, distinct texts; there are no tags."""
        del tags
        found = self._probabilities(texts, batch_size)
        negative = found[:, self._negative].sum(axis=1)
        neutral = found[:, self._neutral].sum(axis=1) / np.maximum(1.0 - negative, 1e-6)
        return Scores(
            negative.astype(np.float32),
            np.clip(neutral, 0, 1).astype(np.float32),
            np.zeros((len(texts), 0), np.float32),
            (),
            np.ones(len(texts), np.bool_),
        )

    def glance(self, texts: Sequence[str], batch_size: int) -> npt.NDArray[np.float32]:
        """Give P(negative), float32 [texts]."""
        found: npt.NDArray[np.float32] = self._probabilities(texts, batch_size)
        negative: npt.NDArray[np.float32] = found[:, self._negative].sum(axis=1)
        return negative
