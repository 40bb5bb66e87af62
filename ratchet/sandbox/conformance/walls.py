"""Checks of the walls: limits hold, runs do not disturb one another, a claimed level is met."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ratchet.sandbox.conformance.bench import QUICK, Check, call, ended, require
from ratchet.sandbox.protocol import End, Level, Outcome, Program, Sandbox


def _time(sandbox: Sandbox) -> None:
    spin = "def f(x):\n    while x: pass\n    return x"
    outcome = sandbox.run(Program(spin, "f"), [(0,), (1,), (0,)], limits=replace(QUICK, cpu_s=0.5))
    require(outcome.end is End.TIMEOUT, f"an endless loop ended as {outcome.end}")
    ends = [result.end for result in outcome.results]
    require(ends == [End.OK, End.TIMEOUT, End.TIMEOUT], f"its inputs ended as {ends}")
    limits = replace(QUICK, cpu_s=0.5, wall_s=0.7)
    slept = call(sandbox, "import time\ndef f():\n    time.sleep(60)", limits)
    require(slept.end is End.TIMEOUT, f"sleeping ended as {slept.end}")


def _memory(sandbox: Sandbox) -> None:
    limits = replace(QUICK, memory=64 * 2**20)
    grown = call(sandbox, "def f():\n    return len(bytearray(2**30))", limits)
    require(grown.end is End.MEMORY, f"asking for too much ended as {grown.end}")
    fair = call(sandbox, "def f():\n    return len(bytearray(2**23))", limits)
    ended(fair, End.OK, 1)


def _output(sandbox: Sandbox) -> None:
    limits = replace(QUICK, output=2**12)
    flood = call(sandbox, "def f():\n    while True: print('x' * 999)", limits)
    require(flood.end is End.OUTPUT, f"a flood ended as {flood.end}")
    require(len(flood.stdout) <= 2**12 and flood.truncated, "a flood was not cut")
    raw = call(sandbox, "import os\ndef f():\n    os.write(1, b'\\xff\\xfe\\x00ok')\n    return 1")
    ended(raw, End.OK, 1)
    require(raw.stdout.endswith("ok"), f"invalid bytes came back as {raw.stdout!r}")
    large = call(sandbox, "def f():\n    return 'x' * 10**6", replace(QUICK, values=2**10))
    require(large.end is not End.OK, "a value past the limit came back")


def _early_exits(sandbox: Sandbox) -> None:
    for leave in ("os._exit(0)", "sys.exit(0)", "sys.exit()", "exit(0)", "raise SystemExit"):
        source = f"import os, sys\ndef f(x):\n    if x: {leave}\n    return x"
        outcome = sandbox.run(Program(source, "f"), [(0,), (1,), (0,)])
        require(outcome.end is not End.OK, f"{leave} counts as a good end")
        require(outcome.results[1].end is not End.OK, f"{leave} counts as a result")
    stopped = call(sandbox, "import os\ndef f():\n    os.kill(os.getpid(), 9)")
    require(stopped.end in (End.KILLED, End.ERROR), f"killing itself ended as {stopped.end}")


def _parallel(sandbox: Sandbox) -> None:
    program = Program("def f(x):\n    return [x, sum(range(10**5))]", "f")

    def one(number: int) -> Outcome:
        return sandbox.run(program, [(number,)], limits=QUICK)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(one, range(8)))
    values = [outcome.results[0].value for outcome in outcomes]
    require(values == [[i, 4_999_950_000] for i in range(8)], f"eight at once gave {values}")


def _confined(sandbox: Sandbox) -> None:
    if sandbox.capability.level < Level.CONFINED:
        return
    with tempfile.TemporaryDirectory() as folder, _listener() as port:
        secret = Path(folder, "secret")
        secret.write_text("xyzzy")
        source = (
            "import os, socket\ndef f(name, port):\n    got = []\n"
            "    for act in (lambda: open(name).read(), lambda: open(name, 'w'),\n"
            "                lambda: os.listdir(os.path.dirname(name)), lambda: os.remove(name),\n"
            "                lambda: socket.create_connection(('127.0.0.1', port), 2)):\n"
            "        try: act(); got.append(1)\n        except OSError: got.append(0)\n"
            "    return got"
        )
        outcome = sandbox.run(Program(source, "f"), [(str(secret), port)], limits=QUICK)
        done = outcome.results[0].value if outcome.end is End.OK else [0]
        require(type(done) is list and 1 not in done, f"at {Level.CONFINED!r} it did {done}")
        require(secret.read_text() == "xyzzy", "it changed a file of the user")


def _isolated(sandbox: Sandbox) -> None:
    if sandbox.capability.level < Level.ISOLATED:
        return
    source = (
        "import os\ndef f(pid):\n    try: os.kill(pid, 0)\n    except OSError: return 0\n"
        "    return pid"
    )
    outcome = sandbox.run(Program(source, "f"), [(os.getpid(),)], limits=QUICK)
    name = call(sandbox, "import os\ndef f():\n    return os.uname().nodename")
    seen = outcome.results[0].value if outcome.end is End.OK else 0
    require(seen == 0, "it sees the process that started it")
    require(name.results[0].value != os.uname().nodename, "it sees the name of the machine")


def _closed(sandbox: Sandbox) -> None:
    sandbox.close()
    outcome = call(sandbox, "def f():\n    return 1")
    require(outcome.end is End.REFUSED, f"once closed, a run ended as {outcome.end}")


@contextmanager
def _listener() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        yield server.getsockname()[1]


CHECKS: dict[str, Check] = {
    "time": _time,
    "memory": _memory,
    "output": _output,
    "early_exits": _early_exits,
    "parallel": _parallel,
    "confined": _confined,
    "isolated": _isolated,
    "closed": _closed,
}
"""Every check of the walls by name, in the order they run; the last one closes the sandbox."""
