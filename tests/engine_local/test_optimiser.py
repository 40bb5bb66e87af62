"""Our AdamW equals torch's, clips by the whole norm, and refuses what is not finite."""

from __future__ import annotations

import pytest
import torch

from ratchet.core.errors import EngineError
from ratchet.engine.local.optimiser import Moments, step
from ratchet.engine.protocol import Optim


def test_steps_equal_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    ours = {n: torch.randn(4, 3, generator=generator, requires_grad=True) for n in ("a", "b")}
    theirs = [t.detach().clone().requires_grad_() for t in ours.values()]
    optim = Optim(lr=0.03, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1, max_grad_norm=0.5)
    reference = torch.optim.AdamW(theirs, lr=0.03, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)
    moments = Moments()
    for _ in range(5):
        for mine, other in zip(ours.values(), theirs, strict=True):
            mine.grad = torch.randn(4, 3, generator=generator)
            other.grad = mine.grad.clone()
        norm = step(ours, moments, optim)
        expected = torch.nn.utils.clip_grad_norm_(theirs, 0.5)
        reference.step()
        assert norm == pytest.approx(float(expected), rel=1e-6)
        for mine, other in zip(ours.values(), theirs, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
            assert mine.grad is None


def test_no_limit_leaves_the_gradient() -> None:
    tensor = torch.zeros(2, requires_grad=True)
    tensor.grad = torch.tensor([30.0, 40.0])
    moments = Moments()
    assert step({"t": tensor}, moments, Optim(lr=0.1, max_grad_norm=0.0)) == 50.0
    torch.testing.assert_close(moments.first["t"], torch.tensor([3.0, 4.0]))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_gradient_that_is_not_finite_is_discarded(bad: float) -> None:
    tensor = torch.ones(2, requires_grad=True)
    tensor.grad = torch.tensor([1.0, bad])
    moments = Moments()
    with pytest.raises(EngineError, match="discarded"):
        step({"t": tensor}, moments, Optim(lr=0.1))
    assert tensor.tolist() == [1.0, 1.0] and moments.steps == 0
    with pytest.raises(EngineError, match="no gradient"):
        step({"t": tensor}, moments, Optim(lr=0.1))
