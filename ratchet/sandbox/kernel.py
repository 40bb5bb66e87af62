"""The few system calls that Python has no name for, through libc.

They raise ``OSError``, as ``os`` does. The launcher imports this, so only the lightest of the
standard library stands here.
"""

from __future__ import annotations

import ctypes
import os
import signal

_libc = ctypes.PyDLL(None, use_errno=True)
"""PyDLL keeps the interpreter lock during a call: a clone must not change threads on its way."""
_libc.syscall.restype = ctypes.c_long

NEWUSER, NEWNS, NEWPID = 0x10000000, 0x00020000, 0x20000000
NEWNET, NEWIPC, NEWUTS, NEWCGROUP = 0x40000000, 0x08000000, 0x04000000, 0x02000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38

MACHINE = os.uname().machine
_NUMBERS = {"x86_64": (56, 155, 126), "aarch64": (220, 41, 91)}
"""Of clone, pivot_root and capset."""
_CAPABILITY_VERSION_3 = 0x20080522


def supported() -> bool:
    """Return whether the machine's system call numbers are known."""
    return MACHINE in _NUMBERS


def syscall(number: int, *arguments: int | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call; an int is passed as a long, a buffer as its address."""
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *given))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def clone(flags: int) -> int:
    """Fork into new namespaces; returns 0 in the child, which is process 1 of a new NEWPID."""
    pid = syscall(_NUMBERS[MACHINE][0], flags | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    return pid


def unshare(flags: int) -> None:
    """Move this process into new namespaces."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount, bind or remount."""
    texts = [t.encode() if t else None for t in (source, target, kind, data)]
    result = _libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])
    _check(result, f"mount {target}")


def unmount(target: str) -> None:
    """Detach a mount, now or when the last user lets go."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"unmount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make a mount the root of this namespace."""
    paths = [ctypes.create_string_buffer(p.encode()) for p in (new, old)]
    syscall(_NUMBERS[MACHINE][1], *paths)


def prctl(
    option: int, argument: int | ctypes.c_void_p = 0, second: ctypes.c_void_p | int = 0
) -> None:
    """Set something about this process."""
    given = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in (argument, second)]
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, *given, zero, zero), f"prctl {option}")


def drop_capabilities() -> None:
    """Give up every capability, for good once no_new_privs is set."""
    header = ctypes.create_string_buffer(_CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4), 8)
    syscall(_NUMBERS[MACHINE][2], header, ctypes.create_string_buffer(24))
