"""What a proposal earns, as pure functions of what the solver did with it.

Agent0 (arXiv 2511.16043): R = format * max(0, w_u * uncertainty + w_t * tool - w_r * repetition).
All terms lie in [0, 1] here, so that weights are comparable. The tool term counts the calls of the
solver's trajectories; the released code counts fences in the proposer's own text. What stands for
uncertainty is one of `difficulty`; repetition is in `repetition`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ratchet.curriculum.difficulty import DIFFICULTIES
from ratchet.curriculum.repetition import repetition


@dataclass(frozen=True)
class ProposerWeights:
    """Weight of each term, 0 switches it off, and the form of the whole."""

    uncertainty: float = 1.0
    """Of the term in the solver's pass rate."""
    tool: float = 0.6
    """Of the solver's tool calls."""
    repetition: float = 1.0
    """Of the penalty for saying what others of the batch say."""
    difficulty: str = "uncertainty"
    """Which function of the pass rate is paid: a key of ``DIFFICULTIES``."""
    invalid: float = 0.0
    """What a text earns that is no task: 0 in the paper, -1 in the released code."""
    floor: float | None = 0.0
    """Least reward of a task; None: none, as in the released code."""
    own_share: bool = False
    """Whether a text counts itself in its cluster."""
    boundary: float = 0.0
    """What a task earns besides where its difficulty pays nothing: Absolute Zero's released code
    fines what is always or never solved. With ``uncertainty`` 0 every task earns it."""


def tool_use(calls: Sequence[int], cap: int = 4) -> float:
    """Return the mean over trajectories of min(calls, cap) / cap."""
    return float(np.mean(np.minimum(calls, cap))) / cap if len(calls) else 0.0


def combine(
    valid: bool, unsure: float, tool: float, repeated: float, weights: ProposerWeights
) -> float:
    """Return the reward of a proposal, not below the floor; of what is no task the fixed one."""
    if not valid:
        return weights.invalid
    worth = weights.uncertainty * unsure
    gain = (worth or weights.boundary) + weights.tool * tool
    reward = gain - weights.repetition * repeated
    return reward if weights.floor is None else max(weights.floor, reward)


@dataclass(frozen=True)
class Tried:
    """What came of one proposal."""

    text: str
    """As the proposer wrote it."""
    valid: bool
    """Whether the world read a task in it."""
    pass_rate: float = 0.0
    """Share of the solver's attempts that passed; meaningless unless valid."""
    calls: tuple[int, ...] = ()
    """Tool calls of each of the solver's attempts."""


@dataclass(frozen=True)
class Payment:
    """Rewards of a batch of proposals, and what they were made of."""

    rewards: tuple[float, ...]
    """One per proposal."""
    terms: Mapping[str, tuple[float, ...]]
    """``uncertainty``, ``tool`` and ``repetition`` of each proposal, before weighting."""
    changed: Mapping[str, tuple[bool, bool]]
    """For each mechanism ``reward.<term>``, ``reward.format`` and ``reward.floor``: whether its
    trigger occurred, and whether the rewards would have been others without it."""


def pay(tried: Sequence[Tried], weights: ProposerWeights, cap: int = 4) -> Payment:
    """Pay a batch of proposals. Repetition is counted among the valid ones only."""
    valid = [t.valid for t in tried]
    texts = [t.text for t in tried if t.valid]
    repeated = iter(repetition(texts, own_share=weights.own_share))
    unsure = DIFFICULTIES[weights.difficulty]
    terms = {
        "uncertainty": tuple(unsure(t.pass_rate) if t.valid else 0.0 for t in tried),
        "tool": tuple(tool_use(t.calls, cap) if t.valid else 0.0 for t in tried),
        "repetition": tuple(next(repeated) if t.valid else 0.0 for t in tried),
    }

    def rewards(gate: Sequence[bool], by: ProposerWeights) -> tuple[float, ...]:
        rows = zip(gate, *terms.values(), strict=True)
        return tuple(combine(ok, u, c, r, by) for ok, u, c, r in rows)

    paid = rewards(valid, weights)
    changed = {
        f"reward.{name}": (any(values), rewards(valid, _without(weights, name)) != paid)
        for name, values in terms.items()
        if getattr(weights, name)
    }
    formless = [reward for ok, reward in zip(valid, paid, strict=True) if not ok]
    changed["reward.format"] = (bool(formless), set(formless) <= {weights.invalid})
    if weights.boundary:
        at_ends = any(t.valid and not weights.uncertainty * unsure(t.pass_rate) for t in tried)
        bare = rewards(valid, replace(weights, boundary=0.0))
        changed["reward.boundary"] = (at_ends, bare != paid)
    if weights.floor is not None and weights.repetition:
        bare = rewards(valid, replace(weights, floor=None))
        low = any(reward < weights.floor for reward in bare)
        changed["reward.floor"] = (low, min(paid, default=weights.floor) >= weights.floor)
    return Payment(paid, terms, changed)


def planted_payment(weights: ProposerWeights) -> Payment:
    """Pay a batch in which every term has something to pay for or to punish.

    What both tasks named 1 + 1 lose to repetition is more than the second one gains.
    """
    return pay(
        [
            Tried("1 + 1", True, 0.5, (1, 1)),
            Tried("1 + 1", True, 1.0, (0, 0)),
            Tried("7 * 12 - 5", True, 0.5, (2, 0)),
            Tried("no task", False),
        ],
        weights,
    )


def _without(weights: ProposerWeights, term: str) -> ProposerWeights:
    """Return the weights with one term switched off."""
    if term == "uncertainty":
        return replace(weights, uncertainty=0.0)
    return replace(weights, tool=0.0) if term == "tool" else replace(weights, repetition=0.0)
