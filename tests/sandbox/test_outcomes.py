"""Every way a program can end is an outcome of the right class, and never an exception."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Limits, Outcome, Program, Result, Value

QUICK = Limits(cpu_s=0.5, wall_s=5.0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    with open_sandbox(workers=1) as opened:
        yield opened


def ends(outcome: Outcome) -> list[End]:
    return [result.end for result in outcome.results]


def test_a_function_is_called_once_per_input(sandbox: LocalSandbox) -> None:
    program = Program(
        "calls = []\ndef f(x, y):\n    calls.append(x)\n    return [x + y, calls]", "f"
    )
    outcome = sandbox.run(program, [(1, 2), (3, 4)])
    assert outcome.end is End.OK
    assert [r.value for r in outcome.results] == [[3, [1]], [7, [1, 3]]]


def test_a_script_is_run_once_per_input_and_afresh(sandbox: LocalSandbox) -> None:
    source = "import builtins\nprint(input()[::-1], hasattr(builtins, 'seen'))\nbuiltins.seen = 1"
    outcome = sandbox.run(Program(source), ["abc", "d\n"])
    assert [r.value for r in outcome.results] == ["cba False\n", "d False\n"]


@pytest.mark.parametrize("size", [0, 10, 300_000])
def test_standard_input_arrives_whole(sandbox: LocalSandbox, size: int) -> None:
    program = Program("import sys\ntext = sys.stdin.read()\nprint(len(text), hash(text))")
    text = "é" * size
    (result,) = sandbox.run(program, [text]).results
    assert str(result.value).split()[0] == str(size)


def test_plain_values_come_back_as_they_are(sandbox: LocalSandbox) -> None:
    value: Value = [None, True, 1, 1.5, -0.0, "é\x00\n", {"a": [{}], "": []}, 10**4000]
    (result,) = sandbox.run(Program("def f(x): return x", "f"), [(value,)]).results
    assert result == Result(End.OK, value)


def test_a_tuple_comes_back_as_a_list(sandbox: LocalSandbox) -> None:
    (result,) = sandbox.run(Program("def f(): return (1, (2,))", "f")).results
    assert result.value == [1, [2]]


@pytest.mark.parametrize(
    "expression",
    [
        "{1, 2}", "b'x'", "object()", "(i for i in [1])", "{1: 2}", "1j", "f", "10**5000",
        "type('I', (int,), {})(1)", "type('S', (str,), {})('x')", "[type('L', (list,), {})()]",
        "'\\ud800'", "loop(200)", "cycle()",
    ],
)  # fmt: skip
def test_other_values_are_errors(sandbox: LocalSandbox, expression: str) -> None:
    source = f"""
def loop(n):
    return [loop(n - 1)] if n else 0
def cycle():
    x = []
    x.append(x)
    return x
def f():
    return {expression}
