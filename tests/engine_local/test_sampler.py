"""Sampling equals what transformers does on the same weights, whatever is batched with what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers

from ratchet.core.errors import EngineError
from ratchet.core.task import StopReason
from ratchet.engine.local import LocalEngine, sampler
from ratchet.engine.local.network import Network
from ratchet.engine.protocol import Adapter, Completion, Sampling

HEADER = "Add the numbers.\nQ: 1+1\nA: 2\n"
TEXTS = [f"{HEADER}Q: {q}\nA:" for q in ("12+3", "7-1", "12+345", "9*9", "12+3")] + ["zzz", "{"]
GREEDY = Sampling(seed=0, max_tokens=12, temperature=0.0)


@pytest.fixture
def prompts(engine: LocalEngine, model: str) -> list[tuple[int, ...]]:
    engine.create("p", model, Adapter(4))
    return [engine.encode("p", text) for text in TEXTS]


@pytest.fixture(scope="session")
def reference(model: str) -> Any:
    loaded = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    return loaded.eval()


def test_greedy_tokens_equal_generate(
    engine: LocalEngine, prompts: list[tuple[int, ...]], reference: Any
) -> None:
    drawn = engine.sample("p", prompts, GREEDY)
    for prompt, (completion,) in zip(prompts, drawn, strict=True):
        tokens = torch.tensor([prompt])
        whole = reference.generate(tokens, max_new_tokens=12, do_sample=False)
        assert completion.tokens == tuple(whole[0, len(prompt) :].tolist())


def assert_logprobs(
    reference: Any, prompt: tuple[int, ...], completion: Completion, temperature: float
) -> None:
    """Compare a completion's log-probabilities with one unpadded forward."""
    tokens = torch.tensor([[*prompt, *completion.tokens]])
    with torch.inference_mode():
        logp = (reference(tokens).logits[0] / temperature).log_softmax(1)
    first = len(prompt) - 1
    expected = [float(logp[first + i, t]) for i, t in enumerate(completion.tokens)]
    assert completion.logprobs == pytest.approx(expected, abs=1e-4)


def test_logprobs_equal_a_full_forward(
    engine: LocalEngine, prompts: list[tuple[int, ...]], reference: Any
) -> None:
    sampling = Sampling(seed=5, max_tokens=10, n=3, temperature=0.7)
    for prompt, group in zip(prompts, engine.sample("p", prompts, sampling), strict=True):
        for completion in group:
            assert_logprobs(reference, prompt, completion, 0.7)


def test_draws_do_not_depend_on_what_they_are_batched_with(
    engine: LocalEngine, prompts: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = Sampling(seed=5, max_tokens=60, n=3, temperature=3.0)  # many rows end early
    together = engine.sample("p", prompts, sampling)
    monkeypatch.setattr(sampler, "MAX_ROWS", 4)
    monkeypatch.setattr(sampler, "LOGIT_ROWS", 3)
    apart = engine.sample("p", prompts, sampling)
    assert [[c.tokens for c in g] for g in apart] == [[c.tokens for c in g] for g in together]
    assert len({c.tokens for c in together[0] + together[4]}) > 3  # equal prompts, different draws


def test_ended_rows_leave_and_end_tokens_stay(
    engine: LocalEngine,
    prompts: list[tuple[int, ...]],
    reference: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    widths: list[int] = []
    hidden = Network.hidden

    def watched(self: Any, tokens: torch.Tensor, *others: Any) -> torch.Tensor:
        widths.append(len(tokens))
        return hidden(self, tokens, *others)

    monkeypatch.setattr(Network, "hidden", watched)
    drawn = engine.sample("p", prompts, Sampling(seed=1, max_tokens=120, n=4, temperature=3.0))
    ended = [c for group in drawn for c in group if c.stop is StopReason.END]
    assert ended and all(c.tokens[-1] == 0 and 0 not in c.tokens[:-1] for c in ended)
    assert all("<end>" not in c.text for c in ended)
    steps = widths[1:]
    assert steps == sorted(steps, reverse=True) and steps[-1] < steps[0] == 4 * len(prompts)
    assert len(steps) == max(len(c.tokens) for group in drawn for c in group) - 1
    for prompt, group in zip(prompts, drawn, strict=True):
        for completion in group:
            assert_logprobs(reference, prompt, completion, 3.0)


def test_prompt_is_read_once_and_header_once(
    engine: LocalEngine, prompts: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    hidden = Network.hidden

    def watched(self: Any, tokens: torch.Tensor, *others: Any) -> torch.Tensor:
        lengths.append(len(tokens))
        return hidden(self, tokens, *others)

    monkeypatch.setattr(Network, "hidden", watched)
    four = [prompts[i] for i in (0, 1, 2, 4)]
    engine.sample("p", four, replace(GREEDY, n=8))
    header = len(engine.encode("p", HEADER + "Q: "))
    beyond = sum(len(p) - header for p in (prompts[0], prompts[1], prompts[2]))
    assert header < lengths[0] <= header + beyond
    assert set(lengths[1:]) == {32}  # then one token a row


def test_stop_text_across_tokens_ends_a_row(
    engine: LocalEngine, prompts: list[tuple[int, ...]]
) -> None:
    whole = engine.sample("p", prompts, GREEDY)
    for prompt, (completion,) in zip(prompts, whole, strict=True):
        if len(completion.text) < 8:
            continue
        stop = completion.text[3:6]
        cut = engine.sample("p", [prompt], replace(GREEDY, stop=("never", stop)))[0][0]
        end = completion.text.index(stop) + 3
        assert cut.text == completion.text[:end] and cut.stop is StopReason.END
        assert cut.logprobs == pytest.approx(completion.logprobs[:end], abs=1e-4)


def test_spent_counts_what_was_read_and_written(
    engine: LocalEngine, prompts: list[tuple[int, ...]]
) -> None:
    drawn = engine.sample("p", prompts, replace(GREEDY, n=2))
    engine.score("p", [(1, 2, 3)])
    spent = engine.spent()
    assert spent.prompt_tokens == 2 * sum(map(len, prompts)) + 3
    assert spent.tokens == sum(len(c.tokens) for group in drawn for c in group)


def test_nothing_to_sample_gives_nothing(engine: LocalEngine, prompts: list[Any]) -> None:
    assert engine.sample("p", [], GREEDY) == []


@pytest.mark.parametrize("bad", [(), (1, 97), (-1,)], ids=str)
def test_wrong_prompts_are_refused(
    engine: LocalEngine, prompts: list[Any], bad: tuple[int, ...]
) -> None:
    with pytest.raises(EngineError, match="prompt 1"):
        engine.sample("p", [(1,), bad], GREEDY)


def test_global_random_state_is_untouched(engine: LocalEngine, model: str) -> None:
    before = torch.random.get_rng_state()
    engine.create("q", model, Adapter(4), seed=3)
    engine.sample("q", [(1, 2)], Sampling(seed=1, max_tokens=5))
    assert torch.equal(torch.random.get_rng_state(), before)
