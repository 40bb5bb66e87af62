"""Rounded weights to sample from and to train on: near the exact network, each only if asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from ratchet.core.errors import EngineError
from ratchet.engine.local import LocalEngine
from ratchet.engine.local.halved import is_fast
from ratchet.engine.local.network import Network
from ratchet.engine.losses import Batch, PolicyGradient, Row
from ratchet.engine.protocol import Adapter, Completion, Full, Optim, Sampling

PROMPTS = [(40, 41, 42, 43), (40, 41, 50), (60, 61, 62, 63, 64)]
DRAW = Sampling(seed=2, max_tokens=12, n=4)


def policy(model: str, sampling: str, kind: Adapter | Full, training: str = "exact") -> LocalEngine:
    """Return an engine with a policy that differs from its base."""
    engine = LocalEngine(threads=1, sampling=sampling, training=training)
    engine.create("p", model, kind)
    engine.forward_backward("p", batch([(*p, 5, 6) for p in PROMPTS]), PolicyGradient())
    engine.optim_step("p", Optim(lr=0.01))
    return engine


def batch(rows: Sequence[tuple[int, ...]]) -> Batch:
    """Return rows whose last two tokens are trained on."""
    made = []
    for tokens in rows:
        size = len(tokens)
        weights = (0.0,) * (size - 2) + (1.0, 1.0)
        made.append(Row(tokens, weights, advantages=(1.0,) * size, old_logprobs=(-8.0,) * size))
    return Batch(tuple(made))


def gradient(engine: LocalEngine) -> dict[str, torch.Tensor]:
    """Return the gradient on a batch of its own, prefixes shared."""
    rows = batch([(*p, *own) for p in PROMPTS for own in ((7, 8), (9, 10, 11))])
    engine.forward_backward("p", rows, PolicyGradient())
    tensors = engine.policy("p").tensors().items()
    return {name: tensor.grad for name, tensor in tensors if tensor.grad is not None}


def gaps(engine: LocalEngine, groups: list[list[Completion]]) -> list[float]:
    """Return how far reported log-probabilities lie from those of the exact network."""
    found = []
    for prompt, group in zip(PROMPTS, groups, strict=True):
        for completion in group:
            (scored,) = engine.score("p", [(*prompt, *completion.tokens)])
            own = scored.logprobs[len(prompt) - 1 :]
            found += [abs(a - b) for a, b in zip(completion.logprobs, own, strict=True)]
    return found


def test_draws_are_rounded_and_near(model: str) -> None:
    exact, halved = (policy(model, how, Adapter(4)) for how in ("exact", "bfloat16"))
    assert max(gaps(exact, exact.sample("p", PROMPTS, DRAW))) < 1e-4
    apart = gaps(halved, halved.sample("p", PROMPTS, DRAW))
    assert 1e-4 < max(apart) < 0.1  # a rounded weight is off by up to 0.4%


def test_sampling_alone_leaves_training_and_scoring_exact(model: str) -> None:
    exact, halved = (policy(model, how, Adapter(4)) for how in ("exact", "bfloat16"))
    for name, tensor in exact.policy("p").tensors().items():
        assert torch.equal(tensor, halved.policy("p").tensors()[name])
    assert exact.score("p", PROMPTS, topk=3) == halved.score("p", PROMPTS, topk=3)


def test_a_rounded_gradient_is_near_the_exact_one(model: str, tmp_path: Path) -> None:
    engine, other = policy(model, "exact", Adapter(4)), LocalEngine(training="bfloat16")
    engine.save("p", tmp_path / "p")
    other.load("p", tmp_path / "p")
    exact, rounded = gradient(engine), gradient(other)
    assert exact.keys() == rounded.keys()
    for name, slope in exact.items():
        apart = float((slope - rounded[name]).norm() / slope.norm())
        assert 1e-4 < apart < 0.1, name


def test_rounded_training_finds_the_probabilities_that_were_drawn_from(model: str) -> None:
    """The ratio at the first step is nearer to 1 than with exact training."""
    far = {}
    for how in ("exact", "bfloat16"):
        engine = policy(model, "bfloat16", Adapter(4), how)
        drawn = engine.sample("p", PROMPTS, DRAW)
        long = [
            (prompt, completion)
            for prompt, group in zip(PROMPTS, drawn, strict=True)
            for completion in group
            if len(completion.tokens) > 1
        ]
        rows = batch([(*prompt, *completion.tokens) for prompt, completion in long])
        found = engine.forward_backward("p", rows, PolicyGradient()).logprobs
        far[how] = max(
            abs(old - new)
            for (_, completion), logprobs in zip(long, found, strict=True)
            for old, new in zip(completion.logprobs[-2:], logprobs[-2:], strict=True)
        )
    assert far["bfloat16"] < far["exact"] / 2


def test_rounded_training_leaves_sampling_scoring_and_full_policies_exact(model: str) -> None:
    engine = policy(model, "exact", Adapter(4), "bfloat16")
    assert max(gaps(engine, engine.sample("p", PROMPTS, DRAW))) < 1e-4
    exact, rounded = (
        gradient(policy(model, "exact", Full(), how)) for how in ("exact", "bfloat16")
    )
    assert exact
    assert all(torch.equal(slope, rounded[name]) for name, slope in exact.items())


def test_training_shares_the_weights_that_are_sampled_from(model: str) -> None:
    base = policy(model, "bfloat16", Adapter(4), "bfloat16").policy("p").base
    assert isinstance(base.sampler, Network) and base.trainer is not None
    for sampled, trained in zip(base.sampler.blocks, base.trainer.blocks, strict=True):
        for one, other in zip(sampled.products(), trained.products(), strict=True):
            assert one.weight is other.weight
            assert one.back is None and other.back is not None


def test_weights_are_laid_out_for_products_and_only_rounded_inside(model: str) -> None:
    network = policy(model, "bfloat16", Adapter(4)).policy("p").sampling()
    assert isinstance(network, Network)
    inside = [product.weight for block in network.blocks for product in block.products()]
    assert {weight.dtype for weight in inside} == {torch.bfloat16}
    assert network.head.dtype == torch.float32
    assert all(weight.is_mkldnn for weight in [*inside, network.head])


def test_additions_are_sampled_with(model: str) -> None:
    """A policy that has learned draws other tokens than its base."""
    engine = policy(model, "bfloat16", Adapter(4))
    engine.create("base", model, Adapter(4))
    assert engine.sample("p", PROMPTS, DRAW) != engine.sample("base", PROMPTS, DRAW)


def test_a_full_policy_samples_from_its_own_weights(model: str) -> None:
    engine = policy(model, "bfloat16", Full())
    assert max(gaps(engine, engine.sample("p", PROMPTS, DRAW))) < 1e-4


def test_auto_asks_the_processor(model: str) -> None:
    found, expected = (
        policy(model, how, Adapter(4)).sample("p", PROMPTS, DRAW)
        for how in ("auto", "bfloat16" if is_fast() else "exact")
    )
    assert found == expected


def test_bfloat16_engines_have_nothing_to_halve(model: str) -> None:
    first, second = LocalEngine(dtype="bfloat16"), LocalEngine(dtype="bfloat16", sampling="auto")
    for engine in (first, second):
        engine.create("p", model, Adapter(4))
    assert first.sample("p", PROMPTS, DRAW) == second.sample("p", PROMPTS, DRAW)


def test_other_names_are_refused() -> None:
    with pytest.raises(EngineError, match="exact, bfloat16 or auto"):
        LocalEngine(sampling="int8")
    with pytest.raises(EngineError, match="training 'int8'"):
        LocalEngine(training="int8")
