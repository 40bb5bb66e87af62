"""Python functions as text: what may be proposed, plain values, and functions to draw.

Nothing is executed here. What a function does is found out in a sandbox alone.
"""

from __future__ import annotations

import ast
import json
import math

from ratchet.core.syntax import parse
from ratchet.sandbox.protocol import Value
from ratchet.worlds.programs.language import (
    Call,
    Choice,
    Expression,
    Input,
    Loop,
    Negation,
    Number,
    Operation,
)
from ratchet.worlds.programs.reasons import Reason

MAX_SOURCE = 600
MAX_LITERAL = 120
HEAD = "def f(x):"


def read_function(source: str) -> str | Reason:
    """Return a function ``f(x)`` in one way of writing it, or say why a text is none. Total.

    The text holds this function and nothing else: no import, no other statement beside it, and no
    decorator, default or annotation, which would run when it is defined.
    """
    if len(source) > MAX_SOURCE:
        return Reason.TOO_LONG
    try:
        body = parse(source).body
        match body:
            case [ast.FunctionDef(name="f", decorator_list=[], returns=None) as found]:
                arguments = ast.unparse(found.args)
                return ast.unparse(found) if arguments == "x" else Reason.NO_PROGRAM
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Reason.NO_PROGRAM
    return Reason.NO_PROGRAM


def read_solution(answer: str) -> str | None:
    """Return the function that an answer gives: a definition, or an expression in ``x``. Total."""
    text = answer[: 2 * MAX_SOURCE].strip()
    bare = text.split("\n", 1)[0].removeprefix("f(x) =").strip()
    for source in (text, f"{HEAD}\n    return {bare}" if bare else ""):
        found = read_function(source)
        if not isinstance(found, Reason):
            return found
    return None


def read_literal(text: str) -> tuple[Value] | None:
    """Return a plain value that Python would write so, in a tuple of its own, or None. Total."""
    text = text.strip()
    if not text or len(text) > MAX_LITERAL:
        return None
    try:
        return (_plain(parse(text, "eval").body),)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def write_literal(value: Value) -> str:
    """Write a plain value as Python would."""
    return repr(value)


def canonical_value(value: Value) -> str:
    """Return one text for equal values, whatever the order of a dictionary's keys."""
    return json.dumps(value, sort_keys=True)


def translate(program: Expression) -> str | None:
    """Return a program of the small language as a Python function, or None where a loop stands
    inside. What Python makes of it may differ from what the small language does."""
    rounds, body = (program.rounds, program.body) if isinstance(program, Loop) else (0, program)
    text = _write(body)
    if text is None:
        return None
    if rounds:
        return f"{HEAD}\n    for _ in range({rounds}):\n        x = {text}\n    return x"
    return f"{HEAD}\n    return {text}"


_CALLS = {
    "sort": "sorted({0})",
    "reverse": "{0}[::-1]",
    "first": "{0}[0]",
    "last": "{0}[-1]",
    "rest": "{0}[1:]",
    "upto": "list(range(1, {0} + 1))",
}


def _write(program: Expression) -> str | None:
    match program:
        case Number(value):
            return str(value)
        case Input():
            return "x"
        case Loop():
            return None
        case Negation(operand):
            inner = _write(operand)
            return None if inner is None else f"(-{inner})"
        case Call(function, operand):
            inner = _write(operand)
            template = _CALLS.get(function, f"{function}({{0}})")
            return None if inner is None else template.format(inner)
        case Operation(operator, left, right):
            sides = (_write(left), _write(right))
            return None if None in sides else f"({sides[0]} {operator} {sides[1]})"
        case Choice(comparison, left, right, then, other):
            parts = [_write(part) for part in (then, left, right, other)]
            if None in parts:
                return None
            return f"({parts[0]} if {parts[1]} {comparison} {parts[2]} else {parts[3]})"


def _plain(node: ast.expr) -> Value:
    match node:
        case ast.Constant(value) if value is None or type(value) in (bool, int, str):
            return _sized(value)
        case ast.Constant(float() as value) if math.isfinite(value):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
            return -_plain_number(value)
        case ast.List(elements) | ast.Tuple(elements):
            return [_plain(element) for element in elements]
        case ast.Dict(keys, values):
            return {_key(k): _plain(v) for k, v in zip(keys, values, strict=True)}
    raise ValueError("no plain value")


def _plain_number(value: int | float) -> int | float:
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("no number")
    return value


def _sized(value: object) -> Value:
    if isinstance(value, int) and abs(value) > 10**15:
        raise ValueError("too big")
    return value if value is None or isinstance(value, bool | int | str) else None


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError("a key that is no text")
