"""Checks of forward_backward and optim_step: what moves, when, in which direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import nan

from ratchet.engine.conformance.bench import Bench, descent, refused, require, spread
from ratchet.engine.losses import Batch, CrossEntropy, PolicyGradient, Row
from ratchet.engine.protocol import Optim


def gradients_alone_move_nothing(bench: Bench) -> None:
    """Scores stay as they are until ``optim_step``."""
    name = bench.policy()
    rows = bench.lines(name)
    before = bench.lps(name, rows)
    bench.engine.forward_backward(name, Batch(tuple(rows)), CrossEntropy())
    require(bench.lps(name, rows) == before, "forward_backward moved the policy")


def optimiser_step_moves_the_policy(bench: Bench) -> None:
    """A step moves the policy; a planted row's log-probability rises by it."""
    name = bench.policy()
    row = min(bench.lines(name), key=lambda row: bench.total(name, row))
    before, old = bench.total(name, row), bench.lps(name, [row])
    report, step = bench.train(name, [row], CrossEntropy())
    require(step.grad_norm > 0.0, "the gradient's norm is 0")
    require(not bench.same(bench.lps(name, [row]), old), "optim_step did not move the policy")
    after = bench.total(name, row)
    require(after > before, f"a planted row fell from {before:.6g} to {after:.6g} nats")
    trained = sum(row.weights)
    require(abs(report.loss + before / trained) <= bench.tolerance, "the loss is not -mean lp")
    require(report.tokens == int(trained), f"{report.tokens} trained tokens, not {trained:.0f}")
    kept = [lp if w else 0.0 for lp, w in zip(old[0], row.weights, strict=True)][1:]
    require(bench.same(report.logprobs, [kept]), "the report's logprobs are not the policy's")


def empty_step_is_refused(bench: Bench) -> None:
    """``optim_step`` without a gradient is an error, also right after a step."""
    name = bench.policy()
    with refused("a step without a gradient"):
        bench.engine.optim_step(name, Optim(lr=0.01))
    bench.train(name, bench.lines(name))
    with refused("a second step on one gradient"):
        bench.engine.optim_step(name, Optim(lr=0.01))


def bad_batches_change_nothing(bench: Bench) -> None:
    """Numbers that are not finite and misfit rows are refused, and leave no gradient behind."""
    name = bench.policy()
    row = bench.lines(name)[0]
    before = bench.lps(name, [row])
    good = on_policy(row, before[0], 1.0)
    bad = {
        "a batch without rows": Batch(()),
        "an advantage that is not a number": Batch((replace(good, advantages=_all(row, nan)),)),
        "an infinite ratio": Batch((replace(good, old_logprobs=_all(row, -1e6)),)),
        "a tuple of the wrong length": Batch((replace(good, advantages=(1.0,)),)),
        "missing advantages": Batch((replace(good, advantages=()),)),
        "missing old log-probabilities": Batch((replace(good, old_logprobs=()),)),
    }
    for what, batch in bad.items():
        with refused(what):
            bench.engine.forward_backward(name, batch, PolicyGradient())
    with refused("a step after refused batches"):
        bench.engine.optim_step(name, Optim(lr=0.01))
    require(bench.lps(name, [row]) == before, "a refused batch moved the policy")


def advantages_give_the_direction(bench: Bench) -> None:
    """Policy gradient raises a row with a positive advantage and lowers one with a negative."""
    for sign in (1.0, -1.0):
        name = bench.policy()
        row = min(bench.lines(name), key=lambda row: bench.total(name, row))
        before = bench.total(name, row)
        bench.train(name, [on_policy(row, bench.lps(name, [row])[0], sign)], PolicyGradient())
        change = bench.total(name, row) - before
        require(sign * change > 0.0, f"advantage {sign:+.0f} changed the row by {change:.3g} nats")


