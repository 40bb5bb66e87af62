"""``doctor``: what this machine has, what is missing, and the command that mends it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from ratchet.cli.reply import Reply, columns
from ratchet.core.errors import SandboxError

PACKAGES = (
    "httpx",
    "matplotlib",
    "numpy",
    "pydantic",
    "rapidfuzz",
    "rich",
    "safetensors",
    "tomli-w",
    "tyro",
    "torch",
    "tokenizers",
    "transformers",
    "gguf",
)
"""What Ratchet depends on."""
_GIB = 2**30


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    """What."""
    found: str
    """What was found."""
    ok: bool
    """Whether that is enough."""
    mend: str = ""
    """The command that mends it; empty if nothing has to be."""


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Look at this machine: Python, cores, memory, disk, packages, models, and the sandbox, whose
    layers are tried one by one; say what is missing."""

    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Look."""
        from ratchet.cli.models import check_models

        packages = (check_package(name) for name in PACKAGES)
        checks = [*check_machine(), *packages, *check_models(), *check_sandbox()]
        ok = all(check.ok for check in checks)
        rows = [
            ["ok" if c.ok else "MISSING", c.name, c.found, "" if c.ok else c.mend] for c in checks
        ]
        wanted = [check.mend for check in checks if check.mend and not check.ok]
        end = "everything is there" if ok else "next:\n" + "\n".join(f"  {w}" for w in wanted)
        document = {"ok": ok, "checks": [asdict(check) for check in checks]}
        return Reply(document, f"{columns(rows)}\n\n{end}", 0 if ok else 1)


def check_machine() -> list[Check]:
    """Look at Python, cores, memory and disk."""
    free = shutil.disk_usage(Path.cwd()).free / _GIB
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [
        Check(
            "python",
            platform.python_version(),
            sys.version_info >= (3, 11),
            "install Python 3.11 or newer",
        ),
        Check("cores", str(cores), True),
        Check("memory", f"{memory:.1f} GiB", memory >= 4, "close other programs, or use tier toy"),
        Check("disk", f"{free:.1f} GiB free", free >= 3, "make room, or work in another folder"),
    ]


def check_package(name: str) -> Check:
    """Look at one package."""
    try:
        return Check(name, metadata.version(name), True)
    except metadata.PackageNotFoundError:
        return Check(name, "not installed", False, f"{sys.executable} -m pip install {name}")


def check_sandbox(off: Iterable[str] = ()) -> list[Check]:
    """Open a sandbox and return the level it reaches and what was found of every layer.

    A layer that is not there is missing only where the level suffers by it.
    """
    from ratchet.sandbox.open import open_sandbox
    from ratchet.sandbox.protocol import Level
    from ratchet.sandbox.require import REMEDIES

    try:
        with open_sandbox(Level.PROCESS, workers=1, off=off) as sandbox:
            found = sandbox.capability
    except SandboxError as error:
        return [Check("sandbox", error.message, False, error.hint)]
    enough = found.level >= Level.ISOLATED
    level = f"level {found.level.name}, by {found.provider}"
    checks = [Check("sandbox", level if enough else f"{level}; programs need ISOLATED", enough)]
    for layer in found.layers:
        name, holds = f"  {layer.name}", "holds" if layer.holds else "does not hold"
        ok = layer.holds or layer.name == "cgroup" or (enough and layer.name in REMEDIES)
        mend = REMEDIES.get(layer.name, "use a Python whose library every user may read")
        checks.append(Check(name, f"{holds} ({layer.detail})", ok, "" if ok else mend))
    return checks
