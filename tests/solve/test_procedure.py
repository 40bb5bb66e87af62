"""Tools are total, and a call is seen only where a text ends in one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.solve.procedure import Procedure, Tool
from ratchet.worlds.arithmetic import calculate

CALC = Tool("<calc>", "</calc>", calculate, " = {result}")


@pytest.mark.parametrize(
    ("text", "inserted"),
    [
        ("<calc>2 + 3</calc>", " = 5"),
        ("so <calc>2 * 3</calc>", " = 6"),
        ("<calc>1 <calc>2 + 2</calc>", " = 4"),
        ("<calc>2 + 3</calc> ", None),
        ("2 + 3</calc>", None),
        ("<calc>2 + 3", None),
        ("", None),
    ],
)
def test_a_call_is_what_a_text_ends_in(text: str, inserted: str | None) -> None:
    assert CALC.call(text) == inserted


@given(st.text(max_size=40))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_any_request_gives_a_text(request: str) -> None:
    result = CALC.call(f"<calc>{request}</calc>")
    assert result is not None and result.startswith(" = ")


def test_braces_in_a_result_or_a_prompt_stay_what_they_are() -> None:
    echo = Tool("<", ">", lambda text: text, "{x} [{result}]")
    assert echo.call("<{x} {y}>") == "{x} [{x} {y}]"
    procedure = Procedure("p", "Q: {prompt}\nA: {other}")
    assert procedure.fill("{prompt} {x}") == "Q: {prompt} {x}\nA: {other}"
