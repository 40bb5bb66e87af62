"""Opening a sandbox: find what this machine can do, prove it, and refuse what is asked for and not
there.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence

from ratchet.core.errors import SandboxError
from ratchet.sandbox import bubblewrap, kernel
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.probe import LAYERS, cgroup, probe, python_is_complete
from ratchet.sandbox.protocol import Capability, Layer, Level
from ratchet.sandbox.require import refusal

MOST_WORKERS = 64
_FIRST_UID = 1_000_000_000
_UIDS = 256
"""User ids from here on belong to nobody; so many to each process that opens sandboxes as root."""
_opened = itertools.count()


PROVIDERS = ("direct", "bubblewrap")
"""How namespaces can be had, in the order of trying."""


def open_sandbox(
    level: Level = Level.ISOLATED,
    workers: int = 2,
    off: Iterable[str] = (),
    providers: Sequence[str] = PROVIDERS,
) -> LocalSandbox:
    """Open a sandbox of at least this level, with so many runs in parallel.

    Each layer is tried first, by doing what it should prevent; ``capability`` says what was found.
    ``off`` names layers to leave out (``probe.LAYERS``), which lowers the level accordingly;
    ``providers`` are tried in their order, and the first with which namespaces hold is taken.
    Raises SandboxError, with the reason and the remedy, if the level cannot be had.
    """
    off = frozenset(off)
    for kind, given, known in (
        ("layer", off, (*LAYERS, "cgroup")),
        ("provider", providers, PROVIDERS),
    ):
        if unknown := set(given) - set(known):
            raise SandboxError(
                f"no {kind} is called {', '.join(sorted(unknown))}",
                f"choose from {', '.join(known)}",
            )
    if not 1 <= workers <= MOST_WORKERS:
        raise SandboxError(f"workers = {workers}, not from 1 to {MOST_WORKERS}", "workers=2")
    if not sys.platform.startswith("linux") or not kernel.supported():
        raise SandboxError(
            f"programs are not run on {sys.platform} {kernel.MACHINE}: no layer is known there",
            "run on Linux, x86_64 or aarch64",
        )
    sandbox = _start(workers, off, providers)
    if sandbox.capability.level < level:
        sandbox.close()
        raise refusal(level, sandbox.capability)
    return sandbox


def level_of(held: set[str], provider: str = "direct") -> Level:
    """Return the level that these layers make together.

    Under bubblewrap, runs follow each other in one root, with what their launcher needs in it: only
    Landlock keeps that from them.
    """
    if "uid" not in held or "rlimits" not in held:
        return Level.PROCESS
    confined = {"seccomp", "landlock"} <= held
    if {"namespaces", "seccomp"} <= held and (confined or provider != "bubblewrap"):
        return Level.ISOLATED
    return Level.CONFINED if "namespaces" in held or confined else Level.PROCESS


def _start(workers: int, off: frozenset[str], providers: Sequence[str]) -> LocalSandbox:
    """Return an open sandbox that was probed, in namespaces if any provider has them."""
    uids = _uids(workers) if os.geteuid() == 0 and "uid" not in off else [0] * workers
    problems = []
    for provider in providers if "namespaces" not in off else ():
        bwrap = bubblewrap.find() if provider == "bubblewrap" else ""
        if provider == "bubblewrap" and not bwrap:
            problems.append("bubblewrap: bwrap is not installed")
            continue
        try:
            wrapper = bubblewrap.wrap(bwrap) if bwrap else []
            if wrapper:
                bubblewrap.check(wrapper)
            sandbox = _probed(LocalSandbox(workers, not bwrap, uids, off, wrapper), off)
        except (OSError, subprocess.SubprocessError) as error:
            problems.append(f"{provider}: cannot be made: {error}")
            continue
        (layer,) = [x for x in sandbox.capability.layers if x.name == "namespaces"]
        if layer.holds:
            return sandbox
        sandbox.close()
        problems.append(f"{provider}: {layer.detail}")
    try:
        return _probed(LocalSandbox(workers, False, uids, off), off, "; ".join(problems))
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"no process can be started: {error}", "ratchet doctor") from error


def _probed(sandbox: LocalSandbox, off: frozenset[str], problem: str = "") -> LocalSandbox:
    """Return a sandbox that knows what it can do; ``problem`` is why it has no namespaces."""
    try:
        layers = probe(sandbox, sandbox.isolated, sandbox.uid, off)
        if problem:
            layers = [
                Layer("namespaces", False, problem) if x.name == "namespaces" else x for x in layers
            ]
        reached = level_of({layer.name for layer in layers if layer.holds}, sandbox.provider)
        more = (cgroup(sandbox, off), python_is_complete(sandbox))
        sandbox.capability = Capability(sandbox.provider, reached, (*layers, *more))
    except BaseException:
        sandbox.close()
        raise
    return sandbox


def _uids(workers: int) -> list[int]:
    """Return a user id for each worker that no other process on this machine uses, 0 for none."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        first, _, count = (int(x) for x in file.readline().split())
    start, room = _FIRST_UID + os.getpid() * _UIDS, _UIDS
    if first + count <= start + room:  # a container with few ids
        start, room = 40_000, 20_000
    if first + count < start + room:
        return [0] * workers
    return [start + next(_opened) % room for _ in range(workers)]
