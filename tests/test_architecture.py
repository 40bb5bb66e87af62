"""The architecture as a test: who may import whom, how long files are, what is never called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "ratchet"
ORDER = (
    "core",
    "stats",
    "sandbox",
    "engine",
    "worlds",
    "guard",
    "loop",
    "search",
    "learn",
    "curriculum",
    "solve",
    "verify",
    "diagnose",
    "memory",
    "meta",
    "research",
    "report",
    "claims",
    "recipes",
    "cli",
)
"""A package imports only itself and packages before it."""
LONGEST, LONGEST_RECIPE, LONGEST_TOY = 400, 200, 80
CALLS = {"eval", "exec", "__import__", "os.system", "os.popen", "pickle.load", "pickle.loads"}
CALLS |= {"ast.parse"}
ALLOWED = {"ratchet.sandbox.runner": {"exec"}, "ratchet.core.syntax": {"ast.parse"}}
"""``exec`` only in a process made for a candidate, behind every layer; trees one at a time."""
MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


def imported(module: str, tree: ast.AST, package: bool) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of all that a module imports, wherever in it, however written."""
    parts = module.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = parts[: len(parts) - node.level + package] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("import_module"):
            for given in node.args[:1]:
                if isinstance(given, ast.Constant):
                    yield node.lineno, str(given.value)


