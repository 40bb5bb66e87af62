"""Nothing survives a run, and nothing of one run is in the next."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ratchet.sandbox.launcher import remove
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Level, Limits, Program, Value

ADD = Program("def f(x): return x + 1", "f")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=[True, False], ids=["isolated", "process"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[LocalSandbox]:
    off = () if request.param else ("namespaces", "seccomp", "landlock")
    level = Level.ISOLATED if request.param else Level.PROCESS
    with open_sandbox(level, workers=1, off=off) as opened:
        yield opened


def below(pid: int) -> set[int]:
    """Return every process below one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(path.parent.name)] = int(fields[1])
    found: set[int] = set()
    frontier = {pid}
    while frontier:
        frontier = {p for p, parent in parents.items() if parent in frontier}
        found |= frontier
    return found


def state(sandbox: LocalSandbox) -> tuple[int, int, list[str]]:
    """Return the open descriptors, processes and folders that stand for this process."""
    gc.collect()
    folder = sandbox._folder
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder else []
    return len(os.listdir("/proc/self/fd")), len(below(os.getpid())), files


def marked(text: str) -> list[int]:
    """Return the processes anywhere on the machine with this text in their name."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if text in path.read_text():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


DAEMON = """
import ctypes, os, time
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(15, b"{name}", 0, 0, 0)
            os.closerange(0, 64)
            time.sleep(60)
        os._exit(0)
    os.wait()
    time.sleep(0.2)
"""


@pytest.mark.parametrize(
    "last",
    ["daemon()", "daemon()\nos._exit(0)", "daemon()\nos.abort()", "daemon()\nwhile True: pass"],
)
def test_a_daemon_does_not_survive(sandbox: LocalSandbox, last: str) -> None:
    name = f"rd{os.getpid()}"
    before = state(sandbox)
    program = Program(DAEMON.replace("{name}", name) + last)
    outcome = sandbox.run(program, limits=Limits(processes=4, cpu_s=0.5))
    assert outcome.end is not End.REFUSED
    assert marked(name) == []
    assert state(sandbox) == before


def test_what_kills_its_warden_ends_with_it(sandbox: LocalSandbox) -> None:
    """Process 1 of a namespace cannot be killed from within; elsewhere the launcher cleans up."""
    name = f"rw{os.getpid()}"
    program = Program(DAEMON.replace("{name}", name) + "daemon()\nos.kill(os.getppid(), 9)")
    before = state(sandbox)
    outcome = sandbox.run(program, limits=Limits(processes=4))
    assert (outcome.end is End.KILLED) is not sandbox.isolated
    assert marked(name) == []
    assert state(sandbox) == before


def test_a_fork_bomb_ends_and_leaves_nothing(sandbox: LocalSandbox) -> None:
    before = state(sandbox)
    source = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError: pass"
    limits = Limits(processes=8, cpu_s=0.5, wall_s=3.0, memory=2**29)
    assert sandbox.run(Program(source), limits=limits).end is End.TIMEOUT
    assert state(sandbox) == before
    assert sandbox.run(ADD, [(1,)]).end is End.OK


def test_fifty_runs_leave_everything_where_it_was(sandbox: LocalSandbox) -> None:
    many_runs(sandbox, 50)


@pytest.mark.slow
def test_ten_thousand_runs_leave_everything_where_it_was() -> None:
    with open_sandbox(workers=2) as sandbox:
        many_runs(sandbox, 10_000)


def many_runs(sandbox: LocalSandbox, count: int) -> None:
    """Run a mixture of good and bad programs; compare before and after."""
    programs = [
        (ADD, End.OK),
        (Program("def f(x): return 1 / 0", "f"), End.ERROR),
        (Program("import os\ndef f(x): os._exit(3)", "f"), End.ERROR),
        (Program("import os\ndef f(x): os.abort()", "f"), End.KILLED),
        (Program("def f(x):\n    open('left', 'w').write('x' * 1000)\n    return 1", "f"), End.OK),
    ]
    for future in [sandbox.submit(program, [(1,)]) for program, _ in 2 * programs]:
        future.result()  # the pool's threads have started now
    before, memory = state(sandbox), resident()
    futures = [sandbox.submit(programs[k % 5][0], [(k,)]) for k in range(count)]
    ends = [future.result().end for future in futures]
    assert ends == [programs[k % 5][1] for k in range(count)]
    del futures
    assert state(sandbox) == before
    assert resident() - memory < 8 * 2**20


def resident() -> int:
    """Return the resident bytes of this process and its launchers."""
    pids = [os.getpid(), *below(os.getpid())]
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


SEARCH = """
import ctypes, os
def f(start, rest, *_):
    # Counts the places in memory where start is followed by rest, each byte given one too high.
    libc = ctypes.CDLL(None)
    libc.sbrk.restype = ctypes.c_void_p
    libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    top, here = libc.sbrk(0), id(bytearray(1))
    found = pages = 0
    for low, high in [(top - 2**26, top), (here - 2**25, here + 2**25)]:
        data = b""
        for at in range(low & ~4095, high, 4096):
            if libc.write(writer, at, 4096) != 4096:
                data = b""
                continue
            data = data[-64:] + os.read(reader, 4096)
            pages += 1
            k = data.find(start.encode())
            while k >= 0:
                after = data[k + len(start) : k + len(start) + len(rest)]
                found += [b + 1 for b in after] == rest
                k = data.find(start.encode(), k + 1)
    return [found, pages]
