"""Scoring and training: batches cut into micro-batches of packed rows, gradients added up.

A micro-batch holds whole rows, sorted so that those with a common prefix stand together, and a
bounded number of packed tokens. What all rows begin with is read once for all micro-batches. Tokens
after a row's last trained one are not read at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ratchet.core.errors import EngineError
from ratchet.engine.local import losses
from ratchet.engine.local.base import Reader
from ratchet.engine.local.head import (
    Measure,
    chunks,
    likelihood,
    logits_of,
    measure_positions,
)
from ratchet.engine.local.header import Header, read_header
from ratchet.engine.local.network import Network
from ratchet.engine.local.tree import pack, shared
from ratchet.engine.losses import Batch, Distillation, Loss, LossReport, Preference, Row
from ratchet.engine.protocol import Scored
from ratchet.engine.validate import trained

LEAST_HEADER = 8
"""Tokens of the shortest header that is read apart: below, one more pass costs what it saves."""


def forward_backward(
    network: Reader, batch: Batch, loss: Loss, micro_tokens: int, share: bool = True
) -> LossReport:
    """Add the gradient of a checked batch to the tensors that ask for one.

    ``micro_tokens`` bounds the packed tokens of a micro-batch beyond the header of all rows.
    Without ``share`` rows that begin alike are read one by one: the same gradient, slower.

    Raises EngineError if the loss is not finite; what was added before then stays, for the caller
    to discard.
    """
    scale = losses.scales(batch, loss)
    total, clipped, kl = 0.0, 0, 0.0
    logprobs: dict[int, list[float]] = {}
    top = header_size(batch, loss) if share and isinstance(network, Network) else 0
    cut = micro_batches(batch, loss, micro_tokens, share, top)
    header = None
    if isinstance(network, Network) and top and len(cut) > 1:
        header = read_header(network, batch.rows[cut[0][0]].tokens[:top])
    for index in cut:
        rows = [batch.rows[i] for i in index]
        values, found = _measure(network, header, rows, loss, share)
        part = losses.loss_of(values, rows, [scale[i] for i in index], loss)
        value = float(part.value.detach())
        if not math.isfinite(value):
            raise EngineError(
                f"the loss is {value}; this call's gradient was discarded",
                "look at old_logprobs, advantages and the reference of the batch",
            )
        if part.value.requires_grad:
            part.value.backward()  # type: ignore[no-untyped-call]
        total += value
        clipped += part.clipped
        kl += part.kl
        logprobs.update(zip(index, found, strict=True))
    if header is not None:
        header.hand_back()
    places = [trained(row) for row in batch.rows]
    tokens = sum(len(of_row) for of_row in places)
    weight = sum(
        abs(row.weights[t]) for row, of in zip(batch.rows, places, strict=True) for t in of
    )
    return LossReport(
        loss=total,
        tokens=tokens,
        logprobs=tuple(
            _spread(row, of, logprobs.get(i, []))
            for i, (row, of) in enumerate(zip(batch.rows, places, strict=True))
        ),
        clipped=clipped / tokens,
        kl=kl / weight,
    )


def score(
    network: Reader, sequences: Sequence[Sequence[int]], topk: int, read_tokens: int
) -> list[Scored]:
    """Return the log-probability of every token after the first of each sequence."""
    results = [Scored(())] * len(sequences)
    long = [i for i, tokens in enumerate(sequences) if len(tokens) > 1]
    cut = _cut([(i,) for i in long], {i: tuple(sequences[i][:-1]) for i in long}, read_tokens)
    with torch.inference_mode():
        for index in cut:
            for i, scored in zip(
                index, _score([sequences[i] for i in index], network, topk), strict=True
            ):
                results[i] = scored
    return results


def micro_batches(
    batch: Batch, loss: Loss, micro_tokens: int, share: bool = True, header: int = 0
) -> list[list[int]]:
    """Return the indices of the rows of each micro-batch; pairs stay together and in order.

    Rows without a trained position are left out, unless they are terms of a preference loss. The
    first ``header`` tokens of the rows are not counted.
    """
    units = _units(batch, loss)
    read = {i: _read_part(batch.rows[i])[header:] for unit in units for i in unit}
    return _cut(units, read, micro_tokens, share)


def header_size(batch: Batch, loss: Loss) -> int:
    """Return how many tokens can be read once for all rows, 0 if it is not worth it.

    They end before the first token whose hidden state predicts a trained one.
    """
    rows = [batch.rows[i] for unit in _units(batch, loss) for i in unit]
    if not rows:
        return 0
    read = [_read_part(row) for row in rows]
    first = min(min(trained(row), default=1) for row in rows)
    size = min(shared(min(read), max(read)), first - 1)
    return size if size >= LEAST_HEADER else 0


def _units(batch: Batch, loss: Loss) -> list[tuple[int, ...]]:
    """Return the indices of the rows that are read, those that must stay together as one."""
    indices = range(len(batch.rows))
    if losses.needs_pairs(loss):
        return [(i, i + 1) for i in indices[::2]]
    if isinstance(loss, Preference):
        return [(i,) for i in indices]
    return [(i,) for i in indices if trained(batch.rows[i])]


@dataclass(frozen=True)
class _Targets:
    """The trained positions of a micro-batch, rows one after the other."""

    before: list[int]
    """Packed index of the token before each."""
    tokens: list[int]
    """The token that is predicted."""
    counts: list[int]
    """Positions of each row."""


def _measure(
    network: Reader, header: Header | None, rows: list[Row], loss: Loss, share: bool
) -> tuple[Sequence[Tensor], list[list[float]]]:
    """Return each row's values at its trained positions, with gradient, and log-probabilities."""
    start = 0 if header is None else header.size
    tree = pack([_read_part(row) for row in rows], start or None, share)
    places = [trained(row) for row in rows]
    targets = _Targets(
        [where[t - 1] - start for where, of in zip(tree.where, places, strict=True) for t in of],
        [row.tokens[t] for row, of in zip(rows, places, strict=True) for t in of],
        [len(of) for of in places],
    )
    packed = network.read(tree) if header is None else header.read(tree)
    hidden = packed.index_select(0, torch.tensor(targets.before, device=packed.device).long())
    measure = likelihood(targets.tokens)
    if isinstance(loss, Distillation):
        teachers = [row.teacher[t] for row, of in zip(rows, places, strict=True) for t in of]
        measure = _distillation(targets.tokens, teachers, loss)
    if not targets.tokens:
        return [hidden.sum(dim=1)] * len(rows), [[] for _ in rows]
    values, found = measure_positions(hidden, network.head, measure)
    each = torch.split(found, targets.counts)
    return torch.split(values, targets.counts), [logprobs.tolist() for logprobs in each]


