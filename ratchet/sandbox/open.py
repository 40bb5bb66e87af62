"""Opening a sandbox: find what this machine can do, prove it, and refuse what is asked for and not
there.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterable

from ratchet.core.errors import SandboxError
from ratchet.sandbox import kernel
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.probe import LAYERS, probe, python_is_complete
from ratchet.sandbox.protocol import Capability, Layer, Level
from ratchet.sandbox.require import refusal

MOST_WORKERS = 64
_FIRST_UID = 1_000_000_000
_UIDS = 256
"""User ids from here on belong to nobody; so many to each process that opens sandboxes as root."""
_opened = itertools.count()


def open_sandbox(
    level: Level = Level.ISOLATED, workers: int = 2, off: Iterable[str] = ()
) -> LocalSandbox:
    """Open a sandbox of at least this level, with so many runs in parallel.

    Each layer is tried first, by doing what it should prevent; ``capability`` says what was found.
    ``off`` names layers to leave out (``probe.LAYERS``), which lowers the level accordingly.
    Raises SandboxError, with the reason and the remedy, if the level cannot be had.
    """
    off = frozenset(off)
    if unknown := off - set(LAYERS):
        raise SandboxError(
            f"no layer is called {', '.join(sorted(unknown))}", f"choose from {', '.join(LAYERS)}"
        )
    if not 1 <= workers <= MOST_WORKERS:
        raise SandboxError(f"workers = {workers}, not from 1 to {MOST_WORKERS}", "workers=2")
    if not sys.platform.startswith("linux") or not kernel.supported():
        raise SandboxError(
            f"programs are not run on {sys.platform} {kernel.MACHINE}: no layer is known there",
            "run on Linux, x86_64 or aarch64",
        )
    sandbox, problem = _start(workers, off)
    try:
        isolated = sandbox.isolated
        layers = probe(sandbox, isolated, sandbox.uid, off)
        if problem:
            layers = [
                Layer("namespaces", False, problem) if x.name == "namespaces" else x for x in layers
            ]
        reached = level_of({layer.name for layer in layers if layer.holds})
        provider = "direct" if isolated else "process"
        sandbox.capability = Capability(provider, reached, (*layers, python_is_complete(sandbox)))
        if reached < level:
            raise refusal(level, sandbox.capability)
    except BaseException:
        sandbox.close()
        raise
    return sandbox


def level_of(held: set[str]) -> Level:
    """Return the level that these layers make together."""
    if "uid" not in held or "rlimits" not in held:
        return Level.PROCESS
    if {"namespaces", "seccomp"} <= held:
        return Level.ISOLATED
    if "namespaces" in held or {"seccomp", "landlock"} <= held:
        return Level.CONFINED
    return Level.PROCESS


def _start(workers: int, off: frozenset[str]) -> tuple[LocalSandbox, str]:
    """Return an open sandbox, in namespaces if they can be had, and why not if not."""
    uids = _uids(workers) if os.geteuid() == 0 and "uid" not in off else [0] * workers
    if "namespaces" not in off:
        try:
            return LocalSandbox(workers, True, uids, off), ""
        except (OSError, subprocess.SubprocessError) as error:
            problem = f"cannot be made: {error}"
    else:
        problem = ""
    try:
        return LocalSandbox(workers, False, uids, off), problem
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"no process can be started: {error}", "ratchet doctor") from error


def _uids(workers: int) -> list[int]:
    """Return a user id for each worker that no other process on this machine uses."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        first, _, count = (int(x) for x in file.readline().split())
    start, room = _FIRST_UID + os.getpid() * _UIDS, _UIDS
    if first + count <= start + room:  # a container with few ids
        start, room = 40_000, 20_000
    return [start + next(_opened) % room for _ in range(workers)]
