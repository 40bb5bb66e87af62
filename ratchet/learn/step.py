"""One optimiser step on an update, and the check that a learner learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ratchet.core.records import Trace
from ratchet.core.task import Attempt, Task, Verdict
from ratchet.engine.losses import LossReport
from ratchet.engine.protocol import Engine, Optim
from ratchet.learn.update import Update


@dataclass(frozen=True)
class Stepped:
    """What one step did."""

    loss: float
    """The reduced loss."""
    grad_norm: float
    """Norm of the gradient before it was scaled down."""
    clipped: float
    """Share of trained tokens whose gradient was clipped away."""


def step(
    engine: Engine,
    policy: str,
    update: Update,
    optim: Optim,
    observe: Callable[[str, bool], None] = lambda mechanism, effect: None,
) -> Stepped | None:
    """Apply an update to a policy; None if it holds nothing to learn.

    Tells ``observe`` of the mechanism ``learner.<policy>``: its trigger is a batch, its effect a
    gradient. Raises EngineError on a loss that is not finite; the policy is then unchanged.
    """
    if not update.batch.rows:
        return None
    report: LossReport = engine.forward_backward(policy, update.batch, update.loss)
    moved = engine.optim_step(policy, optim)
    observe(f"learner.{policy}", moved.grad_norm > 0)
    return Stepped(report.loss, moved.grad_norm, report.clipped)


def learns(
    engine: Engine,
    policy: str,
    attempts: Sequence[Attempt],
    rule: Callable[[Sequence[Sequence[Trace]]], Update],
    optim: Optim,
) -> bool:
    """Plant one batch in which a single answer is rewarded, and see its log-probability rise.

    ``attempts`` are the policy's own at one prompt, at least two of them different; the first
    answer is paid 1, every other 0. The policy is trained by this: open a copy for it.
    """
    target = attempts[0]
    traces = []
    for attempt in attempts:
        paid = attempt.answer == target.answer
        task = Task(target.task_id, "planted", "", "planted", 1)
        verdict = Verdict(float(paid), paid, True, "exact")
        traces.append(
            Trace(task, replace(attempt, task_id=task.id), verdict, "planted", {"p": 0.5})
        )
    before = _logprob(engine, policy, target)
    step(engine, policy, rule([traces]), optim)
    return _logprob(engine, policy, target) > before


def _logprob(engine: Engine, policy: str, attempt: Attempt) -> float:
    """Return the log-probability of all the policy's tokens in an attempt."""
    tokens = [token for turn in attempt.turns for token in turn.tokens]
    written = [turn.role == "policy" for turn in attempt.turns for _ in turn.tokens]
    (scored,) = engine.score(policy, [tokens])
    return sum(lp for lp, mine in zip(scored.logprobs, written[1:], strict=True) if mine)
