"""Choosing tokens: from logits and one uniform number a row to a token and its log-probability."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ratchet.engine.protocol import Sampling


@dataclass(frozen=True)
class Choice:
    """One token a row."""

    tokens: Tensor
    """Chosen ids, [rows]."""
    logprobs: Tensor
    """Log-probabilities under the distribution drawn from; for greedy, at temperature 1."""


def choose(logits: Tensor, sampling: Sampling, numbers: Tensor) -> Choice:
    """Choose by inverse distribution function: the token whose share of [0, 1) holds the number.

    ``logits`` [rows, vocabulary] float32; ``numbers`` [rows] in [0, 1).
    """
    if sampling.temperature == 0.0:
        tokens = logits.argmax(dim=1)
        return Choice(tokens, _pick(logits.log_softmax(dim=1), tokens))
    logprobs = restrict((logits / sampling.temperature).log_softmax(dim=1), sampling)
    below = logprobs.exp().cumsum(dim=1)
    target = numbers[:, None].to(below.dtype) * below[:, -1:]
    tokens = torch.searchsorted(below, target, right=True)[:, 0]
    likeliest = logprobs.argmax(dim=1)
    tokens = torch.where(tokens < logits.shape[1], tokens, likeliest)
    return Choice(tokens, _pick(logprobs, tokens))


def restrict(logprobs: Tensor, sampling: Sampling) -> Tensor:
    """Return renormalised log-probabilities of the ``top_k`` likeliest tokens, then of the nucleus.

    The nucleus is the smallest set of likeliest tokens that holds ``top_p`` of the probability. Of
    equally likely tokens the one with the smaller id comes first.
    """
    if not sampling.top_k and sampling.top_p >= 1.0:
        return logprobs
    ordered, order = logprobs.sort(dim=1, descending=True, stable=True)
    if sampling.top_k:
        ordered[:, sampling.top_k :] = float("-inf")
        ordered = ordered.log_softmax(dim=1)
    if sampling.top_p < 1.0:
        share = ordered.exp()
        ordered = ordered.masked_fill(share.cumsum(dim=1) - share >= sampling.top_p, float("-inf"))
        ordered = ordered.log_softmax(dim=1)
    return torch.full_like(logprobs, float("-inf")).scatter(1, order, ordered)


def _pick(logprobs: Tensor, tokens: Tensor) -> Tensor:
    return logprobs.gather(1, tokens[:, None])[:, 0]
