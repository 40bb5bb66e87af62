"""Choosing tokens: the distribution drawn from is the one reported."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ratchet.engine.local import choose as module
from ratchet.engine.local.choose import choose, restrict
from ratchet.engine.protocol import Sampling

PLAIN = Sampling(seed=0, max_tokens=1)


def logits(rows: int, size: int = 6) -> torch.Tensor:
    return torch.randn(1, size, generator=torch.Generator().manual_seed(0)).repeat(rows, 1)


@pytest.mark.parametrize(
    "sampling",
    [
        PLAIN,
        replace(PLAIN, temperature=0.5),
        replace(PLAIN, top_k=3),
        replace(PLAIN, top_p=0.8),
        replace(PLAIN, temperature=2.0, top_k=4, top_p=0.7),
    ],
    ids=str,
)
def test_frequencies_are_the_reported_probabilities(sampling: Sampling) -> None:
    count = 4000
    numbers = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    choice = choose(logits(count), sampling, numbers)
    for token in range(6):
        drawn = choice.tokens == token
        if drawn.any():
            claimed = choice.logprobs[drawn].exp()
            assert float(claimed.max() - claimed.min()) == 0.0
            assert float(drawn.float().mean()) == pytest.approx(float(claimed[0]), abs=2 / count)


def test_greedy_reports_temperature_one() -> None:
    choice = choose(logits(1), replace(PLAIN, temperature=0.0), torch.zeros(1))
    assert choice.tokens[0] == logits(1)[0].argmax()
    torch.testing.assert_close(choice.logprobs[0], logits(1)[0].log_softmax(0).max())


def test_nucleus_is_the_smallest_set() -> None:
    logp = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    kept = restrict(logp, replace(PLAIN, top_p=0.8)).exp()
    torch.testing.assert_close(kept, torch.tensor([[0.625, 0.375, 0.0, 0.0]]))
    kept = restrict(logp, replace(PLAIN, top_p=0.81)).exp()
    assert int((kept > 0).sum()) == 3


def test_extreme_numbers_never_draw_what_is_excluded() -> None:
    numbers = torch.tensor([0.0, 1.0 - 2.0**-53, 1.0], dtype=torch.float64)
    sampling = replace(PLAIN, top_k=2)
    choice = choose(torch.tensor([[0.0, 5.0, 4.0, 0.0]]).repeat(3, 1), sampling, numbers)
    assert set(choice.tokens.tolist()) <= {1, 2}
    assert bool(torch.isfinite(choice.logprobs).all())


def test_stretches_of_the_vocabulary_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = (torch.arange(500, dtype=torch.float64) + 0.5) / 500
    values = torch.randn(1, 30, generator=torch.Generator().manual_seed(1))
    drawn = []
    for stretch in (4, 30, 256):
        monkeypatch.setattr(module, "STRETCH", stretch)
        choice = choose(values.repeat(500, 1), PLAIN, numbers)
        torch.testing.assert_close(choice.logprobs, values.log_softmax(1)[0, choice.tokens])
        drawn.append(choice.tokens.tolist())
    assert drawn[0] == drawn[1] == drawn[2] == sorted(drawn[0])
    assert len(set(drawn[0])) > 20