def _distillation(
    tokens: list[int], teachers: list[tuple[tuple[int, float], ...]], loss: Distillation
) -> Measure:
    given = likelihood(tokens)

    def measure(logits: Tensor, part: slice) -> tuple[Tensor, Tensor, Tensor]:
        with torch.enable_grad():
            leaf = logits.detach().requires_grad_()
            value = losses.divergence(leaf, teachers[part], loss.divergence)
            slope = torch.autograd.grad(value.sum(), leaf)[0]
        return value.detach(), given(logits, part)[1], slope

    return measure


def _score(sequences: list[Sequence[int]], network: Reader, topk: int) -> list[Scored]:
    tree = pack([tuple(tokens[:-1]) for tokens in sequences])
    packed = network.read(tree)
    before = torch.tensor([i for where in tree.where for i in where], device=packed.device)
    tokens = [token for sequence in sequences for token in sequence[1:]]
    measure = likelihood(tokens)
    logprobs: list[float] = []
    top: list[tuple[tuple[int, float], ...]] = []
    for part in chunks(len(tokens)):
        logits = logits_of(packed[before[part]], network.head)
        if topk:
            best = logits.log_softmax(dim=1).topk(min(topk, logits.shape[1]), dim=1)
            pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
            top += [tuple(zip(ids, values, strict=True)) for ids, values in pairs]
        logprobs += measure(logits, part)[1].tolist()
    results, at = [], 0
    for sequence in sequences:
        own = slice(at, at + len(sequence) - 1)
        results.append(Scored(tuple(logprobs[own]), tuple(top[own])))
        at = own.stop
    return results


def _cut(
    units: list[tuple[int, ...]],
    tokens: dict[int, tuple[int, ...]],
    limit: int,
    share: bool = True,
) -> list[list[int]]:
    """Cut units of rows, sorted by their tokens, into lists of at most ``limit`` packed tokens.

    A unit that is longer by itself has a list of its own.
    """
    found: list[list[int]] = []
    used = 0
    for unit in sorted(units, key=lambda unit: tokens[unit[0]]):
        whole = sum(len(tokens[i]) for i in unit)
        new = whole
        if found and share:
            new -= sum(shared(tokens[found[-1][-1]], tokens[i]) for i in unit)
        if found and used + new <= limit:
            found[-1] += unit
            used += new
        else:
            found.append(list(unit))
            used = whole
    return found


def _read_part(row: Row) -> tuple[int, ...]:
    """Return what must be read to predict the row's last trained token; at least one token."""
    places = trained(row)
    return row.tokens[: places[-1]] if places else row.tokens[:1]


def _spread(row: Row, places: list[int], logprobs: list[float]) -> tuple[float, ...]:
    spread = [0.0] * (len(row.tokens) - 1)
    for t, logprob in zip(places, logprobs, strict=True):
        spread[t - 1] = logprob
    return tuple(spread)
