"""Many runs at a time: correct, bounded, and over at once when the sandbox is closed."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import QUEUE, LocalSandbox
from ratchet.sandbox.protocol import End, Level, Limits, Outcome, Program
from ratchet.sandbox.worker import Worker

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


@pytest.mark.slow
def test_a_parent_is_not_charged_for_a_child_that_waits_for_a_core() -> None:
    """The parent sleeps, so it is its children who starve, and for whom the clock has to wait."""
    cores = len(os.sched_getaffinity(0))
    source = "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n"
    source += "        while time.process_time() < 0.25: pass\n        os._exit(0)\n"
    source += "for _ in range(4): os.wait()\n"
    limits = Limits(cpu_s=4.0, wall_s=1.5, processes=5)
    with open_sandbox(workers=2 * cores) as sandbox:
        futures = [sandbox.submit(Program(source), limits=limits) for _ in range(2 * cores)]
        outcomes = [future.result() for future in futures]
    assert [o.reason for o in outcomes] == [""] * (2 * cores)
    assert max(o.usage.wall_s for o in outcomes) > 1.5


def test_submit_answers_later_and_holds_back_a_crowd(sandbox: LocalSandbox) -> None:
    start = time.monotonic()
    futures: list[Future[Outcome]] = [sandbox.submit(SLEEP, [(0.4,)]) for _ in range(8)]
    assert time.monotonic() - start < 0.4
    futures += [sandbox.submit(SLEEP, [(0.0,)]) for _ in range(4)]
    assert time.monotonic() - start > 0.4
    assert [f.result().results[0].value for f in futures] == [0.4] * 8 + [0.0] * 4


def test_a_coroutine_waits_its_turn_and_holds_nobody_up(sandbox: LocalSandbox) -> None:
    """Eight at once on two workers: right answers, a full queue, and an event loop that is free."""
    waiting: list[int] = []

    async def one(x: int) -> Outcome:
        return await sandbox.run_async(SLEEP, [(0.05 + x / 1000,)])

    async def beat() -> None:
        while True:
            waiting.append(sandbox._threads._work_queue.qsize())
            await asyncio.sleep(0.005)

    async def all_of_them() -> list[Outcome]:
        beating = asyncio.create_task(beat())
        found = await asyncio.gather(*[one(x) for x in range(24)])
        beating.cancel()
        return found

    outcomes = asyncio.run(all_of_them())
    assert [o.results[0].value for o in outcomes] == [0.05 + x / 1000 for x in range(24)]
    assert len(waiting) > 20
    assert 1 < max(waiting) <= QUEUE * 2


def test_a_cancelled_coroutine_leaves_the_queue(sandbox: LocalSandbox) -> None:
    async def give_up() -> None:
        async with asyncio.timeout(0.1):
            await asyncio.gather(*[sandbox.run_async(SLEEP, [(0.5,)]) for _ in range(40)])

    start = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert sandbox.run(SLEEP, [(0,)]).end is End.OK
    for _ in range(QUEUE * 2):  # there is room again, and nobody waits at the door
        assert sandbox.submit(SLEEP, [(0,)]).result().end is End.OK
    assert time.monotonic() - start < 40 * 0.5 / 2


def test_a_coroutine_of_a_closed_sandbox_is_refused() -> None:
    async def close_under_way() -> list[Outcome]:
        runs = [asyncio.create_task(opened.run_async(SLEEP, [(30,)])) for _ in range(12)]
        await asyncio.sleep(0.3)
        await asyncio.to_thread(opened.close)
        return [*await asyncio.gather(*runs), await opened.run_async(SLEEP, [(0,)])]

    opened = open_sandbox(workers=1)
    outcomes = asyncio.run(close_under_way())
    assert {outcome.end for outcome in outcomes} <= {End.REFUSED, End.KILLED}
    assert outcomes[-1].end is End.REFUSED


def test_what_is_submitted_while_it_closes_is_refused() -> None:
    opened = open_sandbox(workers=1)
    futures: list[Future[Outcome]] = []

    def crowd() -> None:
        futures.extend(opened.submit(SLEEP, [(30,)]) for _ in range(QUEUE + 2))

    thread = threading.Thread(target=crowd)
    thread.start()
    while opened._threads._work_queue.qsize() < QUEUE - 1:
        time.sleep(0.01)
    opened.close()
    thread.join(20)
    assert len(futures) == QUEUE + 2
    assert futures[-1].result().end is End.REFUSED


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
    thread.join(30)
    assert time.monotonic() - start < 30
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


def test_one_that_cannot_be_opened_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*given: object) -> None:
        raise PermissionError(1, "no")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Worker, "__init__", refusing)
    with pytest.raises(PermissionError):
        LocalSandbox(2, False, [0, 0], ())
    assert list(tmp_path.iterdir()) == []
