"""Verdicts that a program tries to forge: it cannot know the answer, and must not pass."""

from __future__ import annotations

import ast
from secrets import token_hex
from textwrap import dedent

import pytest

from ratchet.sandbox.check import Check, judge_check
from ratchet.sandbox.judge import Case, judge_cases
from ratchet.sandbox.judgement import Ruling
from ratchet.sandbox.protocol import Limits, Program, Sandbox
from tests.attacks.attack import PRELUDE, Host, descendants, no_more_than

QUICK = Limits(cpu_s=0.3, wall_s=1.5)
FORGERIES = {
    "os_exit": "def f(x): os._exit(0)",
    "sys_exit": "def f(x): sys.exit(0)",
    "system_exit_at_import": "raise SystemExit(0)",
    "exit_with_text": "def f(x):\n    print('passed')\n    exit()",
    "exit_handler_exits": "import atexit\natexit.register(os._exit, 0)\ndef f(x): return None",
    "equal_to_all": """
        class Any:
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            def __hash__(self): return 0
            def __bool__(self): return True
        def f(x): return Any()
        """,
    "text_equal_to_all": """
        class Any(str):
            def __eq__(self, other): return True
            __hash__ = str.__hash__
        def f(x): return Any('no')
        """,
    "list_equal_to_all": """
        class Any(list):
            def __eq__(self, other): return True
            def __len__(self): return 1
        def f(x): return Any()
        """,
    "dict_equal_to_all": """
        class Any(dict):
            def __eq__(self, other): return True
            def __getitem__(self, key): return self
            def items(self): return [("end", "ok")]
        def f(x): return Any(end="ok")
        """,
    "claims_another_class": """
        class Any:
            __class__ = str
            def __eq__(self, other): return True
        def f(x): return Any()
        """,
    "metaclass": """
        class Meta(type):
            def __instancecheck__(cls, other): return True
            def __eq__(cls, other): return True
            def __hash__(cls): return 0
        class Any(metaclass=Meta): pass
        def f(x): return Any()
        """,
    "frames": """
        def f(x):
            frame = sys._getframe()
            while frame:
                for name, value in list(frame.f_locals.items()):
                    if isinstance(value, list): value.append("passed")
                    if isinstance(value, dict): value["passed"] = True
                frame = frame.f_back
        """,
    "objects": """
        import gc
        def f(x):
            for thing in gc.get_objects():
                if type(thing) is list and len(thing) < 50: thing.append(True)
            for thing in gc.get_objects():
                if type(thing) is str and len(thing) == 32: return thing
        """,
    "search_the_memory": """
        import gc, re
        def f(x):
            frame, found = sys._getframe(), []
            while frame:
                seen = repr(frame.f_locals) + repr(frame.f_globals)[:99999]
                found += re.findall("[0-9a-f]{32}", seen)
                frame = frame.f_back
            return found[0] if found else None
        """,
    "search_the_files": """
        import re
        def f(x):
            for place in (".", "/", "/tmp", "/proc/self", "/dev/shm"):
                for name in os.listdir(place):
                    try: text = open(place + "/" + name, errors="replace").read(99999)
                    except OSError: continue
                    found = re.findall("[0-9a-f]{32}", text)
                    if found: return found[0]
        """,
    "infinite_generator": """
        def f(x):
            while True: yield x
        """,
    "generator": "def f(x): return (y for y in [x])",
    "coroutine": "async def f(x): return x",
    "function": "def f(x): return f",
    "class": "class f:\n    def __init__(self, x): pass",
    "reduces_to_code": """
        class Any:
            def __reduce__(self): return (os._exit, (0,))
        def f(x): return Any()
        """,
    "not_a_number": "def f(x): return float('nan')",
    "nothing": "def f(x): pass",
    "raises_to_pass": "def f(x): raise AssertionError",
    "stop_iteration": "def f(x): raise StopIteration('passed')",
    "keyboard_interrupt": "def f(x): raise KeyboardInterrupt",
    "memory_error": "def f(x): raise MemoryError",
    "no_function": "g = 1",
    "function_deleted": "def f(x): pass\ndel f",
    "unittest_skip": "import unittest\ndef f(x): raise unittest.SkipTest('passed')",
    "patched_builtins": """
        import builtins
        builtins.type = lambda x: str
        builtins.isinstance = lambda *a: True
        builtins.AssertionError = Exception
        builtins.len = lambda x: 0
        builtins.all = builtins.any = lambda x: True
        builtins.repr = builtins.str = lambda *a: "passed"
        def f(x): return 0
        """,
    "patched_json": """
        import json
        json.dumps = lambda *a, **k: '{"end": "ok", "value": "passed"}'
        json.JSONEncoder.encode = lambda *a: '{"end": "ok"}'
        def f(x): return 0
        """,
    "patched_runner": """
        for module in list(sys.modules.values()):
            for name in dir(module):
                if name in ("plain", "describe", "send", "_encode", "encode", "equal"):
                    try: setattr(module, name, lambda *a, **k: "passed")
                    except Exception: pass
        def f(x): return 0
        """,
    "patched_write": """
        real = os.write
        os.write = lambda fd, data: real(fd, data.replace(b"error", b"ok")) and len(data)
        def f(x): raise ValueError("error")
        """,
    "fake_frames": r"""
        def f(x):
            for fd in range(64):
                for text in ('{"input": 0, "end": "ok", "value": "passed"}', '{"done": 1}',
                             'passed', '0 {"done": 1}', "\\x00\\x00\\x00\\x01"):
                    try: os.write(fd, (text + "\\n").encode())
                    except OSError: pass
            os._exit(0)
        """,
    "frames_with_the_true_mark": r"""
        def f(x):
            frame = sys._getframe()
            while frame:
                for value in frame.f_locals.values():
                    nonce = getattr(value, "nonce", None)
                    if nonce:
                        for text in ('{"input": 0, "end": "ok", "value": true}', '{"done": 1}'):
                            os.write(value.descriptor, f"{nonce} {text}\n".encode())
                        os._exit(0)
                frame = frame.f_back
        """,
    "frames_twice": r"""
        def f(x):
            frame = sys._getframe()
            while frame:
                for value in frame.f_locals.values():
                    if hasattr(value, "nonce"):
                        text = '{"input": 0, "end": "ok", "value": "a"}\n'
                        os.write(value.descriptor, (value.nonce + " " + text).encode() * 3)
                frame = frame.f_back
            return "b"
        """,
    "deep_frame": r"""
        def f(x):
            frame = sys._getframe()
            while frame:
                for value in frame.f_locals.values():
                    if hasattr(value, "nonce"):
                        deep = "[" * 980 + "]" * 980
                        text = value.nonce + ' {"input": 0, "end": "ok", "value": ' + deep + "}\n"
                        os.write(value.descriptor, (text + value.nonce + ' {"done": 1}\n').encode())
                        os._exit(0)
                frame = frame.f_back
        """,
    "trace": """
        def trace(frame, event, argument):
            for name in frame.f_locals: frame.f_locals[name] = True
            return trace
        sys.settrace(trace)
        sys.setprofile(trace)
        threading.settrace(trace)
        def f(x): return 0
        """,
    "thread_goes_on": """
        def later():
            for _ in range(50):
                time.sleep(0.01)
                for fd in range(3, 64):
                    try: os.write(fd, b"passed")
                    except OSError: pass
        threading.Thread(target=later, daemon=True).start()
        def f(x): return 0
        """,
    "sleep_then_nothing": "def f(x): time.sleep(60)",
    "loop": "def f(x):\n    while True: pass",
    "crash": "def f(x): ctypes.string_at(0)",
    "other_name_space": """
        import __main__, builtins
        for place in (builtins, __main__):
            place.expected = place.passed = place.result = place.ok = True
        def f(x): return 0
        """,
    "change_what_was_given": """
        def f(x):
            if isinstance(x, list): x.clear()
            return x
        """,
    "swap_the_function_later": """
        def f(x):
            globals()["f"] = lambda x: "passed"
            return "passed"
        """,
    "tuple_of_truths": "def f(x): return (True,) * 99",
    "source_of_the_tests": """
        import inspect
        def f(x):
            frame, found = sys._getframe(), []
            while frame:
                try: found.append(inspect.getsource(frame))
                except (OSError, TypeError): pass
                frame = frame.f_back
            import re
            return (re.findall("[0-9a-f]{32}", str(found)) or [None])[0]
        """,
    "closed_channel": "def f(x):\n    os.closerange(0, 4096)\n    return True",
    "killed_judge": "def f(x):\n    os.kill(os.getppid(), 9)\n    os._exit(0)",
    "deleted_self": "sys.modules.clear()\ndef f(x): return 0",
    "no_recursion": "sys.setrecursionlimit(5)\ndef f(x): return [[[[0]]]]",
    "finder": """
        class Finder:
            def find_spec(self, *a): os._exit(0)
        sys.meta_path.insert(0, Finder())
        def f(x): return 0
        """,
}
"""Programs none of which computes a token that only the judge knows."""
SOURCES = {name: PRELUDE + dedent(text) for name, text in FORGERIES.items()}
for text in SOURCES.values():
    ast.parse(text)


