"""What each retry policy is worth after a wrong draft and after a right one, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.core.findings import Continue, Finding, SetParameter
from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.diagnose.drag.drafts import Chosen
from ratchet.diagnose.drag.measure import Measure, difference_of, mean_of, ratio_of
from ratchet.engine.protocol import Engine
from ratchet.solve.retry import Asking, Retry, Tried, continue_from
from ratchet.worlds.protocol import World


@dataclass(frozen=True)
class Worth:
    """A retry policy, measured on the matched subset."""

    after_wrong: Measure
    """Accuracy of the attempt that follows a wrong draft."""
    after_right: Measure
    """The same after a right draft."""
    recovery: Measure
    """Share of the drag of ``append`` that it takes back."""
    lost_benefit: Measure
    """Accuracy of ``append`` after a right draft minus its own: what it gives up."""
    tokens: Measure
    """Tokens read and written after a wrong draft, notes and verdicts too."""
    per_token: float
    """Accuracy after a wrong draft over mean tokens: what a retry loop lives on."""


@dataclass(frozen=True)
class Comparison:
    """All policies on the same problems and drafts."""

    drag: Measure
    """Accuracy of fresh attempts minus that of ``append`` after a wrong draft."""
    worth: Mapping[Retry, Worth]
    """What each policy is worth."""
    lead: Mapping[Retry, Measure]
    """Accuracy after a wrong draft minus that of ``restart``, problem by problem."""


def compare_policies(
    engine: Engine,
    policy: str,
    asking: Asking,
    world: World,
    chosen: Chosen,
    seed: Seed,
    kinds: Sequence[Retry] = tuple(Retry),
    samples: int = 2,
    known: bool | None = False,
) -> Comparison:
    """Make the attempt that follows each chosen draft under each policy.

    The drafts were chosen by samples that are used for nothing here. ``restart`` and ``append`` are
    always measured. ``known`` False is a loop that knows its failures, None one that does not;
    after right drafts nothing is known to any policy.
    """
    table: dict[Retry, _Row] = {}
    for kind in dict.fromkeys((Retry.RESTART, Retry.APPEND, *kinds)):
        at = seed.child(str(kind))
        wrong = _run(engine, policy, kind, asking, chosen, "wrong", samples, at, known)
        right = _run(engine, policy, kind, asking, chosen, "right", samples, at, None)
        table[kind] = _Row(
            _score(world, chosen, wrong), _score(world, chosen, right), _cost(chosen, wrong)
        )
    rng = seed.child("intervals").rng()
    fresh, append = table[Retry.RESTART], table[Retry.APPEND]
    worth = {kind: _worth(row, fresh, append, rng) for kind, row in table.items()}
    drag = difference_of(list(zip(fresh.wrong, append.wrong, strict=True)), rng)
    lead = {
        kind: difference_of(list(zip(row.wrong, fresh.wrong, strict=True)), rng)
        for kind, row in table.items()
    }
    return Comparison(drag, worth, lead)


def decide_retry(found: Comparison, threshold: float = 0.0) -> list[Finding]:
    """Return what the loop shall do: its retry policy, and whether prompts may hold failures.

    Drag is found where its interval lies above ``threshold``: then raw failures leave the prompts,
    and the policy is the one with the highest accuracy for its tokens among those that show none.
    Another than ``restart`` must also be better than it by an interval, since the best of several
    measured ones looks better than it is. Without drag, ``append`` stays only if it is better than
    a fresh restart by an interval; shown nothing, the loop restarts.
    """
    dragged = found.drag.low is not None and found.drag.low > threshold
    choice = Retry.RESTART
    if not dragged and found.lead[Retry.APPEND].above_zero:
        choice = Retry.APPEND
    best = found.worth[choice].per_token
    for kind, worth in found.worth.items():
        hides = kind not in (Retry.APPEND, Retry.CORRECTION)
        if (hides or not dragged) and worth.per_token > best and found.lead[kind].above_zero:
            choice, best = kind, worth.per_token
    measures = _numbers(found)
    value = found.drag.value
    told = f"drag {100 * (value or 0.0):.1f} points"
    if found.drag.low is not None and found.drag.high is not None:
        told += f" [{100 * found.drag.low:.1f}, {100 * found.drag.high:.1f}]"
    told += f" on {found.drag.n} problems"
    policy = Finding(
        "contextual_drag",
        f"{told}: retry by {choice}",
        SetParameter("retry", str(choice)),
        measures,
    )
    if not dragged:
        return [policy, Finding("rendering", f"{told}: failures may be shown", Continue())]
    hide = SetParameter("show_failures", False)
    return [policy, Finding("rendering", f"{told}: no raw failure in prompts", hide, measures)]


@dataclass(frozen=True)
class _Row:
    """One policy by problem."""

    wrong: list[float | None]
    right: list[float | None]
    tokens: list[float | None]


def _run(
    engine: Engine,
    policy: str,
    kind: Retry,
    asking: Asking,
    chosen: Chosen,
    side: str,
    samples: int,
    seed: Seed,
    known: bool | None,
) -> list[Tried]:
    drafts = chosen.wrong if side == "wrong" else chosen.right
    tasks: list[Task] = []
    texts: list[str] = []
    for task in chosen.tasks:
        own = drafts[task.id]
        for sample in range(samples if own else 0):
            tasks.append(task)
            texts.append(own[sample % len(own)].text)
    return continue_from(engine, policy, kind, asking, tasks, texts, seed.child(side), known)


def _score(world: World, chosen: Chosen, tried: Sequence[Tried]) -> list[float | None]:
    return _by_task(chosen, tried, lambda t: float(world.check(t.task, t.answer).passed))


def _cost(chosen: Chosen, tried: Sequence[Tried]) -> list[float | None]:
    return _by_task(chosen, tried, lambda t: float(t.cost.prompt_tokens + t.cost.tokens))


def _by_task(
    chosen: Chosen, tried: Sequence[Tried], value: Callable[[Tried], float]
) -> list[float | None]:
    found: dict[str, list[float]] = {}
    for each in tried:
        found.setdefault(each.task.id, []).append(value(each))
    means = {name: float(np.mean(values)) for name, values in found.items()}
    return [means.get(task.id) for task in chosen.tasks]


def _worth(row: _Row, fresh: _Row, append: _Row, rng: np.random.Generator) -> Worth:
    harmed = list(zip(row.wrong, fresh.wrong, append.wrong, strict=True))
    shares: list[tuple[float | None, float | None]] = [
        (r - a, f - a) if r is not None and f is not None and a is not None else (None, None)
        for r, f, a in harmed
    ]
    most = max([1.0, *(t for t in row.tokens if t is not None)])
    tokens, accuracy = mean_of(row.tokens, rng, most), mean_of(row.wrong, rng)
    return Worth(
        accuracy,
        mean_of(row.right, rng),
        ratio_of(shares),
        difference_of(list(zip(append.right, row.right, strict=True)), rng),
        tokens,
        (accuracy.value or 0.0) / tokens.value if tokens.value else 0.0,
    )


def _numbers(found: Comparison) -> dict[str, float]:
    numbers = {f"drag.{end}": getattr(found.drag, end) for end in ("value", "low", "high")}
    for kind, worth in found.worth.items():
        numbers[f"{kind}.after_wrong"] = worth.after_wrong.value
        numbers[f"{kind}.tokens"] = worth.tokens.value
    return {name: value for name, value in numbers.items() if value is not None}
