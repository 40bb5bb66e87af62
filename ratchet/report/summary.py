"""From a run's settings and ledger to its report. No clock, no files beyond these two."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from ratchet.core.codec import from_data
from ratchet.core.errors import RunError
from ratchet.core.evidence import Evidence, Scores
from ratchet.core.findings import Finding
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.loop.folder import RunFolder
from ratchet.loop.gate import differences, paired_gain
from ratchet.loop.halts import last_halt, trusted
from ratchet.loop.head import START
from ratchet.loop.ledger import Entry
from ratchet.loop.liveness import Tally, judge
from ratchet.loop.position import waiting
from ratchet.report.course import describe_course
from ratchet.report.schema import (
    Base,
    CostReport,
    ErrorBudget,
    FamilyChange,
    FamilyPair,
    Found,
    Gains,
    GateItems,
    GenerationReport,
    Hashes,
    Intervention,
    LastCandidate,
    LedgerHead,
    Measured,
    Report,
    Scored,
    Status,
)
from ratchet.stats import Interval, anytime_interval, mean_interval


def summarise(folder: RunFolder) -> dict[str, Any]:
    """Return the report of a run as JSON data; raises RunError if the run cannot be read."""
    with folder.reading() as ledger:
        entries = list(ledger.entries())
    data: dict[str, Any] = build_report(read_settings(folder), entries).model_dump(mode="json")
    return data


def read_settings(folder: RunFolder) -> dict[str, Any]:
    """Return a run's settings as plain data; raises RunError."""
    try:
        return tomllib.loads(folder.config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read {folder.config}: {error}", "restore it from a copy") from error


def build_report(settings: dict[str, Any], entries: Sequence[Entry]) -> Report:
    """Return the report of these settings and ledger entries."""
    entries = trusted(entries)
    start, end = _body(entries, "start"), _body(entries, "end")
    generations = [entry.body for entry in entries if entry.kind == "generation"]
    root = Seed(int(settings.get("seed", 1)))
    scores = _scores(end.get("scores", {}))
    final = _Final(scores, root.child("report", "final"))
    told = [_generation(body, root) for body in generations]
    return Report(
        recipe=settings.get("recipe", ""),
        tier=settings.get("tier", ""),
        model=settings.get("model", ""),
        seed=root.root,
        status=end.get("status") or _unfinished(entries, settings.get("gate") == "record"),
        stopped=_stopped(entries),
        gate=settings.get("gate", "enforce"),
        base=_base(start, final),
        untrained=Scored(score=final.score("untrained")),
        final=Scored(score=final.score("incumbent")),
        gain=final.gain("incumbent", "base"),
        gains=final.gains("incumbent"),
        last_candidate=LastCandidate(
            score=final.score("last_candidate"),
            gain=final.gain("last_candidate", "base"),
            gains=final.gains("last_candidate"),
        ),
        families=_families(scores),
        generations=told,
        course=describe_course(told, [body.get("readings", {}) for body in generations]),
        interventions=_interventions(entries),
        budget=_budget(start, told),
        gate_items=_gate_items(generations),
        liveness=_liveness(start, generations),
        findings=sum(len(g.findings) for g in told),
        epilogue=end.get("epilogue"),
        charter=start.get("charter", ""),
        states=_hashes(start, entries),
        cost=_cost(entries),
    )


class _Final:
    """The final stream's scores and their comparisons; null wherever one side is missing."""

    def __init__(self, scores: dict[str, Scores], seed: Seed) -> None:
        self._scores, self._seed = scores, seed

    def score(self, name: str) -> Measured | None:
        return _score(self._scores.get(name), self._seed.child(name))

    def gain(self, ours: str, theirs: str, parsed_only: bool = False) -> Measured | None:
        if ours not in self._scores or theirs not in self._scores:
            return None
        seed = self._seed.child(ours, theirs, "parsed" if parsed_only else "all")
        return _gain(self._scores[ours], self._scores[theirs], seed, parsed_only)

    def gains(self, ours: str) -> Gains:
        return Gains(
            same_procedure=self.gain(ours, "untrained"),
            parseable=self.gain(ours, "base", parsed_only=True),
        )


def _body(entries: Sequence[Entry], kind: str) -> dict[str, Any]:
    return next((entry.body for entry in entries if entry.kind == kind), {})


def _unfinished(entries: Sequence[Entry], control: bool) -> Status:
    """Say why a run without an end has none: it waits for a person, or it was interrupted."""
    if last_halt(entries):
        return "halted"
    waits = not control and waiting(entries) is not None
    return "needs_approval" if waits else "interrupted"


def _stopped(entries: Sequence[Entry]) -> Found | None:
    """Return what halted the run before its end, whether or not it was finished afterwards."""
    before = [entry for entry in entries if entry.kind != "end"]
    halt = last_halt(before)
    return _found(from_data(Finding, halt)) if halt else None


def _scores(data: dict[str, Any]) -> dict[str, Scores]:
    return {name: from_data(Scores, value) for name, value in data.items()}


def _score(scores: Scores | None, seed: Seed) -> Measured | None:
    if not scores:
        return None
    values = [item.score for item in scores.items]
    clusters = [item.item for item in scores.items]
    return _measured(mean_interval(values, clusters, rng=seed.rng()))


def _gain(ours: Scores, theirs: Scores, seed: Seed, parsed_only: bool = False) -> Measured | None:
    pairs = zip(ours.items, theirs.items, strict=True)
    if not any((a.parsed and b.parsed) or not parsed_only for a, b in pairs):
        return None
    return _measured(paired_gain(ours, theirs, seed, parsed_only))


def _measured(interval: Interval) -> Measured:
    return Measured(mean=interval.mean, low=interval.low, high=interval.high, n=interval.n)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _base(start: dict[str, Any], final: _Final) -> Base:
    base = start.get("base", {"chosen": "", "scores": {}})
    means = {name: scores.mean for name, scores in _scores(base["scores"]).items()}
    return Base(procedure=base["chosen"], procedures=means, score=final.score("base"))


def _families(scores: dict[str, Scores]) -> dict[str, FamilyChange]:
    if "base" not in scores or "incumbent" not in scores:
        return {}
    before, after = scores["base"].by_family(), scores["incumbent"].by_family()
    return {
        name: FamilyChange(base=_mean(before[name]), final=_mean(after[name]), n=len(after[name]))
        for name in after
    }


def _generation(body: dict[str, Any], root: Seed) -> GenerationReport:
    evidence: Evidence = from_data(Evidence, body["evidence"])
    number = body["generation"]
    seed = root.child("report", "generation", number)
    ours, theirs = evidence.candidate.by_family(), evidence.incumbent.by_family()
    # The gate's own draw, so that this interval and the one in its reason are the same.
    gate_seed = root.child("generation", number, "gate")
    return GenerationReport(
        generation=number,
        decision=body["decision"]["verb"],
        reason=body["decision"]["reason"],
        candidate=_score(evidence.candidate, seed.child("candidate")),
        incumbent=_score(evidence.incumbent, seed.child("incumbent")),
        gain=_gate_gain(body["decision"], evidence, gate_seed),
        tests=body["decision"].get("tests", 0),
        findings=[_found(from_data(Finding, data)) for data in body["findings"]],
        measures=body["measures"],
        families={
            name: FamilyPair(
                candidate=_mean(ours[name]), incumbent=_mean(theirs[name]), n=len(ours[name])
            )
            for name in ours
        },
    )


def _gate_gain(decision: dict[str, Any], evidence: Evidence, seed: Seed) -> Measured | None:
    """Return the gain with the interval that fits how the gate drew: in one go, or until sure."""
    if "log_e" not in decision.get("measures", {}):
        return _gain(evidence.candidate, evidence.incumbent, seed)
    return _measured(anytime_interval(differences(evidence.candidate, evidence.incumbent)))


def _found(finding: Finding) -> Found:
    return Found(
        name=finding.name,
        message=finding.message,
        action=finding.action.kind,
        measures=dict(finding.measures),
    )


def _gate_items(generations: Sequence[dict[str, Any]]) -> GateItems:
    drawn = [
        item["item"]
        for body in generations
        for part in ("evidence", "capabilities")
        for item in body.get(part, {}).get("candidate", {}).get("items", [])
    ]
    return GateItems(drawn=len(drawn), distinct=len(set(drawn)))


def _liveness(start: dict[str, Any], generations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    tally = Tally()
    for body in generations:
        tally.add(body["liveness"])
    return {name: str(state) for name, state in judge(start.get("planted", {}), tally).items()}


def _interventions(entries: Sequence[Entry]) -> list[Intervention]:
    found: list[Intervention] = []
    generation = 0
    for entry in entries:
        body = entry.body
        if entry.kind == "generation":
            generation = body["generation"]
        elif entry.kind == "approval":
            found.append(Intervention(kind="approval", after=generation, fresh=[]))
        elif entry.kind == "rollback":
            found.append(
                Intervention(kind="rollback", after=generation, to=body["to"], fresh=body["fresh"])
            )
        elif entry.kind == "amendment":
            found.append(
                Intervention(kind="amendment", after=generation, fresh=[], reason=body["reason"])
            )
    return found


def _budget(start: dict[str, Any], told: Sequence[GenerationReport]) -> ErrorBudget | None:
    terms = start.get("gate", {}).get("settings", {}).get("terms")
    if not terms:
        return None
    spent = sum(generation.tests for generation in told)
    return ErrorBudget(alpha=terms["alpha"], tests=terms["tests"], spent=spent)


def _hashes(start: dict[str, Any], entries: Sequence[Entry]) -> Hashes:
    if not start:
        return Hashes(incumbent="", branch="")
    pointers = {"incumbent": start["initial"], "branch": start["initial"]}
    for entry in entries:
        pointers = entry.body.get("pointers", pointers)
    return Hashes(
        incumbent=from_data(State, pointers["incumbent"]).hash,
        branch=from_data(State, pointers["branch"]).hash,
    )


def _cost(entries: Sequence[Entry]) -> CostReport:
    costs: list[dict[str, float]] = [e.body["cost"] for e in entries if "cost" in e.body]
    return CostReport(
        wall_s=round(sum(cost["wall_s"] for cost in costs), 3),
        tokens=int(sum(cost["tokens"] for cost in costs)),
        prompt_tokens=int(sum(cost["prompt_tokens"] for cost in costs)),
        tool_calls=int(sum(cost["tool_calls"] for cost in costs)),
        peak_rss_mb=max((cost["peak_rss_mb"] for cost in costs), default=0.0),
        ledger=_head(entries),
    )


def _head(entries: Sequence[Entry]) -> LedgerHead:
    if not entries:
        return LedgerHead(entries=0, hash=START)
    return LedgerHead(entries=entries[-1].seq + 1, hash=entries[-1].hash)
