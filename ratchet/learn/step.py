"""One optimiser step on the updates of one role or several, and the check that a learner learns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from ratchet.core.records import Trace
from ratchet.core.task import Attempt, Task, Verdict
from ratchet.engine.losses import PolicyGradient
from ratchet.engine.protocol import Engine, Optim
from ratchet.learn.update import Update

_SHARES = (0.1, 1.0)
"""Parts of the step size at which a learner is tried: a whole step may overshoot, and a small one
be lost in the rounding of bfloat16."""


@dataclass(frozen=True)
class Stepped:
    """What one step did."""

    loss: float
    """The reduced loss."""
    grad_norm: float
    """Norm of the gradient before it was scaled down."""
    clipped: float
    """Share of trained tokens whose gradient was clipped away."""
    kl: float = 0.0
    """Mean KL estimate to the reference; 0 unless the loss has that term."""


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
    return joint_step(engine, policy, {policy: update}, optim, observe).get(policy)


def joint_step(
    engine: Engine,
    policy: str,
    updates: Mapping[str, Update],
    optim: Optim,
    observe: Callable[[str, bool], None] = lambda mechanism, effect: None,
) -> dict[str, Stepped]:
    """Add up the gradients of all roles' losses, then take one step; return what each role's was.

    A role with nothing to learn is left out. Tells ``observe`` of ``learner.<role>`` for each of
    the others. Raises EngineError on a loss that is not finite; the policy is then unchanged, and
    gradients of the roles before it are still gathered: drop the policy.
    """
    reports = {
        role: engine.forward_backward(policy, update.batch, update.loss)
        for role, update in updates.items()
        if update.batch.rows
    }
    if not reports:
        return {}
    moved = engine.optim_step(policy, optim)
    for role in reports:
        observe(f"learner.{role}", moved.grad_norm > 0)
    return {
        role: Stepped(report.loss, moved.grad_norm, report.clipped, report.kl)
        for role, report in reports.items()
    }


def learns(
    engine: Engine,
    policy: str,
    attempts: Sequence[Attempt],
    rule: Callable[[Sequence[Sequence[Trace]]], Update],
    optim: Optim,
) -> bool:
    """Plant one batch in which a single answer is rewarded, and see it gain on the others.

    ``attempts`` are the policy's own at one prompt, at least two of them different; those with the
    first one's answer are paid 1, all others 0. What must rise is the rule's own objective: the
    log-probability of what is paid less that of the rest, of a row as its loss reduces rows. A
    step that learns raises it, while a single attempt may lose. Attempts are scored anew, so that
    nothing is clipped. The policy is trained by this: open a copy for it.
    """
    for share in _SHARES:
        before = _plant(engine, policy, attempts)
        update = rule([before])
        step(engine, policy, update, replace(optim, lr=optim.lr * share))
        scored = _score(engine, policy, [trace.attempt for trace in before])
        after = [replace(t, attempt=mine) for t, mine in zip(before, scored, strict=True)]
        by_token = isinstance(update.loss, PolicyGradient) and update.loss.reduction == "rows"
        if _lead(after, by_token) > _lead(before, by_token):
            return True
    return False


def _plant(engine: Engine, policy: str, attempts: Sequence[Attempt]) -> list[Trace]:
    """Return the attempts, scored anew, as one group in which the first answer is paid."""
    task = Task(attempts[0].task_id, "planted", "", "planted", 1)
    traces = []
    for mine in _score(engine, policy, attempts):
        paid = mine.answer == attempts[0].answer
        verdict = Verdict(float(paid), paid, True, "exact")
        traces.append(Trace(task, replace(mine, task_id=task.id), verdict, "planted", {"p": 0.5}))
    return traces


def _score(engine: Engine, policy: str, attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return attempts with their own turns' log-probabilities under the policy as it is now."""
    texts = [[token for turn in attempt.turns for token in turn.tokens] for attempt in attempts]
    found = []
    for attempt, scored in zip(attempts, engine.score(policy, texts), strict=True):
        turns, at = [], -1
        for turn in attempt.turns:
            own = scored.logprobs[max(at, 0) : at + len(turn.tokens)]
            at += len(turn.tokens)
            turns.append(replace(turn, logprobs=own) if turn.role == "policy" else turn)
        found.append(replace(attempt, turns=tuple(turns)))
    return found


def _lead(traces: Sequence[Trace], by_token: bool) -> float:
    """Return the mean log-probability of what is paid, less that of what is not."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for trace in traces:
        own = [lp for t in trace.attempt.turns if t.role == "policy" for lp in t.logprobs]
        found[trace.verdict.passed].append(fmean(own) if by_token else sum(own))
    return fmean(found[True]) - fmean(found[False] or [0.0])
