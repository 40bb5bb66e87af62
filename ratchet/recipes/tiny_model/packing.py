"""Packing documents into rows of tokens, each token with its weight in the loss."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from ratchet.recipes.tiny_model.tokenizer import EOS_ID, create_tokenizer

_QUESTION = re.compile(r"Q:(.*\n)A:")


@dataclass(frozen=True)
class Batch:
    """Rows of equal length."""

    tokens: Tensor
    """Token ids, [rows, length]."""
    weights: Tensor
    """Weight of each token as a target, [rows, length]."""


def pack(
    documents: Iterator[str], rows: int, length: int, question_weight: float
) -> Iterator[Batch]:
    """Yield batches; each row begins with a document, goes on with more, and is cut at its end."""
    tokenizer = create_tokenizer()
    while True:
        filled = [_fill(documents, length, question_weight, tokenizer) for _ in range(rows)]
        tokens, weights = zip(*filled, strict=True)
        yield Batch(torch.tensor(tokens), torch.tensor(weights))


def weigh(document: str, question_weight: float) -> list[float]:
    """Return each character's weight: a question with an answer counts for less, it is a guess."""
    weights = [1.0] * len(document)
    for match in _QUESTION.finditer(document):
        start, end = match.span(1)
        weights[start:end] = [question_weight] * (end - start)
    return weights


def _fill(
    documents: Iterator[str], length: int, question_weight: float, tokenizer: Tokenizer
) -> tuple[list[int], list[float]]:
    tokens: list[int] = []
    weights: list[float] = []
    while len(tokens) < length:
        document = next(documents)
        tokens += [*tokenizer.encode(document).ids, EOS_ID]
        weights += [*weigh(document, question_weight), 1.0]
    return tokens[:length], weights[:length]
