"""Laws for people: readable algebra, LaTeX, and a Python function without dependencies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from ratchet.research.scaling_laws.expression import KINDS, Tree
from ratchet.research.scaling_laws.form import Form

_INFIX = {"+": 1, "-": 1, "*": 2, "/": 2, "pow": 4}
_PYTHON_HELPERS = """import math


def _exp(x):
    return math.exp(min(max(x, -60.0), 60.0))


def _log(x):
    return math.log(max(x, 1e-12))


def _div(a, b):
    return a / (1e-12 if abs(b) < 1e-12 else b)


def _eff(u, x, s):
    repeated = max(_div(x, u) - 1.0, 0.0)
    return x + u * (s * (1.0 - _exp(-_div(repeated, s))) - repeated)
"""


def algebra(form: Form) -> str:
    """Return the form as readable algebra, constants as letters: ``y = b0 + b1 d^(-a1)``."""
    names = _letters(form)
    terms = [_join(f"b{k}", _infix(term.tree, names, 2), " ") for k, term in enumerate(form.terms)]
    left = "log y" if form.link == "log" else "y"
    return f"{left} = " + " + ".join(terms)


def latex(form: Form, names: Mapping[str, str] | None = None) -> str:
    """Return the form as LaTeX; ``names`` maps variables to symbols."""
    letters, symbols = _letters(form), names or {}
    terms = [
        _join(f"b_{{{k}}}", _tex(term.tree, letters, symbols), r" \, ")
        for k, term in enumerate(form.terms)
    ]
    left = r"\log y" if form.link == "log" else "y"
    return f"{left} = " + " + ".join(terms)


def python(
    form: Form,
    constants: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]],
    columns: Mapping[str, tuple[str, float]],
    own: Sequence[str] = (),
) -> str:
    """Return a module with ``predict(row, group)``, row a dict of the table's columns.

    ``constants`` holds, by group, for each target its linear and nonlinear constants; ``columns``
    each variable's column and unit; ``own`` the variable that belongs to each target.
    """
    letters = iter(f"a[{i}]" for i in count())
    terms = [f"b[{k}] * {_code(term.tree, letters)}" for k, term in enumerate(form.terms)]
    total = "\n        + ".join(terms)
    table = {
        group: [[list(map(float, b)), list(map(float, a))] for b, a in targets]
        for group, targets in constants.items()
    }
    lines = [f"    {name} = row[{column!r}] / {unit!r}" for name, (column, unit) in columns.items()]
    if own:
        lines.append(f"    own = [{', '.join(own)}][target]")
    value = "_exp(total)" if form.link == "log" else "total"
    body = "\n".join(lines)
    return (
        f"{_PYTHON_HELPERS}\n\nCONSTANTS = {table!r}\n\n\n"
        f"def predict(row, group='all', target=0):\n    b, a = CONSTANTS[group][target]\n{body}\n"
        f"    total = (\n        {total}\n    )\n    return {value}\n"
    )


def _letters(form: Form) -> Iterator[str]:
    return iter([f"a{i + 1}" for i in range(len(form.constants))])


def _join(coefficient: str, term: str, between: str) -> str:
    return coefficient if term == "1" else f"{coefficient}{between}{term}"


def _infix(tree: Tree, names: Iterator[str], outer: int) -> str:
    if tree.op in KINDS:
        return next(names)
    if not tree.args:
        return tree.op
    if tree.op in _INFIX:
        rank = _INFIX[tree.op]
        left = _infix(tree.args[0], names, rank + (tree.op == "pow"))
        right = _infix(tree.args[1], names, rank + (tree.op in "-/pow"))
        sign = {"*": " ", "pow": "^"}.get(tree.op, f" {tree.op} ")
        text = f"{left}{sign}{right}"
        return f"({text})" if rank < outer else text
    parts = [_infix(a, names, 0) for a in tree.args]
    if tree.op == "neg":
        return f"(-{parts[0]})"
    if tree.op == "sq":
        return f"({parts[0]})^2"
    return f"{tree.op}({', '.join(parts)})"


def _tex(tree: Tree, names: Iterator[str], symbols: Mapping[str, str]) -> str:
    if tree.op in KINDS:
        return next(names).replace("a", "a_{") + "}"
    if not tree.args:
        return symbols.get(tree.op, tree.op)
    parts = [_tex(a, names, symbols) for a in tree.args]
    a = parts[0]
    b = parts[1] if len(parts) > 1 else ""
    shapes = {
        "+": rf"\left({a} + {b}\right)",
        "-": rf"\left({a} - {b}\right)",
        "*": rf"{a} \, {b}",
        "/": rf"\frac{{{a}}}{{{b}}}",
        "pow": rf"{{{a}}}^{{{b}}}",
        "neg": rf"-{a}",
        "exp": rf"e^{{{a}}}",
        "log": rf"\log {a}",
        "log1p": rf"\log\left(1 + {a}\right)",
        "sqrt": rf"\sqrt{{{a}}}",
        "sq": rf"\left({a}\right)^2",
        "sig": rf"\sigma\left({a}\right)",
        "eff": rf"\mathrm{{eff}}\left({', '.join(parts)}\right)",
    }
    return shapes[tree.op]


def _code(tree: Tree, letters: Iterator[str]) -> str:
    if tree.op in KINDS:
        return next(letters)
    if not tree.args:
        return tree.op
    parts = [_code(a, letters) for a in tree.args]
    a = parts[0]
    b = parts[1] if len(parts) > 1 else ""
    shapes = {
        "+": f"({a} + {b})",
        "-": f"({a} - {b})",
        "*": f"({a} * {b})",
        "/": f"_div({a}, {b})",
        "pow": f"_exp({b} * _log({a}))",
        "neg": f"(-{a})",
        "exp": f"_exp({a})",
        "log": f"_log({a})",
        "log1p": f"_log(1.0 + {a})",
        "sqrt": f"_exp(0.5 * _log({a}))",
        "sq": f"({a}) ** 2",
        "sig": f"(1.0 / (1.0 + _exp(-({a}))))",
        "eff": f"_eff({', '.join(parts)})",
    }
    return shapes[tree.op]
