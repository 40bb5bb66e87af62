"""Putting every layer in force: first what the run sees, then what its one program may do.

``Stage.set`` runs in the warden, before there is a program; ``Stage.enter`` runs in the process
that becomes the program and cannot be undone by it.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.sandbox import kernel, landlock, limits, namespaces, seccomp, watch

CHANNEL = 3
"""The descriptor that values leave by."""
HIGH = 200
"""Where descriptors wait while 0 to 3 are put in place."""


@dataclass
class Stage:
    """What the launcher found and made; ``for_run`` turns layers off for one run."""

    proc: int
    """Descriptor of /proc, -1 if there is none."""
    uid: int
    """User id outside."""
    gid: int
    """Group id outside."""
    folder: str
    """The program's folder."""
    readable: tuple[str, ...]
    """Paths that Landlock lets a program read."""
    namespaces: bool
    """Whether a run is cloned into namespaces of its own."""
    rlimits: bool
    """Whether resource limits are set."""
    seccomp: bool
    """Whether system calls are filtered."""
    landlock: int
    """Version of the Landlock interface; 0 for off."""
    counts_apart: bool
    """Whether the kernel counts processes per user namespace: 5.14 and later."""
    cgroup: int = -1
    """Descriptor by which a process moves into the run's cgroup, -1 if there is none."""

    def set(self, files: Sequence[tuple[str, bytes]], scratch: int) -> None:
        """Make the run's folders and put the program's files there; then give up every right."""
        if self.namespaces:
            kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # or the id maps belong to root
            inside = namespaces.INSIDE_ID
            namespaces.map_ids(self.proc, inside, inside, self.uid, self.gid)
            namespaces.forbid_more_users(self.proc)
            namespaces.private_folders(scratch, self.readable)
            socket.sethostname("sandbox")
        for path, data in files:
            place = os.path.join(self.folder, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "xb") as file:
                file.write(data)
        if self.namespaces or self.uid != 0:
            kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # no looking into the warden

    def enter(self, bounds: dict[str, Any], cpu_s: float, given: Sequence[int]) -> int:
        """Confine this process for good; return its id in /proc, 0 if there is no /proc.

        ``given`` are the descriptors that become standard input, output, error and the channel;
        all others are closed. Raises OSError if a layer cannot be put in force.
        """
        here = int(os.readlink("self", dir_fd=self.proc)) if self.proc >= 0 else 0
        processes = bounds["processes"] + 1
        if self.rlimits and not (self.namespaces and self.counts_apart):
            processes = bounds["processes"] + watch.tasks_of(self.proc, self.uid) - 1
        if self.cgroup >= 0:
            os.write(self.cgroup, b"0")
        os.setpgid(0, 0)  # or kill(0) would reach the launcher
        os.chdir(self.folder)
        os.umask(0o077)
        if not self.namespaces:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if bounds["processes"] > 1:
            kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # or shared pages cannot be told apart
        for target, descriptor in enumerate(given):
            os.dup2(descriptor, target)
        os.closerange(CHANNEL + 1, 1 << 20)
        if self.landlock:
            folders = namespaces.WRITABLE if self.namespaces else (self.folder,)
            landlock.restrict(self.landlock, self.readable, (*folders, "/dev/null"))
        if self.rlimits:
            memory, scratch = bounds["memory"], bounds["scratch"]
            limits.apply(cpu_s, memory, scratch, processes, bounds["open_files"])
        if self.seccomp:
            only = 0 if self.namespaces else os.getpid()
            alone = bounds["processes"] == 1
            seccomp.load(seccomp.assemble(kernel.MACHINE, alone, only))
        return here
