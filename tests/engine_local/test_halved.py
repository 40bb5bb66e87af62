"""Sampling from rounded weights: near the exact network, and nothing else is touched by it."""

from __future__ import annotations

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


def policy(model: str, sampling: str, kind: Adapter | Full) -> LocalEngine:
    """Return an engine with a policy that differs from its base."""
    engine = LocalEngine(threads=1, sampling=sampling)
    engine.create("p", model, kind)
    rows = tuple(Row((*p, 5, 6), (0.0,) * len(p) + (1.0, 1.0)) for p in PROMPTS)
    advantages = [(1.0,) * len(row.tokens) for row in rows]
    rows = tuple(
        Row(row.tokens, row.weights, advantages=a, old_logprobs=(-8.0,) * len(a))
        for row, a in zip(rows, advantages, strict=True)
    )
    engine.forward_backward("p", Batch(rows), PolicyGradient())
    engine.optim_step("p", Optim(lr=0.01))
    return engine


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


def test_training_and_scoring_stay_exact(model: str) -> None:
    exact, halved = (policy(model, how, Adapter(4)) for how in ("exact", "bfloat16"))
    for name, tensor in exact.policy("p").tensors().items():
        assert torch.equal(tensor, halved.policy("p").tensors()[name])
    assert exact.score("p", PROMPTS, topk=3) == halved.score("p", PROMPTS, topk=3)


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
