"""Limits that the kernel keeps on all processes of a run together, where a cgroup is handed to us.

Version 2 with the memory and pids controllers, below any cgroup in which this user may make others:
systemd hands one to every user's own services. Without it the warden's looks stand alone. CPU time
is measured either way: a cgroup can slow a program down but not end it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NEEDED = frozenset({"memory", "pids"})
SLACK = 16 * 2**20
"""Bytes for what the kernel itself keeps for a run: page tables, pipes, folders."""
_PREFIX = "ratchet"


class Cgroup:
    """A cgroup for the runs of one worker, one at a time."""

    def __init__(self, above: Path, number: int) -> None:
        self.path = above / f"{_PREFIX}-{os.getpid()}-{number}"
        self.path.mkdir()
        try:
            self.door = os.open(self.path / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
            self._write("memory.oom.group", 1)
        except OSError:
            self.remove()
            raise

    def limit(self, memory: int, scratch: int, processes: int) -> None:
        """Set what the next run may use; files in memory have room of their own."""
        self._write("pids.max", processes)
        self._write("memory.max", memory + 3 * scratch + SLACK)
        with suppress(FileNotFoundError):  # a kernel without swap
            self._write("memory.swap.max", 0)

    def kills(self) -> int:
        """Return how often a process in here was killed for want of memory."""
        text = (self.path / "memory.events").read_text("ascii")
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    def remove(self) -> None:
        """Remove it, once nothing runs in it."""
        with suppress(OSError):
            os.close(self.door)
        with suppress(OSError):
            self.path.rmdir()

    def _write(self, name: str, value: int) -> None:
        (self.path / name).write_text(str(value), "ascii")


def find(proc: Path = Path("/proc")) -> Path | None:
    """Return the nearest cgroup above this process in which it may make others with limits."""
    try:
        own = _own(proc)
    except (OSError, ValueError):
        return None
    for folder in own:
        try:
            shared = set((folder / "cgroup.subtree_control").read_text("ascii").split())
        except OSError:
            continue
        if shared >= NEEDED and os.access(folder, os.W_OK):
            return folder if os.access(folder / "cgroup.procs", os.W_OK) else None
    return None


def tidy(above: Path) -> None:
    """Remove the cgroups of processes that ended without doing so."""
    for path in above.glob(f"{_PREFIX}-*-*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            with suppress(OSError):
                path.rmdir()


def _own(proc: Path) -> list[Path]:
    """Return the folders of this process's cgroup and of all above it. ValueError if none is seen.

    ``/proc/self/mountinfo`` gives the root of the mount, the place, and after a dash the kind.
    """
    (name,) = [x[3:] for x in (proc / "self/cgroup").read_text().splitlines() if x[:3] == "0::"]
    for line in (proc / "self/mountinfo").read_text().splitlines():
        fields = line.split()
        root, place = fields[3:5]
        if fields[fields.index("-") + 1] == "cgroup2" and f"{name}/".startswith(root):
            top, own = Path(place), Path(place, os.path.relpath(name, root))
            return [own, *own.parents[: len(own.parents) - len(top.parents)]]
    raise ValueError("no cgroup of version 2 is mounted")
