"""One optimiser step on the updates of several roles that share a policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ratchet.engine.protocol import Engine, Optim
from ratchet.learn.step import Stepped
from ratchet.learn.update import Update


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
