"""Source text as candidates: it runs in the sandbox, and what is hostile is told apart by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ratchet.core.errors import SandboxError
from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.problem import Problem
from ratchet.research.scaling_laws.programs import Programs
from ratchet.research.scaling_laws.table import Table
from ratchet.sandbox.fake import FakeSandbox, ends
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Limits

FAIR = """
import math

def fit_scaling_law(rows, targets):
    x = [math.log(row[0]) for row in rows][-4:]
    y = targets[-4:]
    mx, my = sum(x) / 4, sum(y) / 4
    slope = sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)
    return [my - slope * mx, slope]

def scaling_law(rows, params):
    return [params[0] + params[1] * math.log(row[0]) for row in rows]
"""
PREDICT = FAIR.index("def scaling_law")


def with_law(body: str) -> str:
    return FAIR[:PREDICT] + f"def scaling_law(rows, params):\n    {body}\n"


def with_fit(body: str) -> str:
    return FAIR.replace("    x = [math", f"    {body}\n    x = [math", 1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    with open_sandbox(workers=1) as opened:
        yield opened


@pytest.fixture
def programs(sft: Table, sandbox: LocalSandbox) -> Programs:
    return Programs(Problem(sft.at(range(24)), Seed(1)), sandbox, Limits(cpu_s=1.0, wall_s=5.0))


def test_a_fair_program_is_scored(programs: Programs) -> None:
    found = programs.assess(FAIR)
    assert not found.failure and found.measures["r2"] > 0.8
    assert found.measures["constants"] == 2


@pytest.mark.parametrize(
    ("source", "failure"),
    [
        (with_fit("open('/etc/passwd').read()"), "reaches_out"),
        (with_fit("import os; os.listdir('/home')"), "reaches_out"),
        (with_fit("import socket; socket.create_connection(('127.0.0.1', 80), 1)"), "reaches_out"),
        (with_fit("while True: pass"), "timeout"),
        (with_fit("return [float('nan')]"), "not_finite"),
        (with_fit("return [1.0] * 5"), "over_cap"),
        (with_fit("return ['1']"), "no_numbers"),
        (with_fit("raise ValueError('no')"), "error"),
        (with_fit("x = bytearray(10**10)"), "memory"),
        (with_law("return [float('inf') for row in rows]"), "not_finite"),
        (with_law("return [0.0]"), "no_numbers"),
        (
            with_law("top = max(r[0] for r in rows); return [r[0] / top for r in rows]"),
            "uses_batch",
        ),
        (with_law("return [float(i) for i, r in enumerate(rows)]"), "uses_batch"),
        ("def fit_scaling_law(rows, targets", "error"),
        ("", "error"),
    ],
)
def test_hostile_and_broken_programs_fail_by_name(
    programs: Programs, source: str, failure: str
) -> None:
    found = programs.assess(source)
    assert found.failure == failure, found.feedback
    assert found.score == 0 and found.feedback
    if failure == "timeout":
        assert not programs.assess(FAIR).failure, "the next program is not disturbed"


def test_constants_cannot_be_hidden_between_the_two_functions(programs: Programs) -> None:
    """What the fit leaves in the module is gone when the law is asked."""
    source = with_law("return [kept[0] for row in rows]").replace(
        "    x = [math", "    kept.append(targets[-1])\n    x = [math", 1
    )
    assert programs.assess("kept = []\n" + source).failure == "error"


def test_a_sandbox_that_fails_is_no_verdict_on_the_program(sft: Table) -> None:
    broken = FakeSandbox([ends(End.REFUSED, message="no worker")])
    with pytest.raises(SandboxError, match="no worker"):
        Programs(Problem(sft, Seed(1)), broken).assess(FAIR)
