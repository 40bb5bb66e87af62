"""What a generation trained on, held against what is sealed: the loop's side of contamination."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.core.findings import Finding, Reject
from ratchet.core.records import Evaluation, Trace
from ratchet.core.state import Candidate, State
from ratchet.guard.evaluator import Evaluator

_WORDS = {
    "reserved": "in the reserved partition",
    "anchor": "anchors of this run",
    "benchmark": "part of a declared benchmark",
}


def inspect_training(evaluator: Evaluator, before: State, candidate: Candidate) -> list[Finding]:
    """Return the findings on a candidate's records; each rejects it.

    ``contaminated``: a task that was tried is sealed, or a text is part of a declared benchmark.
    ``unrecorded_training``: a policy changed and no record says on what, so nothing can be checked.
    Raises TamperedError if charter or evaluator were touched.
    """
    traces = [record for record in candidate.records if isinstance(record, Trace)]
    prompts = list(dict.fromkeys(trace.task.prompt for trace in traces))
    texts: list[str] = []
    if evaluator.charter.benchmarks is not None:
        written = [turn.text for trace in traces for turn in trace.attempt.turns]
        written += [r.program for r in candidate.records if isinstance(r, Evaluation)]
        texts = list(dict.fromkeys(written))
    found = evaluator.inspect(prompts, texts)
    findings = [
        _contaminated(counts, len(held), kind)
        for kind, held, counts in (
            ("trained tasks", prompts, found.prompts),
            ("texts", texts, found.texts),
        )
        if counts
    ]
    learned = [
        name
        for name, part in candidate.state.items()
        if part.kind == "policy" and before.get(name) != part
    ]
    if learned and not traces:
        message = f"{', '.join(learned)} changed and no record says what it was trained on"
        findings.append(Finding("unrecorded_training", message, Reject()))
    return findings


def _contaminated(counts: Mapping[str, int], n: int, kind: str) -> Finding:
    told = ", ".join(f"{counts[why]} {words}" for why, words in _WORDS.items() if why in counts)
    measures = {why: float(count) for why, count in counts.items()}
    return Finding("contaminated", f"of {n} {kind}: {told}", Reject(), measures)
