"""Choosing tokens: from logits and one uniform number a row to a token and its log-probability."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ratchet.engine.protocol import Sampling

STRETCH = 256
"""Tokens of a stretch of the vocabulary."""


@dataclass(frozen=True)
class Choice:
    """One token a row."""

    tokens: Tensor
    """Chosen ids, [rows]."""
    logprobs: Tensor
    """Log-probabilities under the distribution drawn from; for greedy, at temperature 1."""


def choose(logits: Tensor, sampling: Sampling, numbers: Tensor) -> Choice:
    """Choose by inverse distribution function: the token whose share of [0, 1) holds the number.

    ``logits`` [rows, vocabulary] float32, which may be overwritten; ``numbers`` [rows] in [0, 1).
    """
    if sampling.temperature == 0.0:
        tokens = logits.argmax(dim=1)
        return Choice(tokens, _pick(logits, tokens) - logits.logsumexp(dim=1))
    if sampling.temperature != 1.0:
        logits = logits.div_(sampling.temperature)
    if not sampling.top_k and sampling.top_p >= 1.0:
        return _draw(logits, numbers)
    logprobs = restrict(logits.log_softmax(dim=1), sampling)
    below = logprobs.exp().cumsum(dim=1)
    target = numbers[:, None].to(below.dtype) * below[:, -1:]
    tokens = torch.searchsorted(below, target, right=True)[:, 0]
    likeliest = logprobs.argmax(dim=1)
    tokens = torch.where(tokens < logits.shape[1], tokens, likeliest)
    return Choice(tokens, _pick(logprobs, tokens))


def _draw(logits: Tensor, numbers: Tensor) -> Choice:
    """Choose from the whole vocabulary: first a stretch of it, then a token within.

    No probabilities are normalised and only one stretch a row is summed up token by token.
    """
    rows, size = logits.shape
    masses = logits.sub_(logits.amax(dim=1, keepdim=True)).exp_()
    whole = -(-size // STRETCH) * STRETCH
    if whole > size:
        masses = torch.nn.functional.pad(masses, (0, whole - size))
    masses = masses.view(rows, -1, STRETCH)
    above = masses.sum(dim=2).double().cumsum(dim=1)
    total = above[:, -1:]
    target = numbers[:, None] * total
    stretch = torch.searchsorted(above, target, right=True).clamp_max_(above.shape[1] - 1)
    inside = masses.gather(1, stretch[:, :, None].expand(-1, -1, STRETCH))[:, 0].double()
    edges = inside.cumsum(dim=1)
    rest = target - (above.gather(1, stretch) - edges[:, -1:])
    place = torch.searchsorted(edges, rest, right=True)
    likeliest = inside.argmax(dim=1, keepdim=True)
    place = torch.where((place < STRETCH) & (rest >= 0.0), place, likeliest)
    tokens = (stretch * STRETCH + place)[:, 0]
    logprobs = (_pick(masses.view(rows, -1), tokens).double() / total[:, 0]).log().float()
    return Choice(tokens, logprobs)


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
