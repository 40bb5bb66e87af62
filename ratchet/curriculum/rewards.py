"""What a proposal earns, as pure functions of what the solver did with it.

Agent0 (arXiv 2511.16043): R = format * max(0, w_u * uncertainty + w_t * tool - w_r * repetition).
All terms lie in [0, 1] here, so that weights are comparable. The tool term counts the calls of the
solver's trajectories; the released code counts fences in the proposer's own text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ProposerWeights:
    """Weight of each term; 0 switches it off."""

    uncertainty: float = 1.0
    tool: float = 0.6
    repetition: float = 1.0


def uncertainty(pass_rate: float) -> float:
    """Return 1 - 2|p - 1/2|: 1 at p = 1/2, 0 at p = 0 and p = 1."""
    return 1.0 - 2.0 * abs(pass_rate - 0.5)


def tool_use(calls: Sequence[int], cap: int = 4) -> float:
    """Return the mean over trajectories of min(calls, cap) / cap."""
    return float(np.mean(np.minimum(calls, cap))) / cap if len(calls) else 0.0


def repetition(texts: Sequence[str], threshold: float = 0.5) -> list[float]:
    """Return, for each text, the share of the batch in its cluster, beyond itself.

    Texts are joined when 1 - BLEU < threshold (bigram BLEU, symmetrised by the mean, add-one
    smoothed on bigrams), and clusters are the connected components. Deviations from the released
    code: single linkage instead of average linkage, and a text alone in its cluster costs nothing.
    """
    count = len(texts)
    if count < 2:
        return [0.0] * count
    close = 1.0 - _pairwise_bleu(texts) < threshold
    labels = _components(close)
    sizes = Counter(labels)
    return [(sizes[label] - 1) / (count - 1) for label in labels]


def combine(
    valid: bool, unsure: float, tool: float, repeated: float, weights: ProposerWeights
) -> float:
    """Return the reward, at least 0; an invalid proposal earns 0."""
    if not valid:
        return 0.0
    gain = weights.uncertainty * unsure + weights.tool * tool
    return max(0.0, gain - weights.repetition * repeated)


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
    """For each mechanism ``reward.<term>`` and ``reward.format``: whether its trigger occurred, and
    whether the rewards would have been others without it."""


def pay(tried: Sequence[Tried], weights: ProposerWeights, cap: int = 4) -> Payment:
    """Pay a batch of proposals. Repetition is counted among the valid ones only."""
    valid = [t.valid for t in tried]
    repeated = iter(repetition([t.text for t in tried if t.valid]))
    terms = {
        "uncertainty": tuple(uncertainty(t.pass_rate) if t.valid else 0.0 for t in tried),
        "tool": tuple(tool_use(t.calls, cap) if t.valid else 0.0 for t in tried),
        "repetition": tuple(next(repeated) if t.valid else 0.0 for t in tried),
    }

    def rewards(gate: Sequence[bool], by: ProposerWeights) -> tuple[float, ...]:
        rows = zip(gate, *terms.values(), strict=True)
        return tuple(combine(ok, u, c, r, by) for ok, u, c, r in rows)

    paid = rewards(valid, weights)
    changed = {
        f"reward.{name}": (any(values), rewards(valid, replace(weights, **{name: 0.0})) != paid)
        for name, values in terms.items()
        if getattr(weights, name)
    }
    formless = [0.0 if ok else reward for ok, reward in zip(valid, paid, strict=True)]
    changed["reward.format"] = (not all(valid), not any(formless))
    return Payment(paid, terms, changed)


def planted_payment(weights: ProposerWeights) -> Payment:
    """Pay a batch in which every term has something to pay for or to punish."""
    return pay(
        [
            Tried("1 + 1", True, 0.5, (1, 1)),
            Tried("1 + 1", True, 1.0, (0, 0)),
            Tried("7 * 12 - 5", True, 0.5, (2, 0)),
            Tried("no task", False),
        ],
        weights,
    )


def _pairwise_bleu(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    unique = sorted(set(texts))
    at = [unique.index(text) for text in texts]
    grams = [[_ngrams(text.split(), n) for text in unique] for n in (1, 2)]
    score = np.zeros((len(unique), len(unique)))
    for i in range(len(unique)):
        for j in range(len(unique)):
            score[i, j] = _bleu(i, j, grams)
    both = (score + score.T) / 2
    result: npt.NDArray[np.float64] = both[np.ix_(at, at)]
    return result


def _bleu(i: int, j: int, grams: list[list[Counter[tuple[str, ...]]]]) -> float:
    """Return BLEU of text i against reference j."""
    logs = []
    for n, counters in enumerate(grams):
        mine, reference = counters[i], counters[j]
        matches, total = sum((mine & reference).values()), sum(mine.values())
        precision = (matches + (n > 0)) / max(total + (n > 0), 1)
        if precision == 0:
            return 0.0
        logs.append(np.log(precision))
    mine_length, length = sum(grams[0][i].values()), sum(grams[0][j].values())
    brevity = min(0.0, 1.0 - length / max(mine_length, 1))
    return float(np.exp(brevity + np.mean(logs)))


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _components(close: npt.NDArray[np.bool_]) -> list[int]:
    labels = list(range(len(close)))
    for i, row in enumerate(close):
        for j in np.flatnonzero(row[:i]):
            old, new = sorted((labels[i], labels[j]))[::-1]
            if old != new:
                labels = [new if label == old else label for label in labels]
    return labels
