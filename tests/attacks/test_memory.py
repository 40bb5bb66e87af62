"""Programs that ask for more memory than they may have, by every road there is."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.sandbox.protocol import End, Sandbox
from tests.attacks.attack import Attack, Host, assault, attack

SMALL: dict[str, Any] = {"memory": 64 * 2**20, "cpu_s": 1.0, "wall_s": 10.0}
GONE = (End.MEMORY, End.KILLED)
FILL = """
    def attack(host):
        done, block = 0, b'x' * 2**20
        try:
            fd = {open}
            while done < 512: done += os.write(fd, block) // 2**20
        except OSError: pass
        return done > {most} and [done]
    """
ATTACKS = (
    attack("bytearray", "def attack(host):\n    bytearray(2**30)", End.MEMORY, **SMALL),
    attack(
        "list_growth",
        "def attack(host):\n    kept = []\n    while True: kept.append(bytearray(2**16))",
        End.MEMORY,
        **SMALL,
    ),
    attack("long_text", "def attack(host):\n    return 'x' * 2**31", End.MEMORY, **SMALL),
    attack("long_format", "def attack(host):\n    f'{1:>2000000000}'", End.MEMORY, **SMALL),
    attack("huge_int", "def attack(host):\n    return (1 << 2**36) and 0", End.MEMORY,
           End.ERROR, **SMALL),
    attack("tuple", "def attack(host):\n    (0,) * 2**40", End.MEMORY, **SMALL),
    attack(
        "at_import", "kept = bytearray(2**30)\ndef attack(host): pass", End.MEMORY, **SMALL
    ),
    attack(
        "anonymous_map",
        """
        import mmap
        def attack(host):
            kept = mmap.mmap(-1, 2**29)
            for i in range(0, 2**29, 4096): kept[i] = 1
            return [1]
        """,
        *GONE, End.ERROR, **SMALL,
    ),
    attack(
        "mapped_file",
        """
        import mmap
        def attack(host):
            f = open('big', 'w+b')
            f.truncate(2**29)
            kept = mmap.mmap(f.fileno(), 2**29)
            for i in range(0, 2**29, 4096): kept[i] = 1
            return [1]
        """,
        *GONE, End.ERROR, **SMALL,
    ),
    attack(
        "memfd", FILL.format(most=64, open="os.memfd_create('m')"), End.OK, *GONE, **SMALL
    ),
    attack(
        "shared_memory_folder",
        FILL.format(most=4, open="os.open('/dev/shm/m', os.O_CREAT | os.O_RDWR)"),
        End.OK, *GONE, **SMALL,
    ),
    attack(
        "sysv_shared_memory",
        """
        def attack(host):
            got = [libc.shmget(0, 2**24, 0o1600) for _ in range(64)]
            return [i for i in got if i >= 0]
        """,
        **SMALL,
    ),
    attack(
        "several_processes",
        """
        def hold():
            kept = bytearray(b'x') * (48 * 2**20)
            time.sleep(20)
        def attack(host):
            pids = [fork_on(hold) for _ in range(3)]
            hold()
            return [1]
        """,
        *GONE, processes=4, **SMALL,
    ),
    attack(
        "orphans",
        """
        def hold():
            kept = bytearray(b'x') * (48 * 2**20)
            time.sleep(20)
        def attack(host):
            for _ in range(3): os.waitpid(fork_on(lambda: fork_on(hold)), 0)
            time.sleep(20)
            return [1]
        """,
        *GONE, processes=8, **SMALL,
    ),
    attack(
        "large_pipes",
        """
        import fcntl
        def attack(host):
            size, kept = 0, []
            for _ in range(25):
                kept.append(os.pipe())
                size += sum(map(int, tries(lambda: fcntl.fcntl(kept[-1][1], 1031, 2**20))))
            return size > 4 * 2**20 and [size]
        """,
        End.OK, control=True, **SMALL,
    ),
    attack(
        "queued_signals",
        """
        def attack(host):
            signal.pthread_sigmask(signal.SIG_BLOCK, [40])
            made = 0
            while made < 5000 and libc.sigqueue(os.getpid(), 40, None) == 0: made += 1
            return made >= 5000 and [made]
        """,
        End.OK, control=True, **SMALL,
    ),
    attack(
        "recursion_in_c",
        """
        def attack(host):
            sys.setrecursionlimit(10**9)
            def f(x): return [f(x)]
            sorted([1, 2], key=lambda x: f(x))
        """,
        End.MEMORY, End.KILLED, End.ERROR, End.TIMEOUT, **SMALL,
    ),
    attack(
        "nested_literal",
        """
        def attack(host):
            x = []
            for _ in range(10**6): x = [x]
            repr(x)
        """,
        End.MEMORY, End.KILLED, End.ERROR, **SMALL,
    ),
    attack(
        "deep_result",
        """
        def attack(host):
            x = []
            for _ in range(10**5): x = [x]
            return x
        """,
        End.MEMORY, End.KILLED, End.ERROR, **SMALL,
    ),
    attack(
        "large_result",
        "def attack(host):\n    return ['x' * 2**10] * 2**14",
        End.MEMORY, End.KILLED, End.ERROR, End.OUTPUT, **SMALL,
    ),
    attack(
        "result_of_one_list_many_times",
        """
        def attack(host):
            x = [0]
            for _ in range(60): x = [x, x]
            return x
        """,
        End.MEMORY, End.KILLED, End.ERROR, End.OUTPUT, End.TIMEOUT, **SMALL,
    ),
    attack(
        "raise_its_own_limit",
        """
        import resource
        def attack(host):
            for what in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
                try: resource.setrlimit(what, (-1, -1))
                except (OSError, ValueError): pass
            bytearray(2**30)
        """,
        End.MEMORY, **SMALL,
    ),
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_it_gets_no_more(sandbox: Sandbox, host: Host, attack: Attack) -> None:
    assault(sandbox, host, attack)


def test_an_error_that_is_caught_is_no_end(sandbox: Sandbox, host: Host) -> None:
    source = """
        def attack(host):
            try: bytearray(2**30)
            except MemoryError: return []
            return [1]
        """
    assault(sandbox, host, attack("caught", source, End.OK, **SMALL))
