"""Resource limits of one process, set by the process itself just before a program runs in it.

Each is a backstop of something the warden measures better: the CPU limit is in whole seconds, the
memory limits are per process, and the process limit counts whatever runs under the same user id.
"""

from __future__ import annotations

import math
import resource

STACK = 8 * 2**20
"""Bytes of stack; also what a thread reserves."""
SHARED = 64 * 2**20
"""Bytes of address space beyond the memory limit: code, shared libraries, reserved arenas."""
SIGNALS = 256
"""Signals and timers that may wait, each of which takes memory of the kernel."""


def apply(cpu_s: float, memory: int, scratch: int, processes: int, open_files: int) -> None:
    """Set every limit, soft and hard.

    Private memory is bounded by DATA, shared anonymous memory by AS. The CPU limit's hard value
    ends a process that ignores the signal of the soft one. ``processes`` is what the kernel counts
    for this user id, which is not always the program's own.
    """
    cpu = math.ceil(cpu_s) + 1
    for what, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_DATA, memory, memory),
        (resource.RLIMIT_AS, memory + SHARED, memory + SHARED),
        (resource.RLIMIT_FSIZE, scratch, scratch),
        (resource.RLIMIT_NOFILE, open_files, open_files),
        (resource.RLIMIT_NPROC, processes, processes),
        (resource.RLIMIT_STACK, STACK, STACK),
        (resource.RLIMIT_CORE, 1, 1),  # 0 still starts a core handler, 1 never does
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
        (resource.RLIMIT_RTPRIO, 0, 0),
        (resource.RLIMIT_SIGPENDING, SIGNALS, SIGNALS),
    ):
        ceiling = resource.getrlimit(what)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(what, (soft, hard))
