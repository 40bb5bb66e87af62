"""Programs that do not end: each comes to ``timeout`` within its limits, and is gone."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.sandbox.protocol import End, Sandbox
from tests.attacks.attack import Attack, Host, assault, attack

SHORT: dict[str, Any] = {"cpu_s": 0.2, "wall_s": 3.0}
ATTACKS = (
    attack("loop", "def attack(host):\n    while True: pass", End.TIMEOUT, **SHORT),
    attack("loop_at_import", "while True: pass", End.TIMEOUT, **SHORT),
    attack("c_sum", "def attack(host):\n    sum(range(10**13))", End.TIMEOUT, **SHORT),
    attack("c_power", "def attack(host):\n    pow(7, 10**8) % 10", End.TIMEOUT, **SHORT),
    attack(
        "c_regex",
        "import re\ndef attack(host):\n    re.match('(a+)+$', 'a' * 60 + 'b')",
        End.TIMEOUT,
        **SHORT,
    ),
    attack("sleep", "def attack(host):\n    time.sleep(600)", End.TIMEOUT, cpu_s=0.2, wall_s=0.3),
    attack("pause", "def attack(host):\n    signal.pause()", End.TIMEOUT, cpu_s=0.2, wall_s=0.3),
    attack(
        "catch_everything",
        """
        def attack(host):
            while True:
                try:
                    while True: pass
                except BaseException: pass
        """,
        End.TIMEOUT,
        **SHORT,
    ),
    attack(
        "ignore_signals",
        """
        def attack(host):
            for number in range(1, 65):
                try: signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError): pass
            while True: pass
        """,
        End.TIMEOUT,
        **SHORT,
    ),
    attack(
        "block_signals",
        """
        def attack(host):
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            while True: pass
        """,
        End.TIMEOUT,
        **SHORT,
    ),
    attack(
        "raise_its_own_limit",
        """
        import resource
        def attack(host):
            try: resource.setrlimit(resource.RLIMIT_CPU, (-1, -1))
            except (OSError, ValueError): pass
            while True: pass
        """,
        End.TIMEOUT,
        **SHORT,
    ),
    attack(
        "threads",
        """
        def spin():
            while True: pass
        def attack(host):
            for _ in range(3): threading.Thread(target=spin).start()
            spin()
        """,
        End.TIMEOUT,
        processes=4,
        **SHORT,
    ),
    attack(
        "children_spend_the_time",
        """
        def spin():
            while True: pass
        def attack(host):
            pids = [fork_on(spin) for _ in range(3)]
            for pid in pids: os.waitpid(pid, 0)
        """,
        End.TIMEOUT,
        processes=4,
        **SHORT,
    ),
    attack(
        "many_short_children",
        """
        def spin():
            end = time.process_time() + 0.05
            while time.process_time() < end: pass
        def attack(host):
            while True: os.waitpid(fork_on(spin), 0)
        """,
        End.TIMEOUT,
        processes=4,
        **SHORT,
    ),
    attack(
        "orphans_spend_the_time",
        """
        def spin():
            while True: pass
        def attack(host):
            os.waitpid(fork_on(lambda: fork_on(spin)), 0)
            time.sleep(10)
            return [1]
        """,
        End.TIMEOUT,
        processes=4,
        cpu_s=0.2,
        wall_s=20.0,
    ),
    attack(
        "siblings_spend_the_time",
        """
        def attack(host):
            if libc.syscall(56, 0x8000 | 17, 0, 0, 0, 0) == 0:
                while True: pass
            time.sleep(10)
            return [1]
        """,
        End.TIMEOUT,
        processes=4,
        cpu_s=0.2,
        wall_s=20.0,
    ),
    attack(
        "children_nobody_waits_for",
        """
        def spin():
            end = time.process_time() + 0.03
            while time.process_time() < end: pass
        def attack(host):
            tries(lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
            for made in range(60):
                pid = fork_on(spin)
                tries(lambda: os.waitpid(pid, 0))
            return [made]
        """,
        End.TIMEOUT,
        processes=4,
        cpu_s=0.2,
        wall_s=20.0,
    ),
    attack(
        "endless_repr_of_an_error",
        """
        class E(Exception):
            def __str__(self):
                while True: pass
        def attack(host):
            raise E
        """,
        End.TIMEOUT,
        End.ERROR,
        **SHORT,
    ),
    attack(
        "stop_itself",
        "def attack(host):\n    os.kill(os.getpid(), signal.SIGSTOP)\n    return []",
        End.TIMEOUT,
        End.OK,
        End.ERROR,
        cpu_s=0.2,
        wall_s=0.4,
    ),
    attack(
        "deadlock",
        """
        def attack(host):
            lock = threading.Lock()
            lock.acquire()
            lock.acquire()
        """,
        End.TIMEOUT,
        cpu_s=0.2,
        wall_s=0.3,
    ),
    attack(
        "read_for_ever",
        "def attack(host):\n    read, write = os.pipe()\n    os.read(read, 1)",
        End.TIMEOUT,
        cpu_s=0.2,
        wall_s=0.3,
    ),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_it_ends_in_time(sandbox: Sandbox, host: Host, attack: Attack) -> None:
    assault(sandbox, host, attack)


def test_an_exit_handler_that_spins_does_not_outlive_its_result(
    sandbox: Sandbox, host: Host
) -> None:
    source = """
        import atexit
        def spin():
            while True: pass
        atexit.register(spin)
        class D:
            def __del__(self): spin()
        keep = D()
        def attack(host):
            return []
        """
    assault(sandbox, host, attack("exit_handler", source, End.OK, End.TIMEOUT, **SHORT))
