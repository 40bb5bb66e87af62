"""A filter on system calls, assembled by hand: no library needed, x86_64 and aarch64.

Two rules. Of the calls a kernel has had for long, those that make or open something beyond plain
computing and file access are refused; of those numbered 424 and up, only a few that Python and
libc need are allowed, so that a call that a later kernel adds is refused as well.
Calls of another architecture (x32, 32-bit) end the process.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from ratchet.sandbox import kernel

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, ABOVE, MASK, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
X32 = 0x40000000
NEW_NAMESPACE = 0x7E020080
"""Every CLONE_NEW flag."""
AF_UNIX = 1
DATAGRAMS = 0b1010
"""Bits of a socket's type that SOCK_STREAM and SOCK_SEQPACKET lack: any other type of a pair can
send to a socket of the machine by its path, with no connect."""
IOCTLS = (0x5412, 0x541C, 0x8901, 0x8902)
"""TIOCSTI and TIOCLINUX type into a terminal; FIOSETOWN and SIOCSPGRP do what F_SETOWN does."""
FCNTLS = (8, 10, 15, 1024, 1026, 1031)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX send signals to any process of the user; F_SETLEASE and F_NOTIFY
hold up or watch who else uses a file; F_SETPIPE_SZ takes memory that counts as nobody's."""
SIGCHLD = 17
"""Children of who ignores it end unseen, and their CPU time with them."""
FIRST_NEW = 424
NEW_ALLOWED = (436, 437, 439, 441, 449, 452, 454, 455, 456)
"""close_range, openat2, faccessat2, epoll_pwait2, futex_waitv, fchmodat2, futex_wake, futex_wait,
futex_requeue."""

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
DENIED: dict[str, dict[str, int]] = {
    "x86_64": {
        "acct": 163, "add_key": 248, "adjtimex": 159, "bind": 49, "bpf": 321, "capset": 126,
        "chroot": 161, "clock_adjtime": 305, "clock_settime": 227, "connect": 42,
        "create_module": 174, "delete_module": 176, "execve": 59, "execveat": 322,
        "accept": 43, "accept4": 288, "fanotify_init": 300, "fanotify_mark": 301,
        "finit_module": 313, "get_kernel_syms": 177, "init_module": 175, "inotify_init": 253,
        "inotify_init1": 294, "io_setup": 206, "ioperm": 173, "iopl": 172, "ioprio_set": 251,
        "kcmp": 312, "kexec_file_load": 320, "kexec_load": 246, "keyctl": 250, "listen": 50,
        "lookup_dcookie": 212, "mbind": 237, "memfd_create": 319, "migrate_pages": 256,
        "modify_ldt": 154, "mount": 165, "move_pages": 279, "mq_open": 240, "mq_unlink": 241,
        "msgctl": 71, "msgget": 68, "msgrcv": 70, "msgsnd": 69, "name_to_handle_at": 303,
        "nfsservctl": 180, "open_by_handle_at": 304, "perf_event_open": 298, "personality": 135,
        "pivot_root": 155, "process_vm_readv": 310, "process_vm_writev": 311, "ptrace": 101,
        "query_module": 178, "quotactl": 179, "reboot": 169, "request_key": 249,
        "sched_setaffinity": 203, "sched_setattr": 314, "sched_setparam": 142,
        "sched_setscheduler": 144, "semctl": 66, "semget": 64, "semop": 65, "semtimedop": 220,
        "set_mempolicy": 238, "setdomainname": 171, "setfsgid": 123, "setfsuid": 122,
        "setgid": 106, "setgroups": 116, "sethostname": 170, "setns": 308, "setpriority": 141,
        "setregid": 114, "setresgid": 119, "setresuid": 117, "setreuid": 113, "setsockopt": 54,
        "settimeofday": 164, "setuid": 105, "shmat": 30, "shmctl": 31, "shmdt": 67,
        "shmget": 29, "socket": 41, "splice": 275, "swapoff": 168, "swapon": 167, "sync": 162,
        "syncfs": 306, "sysfs": 139, "sysinfo": 99, "syslog": 103, "tee": 276, "umount2": 166,
        "unshare": 272, "uselib": 134, "userfaultfd": 323, "ustat": 136, "vhangup": 153,
        "vmsplice": 278, "_sysctl": 156,
    },
    "aarch64": {
        "accept": 202, "accept4": 242, "acct": 89, "add_key": 217, "adjtimex": 171, "bind": 200,
        "bpf": 280, "capset": 91, "chroot": 51, "clock_adjtime": 266, "clock_settime": 112,
        "connect": 203, "delete_module": 106, "execve": 221, "execveat": 281,
        "fanotify_init": 262, "fanotify_mark": 263, "finit_module": 273, "init_module": 105,
        "inotify_init1": 26, "io_setup": 0, "ioprio_set": 30, "kcmp": 272,
        "kexec_file_load": 294, "kexec_load": 104, "keyctl": 219, "listen": 201,
        "lookup_dcookie": 18, "mbind": 235, "memfd_create": 279, "migrate_pages": 238,
        "mount": 40, "move_pages": 239, "mq_open": 180, "mq_unlink": 181, "msgctl": 187,
        "msgget": 186, "msgrcv": 188, "msgsnd": 189, "name_to_handle_at": 264,
        "nfsservctl": 42, "open_by_handle_at": 265, "perf_event_open": 241, "personality": 92,
        "pivot_root": 41, "process_vm_readv": 270, "process_vm_writev": 271, "ptrace": 117,
        "quotactl": 60, "reboot": 142, "request_key": 218, "sched_setaffinity": 122,
        "sched_setattr": 274, "sched_setparam": 118, "sched_setscheduler": 119, "semctl": 191,
        "semget": 190, "semop": 193, "semtimedop": 192, "set_mempolicy": 237,
        "setdomainname": 162, "setfsgid": 152, "setfsuid": 151, "setgid": 144,
        "setgroups": 159, "sethostname": 161, "setns": 268, "setpriority": 140,
        "setregid": 143, "setresgid": 149, "setresuid": 147, "setreuid": 145, "setsockopt": 208,
        "settimeofday": 170, "setuid": 146, "shmat": 196, "shmctl": 195, "shmdt": 197,
        "shmget": 194, "socket": 198, "splice": 76, "swapoff": 225, "swapon": 224, "sync": 81,
        "syncfs": 267, "sysinfo": 179, "syslog": 116, "tee": 77, "umount2": 39, "unshare": 97,
        "userfaultfd": 282, "vhangup": 58, "vmsplice": 75,
    },
}  # fmt: skip
"""Refused with EPERM, whatever the arguments."""
CHECKED: dict[str, dict[str, int]] = {
    "x86_64": {
        "clone": 56, "fork": 57, "vfork": 58, "clone3": 435, "fcntl": 72, "ioctl": 16, "kill": 62,
        "prlimit64": 302, "rt_sigaction": 13, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297,
        "socketpair": 53, "tgkill": 234, "tkill": 200,
    },
    "aarch64": {
        "clone": 220, "clone3": 435, "fcntl": 25, "ioctl": 29, "kill": 129, "prlimit64": 261,
        "rt_sigaction": 134, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "socketpair": 199,
        "tgkill": 131, "tkill": 130,
    },
}  # fmt: skip
"""Refused for some arguments."""
METADATA: dict[str, dict[str, int]] = {
    "x86_64": {
        "chmod": 90, "chown": 92, "fchmod": 91, "fchmodat": 268, "fchmodat2": 452, "fchown": 93,
        "fchownat": 260, "fremovexattr": 199, "fsetxattr": 190, "futimesat": 261, "lchown": 94,
        "lremovexattr": 198, "lsetxattr": 189, "removexattr": 197, "setxattr": 188,
        "truncate": 76, "utime": 132, "utimensat": 280, "utimes": 235,
    },
    "aarch64": {
        "fchmod": 52, "fchmodat": 53, "fchmodat2": 452, "fchown": 55, "fchownat": 54,
        "fremovexattr": 16, "fsetxattr": 7, "lremovexattr": 15, "lsetxattr": 6,
        "removexattr": 14, "setxattr": 5, "truncate": 45, "utimensat": 88,
    },
}  # fmt: skip
"""Changes to files that Landlock does not see, or only in its later versions."""
SIGNALS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")


def instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """Return one instruction; jumps are counted from the next one."""
    return struct.pack("=HBBI", code, then, otherwise, value)


def assemble(machine: str, alone: bool, signal_only: int = 0) -> bytes:
    """Return the filter's program.

    ``alone``: no second process or thread (EAGAIN). ``signal_only`` is for where no namespaces
    hide the user's processes and files: the one process that may be sent a signal, and nothing of
    a file but its content may be changed; 0 leaves both alone.
    """
    refuse = instruction(RETURN, ERRNO | errno.EPERM)
    allow = instruction(RETURN, ALLOW)
    number = CHECKED[machine]
    code = [
        instruction(LOAD, ARCHITECTURE),
        instruction(EQUAL, ARCHITECTURES[machine], 1, 0),
        instruction(RETURN, KILL),
        instruction(LOAD, NUMBER),
    ]
    if machine == "x86_64":
        code += [instruction(ABOVE, X32, 0, 1), instruction(RETURN, KILL)]
    for denied in sorted(DENIED[machine].values()):
        code += [instruction(EQUAL, denied, 0, 1), refuse]
    code += [instruction(EQUAL, number["clone3"], 0, 1)]
    code += [instruction(RETURN, ERRNO | errno.ENOSYS)]  # libc then uses clone
    if alone:
        for name in ("clone", "fork", "vfork"):
            if name in number:
                code += [instruction(EQUAL, number[name], 0, 1)]
                code += [instruction(RETURN, ERRNO | errno.EAGAIN)]
    else:
        code += _check(number["clone"], refused(0, NEW_NAMESPACE, test=MASK))
        code += _check(number["rt_sigaction"], refused(0, SIGCHLD))
    if signal_only:
        for denied in sorted(METADATA[machine].values()):
            code += [instruction(EQUAL, denied, 0, 1), refuse]
        for name in SIGNALS:
            code += _check(number[name], only(0, signal_only))
    code += _check(number["socketpair"], only(0, AF_UNIX), refused(1, DATAGRAMS, test=MASK))
    code += _check(number["prlimit64"], only(0, 0))
    code += _check(number["ioctl"], refused(1, *IOCTLS))
    code += _check(number["fcntl"], refused(1, *FCNTLS))
    code += [instruction(ABOVE, FIRST_NEW, 1, 0), allow]
    for allowed in NEW_ALLOWED:
        code += [instruction(EQUAL, allowed, 0, 1), allow]
    return b"".join([*code, instruction(RETURN, ERRNO | errno.ENOSYS)])


