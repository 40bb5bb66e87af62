"""What is sealed among proposals: reserved tasks and held ones.

They are written down and otherwise left out: nobody attempts them, and they earn nothing, so that
no role learns to find them or to avoid them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ratchet.core.records import Trace
from ratchet.core.task import Attempt, Rejection, StopReason, Task
from ratchet.curriculum.propose import Proposal
from ratchet.curriculum.rewards import Payment
from ratchet.loop.recipe import Context


def is_sealed(proposal: Proposal, held: frozenset[str]) -> bool:
    """Return whether a proposal is kept for anchors or held back."""
    task = proposal.outcome
    return task.reason == "reserved" if isinstance(task, Rejection) else task.id in held


def mark_sealed(proposals: Sequence[Proposal], held: frozenset[str]) -> list[bool]:
    """Say of each proposal whether it is sealed."""
    return [is_sealed(proposal, held) for proposal in proposals]


def withhold(payment: Payment, sealed: Sequence[bool]) -> Payment:
    """Return a payment in which what is sealed earns 0; leave it out of the update too."""
    pairs = zip(payment.rewards, sealed, strict=True)
    return replace(payment, rewards=tuple(0.0 if out else reward for reward, out in pairs))


def drop_sealed(written: Sequence[Trace], sealed: Sequence[bool]) -> list[Trace]:
    """Return the traces of proposals that may be learned from."""
    return [trace for trace, out in zip(written, sealed, strict=True) if not out]


def observe_sealed(
    context: Context,
    proposals: Sequence[Proposal],
    held: frozenset[str],
    tried: Sequence[Task],
    paid: Sequence[Trace],
) -> None:
    """Report whether what is sealed was written, and that it was neither attempted nor paid.

    Read off the outcomes anew, not off the marks.
    """
    reserved = [p for p in proposals if getattr(p.outcome, "reason", "") == "reserved"]
    kept_back = [p for p in proposals if isinstance(p.outcome, Task) and p.outcome.id in held]
    if reserved or kept_back:
        prompts, ids = {task.prompt for task in tried}, {task.id for task in tried}
        untried = prompts.isdisjoint(p.attempt.answer for p in reserved) and ids.isdisjoint(held)
        learned = {id(trace.attempt) for trace in paid}
        unpaid = learned.isdisjoint(id(p.attempt) for p in (*reserved, *kept_back))
        context.observe("filter.sealed", untried and unpaid)


def seals(task: Task) -> bool:
    """Plant the trigger: reserved and held tasks are sealed; nonsense and other tasks are not."""
    attempt = Attempt("planted", "planted", (), "", StopReason.END)
    outcomes: tuple[Task | Rejection, ...] = (
        task,
        task,
        Rejection("reserved", ""),
        Rejection("no_expression", ""),
    )
    held = (frozenset([task.id]), frozenset[str](), frozenset[str](), frozenset[str]())
    found = [is_sealed(Proposal(attempt, o), h) for o, h in zip(outcomes, held, strict=True)]
    return found == [True, False, True, False]