"""
    outcome = sandbox.run(Program(source, "f"), [(), ()])
    assert outcome.end is End.ERROR
    assert ends(outcome) == [End.ERROR, End.ERROR]
    assert outcome.results[0].value is None


def test_an_error_has_type_message_and_line(sandbox: LocalSandbox) -> None:
    source = "def g(x):\n    return 1 / x\n\ndef f(x):\n    return g(x)"
    outcome = sandbox.run(Program(source, "f"), [(1,), (0,), (2,)])
    assert ends(outcome) == [End.OK, End.ERROR, End.OK]
    found = outcome.results[1]
    assert (found.error, found.message, found.line) == ("ZeroDivisionError", "division by zero", 2)


@pytest.mark.parametrize(
    ("source", "error", "line"),
    [
        ("x = 1\ndef f(:", "SyntaxError", 2),
        ("x = 1\nraise KeyError('k')", "KeyError", 2),
        ("def g(): pass", "NameError", 0),
        ("f = 3", "TypeError", 0),
        ("\x00", "SyntaxError", 0),
        ("x = '\ud800'", "UnicodeEncodeError", 0),
        ("(" * 500 + ")" * 500, "SyntaxError", 1),
        ("import sys\nsys.exit(0)", "SystemExit", 2),
        ("import requests", "ModuleNotFoundError", 1),
        ("import ratchet.core", "ModuleNotFoundError", 1),
        ("def f(*x):\n    return f()", "RecursionError", 2),
    ],
)
def test_a_broken_program_is_an_error(
    sandbox: LocalSandbox, source: str, error: str, line: int
) -> None:
    outcome = sandbox.run(Program(source, "f"), [(1,)])
    assert outcome.end is End.ERROR
    found = outcome.results[0]
    wanted = {error, "ValueError"} if source == "\x00" else {error}
    assert found.error in wanted and found.line == line


@pytest.mark.parametrize("code", [0, 1, 77])
def test_leaving_early_is_an_error_whatever_the_exit_code(sandbox: LocalSandbox, code: int) -> None:
    program = Program(f"import os\ndef f(x):\n    return os._exit({code}) if x else 5", "f")
    outcome = sandbox.run(program, [(0,), (1,), (0,)])
    assert outcome.end is End.ERROR
    assert ends(outcome) == [End.OK, End.ERROR, End.ERROR]
    assert outcome.results[1].error == "EarlyExit"
    script = sandbox.run(Program(f"import os\nprint(1, flush=True)\nos._exit({code})"))
    assert ends(script) == [End.ERROR]


def test_a_script_may_exit_cleanly_and_only_so(sandbox: LocalSandbox) -> None:
    source = "import sys\nprint(7)\nsys.exit(int(input()))"
    outcome = sandbox.run(Program(source), ["0", "3"])
    assert ends(outcome) == [End.OK, End.ERROR]
    assert outcome.results[0].value == "7\n"
    assert outcome.results[1].error == "SystemExit"


def test_what_an_exit_handler_prints_belongs_to_the_script(sandbox: LocalSandbox) -> None:
    program = Program("import atexit\natexit.register(print, 'bye')\nprint('hello')")
    assert sandbox.run(program).results[0].value == "hello\nbye\n"


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "sum(range(10**12))",
        "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    ],
)
def test_a_loop_uses_up_its_cpu_time(sandbox: LocalSandbox, source: str) -> None:
    outcome = sandbox.run(Program(source), limits=QUICK)
    assert outcome.end is End.TIMEOUT and ends(outcome) == [End.TIMEOUT]
    assert 0.5 <= outcome.usage.cpu_s < 2.0
    assert "CPU" in outcome.reason


@pytest.mark.parametrize("source", ["time.sleep(9)", "os.kill(os.getpid(), signal.SIGSTOP)"])
def test_waiting_uses_up_the_wall_time(sandbox: LocalSandbox, source: str) -> None:
    start = time.monotonic()
    program = Program(f"import os, signal, time\n{source}")
    outcome = sandbox.run(program, limits=Limits(cpu_s=5.0, wall_s=0.3))
    assert outcome.end is End.TIMEOUT
    assert 0.3 <= time.monotonic() - start < 60.0
    assert outcome.usage.cpu_s < 1.0


def test_results_before_a_timeout_are_kept(sandbox: LocalSandbox) -> None:
    program = Program("def f(x):\n    while x: pass\n    return 1", "f")
    outcome = sandbox.run(program, [(0,), (1,), (0,)], limits=QUICK)
    assert ends(outcome) == [End.OK, End.TIMEOUT, End.TIMEOUT]


def test_cpu_time_is_for_all_inputs_of_a_script_together(sandbox: LocalSandbox) -> None:
    source = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    outcome = sandbox.run(Program(source), [""] * 5, limits=QUICK)
    assert ends(outcome)[0] is End.OK and ends(outcome)[2:] == [End.TIMEOUT] * 3
    assert outcome.usage.cpu_s < 2.0


@pytest.mark.parametrize(
    "source",
    [
        "x = bytearray(400 << 20)",
        "x = []\nwhile True: x.append(bytearray(1 << 20))",
        "x = 1 << (8 * 400 << 20)",
        "x = f'{1:{400 << 20}}'",
        "import mmap\nx = [mmap.mmap(-1, 60 << 20) for _ in range(8)]",
    ],
)
def test_too_much_memory_is_its_own_end(sandbox: LocalSandbox, source: str) -> None:
    outcome = sandbox.run(Program(source))
    if "mmap" in source:  # the module turns the kernel's refusal into an error of its own
        assert outcome.results[0].message.endswith("Cannot allocate memory")
    else:
        assert outcome.end is End.MEMORY and ends(outcome) == [End.MEMORY]


def test_memory_that_only_the_watch_can_see(sandbox: LocalSandbox) -> None:
    """Shared memory is in no process's data; 300 MiB fit in the address space that is allowed."""
    source = """
import mmap, time
held = [mmap.mmap(-1, 60 << 20) for _ in range(4)]
for area in held:
    for at in range(0, 60 << 20, 4096):
        area[at] = 1
time.sleep(4)
"""
    limits = Limits(memory=200 * 2**20, wall_s=3.0)
    outcome = sandbox.run(Program(source), limits=limits)
    assert outcome.end is End.MEMORY, outcome


