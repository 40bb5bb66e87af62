"""``reproduce``: run what a recipe's claims need, look, go on where it is open, write it down."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from ratchet.claims.claim import Claim, Claims
from ratchet.claims.figure import effects_picture
from ratchet.claims.metric import check_metric, read_metric
from ratchet.claims.page import render_page
from ratchet.claims.registration import register
from ratchet.claims.results import ClaimResult, Results, RunResult, Spent
from ratchet.claims.runs import Run, perform
from ratchet.claims.verdict import ALPHA, ClaimVerdict, Reading, judge
from ratchet.core.codec import to_data
from ratchet.core.errors import ConfigError
from ratchet.core.events import Event, Listener, ignore
from ratchet.guard.charter import Charter, find_charter
from ratchet.loop.config import RunConfig
from ratchet.loop.disk import write_atomically
from ratchet.loop.folder import RunFolder
from ratchet.loop.gates import require_effect
from ratchet.loop.provenance import describe_machine

_MEASURED = ("completed", "halted", "budget_spent")


class Method(Protocol):
    """A recipe as it was found: what the harness must know of it."""

    @property
    def name(self) -> str:
        """Name, or path of its file."""
        ...

    @property
    def module(self) -> ModuleType:
        """Its code."""
        ...

    @property
    def folder(self) -> Path:
        """Where its settings files and claims lie."""
        ...

    @property
    def tiers(self) -> list[str]:
        """Names of its tiers, the default first."""
        ...

    def configure(self, tier: str | None = None, **overrides: Any) -> RunConfig:
        """Return the settings of a tier with overrides."""
        ...


def reproduce(
    method: Method,
    tier: str = "",
    out: Path | None = None,
    listener: Listener = ignore,
    *,
    stage: int = 1,
    jobs: int = 0,
    docs: Path | None = None,
) -> dict[str, Any]:
    """Run a recipe's claims up to look ``stage`` and return the content of ``results.json``.

    In ``out`` (default ``runs/claims-RECIPE-TIER``) lie the registration, the runs,
    ``results.json`` and a page with a figure; these three go to ``docs`` too if that is given.
    ``jobs`` runs work at a time, one per core by default, each with one thread. What has been run
    is not run again; seeds beyond the first look are run only for claims that are still open.

    Raises ConfigError on claims, arms or metrics that cannot be run, before anything is;
    RunError where ``out`` holds the results of other claims.
    """
    claims = load_claims(method)
    tier = tier or next(iter(method.tiers), "")
    stem = Path(method.name).stem
    out = out or Path("runs") / f"claims-{stem}-{tier}"
    most = max((len(claim.seeds) for claim in claims.claims), default=1)
    if not 1 <= stage <= most:
        raise ConfigError(f"there is no stage {stage}", f"choose --stage 1 to {most}")
    settings = {}
    for arm in claims.arms:
        config = method.configure(tier, **arm.overrides)
        require_effect(config, Charter.read(find_charter(config.charter)))
        kept = config.model_dump(mode="json")
        settings[arm.name] = {k: v for k, v in kept.items() if k not in ("seed", "threads")}
    for claim in claims.claims:
        check_metric(claim.metric)
    register(out, method.name, tier, claims, settings)
    study = _Study(method, claims, tier, out, jobs or count_cores(), listener)
    for look in range(1, stage + 1):
        study.run(look)
    command = f"ratchet reproduce {method.name} --tier {tier}" + f" --stage {stage}" * (stage > 1)
    results = study.results(stage, command)
    name = stem if len(method.tiers) == 1 else f"{stem}-{tier}"
    _write(results, out, name, "results.json")
    if docs:
        _write(results, docs, name, f"{name}.json")
    words = [f"{claim.claim.name} {claim.verdict}" for claim in results.claims]
    listener(Event("end", {"status": ", ".join(words)}))
    data: dict[str, Any] = to_data(results)
    return data


def load_claims(method: Method) -> Claims:
    """Return ``CLAIMS`` of the ``claims.py`` beside a recipe. Raises ConfigError."""
    path = method.folder / "claims.py"
    if not path.is_file():
        raise ConfigError(f"{method.name} has no claims", f"write them in {path}")
    package = method.module.__package__
    if package:
        module = importlib.import_module(f"{package}.claims")
    else:
        name = f"ratchet_claims_{path.parent.name}"
        spec = importlib.util.spec_from_loader(name, _Fresh(name, str(path)))
        if spec is None or spec.loader is None:
            raise ConfigError(f"{path} cannot be imported", "give a Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    claims = getattr(module, "CLAIMS", None)
    if not isinstance(claims, Claims):
        raise ConfigError(f"{path} has no CLAIMS", "CLAIMS = Claims(arms=(...), claims=(...))")
    return claims


class _Fresh(SourceFileLoader):
    """Reads a file as it is: cached bytecode is told apart by seconds and size alone."""

    def path_stats(self, path: Any) -> Any:
        """Say that nothing is known of the file, so that no cache is read or written."""
        raise OSError(f"{path} is not cached")


def count_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class _Study:
    """The runs of one call, and what has been read from them."""

    method: Method
    claims: Claims
    tier: str
    out: Path
    jobs: int
    listener: Listener
    problems: dict[str, str] = field(default_factory=dict)
    found: dict[str, RunResult] = field(default_factory=dict)
    readings: dict[str, dict[str, dict[int, Reading]]] = field(default_factory=dict)

    def run(self, look: int) -> None:
        """Run what the claims that are open before this look need for it."""
        wanted: dict[str, int] = {}
        for claim in self.claims.claims:
            if self._is_open(claim, look):
                for arm in claim.arms:
                    wanted[arm] = max(wanted.get(arm, 0), claim.seeds[look - 1])
        runs = [
            self._make(arm, seed)
            for seed in range(1, max(wanted.values(), default=0) + 1)
            for arm in wanted
            if seed <= wanted[arm]
        ]
        left = [run for run in runs if run.name not in self.problems]
        self.problems |= perform(left, self.jobs, f"stage {look}", self.listener)
        for run in runs:
            if run.name not in self.found:
                self.found[run.name] = self._read(run)

    def results(self, stage: int, command: str) -> Results:
        """Return everything found."""
        runs = sorted(self.found.values(), key=lambda r: (self._place(r.arm), r.seed))
        return Results(
            recipe=self.method.name,
            tier=self.tier,
            claims_hash=self.claims.hash,
            command=command,
            arms=self.claims.arms,
            claims=tuple(self._result(claim, stage) for claim in self.claims.claims),
            runs=tuple(runs),
            machine={**describe_machine(), "jobs": self.jobs},
            spent=_add(run.spent for run in runs),
        )

    def _is_open(self, claim: Claim, look: int) -> bool:
        if look > len(claim.seeds) or not claim.is_testable(self.tier):
            return False
        before = self._judge(claim, look - 1)
        return before.word == "inconclusive" and len(before.looks) == look - 1

    def _judge(self, claim: Claim, looks: int) -> ClaimVerdict:
        if not claim.is_testable(self.tier):
            return ClaimVerdict("not testable at this tier", claim.why_not)
        missing = {name: run.problem for name, run in self.found.items() if run.problem}
        values = self.readings.get(claim.metric, {})
        return judge(claim, values, looks=looks, missing=missing)

    def _make(self, arm: str, seed: int) -> Run:
        overrides = next(a.overrides for a in self.claims.arms if a.name == arm)
        config = self.method.configure(self.tier, **{**overrides, "seed": seed, "threads": 1})
        return Run(arm, seed, RunFolder(self.out / "runs" / f"{arm}-seed{seed}"), config)

    def _read(self, run: Run) -> RunResult:
        report = run.report()
        if report is None:
            problem = self.problems.get(run.name, "it has not ended")
            return RunResult(run.arm, run.seed, "missing", {}, problem, Spent(1, 0.0, 0))
        status, problem = str(report["status"]), ""
        values: dict[str, float] = {}
        if status not in _MEASURED:
            dead = [name for name, state in report["liveness"].items() if state == "dead"]
            problem = f"its status is {status}" + (f" ({', '.join(dead)} dead)" if dead else "")
        for metric in () if problem else self._metrics(run.arm):
            reading = read_metric(report, metric)
            if reading is None:
                problem = f"{metric} was not measured"
                continue
            values[metric] = reading.value
            told = replace(reading, state=" ".join(report["states"].values()))
            self.readings.setdefault(metric, {}).setdefault(run.arm, {})[run.seed] = told
        cost = report["cost"]
        spent = Spent(1, float(cost["wall_s"]), int(cost["tokens"]))
        return RunResult(run.arm, run.seed, status, values, problem, spent)

    def _metrics(self, arm: str) -> list[str]:
        return sorted({claim.metric for claim in self.claims.claims if arm in claim.arms})

    def _result(self, claim: Claim, stage: int) -> ClaimResult:
        found = self._judge(claim, stage)
        last = found.looks[-1] if found.looks else None
        seeds = last.seeds if last else 0
        looked = [r for r in self.found.values() if r.arm in claim.arms and r.seed <= seeds]
        return ClaimResult(
            claim=claim,
            verdict=found.word,
            reason=found.reason,
            effect=last.effect if last else None,
            low=last.low if last else None,
            high=last.high if last else None,
            level=1.0 - ALPHA / len(claim.seeds),
            seeds=seeds,
            looks=found.looks,
            spent=_add(run.spent for run in looked),
        )

    def _place(self, arm: str) -> int:
        return [a.name for a in self.claims.arms].index(arm)


def _add(parts: Iterable[Spent]) -> Spent:
    every: Sequence[Spent] = list(parts)
    return Spent(
        sum(part.runs for part in every),
        round(sum(part.wall_s for part in every), 3),
        sum(part.tokens for part in every),
    )


def _write(results: Results, folder: Path, name: str, data_name: str) -> None:
    data: Mapping[str, Any] = to_data(results)
    text = json.dumps(data, indent=2, sort_keys=True, allow_nan=False) + "\n"
    picture = effects_picture(results)
    files = {f"{name}.md": render_page(results, f"{name}.svg" if picture else "")}
    if picture:
        files[f"{name}.svg"] = picture
    for path, content in files.items():
        write_atomically(folder / path, content.encode())
    write_atomically(folder / data_name, text.encode())
