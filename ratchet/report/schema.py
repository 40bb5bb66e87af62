"""The shape of ``report.json``, field by field. ``docs/report.schema.json`` is made from here.

Everything except ``cost`` is a function of settings, seed and ledger: equal runs give equal bytes.
What was not measured is null, never 0.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

FORMAT = 3
Status = Literal["completed", "halted", "budget_spent", "needs_approval", "invalid", "interrupted"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Measured(_Part):
    """A mean with its 95% interval; scores lie in [0, 1], gains in [-1, 1]."""

    mean: float
    """The mean over items."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    n: int
    """Number of items."""


class Gains(_Part):
    """Gains under other comparisons, so that learning a format is not sold as learning to solve."""

    same_procedure: Measured | None = None
    """Against the untrained state under the recipe's own procedure."""
    parseable: Measured | None = None
    """Against the base, on the items where both answers could be read."""


class Base(_Part):
    """What the run is compared with: the untrained state under its best procedure."""

    procedure: str = ""
    """Name of the procedure chosen on audit anchors before generation 1; empty if none was."""
    procedures: dict[str, float]
    """Mean score of every procedure on the audit anchors."""
    score: Measured | None = None
    """On the final stream."""


class Scored(_Part):
    """A state on the final stream."""

    score: Measured | None = None
    """Its score."""


class LastCandidate(_Part):
    """The working branch at the end, on the same items as everything else of the final stream."""

    score: Measured | None = None
    """Its score."""
    gain: Measured | None = None
    """Over the base."""
    gains: Gains
    """Under other comparisons. Controls are judged by ``same_procedure``."""


class FamilyChange(_Part):
    """One family of the final stream, before and after."""

    base: float
    """Mean score of the base."""
    final: float
    """Mean score of the incumbent."""
    n: int
    """Number of items."""


class FamilyPair(_Part):
    """One family of a generation's gate anchors."""

    candidate: float
    """Mean score of the candidate."""
    incumbent: float
    """Mean score of the incumbent at that time."""
    n: int
    """Number of items."""


class Found(_Part):
    """A finding and the action that it asked for."""

    name: str
    """One stable word."""
    message: str
    """One sentence with the numbers in it."""
    action: str
    """Kind of action: continue, set, reweight, restart, reject, rollback or halt."""
    measures: dict[str, float]
    """The numbers."""


class GenerationReport(_Part):
    """One turn of the loop."""

    generation: int
    """From 1."""
    decision: Literal["promote", "hold", "reject", "halt"]
    """What the gate decided. With ``gate = "record"`` it was only written down."""
    reason: str
    """Why, with the numbers in it."""
    candidate: Measured | None
    """Score of the candidate on this generation's gate anchors; null if none were drawn."""
    incumbent: Measured | None
    """Score of the incumbent on the same anchors."""
    gain: Measured | None
    """Candidate minus incumbent, item by item."""
    tests: int
    """Tests of the error budget that this decision spent."""
    findings: list[Found]
    """What probes and the recipe noticed."""
    measures: dict[str, float]
    """The recipe's own numbers."""
    families: dict[str, FamilyPair]
    """By family of the anchors."""


class Intervention(_Part):
    """What a person did to the run."""

    kind: Literal["approval", "rollback", "amendment"]
    """``approval``: the waiting candidate was promoted. ``rollback``: the run went back.
    ``amendment``: a changed budget was agreed to."""
    after: int
    """The generation after whose decision it happened."""
    to: int | None = None
    """The generation whose incumbent was restored; null for an approval."""
    fresh: list[str]
    """Components that had been pruned and start afresh."""
    reason: str | None = None
    """What was agreed to; null but for an amendment."""


class ErrorBudget(_Part):
    """The gate's budget for the life of the run."""

    alpha: float
    """Probability that the run ever promotes a candidate without a true gain."""
    tests: int
    """Tests among which it is shared evenly."""
    spent: int
    """Tests spent so far."""


class GateItems(_Part):
    """How often gate anchors came again."""

    drawn: int
    """Anchors drawn over all generations."""
    distinct: int
    """Different ones among them."""


class Hashes(_Part):
    """Content hashes of the closing states."""

    incumbent: str
    """Of the deployed state; empty if the run never started."""
    branch: str
    """Of the working branch."""


class LedgerHead(_Part):
    """How far the ledger went when the report was made. Entries hold times, so that equal runs
    differ in it."""

    entries: int
    """Number of entries."""
    hash: str
    """Hash of the last one; ``ratchet verify RUN --head`` takes it."""


class CostReport(_Part):
    """What the run consumed; the only part that differs between equal runs."""

    wall_s: float
    """Seconds, summed over start, generations and end."""
    tokens: int
    """Tokens generated."""
    prompt_tokens: int
    """Tokens read."""
    tool_calls: int
    """Tool results inserted."""
    peak_rss_mb: float
    """Largest resident memory seen, in MB (2**20 bytes)."""
    ledger: LedgerHead
    """The ledger that all numbers come from."""


class Course(_Part):
    """How a run went over its generations."""

    means: dict[str, float]
    """Mean over the generations of each of the recipe's measures."""
    slopes: dict[str, float]
    """Least-squares slope per generation of each of the recipe's measures."""
    rise: float | None = None
    """The candidates' mean gate score in the middle third of the generations minus that in the
    first third."""
    decline: float | None = None
    """The same in the middle third minus that in the last third."""
    alarms: dict[str, int]
    """By monitor the generation of its first finding; one past the last if it never fired."""


class Report(_Part):
    """One run, summarised."""

    format: int = FORMAT
    """Version of this schema."""
    recipe: str
    """The method."""
    tier: str
    """Which of its settings files was the default."""
    model: str
    """Model that it started from; empty where there is none."""
    seed: int
    """Root of every random draw."""
    status: Status
    """``interrupted``: the ledger has no end entry. ``invalid``: a mechanism is dead."""
    stopped: Found | None = None
    """Why the run stopped between two decisions, such as a spent budget; null if it did not."""
    gate: Literal["enforce", "record"]
    """``record``: decisions were written down and never obeyed (a control)."""
    base: Base
    """What the run is compared with."""
    untrained: Scored
    """The untrained state under the recipe's own procedure."""
    final: Scored
    """The incumbent, i.e. what the run delivers."""
    gain: Measured | None
    """Final minus base, item by item, as a fraction in [-1, 1]."""
    gains: Gains
    """The incumbent's gains under other comparisons."""
    last_candidate: LastCandidate
    """The working branch at the end."""
    families: dict[str, FamilyChange]
    """The final stream by family."""
    generations: list[GenerationReport]
    """In order."""
    course: Course
    """Slopes of measures, rise and decline, first alarms."""
    interventions: list[Intervention]
    """What people did, in order."""
    budget: ErrorBudget | None
    """The gate's error budget; null for a gate without one."""
    gate_items: GateItems
    """How often gate anchors came again."""
    liveness: dict[str, Literal["live", "dormant", "dead"]]
    """Every mechanism."""
    findings: int
    """Number of findings over all generations."""
    epilogue: dict[str, Any] | None
    """What the recipe added after the last decision, as it was stored: samples, quality; and
    ``contrasts``, differences by what they say, which stand on the page's first screen."""
    charter: str
    """Hash of the charter."""
    states: Hashes
    """Content hashes of the closing states."""
    cost: CostReport
    """Kept apart from everything that is compared."""


def schema_text() -> str:
    """Return the JSON schema of a report as text, as it stands in ``docs/report.schema.json``."""
    return json.dumps(Report.model_json_schema(), indent=2, sort_keys=True) + "\n"
