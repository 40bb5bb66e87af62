"""Many runs at a time: correct, bounded, and over at once when the sandbox is closed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Level, Limits, Outcome, Program

SLEEP = Program("import time\ndef f(s):\n    time.sleep(s)\n    return s", "f")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    with open_sandbox(workers=2) as opened:
        yield opened


def test_eight_threads_on_two_workers_get_their_own_answers(sandbox: LocalSandbox) -> None:
    program = Program("import os\ndef f(x):\n    print(x)\n    return [x, os.listdir('.')]", "f")
    found: dict[int, Outcome] = {}

    def work(k: int) -> None:
        for j in range(5):
            number = 100 * k + j
            found[number] = sandbox.run(program, [(number,)], files={f"f{number}": b"x"})

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    for number, outcome in found.items():
        assert outcome.end is End.OK
        assert outcome.results[0].value == [number, [f"f{number}"]]
        assert outcome.stdout == f"{number}\n"


def test_waiting_for_a_core_is_not_charged_as_wall_time() -> None:
    """Eight busy runs on fewer cores: each needs more time than its wall limit, and gets it."""
    cores = len(os.sched_getaffinity(0))
    program = Program("import time\nwhile time.process_time() < 0.4: pass")
    limits = Limits(cpu_s=2.0, wall_s=0.8)
    with open_sandbox(workers=4 * cores) as sandbox:
        futures = [sandbox.submit(program, limits=limits) for _ in range(4 * cores)]
        outcomes = [future.result() for future in futures]
    assert [o.end for o in outcomes] == [End.OK] * (4 * cores)
    assert max(o.usage.wall_s for o in outcomes) > 0.8


def test_submit_answers_later_and_holds_back_a_crowd(sandbox: LocalSandbox) -> None:
    start = time.monotonic()
    futures: list[Future[Outcome]] = [sandbox.submit(SLEEP, [(0.1,)]) for _ in range(8)]
    assert time.monotonic() - start < 0.1
    futures += [sandbox.submit(SLEEP, [(0.1,)]) for _ in range(4)]
    assert time.monotonic() - start > 0.1
    assert [f.result().results[0].value for f in futures] == [0.1] * 12


def test_closing_ends_runs_under_way_and_refuses_later_ones() -> None:
    sandbox = open_sandbox(Level.CONFINED, workers=1, off={"namespaces"})
    folder = sandbox._folder
    assert folder and folder.is_dir()
    limits = Limits(wall_s=60.0)
    futures = [sandbox.submit(SLEEP, [(60,)], limits=limits) for _ in range(2)]
    runs: list[Outcome] = []
    thread = threading.Thread(
        target=lambda: runs.append(sandbox.run(SLEEP, [(60,)], limits=limits))
    )
    thread.start()
    time.sleep(0.3)
    start = time.monotonic()
    sandbox.close()
    thread.join(5)
    assert time.monotonic() - start < 5
    assert futures[0].result().end in (End.REFUSED, End.KILLED)
    assert futures[1].cancelled() and [o.end for o in runs] == [End.REFUSED]
    assert sandbox.run(SLEEP, [(0,)]).end is End.REFUSED
    sandbox.close()
    assert not folder.exists()


def test_a_sandbox_nobody_holds_closes_itself() -> None:
    sandbox = open_sandbox(Level.CONFINED, workers=1, off={"namespaces"})
    folder = sandbox._folder
    assert folder and folder.is_dir()
    process = sandbox._workers[0]._process
    assert process is not None
    del sandbox
    assert not folder.exists()
    assert process.poll() is not None


def test_two_sandboxes_do_not_meet() -> None:
    write = Program("def f():\n    open('/tmp/x', 'w').close()\n    return 1", "f")
    look = Program("import os\ndef f(): return [os.listdir('/tmp'), os.listdir('.')]", "f")
    with open_sandbox(workers=1) as one, open_sandbox(workers=1) as other:
        assert one._workers[0]._config["uid"] != other._workers[0]._config["uid"] or os.geteuid()
        one.run(write)
        assert other.run(look).results[0].value == [[], []]
