"""Rows that go on: what was read is not read again, and nothing else is remembered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from ratchet.engine.local import LocalEngine, sampler
from ratchet.engine.local import memory as module
from ratchet.engine.local.network import Network
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.protocol import Adapter, Completion, Optim, Sampling

HEADER = "Add the numbers.\nQ: 1+1\nA: 2\n"
TEXTS = [f"{HEADER}Q: {q}\nA:" for q in ("12+3", "7-1", "12+345", "9*9")]
STOPS = tuple("aeiou0123456789+-*/= \n")
FIRST = Sampling(seed=3, max_tokens=10, n=4, stop=STOPS)
SECOND = Sampling(seed=4, max_tokens=6, stop=STOPS)
TOOL = (40, 41, 42)

Prompts = list[tuple[int, ...]]


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


def go_on(prompts: Prompts, groups: list[list[Completion]]) -> Prompts:
    """Return the rows that a stop text ended, with a tool's result appended."""
    return [
        (*prompt, *completion.tokens, *TOOL)
        for prompt, group in zip(prompts, groups, strict=True)
        for completion in group
        if completion.stop.value == "end" and completion.tokens[-1] != 0
    ]


def test_going_on_gives_what_reading_anew_gives(
    engine: LocalEngine, prompts: Prompts, reads: list[int]
) -> None:
    groups = engine.sample("p", prompts, FIRST)
    longer = go_on(prompts, groups)
    assert len(longer) > 4
    reads.clear()
    kept = engine.sample("p", longer, SECOND)
    assert max(reads) == len(longer)  # one token a row and step, nothing read anew
    reads.clear()
    engine.pin("p")  # forgets
    anew = engine.sample("p", longer, SECOND)
    assert max(reads) > len(longer)
    for one, other in zip(kept, anew, strict=True):
        assert one[0].tokens == other[0].tokens
        assert one[0].logprobs == pytest.approx(other[0].logprobs, abs=1e-4)
    third = go_on(longer, kept)
    engine.sample("p", longer, SECOND)
    assert third
    assert [c[0].tokens for c in engine.sample("p", third, SECOND)]


def test_three_turns_and_rows_that_start_in_between(engine: LocalEngine, prompts: Prompts) -> None:
    second = go_on(prompts, engine.sample("p", prompts, FIRST))
    third = go_on(second, engine.sample("p", second, SECOND))
    mixed = [*third, prompts[1], (*prompts[0], 5)]
    kept = engine.sample("p", mixed, SECOND)
    engine.pin("p")
    anew = engine.sample("p", mixed, SECOND)
    assert third
    assert [c[0].tokens for c in kept] == [c[0].tokens for c in anew]


