"""No wait without an end: launchers that die, that never answer, and descriptors that went astray.

Each of these once waited for ever, or for as long as a run's limits allow; ``SOON`` is far below
that and far above what a busy machine takes.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ratchet.sandbox import worker
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Level, Limits, Program

ROOT = Path(__file__).parents[2]
ADD = Program("def f(x): return x + 1", "f")
SLEEP = Program("import time\ndef f(s): time.sleep(s)", "f")
LONG = Limits(cpu_s=60.0, wall_s=60.0)
SOON = 20.0


@pytest.fixture
def astray(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Keep a copy of all that is handed over open, as a process forked at the wrong time would."""
    kept: list[int] = []
    send, start = socket.send_fds, subprocess.Popen

    def starting(*given: Any, **more: Any) -> Any:
        kept.extend(map(os.dup, more.get("pass_fds", ())))
        return start(*given, **more)

    def sending(control: socket.socket, texts: list[bytes], held: list[int]) -> int:
        kept.extend(map(os.dup, held))
        return send(control, texts, held)

    monkeypatch.setattr(socket, "send_fds", sending)
    monkeypatch.setattr(subprocess, "Popen", starting)
    yield kept
    for descriptor in kept:
        os.close(descriptor)


def test_the_end_of_a_run_does_not_hang_on_a_stray_descriptor(astray: list[int]) -> None:
    with open_sandbox(workers=1) as sandbox:
        start = time.monotonic()
        outcome = sandbox.run(ADD, [(1,)], limits=LONG)
        assert outcome.results[0].value == 2 and astray
        assert time.monotonic() - start < SOON


def test_a_launcher_that_dies_is_noticed_whatever_is_open(astray: list[int]) -> None:
    with open_sandbox(workers=1) as sandbox:
        held = sandbox._workers[0]._process
        assert held is not None
        found: list[End] = []
        before = len(astray)
        thread = threading.Thread(
            target=lambda: found.append(sandbox.run(SLEEP, [(0.5,)], limits=LONG).end)
        )
        thread.start()
        while len(astray) == before:
            time.sleep(0.01)
        held.kill()
        thread.join(SOON)
        assert found == [End.OK]  # tried once more, under a new launcher


def test_a_run_that_cannot_be_started_is_refused_at_once() -> None:
    """The kernel has no process to give: the launcher must let go of the run's socket all the same.

    Only where the launcher has a user id of its own can a test have it be the one too many.
    """
    if os.geteuid() != 0:
        return
    before = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, before[1]))
    try:
        with LocalSandbox(1, True, [1_999_000_002], ()) as sandbox:
            start = time.monotonic()
            outcome = sandbox.run(ADD, [(1,)], limits=LONG)
            assert outcome.end is End.REFUSED and "unavailable" in outcome.reason
            assert time.monotonic() - start < SOON
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, before)


def test_a_launcher_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ratchet.sandbox.pool.GRACE_S", 0.5)
    with open_sandbox(workers=1) as sandbox:
        held = sandbox._workers[0]._process
        assert held is not None
        os.kill(held.pid, signal.SIGSTOP)
        monkeypatch.setattr(worker.Worker, "close", kill_and_close(worker.Worker.close))
        outcome = sandbox.run(ADD, [(1,)], limits=Limits(cpu_s=0.01, wall_s=0.01))
        assert outcome.end is End.REFUSED and "no answer" in outcome.reason
        assert sandbox.run(ADD, [(1,)], limits=LONG).end is End.OK


def kill_and_close(close: Callable[[worker.Worker], None]) -> Callable[[worker.Worker], None]:
    """Return a close that does not first wait ten seconds for a launcher that is stopped."""

    def closing(self: worker.Worker) -> None:
        if self._process is not None:
            self._process.kill()
        close(self)

    return closing


def test_a_worker_opened_while_the_sandbox_closes_does_not_stay() -> None:
    sandbox = open_sandbox(Level.PROCESS, workers=1, off={"namespaces"})
    held = sandbox._workers[0]
    held.hang_up()
    with pytest.raises(OSError, match="ended"):
        held.open()
    sandbox.close()
    assert held._process is None


def script(text: str) -> list[str]:
    """Return the lines that a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HEAD + text],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


HEAD = """
import os, signal, sys, time
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.protocol import Level, Limits, Program
ADD = Program("def f(x): return x + 1", "f")
"""


def test_a_host_that_ignores_its_children_can_run_programs() -> None:
    """To ignore SIGCHLD is handed down to launchers, who could then wait for nobody."""
    said = script(
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "with open_sandbox(workers=1) as s: print(s.run(ADD, [(1,)]).results[0].value)"
    )
    assert said == ["2"]


@pytest.mark.parametrize("off", ["", "namespaces"])
def test_a_forked_copy_neither_uses_nor_ends_its_parents_sandbox(off: str) -> None:
    said = script(
        f"s = open_sandbox(Level.CONFINED, workers=1, off={[off] if off else []})\n"
        "if os.fork() == 0:\n"
        "    print(s.run(ADD, [(1,)]).end, s.submit(ADD, [(1,)]).result().end, flush=True)\n"
        "    s.close()\n"
        "    sys.exit()\n"
        "os.wait()\n"
        "print(s.run(ADD, [(1,)]).end)\n"
        "s.close()"
    )
    assert said == ["refused refused", "ok"]


def test_a_launcher_ends_with_its_host_even_if_a_fork_of_that_lives_on() -> None:
    said = script(
        "s = open_sandbox(workers=1)\n"
        "launcher = s._workers[0]._process.pid\n"
        "r, w = os.pipe()\n"
        "host = os.getpid()\n"
        "if os.fork() == 0:\n"
        "    os.close(w)\n"
        "    os.read(r, 1)\n"
        "    for _ in range(600):\n"
        "        try: state = open(f'/proc/{launcher}/stat').read().rpartition(')')[2].split()[0]\n"
        "        except OSError: state = 'X'\n"
        "        if state in 'XZ': break\n"
        "        time.sleep(0.05)\n"
        "    print(state in 'XZ', flush=True)\n"
        "os._exit(0)"
    )
    assert said == ["True"]
