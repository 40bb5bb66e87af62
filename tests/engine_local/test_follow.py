"""Rows that go on within a call: in their place, on their own random numbers, nothing read anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from ratchet.core.errors import EngineError
from ratchet.core.task import Cost, StopReason
from ratchet.engine.local import LocalEngine, sampler
from ratchet.engine.local.network import Network
from ratchet.engine.protocol import Adapter, Completion, Follow, Sampling

HEADER = "Add the numbers.\nQ: 1+1\nA: 2\n"
TEXTS = [f"{HEADER}Q: {q}\nA:" for q in ("12+3", "7-1", "12+345", "9*9")]
STOPS = tuple("aeiou0123456789+-*/= \n")
DRAW = Sampling(seed=3, max_tokens=24, n=4, stop=STOPS)
TOOL = (40, 41, 42)

Prompts = list[tuple[int, ...]]
Told = dict[int, list[Completion]]


@pytest.fixture
def prompts(engine: LocalEngine, model: str) -> Prompts:
    engine.create("p", model, Adapter(4))
    return [engine.encode("p", text) for text in TEXTS]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tokens of every reading."""
    lengths: list[int] = []
    hidden = Network.hidden

    def watched(self: Any, tokens: torch.Tensor, *others: Any) -> torch.Tensor:
        lengths.append(len(tokens))
        return hidden(self, tokens, *others)

    monkeypatch.setattr(Network, "hidden", watched)
    return lengths


def following(told: Told, more: tuple[int, ...] = TOOL, turns: int = 99) -> Follow:
    """Return what notes every completion and goes on after those that a stop text ended."""

    def follow(place: int, completion: Completion) -> tuple[int, ...] | None:
        told.setdefault(place, []).append(completion)
        stopped = completion.stop is StopReason.END and completion.tokens[-1] != 0
        return more if stopped and len(told[place]) < turns else None

    return follow


def texts(told: Told) -> dict[int, list[tuple[int, ...]]]:
    return {place: [c.tokens for c in told[place]] for place in sorted(told)}


def test_a_row_goes_on_while_others_write_their_first(
    engine: LocalEngine, prompts: Prompts, reads: list[int]
) -> None:
    """One reading of the prompts; then as many steps as the longest row has tokens, not turns."""
    told: Told = {}
    engine.sample("p", prompts, DRAW, following(told))
    turns = [len(seen) for seen in told.values()]
    assert max(turns) > 2 and len(set(turns)) > 1
    steps = [
        sum(len(c.tokens) for c in seen) - 1 + len(TOOL) * (len(seen) - 1) for seen in told.values()
    ]
    assert reads[0] > len(engine.encode("p", HEADER))
    assert len(reads) - 1 == max(steps)
    assert sum(reads[1:]) == sum(steps)


def test_following_gives_what_reading_anew_gives(engine: LocalEngine, prompts: Prompts) -> None:
    """Greedy, and with what the whole network says of every token written."""
    told: Told = {}
    drawn = engine.sample("p", prompts, replace(DRAW, seed=5, temperature=1.0), following(told))
    assert [c for group in drawn for c in group] == [told[place][-1] for place in range(16)]
    for place, seen in told.items():
        text = prompts[place // 4]
        for completion in seen:
            (scored,) = engine.score("p", [(*text, *completion.tokens)])
            expected = scored.logprobs[len(text) - 1 :]
            assert completion.logprobs == pytest.approx(expected, abs=1e-4)
            text = (*text, *completion.tokens, *TOOL)


def test_a_rows_numbers_go_on_where_its_last_completion_left_them(
    engine: LocalEngine, prompts: Prompts
) -> None:
    """With nothing appended, a row writes what it would have written without stop texts."""
    told: Told = {}
    engine.sample("p", prompts, DRAW, following(told, more=()))
    whole = engine.sample("p", prompts, replace(DRAW, stop=()))
    joined = [tuple(t for c in told[place] for t in c.tokens) for place in range(16)]
    assert max(map(len, told.values())) > 2
    assert joined == [c.tokens for group in whole for c in group]


def test_draws_do_not_depend_on_what_they_are_batched_with(
    engine: LocalEngine, prompts: Prompts, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: Told = {}
    engine.sample("p", prompts, DRAW, following(told))
    monkeypatch.setattr(sampler, "MAX_ROWS", 3)
    monkeypatch.setattr(sampler, "LOGIT_ROWS", 2)
    monkeypatch.setattr(sampler, "CACHE_TOKENS", 200)
    reads.clear()
    apart: Told = {}
    engine.sample("p", prompts, DRAW, following(apart))
    assert texts(apart) == texts(told) and min(reads) < 3


def test_what_is_told_in_one_step_is_told_by_place(
    engine: LocalEngine, prompts: Prompts, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that leave are filled up by the last ones, so the cache's order is another."""
    order: list[tuple[int, int]] = []
    follow = following({})

    def noted(place: int, completion: Completion) -> Any:
        order.append((len(reads), place))
        return follow(place, completion)

    engine.sample("p", [*prompts, *prompts[::-1]], DRAW, noted)
    assert order == sorted(order) and len({step for step, _ in order}) < len(order)
    once, order = order, []
    reads.clear()
    follow = following({})
    engine.sample("p", [*prompts, *prompts[::-1]], DRAW, noted)
    assert order == once


def test_a_used_up_limit_ends_a_row_whatever_is_asked(
    engine: LocalEngine, prompts: Prompts
) -> None:
    limits = (1, 5, 9, 24)
    told: Told = {}

    def always(place: int, completion: Completion) -> tuple[int, ...]:
        told.setdefault(place, []).append(completion)
        return TOOL

    engine.sample("p", prompts, replace(DRAW, limits=limits), always)
    written = [sum(len(c.tokens) for c in told[place]) for place in range(16)]
    assert written == [limit for limit in limits for _ in range(4)]


def test_spent_counts_each_completion_as_a_call_of_its_own(
    engine: LocalEngine, prompts: Prompts
) -> None:
    told: Told = {}
    engine.sample("p", prompts, DRAW, following(told))
    read = written = 0
    for place, seen in told.items():
        text = len(prompts[place // 4])
        for completion in seen:
            read, written = read + text, written + len(completion.tokens)
            text += len(completion.tokens) + len(TOOL)
    assert engine.spent() == Cost(read, written)


def test_what_is_raised_gets_out_and_harms_nothing(engine: LocalEngine, prompts: Prompts) -> None:
    clean = engine.sample("p", prompts, DRAW)
    calls = 0

    def fail(place: int, completion: Completion) -> tuple[int, ...]:
        nonlocal calls
        calls += 1
        if calls == 9:
            raise ValueError("the tool broke")
        return TOOL

    with pytest.raises(ValueError, match="the tool broke"):
        engine.sample("p", prompts, DRAW, fail)
    assert engine.sample("p", prompts, DRAW) == clean
    with pytest.raises(EngineError, match="what follows completion"):
        engine.sample("p", prompts, DRAW, lambda place, completion: (10**6,))


def test_nothing_is_kept_of_rows_that_could_go_on_within_the_call(
    engine: LocalEngine, prompts: Prompts
) -> None:
    engine.sample("p", prompts, DRAW)
    assert engine._memory.rows
    engine.sample("p", prompts, DRAW, following({}))
    assert not engine._memory.rows