@cache
def parse(source: str) -> ast.Module:
    return ast.parse(source)


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` of a name or an attribute, empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def wrong_imports(module: str, source: str, package: bool = False) -> list[str]:
    """Return what a module of the library imports against the order."""
    wrong = []
    home = module.split(".")[1] if "." in module else ""
    if home and home not in (*ORDER, "__main__"):
        return [f"{module}: {home} is not in the design's order"]
    for line, name in imported(module, parse(source), package):
        parts = name.split(".")
        if parts[0] != "ratchet" or len(parts) < 2:
            continue
        known = parts[1] in ORDER
        outranks = known and home in ORDER and ORDER.index(parts[1]) > ORDER.index(home)
        if outranks or (not known and (LIBRARY / parts[1]).is_dir()):
            wrong.append(f"{module}:{line} imports {name}")
    return wrong


def wrong_calls(module: str, source: str) -> list[str]:
    """Return bare or silent excepts, evaluated text, pickles, shells and unfinished work."""
    wrong = []
    for node in ast.walk(parse(source)):
        at = f"{module}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                wrong.append(f"{at} bare except")
            elif all(isinstance(s, ast.Pass) for s in node.body):
                wrong.append(f"{at} silent except")
        elif isinstance(node, ast.Call):
            if dotted(node.func) in CALLS - ALLOWED.get(module, set()):
                wrong.append(f"{at} calls {dotted(node.func)}")
            if any(k.arg == "shell" and getattr(k.value, "value", 1) for k in node.keywords):
                wrong.append(f"{at} opens a shell")
        elif isinstance(node, ast.Name) and node.id == "NotImplementedError":
            wrong.append(f"{at} is not finished")
    found = imported(module, parse(source), False)
    return wrong + [f"{module}:{i} {m}" for i, m in found if m.split(".")[0] in MODULES]


def too_long(path: str, source: str) -> list[str]:
    """Return a file of the library or the tests that is longer than its kind may be."""
    place, lines = Path(path), len(source.splitlines())
    longest = LONGEST
    if place.name == "recipe.py":
        longest = (LONGEST_TOY if "toy" in place.parent.name else LONGEST_RECIPE) - 1
    return [f"{path} has {lines} lines, more than {longest}"] if lines > longest else []


def sources(folder: Path) -> list[tuple[Path, str]]:
    return [(path, path.read_text("utf-8")) for path in sorted(folder.rglob("*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_a_package_imports_only_packages_above_it() -> None:
    assert sources(LIBRARY)
    wrong = [
        line
        for path, text in sources(LIBRARY)
        for line in wrong_imports(name_of(path), text, path.name == "__init__.py")
    ]
    assert wrong == []


def test_nothing_forbidden_is_called() -> None:
    assert [w for path, text in sources(LIBRARY) for w in wrong_calls(name_of(path), text)] == []


def test_files_are_short() -> None:
    every = sources(LIBRARY) + sources(ROOT / "tests")
    assert [w for p, text in every for w in too_long(str(p.relative_to(ROOT)), text)] == []


@pytest.mark.parametrize(
    ("module", "source", "named"),
    [
        ("ratchet.core.task", "import ratchet.loop", "ratchet.loop"),
        ("ratchet.core.task", "from ratchet.loop.gate import Gate", "ratchet.loop.gate.Gate"),
        ("ratchet.core.task", "from ratchet import loop", "ratchet.loop"),
        ("ratchet.core.task", "from ..loop import gate", "ratchet.loop.gate"),
        ("ratchet.core.task", "from .. import cli", "ratchet.cli"),
        ("ratchet.stats.a", "def f():\n    import ratchet.engine.fake", "ratchet.engine.fake"),
        (
            "ratchet.guard.a",
            "if TYPE_CHECKING:\n    from ratchet.solve import x",
            "ratchet.solve.x",
        ),
        ("ratchet.loop.a", "importlib.import_module('ratchet.recipes.b')", "ratchet.recipes.b"),
        ("ratchet.utils.a", "x = 1", "not in the design's order"),
        ("ratchet.recipes.agent0.recipe", "import ratchet.cli.runs", "ratchet.cli.runs"),
    ],
)
def test_a_planted_import_is_found(module: str, source: str, named: str) -> None:
    (found,) = wrong_imports(module, source)
    assert named in found


def test_a_planted_import_is_found_in_a_package() -> None:
    source = "from ..loop import gate\nfrom .task import Task\nfrom . import task"
    assert wrong_imports("ratchet.core", source, True) == [
        "ratchet.core:1 imports ratchet.loop.gate"
    ]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ratchet.loop.gate", "import ratchet.core.task\nfrom .ledger import Ledger"),
        ("ratchet.loop.gate", "from ratchet.loop import ledger\nimport numpy.random"),
        ("ratchet.cli.runs", "from ratchet.recipes.launch import launch"),
        ("ratchet.__main__", "from ratchet.cli import main"),
        ("ratchet.core.task", "from ratchet import __version__"),
        ("ratchet.guard.child", "x = 'import ratchet.cli'"),
    ],
)
def test_an_allowed_import_is_let_pass(module: str, source: str) -> None:
    assert wrong_imports(module, source) == []


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("try:\n    f()\nexcept:\n    raise", "m:3 bare except"),
        ("try:\n    f()\nexcept OSError:\n    pass", "m:3 silent except"),
        ("x = eval('1')", "m:1 calls eval"),
        ("exec(code)", "m:1 calls exec"),
        ("__import__('os')", "m:1 calls __import__"),
        ("import pickle", "m:1 pickle"),
        ("from pickle import loads", "m:1 pickle.loads"),
        ("os.system('ls')", "m:1 calls os.system"),
        ("run('ls', shell=True)", "m:1 opens a shell"),
        ("raise NotImplementedError", "m:1 is not finished"),
    ],
)
def test_a_planted_call_is_found(source: str, named: str) -> None:
    assert wrong_calls("m", source) == [named]


def test_what_only_looks_forbidden_is_let_pass() -> None:
    source = "model.eval()\nrun(['ls'], shell=False)\ntry:\n    f()\nexcept OSError:\n    g()"
    assert wrong_calls("m", source) == []


def test_a_planted_long_file_is_found() -> None:
    assert too_long("ratchet/core/task.py", "x\n" * 400) == []
    assert too_long("ratchet/core/task.py", "x\n" * 401)
    assert too_long("ratchet/recipes/agent0/recipe.py", "x\n" * 199) == []
    assert too_long("ratchet/recipes/agent0/recipe.py", "x\n" * 200)
    assert too_long("ratchet/recipes/toy_policy/recipe.py", "x\n" * 79) == []
    assert too_long("ratchet/recipes/toy_policy/recipe.py", "x\n" * 80)
