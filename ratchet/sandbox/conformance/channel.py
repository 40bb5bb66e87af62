"""Checks of the channel: what a program gives comes back, and any text comes to an outcome."""

from __future__ import annotations

import math
import os
from dataclasses import replace

from ratchet.sandbox.compare import equal
from ratchet.sandbox.conformance.bench import QUICK, Check, call, ended, require, well_formed
from ratchet.sandbox.protocol import Capability, End, Limits, Program, Sandbox, Value

NASTY_SOURCES = (
    "",
    "\x00",
    "\ud800",
    "x = '\udcff'",
    "\r\r\r",
    "(" * 5_000,
    "-" * 50_000 + "1",
    "x = [" * 2_000,
    "# -*- coding: utf-7 -*-\nx = 1",
    "\ufeffx = 1",
    "def f(:",
    "lambda: (yield)",
    "return 1",
    "raise BaseException",
    "raise type('E' * 100_000, (Exception,), {})('m' * 1_000_000)",
    "import os; os._exit(0)",
    "import os; os.abort()",
    "import sys; sys.exit(0)",
    "import os; os.closerange(0, 4096)",
    "import os\nfor fd in range(256):\n try: os.write(fd, b'\\xff\\n{}[]\\x00' * 99)\n"
    " except OSError: pass",
)
"""Texts on which runners tend to fall; none may raise, and none is a pass that returned 1."""

PLAIN: tuple[Value, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**63,
    -(2**200),
    0.1,
    -0.0,
    1e-320,
    math.inf,
    -math.inf,
    "",
    "a\x00b\n\u2028\x1b[0m",
    "½ 一 🎲",
    [],
    [1, [2.0, [True, [None]]]],
    {},
    {"": 1, "a": {"b": [False]}, "__class__": "x"},
)
"""Values that have to come back as they went in, type and all."""


def _capability(sandbox: Sandbox) -> None:
    found = sandbox.capability
    require(isinstance(found, Capability), f"capability is {found!r}")
    require(bool(found.provider), "the provider has no name")
    require(bool(found.layers), "no layer is reported")
    names = [layer.name for layer in found.layers]
    require(len(set(names)) == len(names), f"a layer is reported twice: {names}")
    require(all(layer.name and layer.detail for layer in found.layers), "a layer says nothing")


def _values(sandbox: Sandbox) -> None:
    outcome = sandbox.run(Program("def same(x):\n    return x", "same"), [(v,) for v in PLAIN])
    ended(outcome, End.OK, len(PLAIN))
    for value, result in zip(PLAIN, outcome.results, strict=True):
        require(equal(value, result.value), f"{value!r} came back as {result.value!r}")
    nan = call(sandbox, "def f():\n    return float('nan')")
    value = nan.results[0].value
    require(type(value) is float and math.isnan(value), f"NaN came back as {value!r}")
    pair = call(sandbox, "def f():\n    return (1, (2,))")
    require(pair.results[0].value == [1, [2]], "a tuple did not come back as a list")


def _not_values(sandbox: Sandbox) -> None:
    for expression in (
        "object()",
        "{1, 2}",
        "b'x'",
        "{1: 2}",
        "(i for i in ())",
        "f",
        "type('I', (int,), {})(1)",
        "[type('S', (str,), {})('s')]",
    ):
        outcome = call(sandbox, f"def f():\n    return {expression}")
        require(outcome.end is End.ERROR, f"{expression} came back as {outcome.end}")
        require(outcome.results[0].value is None, f"{expression} left a value behind")


def _errors(sandbox: Sandbox) -> None:
    source = "def f(x):\n    y = 1\n    return y / x"
    outcome = sandbox.run(Program(source, "f"), [(1,), (0,), (2,)])
    require(outcome.end is End.ERROR, f"an error ended as {outcome.end}")
    ends = [result.end for result in outcome.results]
    require(ends == [End.OK, End.ERROR, End.OK], f"three inputs, one bad, ended as {ends}")
    bad = outcome.results[1]
    told = (bad.error, bad.line)
    require(told == ("ZeroDivisionError", 3), f"the error is reported as {told}")
    require("division" in bad.message, f"its message is {bad.message!r}")
    missing = sandbox.run(Program("x = 1", "f"), [()])
    ended(missing, End.ERROR, 1)


