"""Trains a Korean vocabulary on review texts and carries e5's embeddings over to it.

XLM-R's vocabulary spends 23.9 tokens on a review, one trained on reviews about 14. Each new
piece starts as the sum of the e5 pieces that spell it, divided by the root of their number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from sentiment.training import files

if TYPE_CHECKING:
    from pathlib import Path

    from sentiment.training.data import Row
    from sentiment.training.e5 import E5

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_REPEAT = {"movie": 1, "product": 25, "app": 12, "kote": 2, "hate": 2, "written": 40}


def train_tokenizer(rows: list[Row], size: int) -> Tokenizer:
    """Train a WordPiece vocabulary; shop texts count more than films."""
    tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIALS[1], max_input_chars_per_word=60))
    tokenizer.normalizer = normalizers.Sequence([])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=SPECIALS,
        min_frequency=3,
        show_progress=False,
        limit_alphabet=3200,
    )
    tokenizer.train_from_iterator(
        (row.text for row in rows for _ in range(_REPEAT[row.source])), trainer
    )
    return tokenizer


def _spelling(e5: E5) -> Tokenizer:
    vocabulary = list(zip(e5.pieces, e5.scores.tolist(), strict=True))
    return Tokenizer(models.Unigram(vocabulary, unk_id=e5.pieces.index("<unk>")))


def carry_over(e5: E5, tokenizer: Tokenizer) -> np.ndarray:
    """Give embeddings float32 [vocabulary, hidden] for the new pieces."""
    spelling = _spelling(e5)
    words = e5.tensors["emb.word"]
    known = {"[PAD]": "<pad>", "[UNK]": "<unk>", "[CLS]": "<s>", "[SEP]": "</s>"}
    by_piece = {piece: index for index, piece in enumerate(e5.pieces)}
    table = np.empty((tokenizer.get_vocab_size(), e5.hidden), np.float32)
    mean = words[:50000].mean(axis=0)
    for piece, index in tokenizer.get_vocab().items():
        if piece in known:
            table[index] = words[by_piece[known[piece]]]
            continue
        if piece == "[MASK]":
            table[index] = mean
            continue
        surface = piece[2:] if piece.startswith("##") else "\u2581" + piece
        ids = [i for i in spelling.encode(surface).ids if e5.pieces[i] != "\u2581"]
        table[index] = words[ids].sum(axis=0) / len(ids) ** 0.5 if ids else mean
    return table


def save(tokenizer: Tokenizer, path: Path) -> None:
    """Write ``tokenizer.json``."""
    with files.replacing(path) as file:
        file.write(tokenizer.to_str(pretty=True).encode())
