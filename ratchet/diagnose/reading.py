"""What monitors share: whose traces, which units are independent, and summaries as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from ratchet.core.records import Records, Trace
from ratchet.core.task import Attempt, StopReason, Task, Turn, Verdict
from ratchet.stats import Summary

ALPHA = 0.02
"""Probability that a monitor ever fires in a run in which nothing of what it watches went past its
mark, however many generations it has."""


def of_role(records: Records, role: str) -> list[Trace]:
    """Return the traces of a role."""
    return [r for r in records if isinstance(r, Trace) and r.role == role]


def by_task(traces: Sequence[Trace]) -> list[list[Trace]]:
    """Group traces into independent units: the attempts at one task; each by itself if all are at
    one task, as proposals are."""
    groups: dict[str, list[Trace]] = {}
    for trace in traces:
        groups.setdefault(trace.task.id, []).append(trace)
    return [[t] for t in traces] if len(groups) == 1 else list(groups.values())


def commonest(group: Sequence[Trace]) -> Trace:
    """Return a trace of a group's commonest readable answer, the first of it; its first trace if
    none can be read. Of equally common ones it is the answer given first."""
    read = [trace for trace in group if trace.verdict.parsed]
    answers = [trace.verdict.evidence.get("read", trace.attempt.answer.strip()) for trace in read]
    return read[answers.index(max(answers, key=answers.count))] if read else group[0]


def by_family(traces: Sequence[Trace]) -> dict[str, Summary]:
    """Return the share of attempts that the label passed, tasks as units, by family of tasks."""
    shares: dict[str, list[float]] = {}
    for group in by_task(traces):
        passed = fmean(trace.verdict.passed for trace in group)
        shares.setdefault(group[0].task.family, []).append(passed)
    return {family: Summary.of(values) for family, values in sorted(shares.items())}


def read_common(window: Sequence[Records], role: str) -> dict[str, float]:
    """Return, by family, the share of the newest tasks whose commonest answer the label passed."""
    groups = by_task(of_role(window[-1], role))
    return pack(by_family([commonest(group) for group in groups]))


def surprisal(attempt: Attempt) -> float | None:
    """Return the mean of -log p over the tokens that a policy wrote, in nats: an estimate of its
    entropy per token. None if it wrote none."""
    logprobs = [lp for turn in attempt.turns if turn.role == "policy" for lp in turn.logprobs]
    return -fmean(logprobs) if logprobs else None


def pack(summaries: Mapping[str, Summary]) -> dict[str, float]:
    """Return summaries as named numbers."""
    return {
        f"{name}.{part}": float(value)
        for name, s in summaries.items()
        for part, value in (("n", s.n), ("mean", s.mean), ("variance", s.variance))
    }


def unpack(numbers: Mapping[str, float], name: str) -> Summary | None:
    """Return a summary from named numbers; None if it is not among them."""
    if f"{name}.n" not in numbers:
        return None
    return Summary(int(numbers[f"{name}.n"]), numbers[f"{name}.mean"], numbers[f"{name}.variance"])


def families_in(numbers: Mapping[str, float]) -> list[str]:
    """Return the names whose summaries are among named numbers."""
    return [name.removesuffix(".n") for name in numbers if name.endswith(".n")]


def plant(
    role: str,
    task: str,
    answer: str = "1",
    *,
    passed: bool = True,
    parsed: bool = True,
    stop: StopReason = StopReason.END,
    logprobs: Sequence[float] = (-1.0, -1.0),
    measures: Mapping[str, float] | None = None,
) -> Trace:
    """Return a made-up trace, for planted records."""
    turn = Turn("policy", answer, tuple(range(len(logprobs))), tuple(logprobs))
    return Trace(
        Task(task, "planted", "", "planted", 1),
        Attempt(task, "planted", (turn,), answer, stop),
        Verdict(float(passed), passed, parsed, "exact"),
        role,
        measures or {},
    )