def _scripts(sandbox: Sandbox) -> None:
    script = Program("import sys\nprint(sys.stdin.read().upper() + '½')")
    outcome = sandbox.run(script, ["a\nb", ""])
    ended(outcome, End.OK, 2)
    values = [result.value for result in outcome.results]
    require(values == ["A\nB½\n", "½\n"], f"two scripts printed {values}")


def _streams(sandbox: Sandbox) -> None:
    source = (
        "import sys\ndef f():\n    print('out')\n    print('err', file=sys.stderr)\n    return 1"
    )
    outcome = call(sandbox, source)
    require(outcome.results[0].value == 1, "printing changed the value")
    require("out" in outcome.stdout and "err" in outcome.stderr, "a stream was lost")
    require(not outcome.truncated, "a short text counts as cut")


def _files(sandbox: Sandbox) -> None:
    files = {"a.bin": bytes(range(256)), "deep/er/b.txt": b"b"}
    source = "def f(name):\n    return open(name, 'rb').read().hex()"
    outcome = sandbox.run(Program(source, "f"), [(name,) for name in files], files)
    ended(outcome, End.OK, 2)
    values = [result.value for result in outcome.results]
    require(values == [data.hex() for data in files.values()], "a file did not arrive")
    for name in ("../up", "/abs", "a/../../up", "", "nul\x00", "."):
        bad = sandbox.run(Program(source, "f"), [("x",)], {name: b"x"})
        require(bad.end is End.REFUSED, f"the file {name!r} ended as {bad.end}")


def _fresh(sandbox: Sandbox) -> None:
    source = (
        "import builtins, os\ndef f():\n"
        "    old = getattr(builtins, 'mark', 0), os.path.exists('mark')\n"
        "    builtins.mark = 1\n    open('mark', 'w').close()\n    return list(old)"
    )
    for _ in range(3):
        value = call(sandbox, source).results[0].value
        require(value == [0, False], "a run found what the run before it left")


def _environment(sandbox: Sandbox) -> None:
    os.environ["RATCHET_CONFORMANCE_SECRET"] = "xyzzy"
    try:
        outcome = call(sandbox, "import os\ndef f():\n    return sorted(os.environ.values())")
    finally:
        del os.environ["RATCHET_CONFORMANCE_SECRET"]
    ended(outcome, End.OK, 1)
    require("xyzzy" not in str(outcome.results[0].value), "it sees the environment")


def _repeats(sandbox: Sandbox) -> None:
    source = "def f():\n    return [hash('a'), list({'a', 'b', 'c', 'd', 'e'})]"
    first, second = (call(sandbox, source).results for _ in range(2))
    require(first == second, "hashes of texts differ from run to run")


def _nasty(sandbox: Sandbox) -> None:
    for source in NASTY_SOURCES:
        for program in (Program(source, "f"), Program(source)):
            outcome = sandbox.run(program, ["1"] if not program.entry else [()], limits=QUICK)
            well_formed(outcome, 1)
            passed = outcome.end is End.OK and bool(program.entry)
            require(not passed, f"{source[:40]!r} defines no f and passed")


def _refusals(sandbox: Sandbox) -> None:
    program = Program("def f():\n    return 1", "f")
    counts = ("memory", "output", "values", "scratch", "processes", "open_files")
    wrong = [replace(Limits(), **{field: -1}) for field in counts]
    for seconds in (-1.0, 0.0, math.nan):
        wrong += [replace(Limits(), cpu_s=seconds), replace(Limits(), wall_s=seconds)]
    for limits in wrong:
        outcome = sandbox.run(program, [()], limits=limits)
        require(outcome.end is End.REFUSED, f"{limits} ended as {outcome.end}")
        require(bool(outcome.reason), f"{limits} was refused without a reason")


CHECKS: dict[str, Check] = {
    "capability": _capability,
    "values": _values,
    "not_values": _not_values,
    "errors": _errors,
    "scripts": _scripts,
    "streams": _streams,
    "files": _files,
    "fresh": _fresh,
    "environment": _environment,
    "repeats": _repeats,
    "nasty": _nasty,
    "refusals": _refusals,
}
"""Every check of the channel by name, in the order they run."""
