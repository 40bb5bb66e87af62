"""One run for each table: its charter, its folder, and what came of all of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.recipes.scaling_laws.config import Config
from ratchet.research.scaling_laws.division import divide
from ratchet.research.scaling_laws.grammar import Grammar
from ratchet.research.scaling_laws.human import plain_law
from ratchet.research.scaling_laws.law import FILE
from ratchet.research.scaling_laws.patches import law_edits
from ratchet.research.scaling_laws.problem import Problem
from ratchet.research.scaling_laws.prompt import describe_task
from ratchet.research.scaling_laws.strategy import STRATEGIES
from ratchet.research.scaling_laws.table import GROUP, Table, find_tables, find_task, read_table
from ratchet.research.scaling_laws.tasks import Task
from ratchet.search.endpoint import Endpoint, Terms
from ratchet.search.evolve import Search
from ratchet.search.patches import PatchGrammar
from ratchet.search.proposer import Proposer
from ratchet.worlds.rows import hash_table

_TESTS = 50
"""Decisions that a charter provides for."""


def split_run(config: Config, path: Path) -> list[tuple[Config, Path]]:
    """Return the settings and folder of each table's run, their charters written beside them.

    Raises ConfigError if there is no table, or a task is unknown.
    """
    if (config.proposer == "endpoint") != bool(config.endpoint):
        raise ConfigError(
            "a language model writes laws with --proposer endpoint and its address",
            "--proposer endpoint --endpoint http://127.0.0.1:8000/v1 --model NAME",
        )
    if not config.data:
        raise ConfigError("which tables? name their folder", "ratchet run scaling_laws --data DIR")
    tables = find_tables(Path(config.data))
    names = list(tables)
    if config.task:
        find_task(config.task)
        if config.task not in tables:
            raise ConfigError(
                f"{config.data} has no table of {config.task}", f"it has: {', '.join(tables)}"
            )
        names = [config.task]
    parts = []
    for name in names:
        charter = path / f"{name}.charter.toml"
        if not charter.exists():
            _write_charter(charter, tables[name], name, config.seed)
        told = {"task": name, "charter": str(charter.resolve())}
        parts.append((config.model_copy(update=told), path / name))
    return parts


def _write_charter(path: Path, source: Path, name: str, seed: int) -> None:
    task = find_task(name)
    table: Table = read_table(source, task)
    try:
        parts = divide(table, Seed(seed))
    except ValueError as error:
        raise ConfigError(f"{source}: {error}", "give a table with more rows") from error
    n = len(parts.gate)
    columns = [variable.column for variable in task.variables.values()]
    if len(set(table.groups)) > 1 or set(table.groups) != {"all"}:
        columns.append(GROUP)
    terms: dict[str, Any] = {
        "objective": f"Find the law of {name}: predict rows beyond the scales it was fitted to.",
        "world": "ratchet.worlds.rows:Rows",
        "families": {"rows": 1.0},
        "levels": {"1": 1.0},
        "gate": {
            "tests": _TESTS,
            "holds": _TESTS,
            "first": n,
            "batch": n,
            "ordinary": n,
            "cap": n,
            "step": 0.005,
            "jump": 0.99,
        },
        "table": {
            "path": str(source.resolve()),
            "digest": hash_table(source),
            "features": columns,
            "targets": list(task.targets),
            "gate": list(parts.gate),
            "audit": list(parts.audit),
            "final": list(parts.final),
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    draft.write_text(tomli_w.dumps(terms), encoding="utf-8")
    draft.replace(path)


def make_search(config: Config, problem: Problem) -> Search:
    """Return who writes laws, who judges them, and how parents are chosen.

    Raises ConfigError if the key of a language model cannot be read.
    """
    strategy = STRATEGIES[config.strategy]
    if config.proposer != "gp":
        strategy = replace(strategy, opening=0)
    return Search(_make_proposer(config, problem.table), problem.assess, strategy)


def _make_proposer(config: Config, table: Table) -> Proposer:
    task, positive, cells = table.task, bool(table.targets.min() > 0), len(table.cells)
    if config.proposer == "endpoint":
        return _ask_model(config, task)
    if config.proposer == "patch":
        return PatchGrammar(plain_law(task).text, law_edits(task, positive, cells))
    return Grammar(task, positive, cells)


def _ask_model(config: Config, task: Task) -> Endpoint:
    key = ""
    if config.endpoint_key:
        try:
            key = Path(config.endpoint_key).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(
                f"cannot read the key {config.endpoint_key}: {error.strerror}", "check the path"
            ) from error
    terms = Terms(config.endpoint, config.model, describe_task(task), config.endpoint_tokens)
    return Endpoint(terms, key)


def sum_up(parts: list[tuple[Config, Path]]) -> tuple[dict[str, Any], str]:
    """Return what was found, as data and for people."""
    found, lines = {}, []
    for config, folder in parts:
        path = folder / FILE
        if not path.is_file():
            lines.append(f"{config.task}: no law yet; ratchet resume {folder}")
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        evidence = document["law"]["evidence"]
        found[config.task] = {"law": str(path), "algebra": document["algebra"], **evidence}
        lines.append(f"{config.task}: {document['algebra']}")
        lines.append(f"  R2 {evidence['r2']:.4f} by inner hold-out; {path}")
    return {"laws": found}, "\n".join(lines)
