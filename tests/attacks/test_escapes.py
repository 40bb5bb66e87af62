"""Out of the box by the kernel: forbidden system calls by number, namespaces, other processes."""

from __future__ import annotations

import os

import pytest

from ratchet.sandbox.protocol import End, Sandbox
from tests.attacks.attack import Attack, Host, assault, attack

DIES = (End.KILLED, End.ERROR)
X86 = os.uname().machine == "x86_64"

CALLS = {
    "unshare_user": (272, 0x10000000),
    "unshare_mount": (272, 0x00020000),
    "unshare_net": (272, 0x40000000),
    "setns": (308, 0, 0),
    "mount": (165, 0, 0, 0, 0, 0),
    "umount": (166, 0, 0),
    "pivot_root": (155, 0, 0),
    "chroot": (161, 0),
    "open_tree": (428, -100, 0, 1),
    "move_mount": (429, 0, 0, 0, 0, 0),
    "fsopen": (430, 0, 0),
    "mount_setattr": (442, 0, 0, 0, 0, 0),
    "ptrace_traceme": (101, 0, 0, 0, 0),
    "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "process_vm_writev": (311, 1, 0, 0, 0, 0, 0),
    "kcmp": (312, 1, 1, 0, 0, 0),
    "pidfd_open": (434, 1, 0),
    "pidfd_getfd": (438, 0, 0, 0),
    "process_madvise": (440, 0, 0, 0, 0, 0),
    "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "userfaultfd": (323, 0),
    "io_uring_setup": (425, 1, 0),
    "io_uring_enter": (426, 0, 0, 0, 0, 0, 0),
    "add_key": (248, 0, 0, 0, 0, -3),
    "request_key": (249, 0, 0, 0, 0),
    "keyctl": (250, 0, -3, 0),
    "init_module": (175, 0, 0, 0),
    "finit_module": (313, -1, 0, 0),
    "delete_module": (176, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "reboot": (169, 0, 0, 0, 0),
    "syslog": (103, 3, 0, 0),
    "acct": (163, 0),
    "swapon": (167, 0, 0),
    "settimeofday": (164, 0, 0),
    "setsockopt": (54, -1, 1, 7, 0, 0),
    "sync": (162,),
    "syncfs": (306, -1),
    "sysinfo": (99, 0),
    "sethostname": (170, 0, -1),
    "iopl": (172, 3),
    "ioperm": (173, 0, 1, 1),
    "modify_ldt": (154, 0, 0, 0),
    "personality": (135, 0x0040000),
    "name_to_handle_at": (303, -100, 0, 0, 0, 0),
    "open_by_handle_at": (304, -100, 0, 0),
    "memfd_create": (319, 0, 0),
    "memfd_secret": (447, 0),
    "execveat": (322, -100, 0, 0, 0, 0),
    "fanotify_init": (300, 0, 0),
    "landlock_create_ruleset": (444, 0, 0, 1),
    "clone3": (435, 0, 0),
    "clone_new_user": (56, 0x10000000 | 17, 0, 0, 0, 0),
    "setuid": (105, 0),
    "setgroups": (116, 0, 0),
    "capset": (126, 0, 0),
    "quotactl": (179, 0, 0, 0, 0),
    "mbind": (237, 0, 0, 0, 0, 0, 0),
    "vmsplice": (278, 0, 0, 0, 0),
    "msgget": (68, 0, 0),
    "mq_open": (240, 0, 0, 0, 0),
    "a_call_of_the_future": (999, 0),
}
"""Numbers on x86_64; a filter that lets one through answers EFAULT, EINVAL or worse."""

CALL = """
    def attack(host):
        ctypes.set_errno(0)
        got = libc.syscall(*map(ctypes.c_long, {call}))
        if got == 0 and {name!r}.startswith("clone"):
            libc._exit(0)
        code = ctypes.get_errno()
        refusals = (errno.EPERM, errno.ENOSYS, errno.EAGAIN)
        return not (got == -1 and code in refusals) and [got, code]
    """
BY_NUMBER = tuple(
    attack(name, CALL.format(name=name, call=call), End.OK, End.KILLED)
    for name, call in CALLS.items()
)

ATTACKS = (
    attack(
        "attach_to_the_victim",
        """
        def attack(host):
            return [n for n in (host["victim"], host["host"], os.getppid(), 1)
                    if n != os.getpid() and libc.ptrace(16, n, 0, 0) == 0]
        """,
    ),
    attack(
        "become_root",
        """
        def attack(host):
            got = tries(lambda: os.setuid(0) or 1, lambda: os.setresuid(0, 0, 0) or 1,
                        lambda: os.setgroups([0]) or 1, lambda: os.seteuid(0) or 1)
            return got and tries(lambda: open("/etc/shadow").read())
        """,
    ),
    attack(
        "capabilities",
        """
        def attack(host):
            try: lines = open("/proc/self/status").read().splitlines()
            except OSError: return []
            sets = [l for l in lines if l.startswith("Cap") and "Bnd" not in l]
            return [l for l in sets if int(l.split()[1], 16)]
        """,
        End.OK,
    ),
    attack(
        "no_new_privileges_is_on",
        "def attack(host):\n    return libc.prctl(39, 0, 0, 0, 0) != 1 and [1]",
        End.OK,
    ),
    attack(
        "loosen_its_own_bonds",
        """
        import resource
        def attack(host):
            got = [libc.prctl(38, 0, 0, 0, 0) == 0, libc.prctl(22, 0, 0, 0, 0) == 0]
            for what in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_DATA,
                         resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE):
                hard = resource.getrlimit(what)[1]
                got.append(hard == -1)
                got += tries(lambda: resource.setrlimit(what, (hard + 1, hard + 1)) or 1)
            return [g for g in got if g]
        """,
        End.OK,
    ),
    attack(
        "core_dump",
        """
        import resource
        def attack(host):
            tries(lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
            os.abort()
        """,
        *DIES,
    ),
    attack(
        "namespace_in_a_child",
        """
        def attack(host):
            def enter():
                if libc.unshare(0x10000000 | 0x20000) == 0: os.mkdir("in")
            os.waitpid(fork_on(enter), 0)
            return os.path.exists("in") and ["in"]
        """,
        processes=4,
    ),
    attack(
        "remount",
        """
        def attack(host):
            flags = 32 | 4096
            return [p for p in ("/", "/usr", "/tmp", ".") for f in (flags, 4096, 0)
                    if libc.mount(b"none", p.encode(), b"tmpfs", f, None) == 0]
        """,
    ),
    attack(
        "escape_a_chroot",
        """
        def attack(host):
            os.mkdir("jail")
            got = tries(lambda: os.chroot("jail") or 1)
            fd = os.open("/", os.O_RDONLY)
            for _ in range(30): os.fchdir(fd); tries(lambda: os.chdir(".."))
            return got + tries(lambda: open(host["file"].lstrip("/")).read())
        """,
    ),
    attack(
        "push_keys_into_a_terminal",
        """
        import fcntl
        def attack(host):
            got = []
            for fd in range(64):
                got += tries(lambda: fcntl.ioctl(fd, 0x5412, b"x"))
            return got + tries(lambda: open("/dev/tty", "w"), lambda: open("/dev/console", "w"),
                               lambda: open("/dev/ptmx", "w"))
        """,
    ),
    attack(
        "setuid_programs",
        """
        import glob
        def attack(host):
            got = []
            for name in ("/bin/su", "/usr/bin/sudo", "/bin/mount", "/usr/bin/passwd"):
                got += tries(lambda: os.posix_spawn(name, [name, "--version"], {}))
            return got
        """,
        processes=4,
    ),
    attack(
        "x32_call",
        "def attack(host):\n    return libc.syscall(ctypes.c_long(0x40000000 | 39)) > 0 and [1]",
        End.OK,
        End.KILLED,
    ),
    attack(
        "old_32_bit_call",
        """
        import mmap
        def attack(host):
            page = mmap.mmap(-1, 4096, prot=7)
            page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))
            at = ctypes.addressof(ctypes.c_char.from_buffer(page))
            return ctypes.CFUNCTYPE(ctypes.c_int)(at)() > 0 and [1]
        """,
        *DIES,
    ),
    attack(
        "fork_by_every_number",
        """
        def attack(host):
            got = []
            for number, first in ((57, 0), (58, 0), (56, 17), (56, 0x11 | 0x100)):
                pid = libc.syscall(ctypes.c_long(number), ctypes.c_long(first), 0, 0, 0, 0)
                if pid == 0: libc._exit(0)
                got.append(pid)
            return [p for p in got if p > 0]
        """,
        End.OK,
    ),
)


@pytest.mark.parametrize("attack", BY_NUMBER if X86 else (), ids=str)
def test_a_forbidden_call_is_refused(sandbox: Sandbox, host: Host, attack: Attack) -> None:
    assault(sandbox, host, attack)


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_it_stays_inside(sandbox: Sandbox, host: Host, attack: Attack) -> None:
    assault(sandbox, host, attack)
