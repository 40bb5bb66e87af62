from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.sandbox.fake import FakeSandbox, ends
from ratchet.sandbox.protocol import End, Limits, Sandbox
from ratchet.sandbox.tool import python_tool
from ratchet.solve.tools import python


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("print(6 * 7)", "42"),
        ("```python\nfor i in range(2): print(i)\n```", "0\n1"),
        ("x = 1", "(no output)"),
        ("", "(no output)"),
        ("print(1)\nprint(1 / 0)", "1\nZeroDivisionError (line 2): division by zero"),
        ("print(", "SyntaxError (line 1): '(' was never closed"),
        ("import sys; sys.exit(3)", "SystemExit (line 1): 3"),
        (
            "import os; print(1, flush=True); os._exit(0)",
            "1\nEarlyExit: the process ended before the program did, with exit code 0",
        ),
        ("import os; os.abort()", "error: it crashed or did something forbidden"),
        ("while True: pass", "error: it did not end in the time allowed"),
        ("while True: print('ha' * 999)", "error: it wrote more output than allowed"),
        ("x = input()", "EOFError (line 1): EOF when reading a line"),
        ("print('\\x1b[0m\\x00')", "\ufffd[0m\ufffd"),
    ],
)
def test_code_goes_in_and_text_comes_out(sandbox: Sandbox, code: str, result: str) -> None:
    run = python_tool(sandbox, Limits(cpu_s=0.5, wall_s=4.0), characters=300)
    said = run(code)
    assert said == result or said.endswith(f"...\n{result}") or said.endswith(f"\n{result}")
    assert len(said) <= 300


def test_nothing_is_kept_from_call_to_call(sandbox: Sandbox) -> None:
    run = python_tool(sandbox)
    run("import builtins\nbuiltins.x = 1\nopen('x', 'w').close()")
    assert run("import os\nprint(os.listdir('.'))\nprint(x)").startswith("[]\nNameError")


@settings(derandomize=True, max_examples=25, deadline=None)
@given(code=st.text(max_size=200))
def test_any_text_gives_a_text(sandbox: Sandbox, code: str) -> None:
    assert isinstance(python_tool(sandbox, Limits(cpu_s=0.5, wall_s=3.0))(code), str)


def test_a_refusal_is_a_text() -> None:
    fake = FakeSandbox([ends(End.REFUSED, 0, message="the sandbox is closed")])
    assert python_tool(fake)("print(1)") == "not run: the sandbox is closed"


def test_the_tool_is_wired_for_a_procedure(sandbox: Sandbox) -> None:
    tool = python(sandbox)
    assert tool.call("Let me see. <python>print(2 ** 10)</python>") == "\n[1024]\n"
    assert tool.call("<python>print(1)") is None
