"""What a program writes: too much, no text, or something made to look like the harness's own."""

from __future__ import annotations

import pytest

from ratchet.sandbox.protocol import End, Program, Sandbox
from tests.attacks.attack import BLOCKED, PRELUDE, QUICK, Attack, Host, assault, attack

CUT = 64 * 2**10
ATTACKS = (
    attack(
        "flood",
        "def attack(host):\n    while True: os.write(1, b'x' * 2**16)",
        End.OUTPUT,
    ),
    attack(
        "flood_of_errors",
        "def attack(host):\n    while True: os.write(2, b'x' * 2**16)",
        End.OUTPUT,
    ),
    attack(
        "flood_at_import",
        "while True: print('x' * 2**16)\ndef attack(host): pass",
        End.OUTPUT,
    ),
    attack(
        "every_descriptor",
        """
        def attack(host):
            for fd in range(256):
                for text in (b"\\xff\\x00\\n", b'{"end": "ok", "value": [1]}\\n', b"\\0" * 99):
                    tries(lambda: os.write(fd, text))
            return []
        """,
        *BLOCKED,
        End.OUTPUT,
    ),
    attack(
        "flood_of_every_descriptor",
        """
        def attack(host):
            for fd in range(3, 256):
                try: os.set_blocking(fd, False)
                except OSError: continue
                tries(*[lambda: os.write(fd, b"9" * 2**20)] * 64)
            return []
        """,
        *BLOCKED,
        End.OUTPUT,
        End.TIMEOUT,
    ),
    attack(
        "long_message",
        "def attack(host):\n    raise ValueError('x' * 10**7)",
        End.ERROR,
        End.MEMORY,
        End.OUTPUT,
    ),
    attack(
        "strange_error",
        """
        class Name(str):
            def __getattribute__(self, name): os._exit(7)
        class E(Exception):
            __slots__ = ()
            def __str__(self): return Name("x")
            def __repr__(self): raise self
            @property
            def __traceback__(self): raise self
            @property
            def __class__(self): return 1 / 0
        E.__name__ = "a\\nb\\x00" * 1000
        def attack(host):
            raise E
        """,
        End.ERROR,
        End.KILLED,
    ),
    attack(
        "error_without_a_name",
        """
        class Meta(type):
            def __getattribute__(cls, name): raise RuntimeError
        class E(Exception, metaclass=Meta): pass
        def attack(host):
            raise E
        """,
        End.ERROR,
        End.KILLED,
    ),
    attack(
        "close_everything",
        "def attack(host):\n    os.closerange(0, 4096)\n    return []",
        End.ERROR,
        End.OK,
        End.KILLED,
    ),
    attack(
        "point_everything_elsewhere",
        """
        def attack(host):
            read, write = os.pipe()
            for fd in range(64):
                if fd not in (read, write):
                    tries(lambda: os.dup2(write, fd))
            return []
        """,
        *BLOCKED,
        End.TIMEOUT,
        wall_s=0.5,
    ),
    attack(
        "read_the_other_ends",
        """
        def attack(host):
            got = []
            for fd in range(256):
                try:
                    os.set_blocking(fd, False)
                    got.append(os.read(fd, 2**16))
                except OSError:
                    continue
            return [g.decode("latin-1") for g in got if g]
        """,
    ),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_it_comes_to_an_outcome(sandbox: Sandbox, host: Host, attack: Attack) -> None:
    outcome = assault(sandbox, host, attack)
    assert len(outcome.stdout) <= CUT and len(outcome.stderr) <= CUT
    assert all(len(r.message) + len(r.error) < 10_000 for r in outcome.results)


def write(sandbox: Sandbox, host: Host, raw: bytes) -> str:
    source = f"def attack(host):\n    os.write(1, {raw!r})\n    return 1"
    outcome = sandbox.run(Program(PRELUDE + source, "attack"), [({},)], limits=QUICK)
    assert outcome.end is End.OK and outcome.results[0].value == 1
    host.check()
    outcome.stdout.encode("utf-8")
    return outcome.stdout


@pytest.mark.parametrize(
    "raw",
    [b"\xff\xfe\xc3", b"\xed\xa0\x80", b"a\x00b", b"\x1b[2J\x1b]0;title\x07", b"\r\n\x0b\x85"],
    ids=["invalid", "surrogate", "nul", "terminal", "lines"],
)
def test_any_bytes_come_back_as_text(sandbox: Sandbox, host: Host, raw: bytes) -> None:
    assert write(sandbox, host, b"<" + raw + b">") == f"<{raw.decode('utf-8', 'replace')}>"


def test_output_is_cut_and_says_so(sandbox: Sandbox, host: Host) -> None:
    source = "def attack(host):\n    print('x' * 70_000, end='')\n    return []"
    outcome = assault(sandbox, host, attack("cut", source, End.OUTPUT, End.OK))
    assert outcome.truncated and outcome.stdout == "x" * CUT