def test_rows_that_go_on_come_in_as_there_is_room(
    engine: LocalEngine, prompts: Prompts, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = go_on(prompts, engine.sample("p", prompts, FIRST))
    together = engine.sample("p", longer, SECOND)
    longer = go_on(prompts, engine.sample("p", prompts, FIRST))
    monkeypatch.setattr(sampler, "MAX_ROWS", 2)
    reads.clear()
    apart = engine.sample("p", longer, SECOND)
    assert len(longer) > 4 and max(reads) == 2  # never more side by side, and nothing read anew
    assert [c[0].tokens for c in apart] == [c[0].tokens for c in together]


def test_a_row_that_several_go_on_from_stays_until_the_last(
    engine: LocalEngine, prompts: Prompts, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row is gone on with twice, and in different chunks."""
    longer = go_on(prompts, engine.sample("p", prompts, FIRST))
    together = engine.sample("p", longer, replace(SECOND, n=2))
    longer = go_on(prompts, engine.sample("p", prompts, FIRST))
    monkeypatch.setattr(sampler, "MAX_ROWS", 3)
    reads.clear()
    apart = engine.sample("p", longer, replace(SECOND, n=2))
    assert len(longer) > 4 and max(reads) == 3  # nothing read anew
    assert [[c.tokens for c in g] for g in apart] == [[c.tokens for c in g] for g in together]


def test_a_prompt_that_is_no_longer_than_the_kept_header(
    engine: LocalEngine, prompts: Prompts
) -> None:
    longer = go_on(prompts, engine.sample("p", prompts, FIRST))
    header = engine._memory.header_tokens
    mixed = [longer[0], header, longer[1]]
    kept = engine.sample("p", mixed, SECOND)
    engine.pin("p")
    assert header and kept == engine.sample("p", mixed, SECOND)


def test_the_cache_is_bounded_with_its_filling(
    engine: LocalEngine, prompts: Prompts, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long prompt beside short ones would fill them all up to its length."""
    header = engine.encode("p", HEADER)
    mixed = [*prompts, (*header, *range(5, 65)), (*header, *range(6, 66))]
    together = engine.sample("p", mixed, SECOND)
    monkeypatch.setattr(sampler, "CACHE_TOKENS", 100)
    reads.clear()
    apart = engine.sample("p", mixed, SECOND)
    assert [c[0].tokens for c in apart] == [c[0].tokens for c in together]
    assert sum(n >= 60 for n in reads) == 2  # the long ones are read one after the other


def test_a_call_leaves_its_own_rows_and_no_earlier_ones(
    engine: LocalEngine, prompts: Prompts
) -> None:
    longer = go_on(prompts, engine.sample("p", prompts, FIRST))
    engine.sample("p", longer, SECOND)
    kept = engine._memory.rows
    assert kept and all(any(row[: len(p)] == p for p in longer) for row in kept)


def test_a_changed_policy_reads_anew(engine: LocalEngine, model: str, prompts: Prompts) -> None:
    longer = go_on(prompts, engine.sample("p", prompts, FIRST))
    row = Row((5, 6, 7, 8), (0.0, 1.0, 1.0, 1.0))
    engine.forward_backward("p", Batch((row,)), CrossEntropy())
    engine.optim_step("p", Optim(lr=0.05))
    changed = engine.sample("p", longer, SECOND)
    engine.pin("p")
    assert changed == engine.sample("p", longer, SECOND)


def test_what_came_before_does_not_touch_a_new_draw(engine: LocalEngine, prompts: Prompts) -> None:
    """Bit for bit: a run resumed in a new process must find the same."""
    fresh = engine.sample("p", prompts[:2], FIRST)
    engine.sample("p", prompts, FIRST)
    assert engine.sample("p", prompts[:2], FIRST) == fresh


def test_what_does_not_fit_is_read_again(
    engine: LocalEngine, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = go_on(prompts, engine.sample("p", prompts, FIRST))
    whole = engine.sample("p", longer, SECOND)
    monkeypatch.setattr(module, "KEPT_BYTES", 20_000)
    longer = go_on(prompts, engine.sample("p", prompts, FIRST))
    assert 0 < len(engine._memory.rows) < len(longer)
    part = engine.sample("p", longer, SECOND)
    assert [c[0].tokens for c in part] == [c[0].tokens for c in whole]


def test_waiting_rows_take_the_places_of_ended_ones(
    engine: LocalEngine, prompts: Prompts, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = replace(FIRST, n=8, max_tokens=40)
    together = engine.sample("p", prompts, many)
    reads.clear()
    monkeypatch.setattr(sampler, "MAX_ROWS", 8)
    apart = engine.sample("p", prompts, many)
    assert [[c.tokens for c in g] for g in apart] == [[c.tokens for c in g] for g in together]
    assert reads[0] > len(engine.encode("p", HEADER))  # and never again
    prefills, steps = [n for n in reads[1:] if n > 8], [n for n in reads[1:] if n <= 8]
    assert max(prefills) < len(engine.encode("p", HEADER))
    one_after_another = sum(max(len(c.tokens) for c in group) - 1 for group in apart)
    assert len(steps) < 0.8 * one_after_another