def test_memory_of_a_tree_is_summed(sandbox: LocalSandbox) -> None:
    source = """
import os, time
def f(n):
    for _ in range(n):
        if os.fork() == 0:
            held = bytearray(60 << 20)
            time.sleep(3)
            os._exit(0)
    time.sleep(3)
"""
    limits = Limits(memory=128 * 2**20, processes=5, wall_s=2.0)
    assert sandbox.run(Program(source, "f"), [(4,)], limits=limits).end is End.MEMORY
    assert sandbox.run(Program(source, "f"), [(1,)], limits=limits).end is End.TIMEOUT


def test_cpu_time_of_a_tree_is_summed(sandbox: LocalSandbox) -> None:
    source = """
import os
for _ in range(2):
    if os.fork() == 0:
        while True: pass
os.wait()
"""
    limits = Limits(cpu_s=0.4, wall_s=8.0, processes=4)
    outcome = sandbox.run(Program(source), limits=limits)
    assert outcome.end is End.TIMEOUT and "CPU" in outcome.reason
    assert 0.3 < outcome.usage.cpu_s < 3.0


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_is_cut_off(sandbox: LocalSandbox, stream: str) -> None:
    source = f"import sys\nwhile True: sys.{stream}.write('\\x00\\x1b[2J' * 1000)"
    outcome = sandbox.run(Program(source), limits=Limits(output=5000))
    assert outcome.end is End.OUTPUT and outcome.truncated
    assert len(getattr(outcome, stream)) == 5000


def test_output_up_to_the_limit_is_kept(sandbox: LocalSandbox) -> None:
    source = (
        "import os\ndef f():\n    os.write(1, b'\\xff' * 5000)\n    os.write(2, b'e')\n    return 1"
    )
    outcome = sandbox.run(Program(source, "f"), limits=Limits(output=5000))
    assert outcome.end is End.OK and not outcome.truncated
    assert outcome.stdout == "\ufffd" * 5000 and outcome.stderr == "e"


def test_values_have_a_limit_of_their_own(sandbox: LocalSandbox) -> None:
    program = Program("def f(n): return 'x' * n", "f")
    outcome = sandbox.run(program, [(500,), (2000,), (1,)], limits=Limits(values=1000))
    assert ends(outcome) == [End.OK, End.OUTPUT, End.OUTPUT]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
        ("import os\nos.abort()", "SIGABRT"),
        ("import os\nos.kill(os.getpid(), 9)", "SIGKILL"),
        ("import os\nos.kill(0, 15)", "SIGTERM"),
    ],
)
def test_a_crash_is_killed_and_not_an_exception(
    sandbox: LocalSandbox, source: str, name: str
) -> None:
    outcome = sandbox.run(Program(source))
    assert outcome.end is End.KILLED and ends(outcome) == [End.KILLED]
    assert name in outcome.reason


def test_a_crash_in_one_input_of_a_script_spares_the_others(sandbox: LocalSandbox) -> None:
    source = "import os\nif input() == 'x': os.abort()\nprint('fine')"
    outcome = sandbox.run(Program(source), ["a", "x", "b"])
    assert ends(outcome) == [End.OK, End.KILLED, End.OK]
    assert outcome.end is End.KILLED


def test_files_are_there_and_can_be_imported(sandbox: LocalSandbox) -> None:
    source = "import pkg.mod\ndef f(): return [pkg.mod.X, open('data/a.txt', 'rb').read().decode()]"
    files = {"pkg/mod.py": b"X = 3", "data/a.txt": b"hello"}
    outcome = sandbox.run(Program(source, "f"), files=files)
    assert outcome.results[0].value == [3, "hello"]


def test_two_runs_of_one_program_are_equal(sandbox: LocalSandbox) -> None:
    source = "def f(): return [hash('a'), list({'a', 'b', 'c', 'd'}), sorted(vars())]"
    first, second = (sandbox.run(Program(source, "f")) for _ in range(2))
    assert first == second
