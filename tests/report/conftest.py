"""A run folder made by hand: a small ledger whose every number can be recomputed in one's head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.codec import to_data
from ratchet.core.evidence import Decision, Evidence, ItemScore, Scores, Verb
from ratchet.core.findings import Finding, SetParameter
from ratchet.core.records import Trace
from ratchet.core.state import Component, State
from ratchet.core.task import Attempt, StopReason, Task, Turn, Verdict
from ratchet.loop.config import RunConfig
from ratchet.loop.folder import RunFolder

MakeRun = Callable[..., RunFolder]

INITIAL = State({"policy": Component("policy", "aaaa")})
PROMOTED = State({"policy": Component("policy", "bbbb")})
BRANCH = State({"policy": Component("policy", "cccc")})
VERBS = (Verb.HOLD, Verb.PROMOTE, Verb.REJECT, Verb.HOLD)


def make_scores(right: int, of: int, unread: int = 0, stream: str = "gate") -> Scores:
    """The first ``right`` items score 1, the last ``unread`` could not be read; two families."""
    return Scores(
        tuple(
            ItemScore(
                f"{stream}-{i}", "add" if i % 2 else "multiply", float(i < right), i < of - unread
            )
            for i in range(of)
        )
    )


def make_cost(wall_s: float) -> dict[str, float]:
    return {
        "wall_s": wall_s,
        "tokens": 100,
        "prompt_tokens": 1000,
        "tool_calls": 3,
        "peak_rss_mb": 500.0 + wall_s,
    }


def make_trace(text: str, passed: bool) -> Trace:
    attempt = Attempt("t1", "v1", (Turn("policy", text),), text, StopReason.END)
    verdict = Verdict(float(passed), passed, passed, "exact", "" if passed else "not a task")
    task = Task("t1", "arithmetic", "write a task", "add", 1)
    return Trace(task, attempt, verdict, "proposer", {"reward": 0.5})


def _generation(number: int, gain: int, verb: Verb) -> dict[str, Any]:
    evidence = Evidence("gate", make_scores(30 + gain, 100), make_scores(30, 100))
    findings = [
        Finding("saturation", "levels <run> out", SetParameter("level", 2.0), {"share": 0.9})
    ]
    incumbent = INITIAL if number < 2 else PROMOTED
    return {
        "generation": number,
        "candidate": to_data(BRANCH),
        "evidence": to_data(evidence),
        "findings": [to_data(finding) for finding in findings[: number == 3]],
        "decision": to_data(Decision(verb, f"because of {gain} points", {"gain": gain / 100})),
        "pointers": {
            "incumbent": to_data(incumbent),
            "branch": to_data(BRANCH),
            "holds": 0,
            "parameters": {},
        },
        "measures": {"level_1": 0.8 - number / 10, "level_2": 0.2 + number / 10},
        "liveness": {"grpo": [4, 4], "calc_tool": [2, 0 if verb is Verb.HALT else 1]},
        "records": "",
        "cost": make_cost(float(number)),
    }


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Return a maker of runs; ``ended`` and ``started`` cut them short."""

    def make(
        verbs: Sequence[Verb] = VERBS,
        gains: Sequence[int] = (3, 12, -8, 15),
        final: int = 80,
        planted: bool = True,
        started: bool = True,
        ended: bool = True,
        epilogue: dict[str, Any] | None = None,
        proposals: Sequence[str] = ("12 + 7", "<script>alert(1)</script>"),
        gate: str = "enforce",
        name: str = "run",
    ) -> RunFolder:
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir()
        settings: dict[str, Any] = {
            "recipe": "agent0",
            "tier": "smol",
            "model": "SmolLM2",
            "seed": 7,
        }
        RunConfig.build({**settings, "charter": "arithmetic", "gate": gate}).write(folder.config)
        with folder.ledger() as ledger:
            if not started:
                return folder
            chosen = {"direct": make_scores(20, 100), "few_shot": make_scores(31, 100)}
            base = {k: to_data(v) for k, v in chosen.items()} if planted else {}
            ledger.append(
                "start",
                {
                    "config": {},
                    "charter": "charter-hash",
                    "initial": to_data(INITIAL),
                    "planted": {"grpo": planted, "calc_tool": True, "drag": True},
                    "parameters": {},
                    "base": {"chosen": "few_shot" if planted else "", "scores": base},
                    "machine": {"python": "3.11", "cores": 2},
                    "cost": make_cost(10.0),
                },
            )
            for number, (gain, verb) in enumerate(zip(gains, verbs, strict=True), 1):
                ledger.append("generation", _generation(number, gain, verb))
                folder.write_records(number, [make_trace(t, t[0] != "<") for t in proposals])
            if ended:
                scores = {
                    "base": make_scores(62, 200, unread=100, stream="final"),
                    "untrained": make_scores(40, 200, stream="final"),
                    "incumbent": make_scores(final, 200, stream="final"),
                    "last_candidate": make_scores(90, 200, stream="final"),
                }
                body: dict[str, Any] = {
                    "status": "completed" if planted else "invalid",
                    "scores": {k: to_data(v) for k, v in scores.items()} if planted else {},
                    "cost": make_cost(5.0),
                }
                ledger.append("end", {**body, "epilogue": epilogue} if epilogue else body)
        return folder

    return make
