from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.core.records import Trace
from ratchet.core.task import Turn
from ratchet.engine.losses import Batch, PolicyGradient
from ratchet.engine.validate import check_batch
from ratchet.learn.rows import row_of, trainable, with_advantage


@st.composite
def turns(draw: st.DrawFn) -> list[Turn]:
    """Draw turns whose token ids tell who wrote them: policy tokens are odd."""
    found = []
    for role in draw(st.lists(st.sampled_from(["policy", "tool", "user"]), max_size=6)):
        ids = draw(st.lists(st.integers(0, 500), max_size=5))
        if role == "policy":
            tokens = tuple(2 * i + 1 for i in ids)
            found.append(Turn("policy", "", tokens, tuple(-float(t) for t in tokens)))
        else:
            other = Turn("tool", "", tuple(2 * i for i in ids))
            found.append(other if role == "tool" else Turn("user", "", other.tokens))
    return found


@settings(
    derandomize=True, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turns())
def test_only_policy_tokens_have_weight_and_their_own_logprob(
    make_trace: Callable[..., Trace], drawn: list[Turn]
) -> None:
    row = row_of(make_trace(turns=[Turn("user", "q", (2,)), *drawn]))
    assert row.tokens == (2, *(token for turn in drawn for token in turn.tokens))
    assert len(row.weights) == len(row.old_logprobs) == len(row.tokens)
    for token, weight, logprob in zip(row.tokens, row.weights, row.old_logprobs, strict=True):
        written = token % 2 == 1
        assert weight == (1.0 if written else 0.0)
        assert logprob == (-float(token) if written else 0.0)
    assert trainable(row) == any(token % 2 for token in row.tokens)


def test_misaligned_logprobs_are_refused(make_trace: Callable[..., Trace]) -> None:
    broken = [Turn("user", "q", (1,)), Turn("policy", "a", (3, 4), (-0.1,))]
    with pytest.raises(ValueError, match="turn 1: 1 log-probabilities for 2 policy tokens"):
        row_of(make_trace(turns=broken))


def test_logprobs_of_other_turns_are_ignored(make_trace: Callable[..., Trace]) -> None:
    odd = [Turn("user", "q", (1,), (-9.0,)), Turn("policy", "a", (3,), (-0.1,))]
    assert row_of(make_trace(turns=odd)).old_logprobs == (0.0, -0.1)


def test_a_first_token_cannot_be_trained(make_trace: Callable[..., Trace]) -> None:
    assert not trainable(row_of(make_trace(turns=[Turn("policy", "a", (3,), (-0.1,))])))


def test_advantages_fit_a_policy_gradient(make_trace: Callable[..., Trace]) -> None:
    row = with_advantage(row_of(make_trace()), 1.5, 0.2, 0.3)
    assert (set(row.advantages), set(row.clip_low), set(row.clip_high)) == ({1.5}, {0.2}, {0.3})
    check_batch(Batch((row,)), PolicyGradient())
