"""Proposals: tasks that a policy writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, Rejection, Task, Verdict
from ratchet.worlds.protocol import World

REQUEST = Task("request", "", "", "request", 0)
"""What a proposer is asked: its procedure's template is the whole request."""


@dataclass(frozen=True)
class Proposal:
    """A text that a proposer wrote, and what the world made of it."""

    attempt: Attempt
    """What was written."""
    outcome: Task | Rejection
    """The task, or the named reason why it is none."""


def read_proposals(
    world: World, attempts: Sequence[Attempt], family: str | None = None
) -> list[Proposal]:
    """Have the world read each text; reserved tasks come back as rejections.

    Where a family was asked for, a task of another is rejected as ``other_family``.
    """
    return [Proposal(attempt, _read(world, attempt.answer, family)) for attempt in attempts]


def _read(world: World, text: str, family: str | None) -> Task | Rejection:
    read = world.parse(text)
    if family is None or isinstance(read, Rejection) or read.family == family:
        return read
    return Rejection("other_family", text[:200])


def pick_new(proposals: Sequence[Proposal], seen: frozenset[str]) -> list[Task]:
    """Return the distinct tasks among the proposals whose ids were not seen before, in order."""
    tasks: dict[str, Task] = {}
    for proposal in proposals:
        task = proposal.outcome
        if isinstance(task, Task) and task.id not in seen:
            tasks.setdefault(task.id, task)
    return list(tasks.values())


def pick_frontier(pass_rates: Sequence[float], low: float, high: float) -> list[int]:
    """Return the positions of the pass rates in [low, high]: Agent0's band of difficulty."""
    return [i for i, p in enumerate(pass_rates) if low <= p <= high]


def draw_uniform(world: World, seed: Seed, n: int) -> list[Task]:
    """Draw open tasks family by family: the control without a proposer."""
    rng = seed.rng()
    share = -(-n // len(world.families))
    drawn = [task for family in world.families for task in world.tasks(rng, share, family=family)]
    return [drawn[i] for i in rng.permutation(len(drawn))[:n]]


def trace_proposals(
    proposals: Sequence[Proposal],
    rewards: Sequence[float],
    terms: Mapping[str, Sequence[float]] = MappingProxyType({}),
    requests: Sequence[Task] = (),
) -> list[Trace]:
    """Return proposals as traces of one group, with their rewards and named reward terms.

    ``requests`` say what each was asked for, where that is not the same for all.
    """
    traces = []
    for i, proposal in enumerate(proposals):
        valid = isinstance(proposal.outcome, Task)
        feedback = "" if isinstance(proposal.outcome, Task) else proposal.outcome.reason
        verdict = Verdict(rewards[i], valid, valid, "exact", feedback)
        measures = {name: values[i] for name, values in terms.items()}
        asked = requests[i] if requests else REQUEST
        traces.append(Trace(asked, proposal.attempt, verdict, "proposer", measures))
    return traces