def clip_bounds_stop_the_gradient(bench: Bench) -> None:
    """A ratio beyond its bound, on the side that the advantage pushes to, has no gradient."""
    name = bench.policy()
    row = bench.lines(name)[0]
    lps = bench.lps(name, [row])[0]
    for advantage, shift, stopped in ((1, -1, True), (-1, 1, True), (-1, -1, False), (1, 1, False)):
        old = tuple(lp + shift for lp in lps)
        moved = replace(on_policy(row, lps, float(advantage)), old_logprobs=old)
        moved = replace(moved, clip_low=_all(row, 0.2), clip_high=_all(row, 0.2))
        one = bench.policy()
        report, step = bench.train(one, [moved], PolicyGradient())
        gap = spread(bench.lps(one, [row]), [lps])
        case = f"advantage {advantage:+d} at log-ratio {-shift:+d}"
        if stopped:
            require(gap <= bench.tolerance, f"{case}: a clipped row moved by {gap:.3g} nats")
            require(report.clipped == 1.0, f"{case}: clipped share {report.clipped}, not 1")
            require(step.grad_norm <= bench.tolerance, f"{case}: the gradient is not 0")
        else:
            require(gap > bench.tolerance, f"{case}: a row within its bounds did not move")
            require(report.clipped == 0.0, f"{case}: clipped share {report.clipped}, not 0")


def rows_add_up(bench: Bench) -> None:
    """The order of rows has no effect, and under ``sum`` neither has splitting them into calls."""
    first = bench.policy()
    rows = bench.lines(first)
    rows = [
        replace(row, weights=tuple(w * (1 + i) for w in row.weights)) for i, row in enumerate(rows)
    ]
    for loss in (CrossEntropy("tokens"), CrossEntropy("rows"), CrossEntropy("sum")):
        straight, turned = bench.policy(), bench.policy()
        before, _ = bench.train(straight, rows, loss, descent(0.02))
        after, _ = bench.train(turned, rows[::-1], loss, descent(0.02))
        gap = spread(bench.lps(straight, rows), bench.lps(turned, rows))
        require(gap <= bench.tolerance, f"{loss}: the order of rows made {gap:.3g} nats")
        close = abs(before.loss - after.loss) <= bench.tolerance * max(1.0, abs(before.loss))
        require(close, f"{loss}: the order of rows changed the loss")
    parts = bench.policy()
    for row in rows:
        bench.engine.forward_backward(parts, Batch((row,)), CrossEntropy("sum"))
    bench.engine.optim_step(parts, descent(0.02))
    gap = spread(bench.lps(parts, rows), bench.lps(straight, rows))
    require(gap <= bench.tolerance, f"gradients of several calls do not add up: {gap:.3g} nats")


def policies_are_isolated(bench: Bench) -> None:
    """Training one policy leaves another, and its gradient, alone."""
    one, other = bench.policy(), bench.policy()
    rows = bench.lines(one)
    before = bench.lps(other, rows)
    bench.train(one, rows)
    require(bench.lps(other, rows) == before, "training one policy moved another")
    bench.engine.forward_backward(one, Batch(tuple(rows)), CrossEntropy())
    with refused("a step of a policy on another's gradient"):
        bench.engine.optim_step(other, Optim(lr=0.01))


def on_policy(row: Row, lps: list[float], advantage: float) -> Row:
    """Return the row for a policy gradient at ratio 1."""
    return replace(row, advantages=_all(row, advantage), old_logprobs=tuple(lps))


def _all(row: Row, value: float) -> tuple[float, ...]:
    return (value,) * len(row.tokens)


CHECKS: tuple[Callable[[Bench], None], ...] = (
    gradients_alone_move_nothing,
    optimiser_step_moves_the_policy,
    empty_step_is_refused,
    bad_batches_change_nothing,
    advantages_give_the_direction,
    clip_bounds_stop_the_gradient,
    policies_are_isolated,
    rows_add_up,
)
