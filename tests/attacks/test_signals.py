"""Signals and other handles on processes that are not the program's."""

from __future__ import annotations

import pytest

from ratchet.sandbox.protocol import End, Sandbox
from tests.attacks.attack import Attack, Host, assault, attack

DIES = (End.KILLED, End.ERROR)
ANY = (End.OK, End.ERROR, End.KILLED, End.TIMEOUT)
ALL = """
def attack(host):
    if os.getpid() > 99:  # not in a process namespace: only ask, lest it work
        return tries(lambda: os.kill(-1, 0) or "could")
    tries(lambda: os.kill(-1, {number}))
    return []
"""
ATTACKS = (
    attack("kill_all", ALL.format(number=9), *ANY),
    attack("stop_all", ALL.format(number=19), *ANY, wall_s=0.5),
    attack(
        "kill_the_victim",
        "def attack(host):\n    return tries(lambda: os.kill(host['victim'], 9) or 'killed')",
    ),
    attack(
        "probe_the_victim",
        "def attack(host):\n    return tries(lambda: os.kill(host['victim'], 0) or 'seen')",
        control=True,
    ),
    attack(
        "kill_the_host",
        "def attack(host):\n    return tries(lambda: os.kill(host['host'], 0) or 'seen')",
        control=True,
    ),
    attack(
        "kill_the_parent",
        """
        def attack(host):
            for number in (1, 2, 10, 15, 9):
                tries(lambda: os.kill(os.getppid(), number))
            return []
        """,
        *ANY,
    ),
    attack(
        "stop_the_parent",
        "def attack(host):\n    tries(lambda: os.kill(os.getppid(), 19))\n    return []",
        *ANY,
        wall_s=0.5,
    ),
    attack(
        "kill_the_first",
        "def attack(host):\n    tries(lambda: os.kill(1, 9), lambda: os.kill(2, 9))\n    return []",
        *ANY,
    ),
    attack("kill_the_group", "def attack(host):\n    os.killpg(0, 9)", *DIES, End.OK),
    attack(
        "kill_the_group_of_the_victim",
        """
        def attack(host):
            return tries(lambda: os.killpg(os.getpgid(host['victim']), 0) or 1)
        """,
        control=True,
    ),
    attack(
        "by_number",
        """
        def attack(host):
            pid = host["victim"]
            descriptor = libc.syscall(434, pid, 0)
            return [n for n, got in (
                ("tkill", libc.syscall(200, pid, 9)),
                ("tgkill", libc.syscall(234, pid, pid, 9)),
                ("queue", libc.syscall(129, pid, 9, bytes(128))),
                ("descriptor", libc.syscall(424, descriptor, 9, 0, 0)),
            ) if got == 0]
        """,
    ),
    attack(
        "through_a_socket",
        """
        import fcntl
        def attack(host):
            got = []
            for command in (0x8901, 0x8902):
                one, other = socket.socketpair()  # a byte sent would end the owner
                owner = host["victim"].to_bytes(4, "little")
                got += tries(lambda: fcntl.ioctl(one, command, owner).hex() and "owner")
            return got
        """,
        control=True,
    ),
    attack(
        "slow_the_victim_down",
        """
        import resource
        def attack(host):
            pid = host["victim"]
            return tries(lambda: os.setpriority(os.PRIO_PROCESS, pid, 19) or 1,
                         lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE),
                         lambda: os.sched_setaffinity(pid, {0}) or 1)
        """,
    ),
    attack("segfault", "def attack(host):\n    ctypes.string_at(0)", *DIES),
    attack("abort", "def attack(host):\n    os.abort()", *DIES),
    attack("kill_itself", "def attack(host):\n    os.kill(os.getpid(), 9)", *DIES),
    attack("terminate_itself", "def attack(host):\n    os.kill(os.getpid(), 15)", *DIES),
    attack(
        "illegal_instruction",
        """
        import mmap
        def attack(host):
            page = mmap.mmap(-1, 4096, prot=7)
            page.write(b"\\x0f\\x0b")
            at = ctypes.addressof(ctypes.c_char.from_buffer(page))
            ctypes.CFUNCTYPE(None)(at)()
        """,
        *DIES,
    ),
    attack(
        "interrupt_itself",
        "def attack(host):\n    os.kill(os.getpid(), 2)\n    time.sleep(1)",
        *DIES,
    ),
    attack(
        "alarm",
        "def attack(host):\n    signal.setitimer(signal.ITIMER_REAL, 0.1)\n    time.sleep(3)",
        *DIES,
    ),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_only_itself_is_hit(sandbox: Sandbox, host: Host, attack: Attack) -> None:
    assault(sandbox, host, attack)
