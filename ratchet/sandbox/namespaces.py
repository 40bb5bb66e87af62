"""A view of the machine with nothing in it but an interpreter, and the namespaces of one run.

The launcher builds a root once: an empty, read-only memory file system with the standard library,
the libraries it links to and four devices, all read-only; then it makes that its root, so that not
even the launcher sees the machine's files any more. Each run is then cloned into fresh user, mount,
process, network, IPC, host-name and cgroup namespaces. Its mounts are a copy of the root's that
the kernel locks, and three new folders with quotas are all it can write to.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ratchet.sandbox import kernel

RUN = (
    kernel.NEWUSER
    | kernel.NEWNS
    | kernel.NEWPID
    | kernel.NEWNET
    | kernel.NEWIPC
    | kernel.NEWUTS
    | kernel.NEWCGROUP
)
SCRATCH = "/scratch"
WRITABLE = (SCRATCH, "/tmp", "/dev/shm")
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
CANARY = "/canary"
"""A file in every root that nothing needs: a probe tries to read it."""
INSIDE_ID = 1000
"""User and group id that a program sees."""
INODES = 4096
"""Files that each writable folder can hold."""
_KEPT = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def enter_user() -> None:
    """Move this process into a user and a mount namespace in which it may mount."""
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.NEWUSER | kernel.NEWNS)
    held = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    try:
        map_ids(held, uid, gid, uid, gid)
    finally:
        os.close(held)


def map_ids(proc: int, uid: int, gid: int, outside_uid: int, outside_gid: int) -> None:
    """Give this process its one user and group id in the user namespace it is in."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outside_uid} 1"),
        ("gid_map", f"{gid} {outside_gid} 1"),
    ):
        held = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(held, text.encode())
        finally:
            os.close(held)


def build_root(readable: Sequence[str], hidden: Sequence[str]) -> None:
    """Make a root of ``readable`` without ``hidden``, and move this process into it."""
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    sources = [(path, os.open(path, os.O_PATH)) for path in (*readable, *DEVICES)]
    base = "/tmp"
    quiet = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", base, "tmpfs", quiet, "size=1m,mode=755")
    os.umask(0o022)
    for folder in (*WRITABLE, "/proc"):
        os.makedirs(base + folder, exist_ok=True)
    with open(base + CANARY, "w", encoding="utf-8") as canary:
        canary.write("canary")
    for path, held in sources:
        bind(f"/proc/self/fd/{held}", base + path, devices=path in DEVICES)
        os.close(held)
    for path in hidden:
        flags = quiet | kernel.MS_NOEXEC | kernel.MS_RDONLY
        kernel.mount("tmpfs", base + path, "tmpfs", flags, "size=4k,mode=755")
    os.chdir(base)
    kernel.pivot_root(".", ".")
    kernel.unmount(".")
    os.chdir("/")
    kernel.mount("none", "/", flags=kernel.MS_REMOUNT | kernel.MS_BIND | quiet | kernel.MS_RDONLY)


def bind(source: str, target: str, devices: bool = False) -> None:
    """Show a file or folder at another place, read-only."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
    kernel.mount(source, target, flags=kernel.MS_BIND | kernel.MS_REC)
    had = os.statvfs(target).f_flag
    flags = had & _KEPT | kernel.MS_NOSUID | kernel.MS_RDONLY
    flags |= had & (os.ST_NOATIME | os.ST_NODIRATIME)
    if had & os.ST_RELATIME:
        flags |= 1 << 21
    if not devices:
        flags |= kernel.MS_NODEV
    kernel.mount("none", target, flags=kernel.MS_REMOUNT | kernel.MS_BIND | flags)


def private_folders(size: int, readable: Sequence[str]) -> None:
    """Put new, empty folders of at most ``size`` bytes each where a program may write.

    What is ``readable`` below one of them, an interpreter in /tmp, is shown there again.
    """
    covered = [path for path in readable if path.startswith(tuple(f"{w}/" for w in WRITABLE))]
    held = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in covered]
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    pages = -(-size // 4096) * 4096
    for folder in WRITABLE:
        kernel.mount("tmpfs", folder, "tmpfs", flags, f"size={pages},nr_inodes={INODES},mode=700")
    for path, source in zip(covered, held, strict=True):
        os.makedirs(path)
        os.fchdir(source)
        os.close(source)
        kernel.mount(".", path, flags=kernel.MS_BIND | kernel.MS_REC)
    os.chdir("/")


def forbid_more_users(proc: int) -> None:
    """Let nobody below this user namespace make another one."""
    held = os.open("sys/user/max_user_namespaces", os.O_WRONLY, dir_fd=proc)
    try:
        os.write(held, b"0")
    finally:
        os.close(held)