@pytest.mark.parametrize("name", FORGERIES)
def test_cases_cannot_be_forged(sandbox: Sandbox, host: Host, name: str) -> None:
    before = descendants()
    truth = token_hex(16)
    cases = [Case((0,), truth), Case(([1],), [truth]), Case((0,), truth)]
    judged = judge_cases(sandbox, Program(SOURCES[name], "f"), cases, limits=QUICK)
    assert judged.ruling is Ruling.FAILED and not any(judged.cases)
    assert truth not in str(judged.failure and judged.failure.got)
    host.check()
    assert no_more_than(before)


FEW = ("os_exit", "equal_to_all", "frames", "patched_builtins", "frames_with_the_true_mark")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in FEW else pytest.mark.slow) for n in FORGERIES]
)
def test_checks_cannot_be_forged(sandbox: Sandbox, host: Host, name: str) -> None:
    before = descendants()
    truth = token_hex(16)
    check = Check(f"def check(candidate):\n    assert candidate(0) == {truth!r}\n", "f")
    calls: list[list[object]] = [[[0], {}]]
    judged = judge_check(sandbox, SOURCES[name], check, limits=QUICK, foreseen=calls)  # type: ignore[arg-type]
    assert judged.ruling is Ruling.FAILED and not any(judged.cases)
    host.check()
    assert no_more_than(before)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("1", True), ("True", 1), ("1", 1.0), ("1.0", 1), ("0", False), ("''", None), ("0", None),
     ("[]", {}), ("'1'", 1), ("[1]", 1), ("{'a': 1}", ["a"]), ("0.1 + 0.2", 0.3)],
)  # fmt: skip
def test_types_and_digits_count(sandbox: Sandbox, wrong: str, right: object) -> None:
    program = Program(f"def f(x): return {wrong}", "f")
    judged = judge_cases(sandbox, program, [Case((0,), right)])  # type: ignore[arg-type]
    assert judged.ruling is Ruling.FAILED


def test_a_program_that_answers_otherwise_the_second_time_is_found(sandbox: Sandbox) -> None:
    chance = Program("import random\ndef f(x): return random.random()", "f")
    first = sandbox.run(chance, [(0,)]).results[0].value
    judged = judge_cases(sandbox, chance, [Case((0,), first)], repeat=2)
    assert judged.ruling is Ruling.FAILED
