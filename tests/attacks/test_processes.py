"""Fork and thread bombs, other programs, and processes that try to outlive the run."""

from __future__ import annotations

import pytest

from ratchet.sandbox.protocol import End, Sandbox
from tests.attacks.attack import Attack, Host, assault, attack

COUNT_FORKS = """
    def attack(host):
        made = 0
        for _ in range(200):
            try:
                pid = os.fork()
            except OSError: break
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            made += 1
        return made > {most} and [made]
    """
COUNT_THREADS = """
    def attack(host):
        made = 0
        for _ in range(200):
            try: threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
            except RuntimeError: break
            made += 1
        return made > {most} and [made]
    """
DAEMON = """
    def daemon():
        os.setsid()
        for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)
        {before}
        if os.fork() == 0:
            {instead}
            time.sleep(600)
        os._exit(0)
    def attack(host):
        os.waitpid(fork_on(daemon), 0)
        return []
    """
PRCTL_DETACH = "libc.prctl(1, 0, 0, 0, 0); libc.prctl(36, 1, 0, 0, 0)"
ATTACKS = (
    attack("fork_bomb_alone", COUNT_FORKS.format(most=0)),
    attack("fork_bomb_of_four", COUNT_FORKS.format(most=3), processes=4),
    attack("thread_bomb_alone", COUNT_THREADS.format(most=0)),
    attack("thread_bomb_of_four", COUNT_THREADS.format(most=3), processes=4),
    attack(
        "exponential_fork_bomb",
        """
        def attack(host):
            while True:
                try: os.fork()
                except OSError: pass
        """,
        End.TIMEOUT,
        End.KILLED,
        End.ERROR,
        processes=4,
        cpu_s=0.2,
        wall_s=3.0,
    ),
    attack(
        "bare_fork",
        """
        def attack(host):
            pid = libc.fork()
            if pid == 0: libc._exit(0)
            return pid > 0 and [pid]
        """,
        control=True,
    ),
    attack(
        "clone_by_number",
        """
        def attack(host):
            pid = libc.syscall(56, 17, 0, 0, 0, 0)
            if pid == 0: libc._exit(0)
            return pid > 0 and [pid]
        """,
    ),
    attack(
        "run_a_shell",
        """
        import subprocess
        def attack(host):
            return tries(lambda: subprocess.run(['/bin/sh', '-c', 'echo in']).returncode)
        """,
        processes=4,
        control=True,
    ),
    attack(
        "run_python",
        """
        import subprocess
        def attack(host):
            return tries(lambda: subprocess.run([sys.executable, '-c', '1'], check=True))
        """,
        processes=4,
        control=True,
    ),
    attack(
        "become_a_shell",
        "def attack(host):\n    os.execv('/bin/sh', ['sh', '-c', 'echo forged; sleep 60'])",
        End.ERROR,
        End.KILLED,
        End.TIMEOUT,
        cpu_s=0.2,
        wall_s=1.0,
    ),
    attack(
        "become_a_file_of_its_own",
        """
        def attack(host):
            with open('x', 'w') as f: f.write('#!/bin/sh\\nsleep 60')
            os.chmod('x', 0o755)
            os.execv('./x', ['x'])
        """,
        End.ERROR,
        End.KILLED,
        End.TIMEOUT,
        cpu_s=0.2,
        wall_s=1.0,
    ),
    attack(
        "posix_spawn",
        """
        def attack(host):
            return tries(lambda: os.posix_spawn('/bin/sleep', ['sleep', '60'], {}))
        """,
        processes=4,
    ),
    attack("daemon", DAEMON.format(before="0", instead="0"), processes=4),
    attack("daemon_without_death_signal", DAEMON.format(before=PRCTL_DETACH, instead=PRCTL_DETACH),
           processes=4),
    attack(
        "daemon_without_descriptors",
        DAEMON.format(before="os.closerange(0, 4096)", instead="os.closerange(0, 4096)"),
        processes=4,
    ),
    attack(
        "daemon_of_daemons",
        DAEMON.format(before="0", instead="[os.fork() and os._exit(0) for _ in range(50)]"),
        processes=4,
    ),
    attack(
        "leave_a_child_behind",
        "def attack(host):\n    fork_on(lambda: time.sleep(600))\n    return []",
        processes=4,
    ),
    attack(
        "leave_and_die",
        "def attack(host):\n    fork_on(lambda: time.sleep(600))\n    os.kill(os.getpid(), 9)",
        End.KILLED,
        End.ERROR,
        processes=4,
    ),
    attack(
        "leave_a_thread_behind",
        """
        def attack(host):
            threading.Thread(target=time.sleep, args=(600,)).start()
            return []
        """,
        End.OK,
        End.TIMEOUT,
        processes=4,
        wall_s=0.5,
    ),
    attack(
        "new_process_group",
        """
        def attack(host):
            def leave():
                os.setpgid(0, 0)
                time.sleep(600)
            fork_on(leave)
            return []
        """,
        processes=4,
    ),
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_none_survives(sandbox: Sandbox, host: Host, attack: Attack) -> None:
    assault(sandbox, host, attack)


def test_what_is_within_the_limit_works(sandbox: Sandbox, host: Host) -> None:
    source = """
        def attack(host):
            codes = [os.waitpid(fork_on(lambda: os._exit(3)), 0)[1] for _ in 'ab']
            return [] if codes == [768, 768] else codes
        """
    assault(sandbox, host, attack("two_children", source, End.OK, processes=4))
