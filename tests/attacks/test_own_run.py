"""Attacks on Ratchet's own run: its ledger, anchors, keys, secrets, processes and memory."""

from __future__ import annotations

from secrets import token_hex

import pytest

from ratchet.sandbox.judge import Case, judge_cases
from ratchet.sandbox.judgement import Ruling
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.protocol import End, Program, Sandbox
from tests.attacks.attack import PRELUDE, Attack, Host, assault, attack

ATTACKS = (
    attack(
        "read_the_ledger",
        """
        def attack(host):
            return tries(lambda: open(host["ledger"]).read(), lambda: os.stat(host["ledger"]))
        """,
        control=True,
    ),
    attack(
        "rewrite_the_ledger",
        """
        def attack(host):
            return tries(lambda: open(host["ledger"], "r+").write("x"),
                         lambda: os.truncate(host["ledger"], 0) or 1,
                         lambda: os.replace("x", host["ledger"]) or 1)
        """,
    ),
    attack(
        "read_the_key_of_the_anchors",
        """
        def attack(host):
            got = tries(lambda: open(host["key"]).read(),
                        lambda: os.listdir(os.path.dirname(host["key"])))
            for up in ("..", "../..", "../../..", "../../../.."):
                got += tries(lambda: open(up + "/runs/one/evaluator/key").read(),
                             lambda: open(up + host["key"]).read())
            return got
        """,
        control=True,
    ),
    attack(
        "environment",
        """
        def attack(host):
            wanted = ("TOKEN", "KEY", "SECRET", "HOME", "USER", "PATH", "PWD", "VIRTUAL")
            libc.getenv.restype = ctypes.c_char_p
            return [n for n in os.environ if any(w in n for w in wanted)] + tries(
                lambda: libc.getenv(b"RATCHET_ATTACK_SECRET").decode(),
                lambda: "RATCHET" in open("/proc/self/environ").read() or 1 / 0)
        """,
    ),
    attack(
        "environment_of_the_run",
        """
        def attack(host):
            got = []
            for pid in (host["host"], os.getppid(), 1):
                got += tries(lambda: open(f"/proc/{pid}/environ", "rb").read() or 1 / 0,
                             lambda: os.readlink(f"/proc/{pid}/cwd"),
                             lambda: os.listdir(f"/proc/{pid}/fd"),
                             lambda: open(f"/proc/{pid}/cmdline").read() or 1 / 0)
            return got
        """,
        control=True,
    ),
    attack(
        "memory_of_the_run",
        """
        def attack(host):
            import struct
            got = []
            for pid in (host["host"], os.getppid(), 1):
                if pid == os.getpid(): continue
                local = ctypes.create_string_buffer(16)
                vector = struct.pack("QQ", ctypes.addressof(local), 16)
                remote = struct.pack("QQ", id(None), 16)
                if libc.process_vm_readv(pid, vector, 1, remote, 1, 0) > 0: got.append(pid)
                got += tries(lambda: open(f"/proc/{pid}/mem", "rb"))
            return got
        """,
    ),
    attack(
        "what_the_launcher_left_in_memory",
        """
        def attack(host):
            names = [n for n in sys.modules if n.split(".")[0] == "ratchet"]
            kept = ("sandbox.judge", "sandbox.check", "sandbox.pool", "guard", "loop")
            return [n for n in names if n.removeprefix("ratchet.").startswith(kept)]
        """,
        End.OK,
    ),
    attack(
        "import_the_evaluator",
        """
        def attack(host):
            sys.path.insert(0, host["root"])
            return tries(lambda: __import__("ratchet.guard.anchors"),
                         lambda: __import__("ratchet.loop.ledger"),
                         lambda: __import__("torch"), lambda: __import__("numpy"))
        """,
    ),
    attack(
        "what_the_machine_is_doing",
        """
        def attack(host):
            memory = ctypes.create_string_buffer(256)
            return tries(lambda: open("/proc/meminfo").read(), lambda: open("/proc/stat").read(),
                         lambda: libc.sysinfo(memory) == 0 or 1 / 0)
        """,
        End.OK,
        control=True,
    ),
    attack(
        "arguments_of_the_interpreter",
        """
        def attack(host):
            places = (sys.argv, sys.orig_argv, sys.path)
            return [p for p in places if host["root"] in str(p) or host["folder"] in str(p)]
        """,
        End.OK,
    ),
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_the_run_is_out_of_reach(
    sandbox: Sandbox, host: Host, attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_ATTACK_SECRET", host.secret)
    assault(sandbox, host, attack)


def test_secrets_of_the_host_do_not_reach_a_new_sandbox(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_ATTACK_SECRET", host.secret)
    with open_sandbox(workers=1) as opened:
        for attack in ATTACKS:
            assault(opened, host, attack)


def test_the_truth_of_a_task_is_nowhere_inside(sandbox: Sandbox, host: Host) -> None:
    truth = token_hex(16)
    source = PRELUDE + (
        "import gc\n"
        "def f(x):\n"
        "    seen = [str(o) for o in gc.get_objects() if isinstance(o, (str, list, dict, tuple))]\n"
        "    frame, texts = sys._getframe(), []\n"
        "    while frame:\n"
        "        texts += [repr(v)[:10000] for v in frame.f_locals.values()]\n"
        "        frame = frame.f_back\n"
        "    print(seen, texts)\n"
        "    return 0\n"
    )
    outcome = sandbox.run(Program(source, "f"), [(1,)])
    assert truth not in outcome.stdout
    judged = judge_cases(sandbox, Program(source, "f"), [Case((1,), truth)])
    assert judged.ruling is Ruling.FAILED
