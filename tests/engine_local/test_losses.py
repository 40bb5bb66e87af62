"""Every loss in torch equals the numpy reference, value, gradient and report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from ratchet.core.seeds import Seed
from ratchet.engine.local import losses
from ratchet.engine.losses import (
    Batch,
    CrossEntropy,
    Distillation,
    Loss,
    PolicyGradient,
    Preference,
    Row,
)
from ratchet.engine.reference import loss_and_grad
from ratchet.engine.validate import trained

VOCABULARY = 7


def random_row(rng: np.random.Generator, desirable: bool, teacher_top: int) -> Row:
    length = int(rng.integers(3, 8))
    weights = np.where(rng.random(length) < 0.6, rng.random(length) + 0.1, 0.0)
    weights[-1] = 1.0
    teacher = []
    for _ in range(length):
        logits = rng.standard_normal(VOCABULARY)
        logp = logits - np.log(np.exp(logits).sum())
        ids = rng.permutation(VOCABULARY)[: int(rng.integers(1, teacher_top + 1))]
        teacher.append(tuple((int(i), float(logp[i])) for i in ids))
    return Row(
        tokens=tuple(rng.integers(0, VOCABULARY, length).tolist()),
        weights=tuple(weights.tolist()),
        advantages=tuple(rng.standard_normal(length).tolist()),
        old_logprobs=tuple((-2.0 + 0.7 * rng.standard_normal(length)).tolist()),
        clip_low=tuple((0.3 * rng.random(length)).tolist()),
        clip_high=tuple((0.3 * rng.random(length)).tolist()),
        reference_logprobs=tuple((-2.0 + 0.3 * rng.standard_normal(length)).tolist()),
        desirable=desirable,
        teacher=tuple(teacher),
    )


def all_losses() -> Iterator[Loss]:
    for reduction in ("tokens", "rows", "sum"):
        yield CrossEntropy(reduction)
        for divergence in ("forward_kl", "reverse_kl", "jensen_shannon"):
            yield Distillation(divergence, reduction)
        for ratio in ("token", "sequence"):
            for kl in (0.0, 0.3):
                yield PolicyGradient(ratio, kl, reduction)
    for form in ("pairwise", "kto"):
        yield Preference(form, 0.3, 0.4, "rows")
        yield Preference(form, 0.3, 0.0, "sum")


def torch_loss(logits: list[torch.Tensor], batch: Batch, loss: Loss) -> losses.Part:
    values = []
    for z, row in zip(logits, batch.rows, strict=True):
        places = trained(row)
        at = z[[t - 1 for t in places]]
        if isinstance(loss, Distillation):
            values.append(losses.divergence(at, [row.teacher[t] for t in places], loss.divergence))
        else:
            targets = torch.tensor([row.tokens[t] for t in places])[:, None]
            values.append(at.log_softmax(1).gather(1, targets)[:, 0])
    return losses.loss_of(values, batch.rows, losses.scales(batch, loss), loss)


@pytest.mark.parametrize("loss", list(all_losses()), ids=str)
@pytest.mark.parametrize("teacher_top", [3, VOCABULARY])
def test_loss_equals_reference(loss: Loss, teacher_top: int) -> None:
    rng = Seed(3).child(str(loss)).rng()
    rows = [random_row(rng, i % 2 == 0, teacher_top) for i in range(6)]
    if isinstance(loss, CrossEntropy):
        rows[0] = replace(rows[0], weights=tuple(-w for w in rows[0].weights))
    batch = Batch(tuple(rows))
    arrays = [2.0 * rng.standard_normal((len(row.tokens) - 1, VOCABULARY)) for row in rows]
    report, expected = loss_and_grad(arrays, batch, loss)
    logits = [torch.tensor(a, requires_grad=True) for a in arrays]
    part = torch_loss(logits, batch, loss)
    part.value.backward()  # type: ignore[no-untyped-call]
    assert float(part.value.detach()) == pytest.approx(report.loss, rel=1e-6, abs=1e-8)
    for z, gradient in zip(logits, expected, strict=True):
        assert z.grad is not None
        np.testing.assert_allclose(z.grad.numpy(), gradient, rtol=1e-5, atol=1e-7)
    assert part.clipped / report.tokens == pytest.approx(report.clipped)
    weight = sum(abs(row.weights[t]) for row in rows for t in trained(row))
    assert part.kl / weight == pytest.approx(report.kl, rel=1e-6, abs=1e-9)


def test_missing_bounds_are_no_bounds() -> None:
    row = Row((0, 1), (0.0, 1.0), advantages=(0.0, 1.0), old_logprobs=(0.0, -9.0))
    part = losses.loss_of([torch.tensor([-1.0])], [row], [1.0], PolicyGradient())
    assert float(part.value) == pytest.approx(-float(np.exp(8.0)))
    assert part.clipped == 0
