"""The sandbox itself under many runs: nothing piles up, and a busy machine decides no verdict."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ratchet.sandbox.judge import Case, judge_cases
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.protocol import End, Limits, Program, Sandbox
from tests.attacks.attack import descendants, no_more_than

ADD = Program("def f(x):\n    return x + 1", "f")
ENDINGS = (
    ("def f(x): return x", End.OK),
    ("def f(x): return 1 / 0", End.ERROR),
    ("def f(x):\n    import os\n    os._exit(3)", End.ERROR),
    ("def f(x):\n    import os\n    os.abort()", End.KILLED),
    ("def f(x): return bytearray(2**40)", End.MEMORY),
    ("def f(x):\n    while True: print('x' * 99999)", End.OUTPUT),
    ("def f(x):\n    while True: pass", End.TIMEOUT),
)
QUICK = Limits(cpu_s=0.1, wall_s=2.0)


def footprint() -> tuple[int, int, int]:
    """Return open descriptors, processes and temporary files."""
    temporary = sum(1 for _ in Path(tempfile.gettempdir()).rglob("*"))
    return len(os.listdir("/proc/self/fd")), len(descendants()), temporary


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return a sandbox with a temporary folder of its own."""
    with tempfile.TemporaryDirectory(prefix="ratchet-robust-") as folder:
        os.chmod(folder, 0o755)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        with open_sandbox() as opened:
            yield opened


def churn(sandbox: Sandbox, rounds: int) -> None:
    for number in range(rounds):
        source, end = ENDINGS[number % len(ENDINGS)]
        assert sandbox.run(Program(source, "f"), [(1,)], limits=QUICK).end is end


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep the machine busy."""
    spin = [sys.executable, "-ISc", "while True: pass"]
    busy = [subprocess.Popen(spin) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def check_constant(sandbox: Sandbox, rounds: int) -> None:
    churn(sandbox, 14)
    before = footprint()
    churn(sandbox, rounds)
    assert no_more_than(set(range(before[1])))
    assert footprint() == before


def test_nothing_piles_up(own: Sandbox) -> None:
    check_constant(own, 35)


@pytest.mark.slow
def test_nothing_piles_up_over_five_hundred_runs(own: Sandbox) -> None:
    check_constant(own, 500)


def test_eight_threads_get_their_own_answers(sandbox: Sandbox) -> None:
    before = descendants()
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda x: sandbox.run(ADD, [(x,)]), range(48)))
    assert [o.results[0].value for o in outcomes] == list(range(1, 49))
    assert no_more_than(before)


def test_closing_leaves_nothing(own: Sandbox) -> None:
    before, folders = descendants(), set(os.listdir(tempfile.gettempdir()))
    opened = open_sandbox(workers=2)
    opened.run(ADD, [(1,)])
    opened.close()
    opened.close()
    assert no_more_than(before)
    assert set(os.listdir(tempfile.gettempdir())) == folders
    assert opened.run(ADD, [(1,)]).end is End.REFUSED


def test_a_host_that_is_killed_takes_its_sandbox_along(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom ratchet.sandbox.open import open_sandbox\n"
        "from ratchet.sandbox.protocol import Limits, Program\n"
        "s = open_sandbox(workers=1)\nprint(1, flush=True)\n"
        "s.run(Program('while True: pass'), limits=Limits(cpu_s=60, wall_s=60))\n"
    )
    before = descendants()
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)}
    host = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE)
    assert host.stdout is not None and host.stdout.readline() == b"1\n"
    host.kill()
    host.wait()
    host.stdout.close()
    assert no_more_than(before)


def test_a_busy_machine_decides_nothing(sandbox: Sandbox) -> None:
    work = Program("def f(x):\n    return sum(i * i for i in range(1_000_000)) * 0 + x", "f")
    limits = Limits(cpu_s=2.0, wall_s=2.0)
    with load(8):
        judged = judge_cases(sandbox, work, [Case((7,), 7)], limits=limits)
        stuck = sandbox.run(Program("while True: pass"), limits=QUICK)
    assert judged.passed
    assert stuck.end is End.TIMEOUT