def refused(index: int, *values: int, test: int = EQUAL) -> list[bytes]:
    """Return a rule: EPERM if an argument is one of these values, or has one of these bits.

    Only the low half of the argument is read: these are ints or flags to the kernel. The upper
    half of clone's flags is ignored by the kernel as well.
    """
    refuse = instruction(RETURN, ERRNO | errno.EPERM)
    tests = [part for value in values for part in (instruction(test, value, 0, 1), refuse)]
    return [instruction(LOAD, ARGUMENTS + 8 * index), *tests]


def only(index: int, value: int) -> list[bytes]:
    """Return a rule: EPERM unless an argument is this value; of its low half, as in ``refused``."""
    refuse = instruction(RETURN, ERRNO | errno.EPERM)
    return [instruction(LOAD, ARGUMENTS + 8 * index), instruction(EQUAL, value, 1, 0), refuse]


def _check(number: int, *rules: list[bytes]) -> list[bytes]:
    """Return the check of one call: allowed if every rule lets it pass."""
    body = [*(part for rule in rules for part in rule), instruction(RETURN, ALLOW)]
    return [instruction(EQUAL, number, 0, len(body)), *body]


def load(program: bytes) -> None:
    """Install a filter on this process, for good; no_new_privs must be set."""
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    held = ctypes.create_string_buffer(head, len(head))
    kernel.prctl(kernel.PR_SET_SECCOMP, 2, ctypes.c_void_p(ctypes.addressof(held)))
