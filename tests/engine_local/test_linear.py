"""The fast linear layer equals torch's, values and gradients, and leaves global settings alone."""

from __future__ import annotations

from typing import Any

import torch

from ratchet.engine.local import linear as module
from ratchet.engine.local.linear import Addition, adapted, linear


def test_values_and_gradients_equal_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    found = []
    for layer in (linear, torch.nn.functional.linear):
        generator.manual_seed(0)
        x = torch.randn(3, 5, 16, generator=generator, requires_grad=True)
        weight = torch.randn(24, 16, generator=generator, requires_grad=True)
        bias = torch.randn(24, generator=generator, requires_grad=True)
        y = layer(x, weight, bias)
        (y * torch.linspace(-1.0, 1.0, y.numel()).view_as(y)).sum().backward()  # type: ignore[no-untyped-call]
        found.append([y.detach(), x.grad, weight.grad, bias.grad])
    for ours, theirs in zip(*found, strict=True):
        assert ours is not None and theirs is not None
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_precision_is_that_of_float32() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 512, generator=generator)
    weight = torch.randn(96, 512, generator=generator) / 512**0.5
    exact = x.double() @ weight.double().t()
    assert (linear(x, weight).double() - exact).abs().max() < 2e-5  # bfloat16 would be off by 1e-2


def test_precision_setting_of_the_process_is_untouched() -> None:
    settings: Any = torch.backends.mkldnn
    before = settings.matmul.fp32_precision
    linear(torch.ones(2, 4), torch.ones(3, 4))
    assert settings.matmul.fp32_precision == before


def test_adapted_equals_the_merged_weight_and_its_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    x, weight, bias, down, up, slope = (
        torch.randn(*shape, generator=generator)
        for shape in ((7, 16), (24, 16), (24,), (4, 16), (24, 4), (7, 24))
    )
    found = []
    for merged in (False, True):
        leaves = [t.clone().requires_grad_() for t in (x, down, up)]
        own, a, b = leaves
        if merged:
            y = torch.nn.functional.linear(own, weight + b @ a, bias)
        else:
            y = adapted(own, weight, bias, Addition(a, b))
        y.backward(slope)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            quiet = adapted(x, weight, bias, Addition(down, up))
        found.append([y.detach(), quiet, *(leaf.grad for leaf in leaves)])
    for ours, theirs in zip(*found, strict=True):
        assert ours is not None and theirs is not None
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_other_types_go_through_torch() -> None:
    x = torch.ones(2, 4, dtype=torch.bfloat16)
    assert linear(x, torch.ones(3, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert not module._plain_float(x)