"""


def test_nothing_of_one_run_is_in_the_next(sandbox: LocalSandbox) -> None:
    """A later run looks through its memory for the source and the input of an earlier one."""
    start, rest = f"needle{os.getpid()}", f"thread{time.monotonic_ns()}"
    arguments: list[Value] = [start, [b + 1 for b in rest.encode()]]
    search = Program(SEARCH, "f")
    control = sandbox.run(search, [[*arguments, start + rest]]).results[0].value
    assert isinstance(control, list) and control[0] != 0
    assert sandbox.run(Program(f"def f(x): return x  # {start}{rest}", "f"), [(start + rest,)])
    searched = sandbox.run(search, [arguments]).results[0].value
    assert isinstance(searched, list) and searched[0] == 0
    assert isinstance(searched[1], int) and searched[1] > 500


def test_files_of_one_run_are_not_in_the_next(sandbox: LocalSandbox) -> None:
    write = Program("def f():\n    open('left', 'w').write('x')\n    return 1", "f")
    look = Program("import os\ndef f(): return os.listdir('.')", "f")
    assert sandbox.run(write, files={"given": b"x"}).end is End.OK
    assert sandbox.run(look).results[0].value == []


@pytest.mark.parametrize(
    "source",
    [
        "import os\nfor _ in range(1200):\n    os.mkdir('d')\n    os.chdir('d')",
        "import os\nos.mkdir('d')\nopen('d/f', 'w').close()\nos.chmod('d', 0)\nos.chmod('.', 0)",
        "import os\nos.symlink('/', 'root')\nos.symlink('loop', 'loop')\nos.mkfifo('pipe')",
        "open('sparse', 'wb').truncate(16 << 20)",
        "open(b'\\xff\\n\\x01', 'w').close()",
    ],
)
def test_folders_of_any_shape_are_removed(sandbox: LocalSandbox, source: str) -> None:
    before = state(sandbox)
    sandbox.run(Program(source))
    assert state(sandbox) == before
    assert sandbox.run(ADD, [(1,)]).end is End.OK


def test_remove_follows_no_link(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    gone = tmp_path / "gone"
    (gone / "in").mkdir(parents=True)
    (gone / "in" / "link").symlink_to(kept)
    here = os.getcwd()
    try:
        remove(str(gone))
    finally:
        os.chdir(here)
    assert not gone.exists() and (kept / "file").exists()


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """Whether a process still runs; one that only waits to be taken note of has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def test_all_ends_when_the_caller_is_killed() -> None:
    name = f"rk{os.getpid()}"
    source = f"import ctypes, time\nctypes.CDLL(None).prctl(15, b'{name}', 0, 0, 0)\ntime.sleep(60)"
    script = f"""
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.protocol import Limits, Program
open_sandbox(workers=1).run(Program({source!r}), limits=Limits(wall_s=60.0))
"""
    caller = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    try:
        assert wait_until(lambda: marked(name) != [])
        launched = below(caller.pid)
    finally:
        caller.send_signal(signal.SIGKILL)
        caller.wait()
    assert launched and wait_until(lambda: marked(name) == [])
    assert wait_until(lambda: not any(alive(pid) for pid in launched))


def test_a_launcher_that_dies_is_replaced(sandbox: LocalSandbox) -> None:
    for pid in below(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    assert sandbox.run(ADD, [(1,)]).results[0].value == 2
