"""Measuring a tree of processes from outside: CPU time, memory, and time spent waiting for a core.

Reads a descriptor of /proc that was opened before the process lost sight of it; numbers are those
of that /proc. Everything here is a reading of a moving target and answers 0 for what is gone.
"""

from __future__ import annotations

import os
import time

TICK = os.sysconf("SC_CLK_TCK")


def read(proc: int, path: str) -> bytes:
    """Return a file below /proc, empty if its process is gone or may not be read."""
    try:
        held = os.open(path, os.O_RDONLY, dir_fd=proc)
    except OSError:
        return b""
    try:
        return os.read(held, 65536)
    except OSError:
        return b""
    finally:
        os.close(held)


def clock(pid: int) -> float:
    """Return the CPU seconds of one process, all its threads, by its kernel clock."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def stat(proc: int, pid: int) -> list[bytes]:
    """Return the fields of a process after its name: state, parent, ..."""
    text = read(proc, f"{pid}/stat")
    return text[text.rfind(b")") + 2 :].split()


def parents(proc: int) -> dict[int, int]:
    """Return the parent of every process that can be seen."""
    held = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
    try:
        names = os.listdir(held)
    finally:
        os.close(held)
    found = {}
    for name in names:
        if name.isdigit() and (fields := stat(proc, int(name))):
            found[int(name)] = int(fields[1])
    return found


def descendants(proc: int, root: int) -> list[int]:
    """Return every process below one, nearest first."""
    above = parents(proc)
    found, frontier = [], {root}
    while frontier:
        frontier = {pid for pid, parent in above.items() if parent in frontier}
        found += sorted(frontier)
    return found


def cpu(proc: int, pids: list[int]) -> float:
    """Return the CPU seconds of processes and of the children that they have waited for."""
    ticks = 0
    for pid in pids:
        if len(fields := stat(proc, pid)) > 14:
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICK


def memory(proc: int, pids: list[int]) -> int:
    """Return resident bytes; what processes share counts once if the kernel lets us see it."""
    total = 0
    for pid in pids:
        rollup = read(proc, f"{pid}/smaps_rollup")
        start = rollup.find(b"\nPss:")
        if start >= 0:
            total += int(rollup[start + 5 :].split(None, 1)[0]) * 1024
            continue
        for line in read(proc, f"{pid}/status").splitlines():
            if line.startswith((b"RssAnon:", b"RssShmem:")):
                total += int(line.split()[1]) * 1024
    return total


def waited(proc: int, pid: int) -> float:
    """Return the seconds a process was ready to run and had no core."""
    fields = read(proc, f"{pid}/schedstat").split()
    return int(fields[1]) / 1e9 if len(fields) > 1 else 0.0


def is_overfull(path: str, size: int, files: int) -> bool:
    """Say whether a folder holds more bytes on disk, or more files and folders, than it may."""
    total, count, folders = 0, 0, [path]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    count += 1
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if total > size or count > files:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue
    return False


def tasks_of(proc: int, uid: int) -> int:
    """Return how many processes and threads a user has."""
    count = 0
    for pid in parents(proc):
        try:
            if os.stat(str(pid), dir_fd=proc).st_uid == uid:
                held = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
                try:
                    count += len(os.listdir(held))
                finally:
                    os.close(held)
        except OSError:
            continue
    return count
