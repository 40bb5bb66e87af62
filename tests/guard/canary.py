"""A taint test for whole runs: anchors that can be recognised wherever they turn up.

Run anything under ``tainted_charter(folder)``, then ask ``leaks``. Open tasks carry no canary, so
the loop may use the plain world. A solver that needs the plain prompt asks ``untainted``.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ratchet.core.task import Rejection, Task, Verdict
from ratchet.guard.charter import find_charter
from ratchet.guard.messages import RECORDS
from ratchet.worlds.arithmetic import Arithmetic
from ratchet.worlds.protocol import Stream, World

MARK = re.compile(rb"canary[0-9a-f]{16}")


class TaintedWorld:
    """A world as it is, except that each anchor's prompt ends in a canary of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.name = world.name
        self.families = world.families

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        return self._world.tasks(rng, n, level, family)

    def parse(self, text: str) -> Task | Rejection:
        return self._world.parse(text)

    def check(self, task: Task, answer: str) -> Verdict:
        return self._world.check(replace(task, prompt=untainted(task.prompt)), answer)

    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        drawn = self._world.anchors(rng, n, stream, families, levels)
        return [replace(task, prompt=task.prompt + _mark(task)) for task in drawn]


class CanaryWorld(TaintedWorld):
    """Arithmetic, tainted."""

    def __init__(self) -> None:
        super().__init__(Arithmetic())


def tainted_charter(folder: Path) -> Path:
    """Write the shipped arithmetic charter, its world tainted, and return its path."""
    text = find_charter("arithmetic").read_text("utf-8")
    path = folder / "tainted.toml"
    path.write_text(
        text.replace("ratchet.worlds.arithmetic:Arithmetic", f"{__name__}:CanaryWorld"), "utf-8"
    )
    return path


def untainted(prompt: str) -> str:
    """Return a prompt as the plain world wrote it."""
    return re.sub(r" \(canary[0-9a-f]{16}\)$", "", prompt)


def canaries(folder: Path) -> set[str]:
    """Return the canaries that the evaluator with this folder has issued, answered or not."""
    lines = (folder / RECORDS).read_text("utf-8").splitlines()
    return {found for line in lines for found in marks(json.loads(line)["prompt"].encode())}


def marks(data: bytes) -> set[str]:
    """Return the canaries in some bytes."""
    return {found.decode() for found in MARK.findall(data)}


def leaks(folder: Path, sealed: Path) -> dict[Path, set[str]]:
    """Return the issued canaries found in names and contents of files under ``folder``, by file.

    ``sealed`` is the evaluator's folder: it says what was issued and is itself left out. Gzip files
    are searched unpacked.
    """
    issued = canaries(sealed)
    assert issued, f"no canary was issued, so {folder} was not tested"
    found = {path: marks(data) & issued for path, data in _contents(folder, sealed)}
    return {path: some for path, some in found.items() if some}


def _contents(folder: Path, sealed: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.resolve().is_relative_to(sealed.resolve()):
            data = path.read_bytes()
            yield path, path.name.encode() + b"\n" + data
            if data.startswith(b"\x1f\x8b"):
                yield path, gzip.decompress(data)


def _mark(task: Task) -> str:
    digest = hashlib.blake2b(f"canary {task.id}".encode(), digest_size=8).hexdigest()
    return f" (canary{digest})"
