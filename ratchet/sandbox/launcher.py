"""The warm process that runs are forked from: one thread, and no candidate's code ever ran in it.

It is started as a fresh interpreter with an empty environment, gives up its rights, shuts itself
into an empty root if it can, and then waits on a control socket. A message brings the descriptor of
a run's own socket, which it never reads: it forks a warden for it, and waits until that has ended.
It ends when the control socket closes or the process that started it does, and takes a run under
way with it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ratchet.sandbox import kernel, landlock, namespaces, warden, watch
from ratchet.sandbox.stage import Stage

PRELOADED = (
    "bisect", "collections", "copy", "dataclasses", "functools", "heapq", "itertools", "json",
    "math", "operator", "re", "string", "typing",
)  # fmt: skip
"""Modules that programs often import: loaded once, before any program."""


def libraries() -> list[str]:
    """Return the folders of the shared libraries that this interpreter has loaded."""
    found = set()
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            path = line.split(maxsplit=5)[-1].strip()
            if path.startswith("/") and ".so" in os.path.basename(path):
                found.add(os.path.dirname(path))
    return sorted(found)


def outermost(paths: list[str]) -> tuple[str, ...]:
    """Return the paths that exist and lie in no other of them."""
    there = sorted({os.path.normpath(p) for p in paths if p and os.path.isdir(p)})
    return tuple(p for p in there if not any(p.startswith(f"{q}/") for q in there))


def packages() -> list[str]:
    """Return the folders of installed packages that lie in the standard library's."""
    named = (f"{path}/{name}" for path in sys.path for name in ("site-packages", "dist-packages"))
    return [os.path.normpath(path) for path in named if os.path.isdir(path)]


def without(hidden: list[str], path: str) -> list[str]:
    """Return paths that hold what a folder holds except what is hidden."""
    if path in hidden:
        return []
    if not any(each.startswith(f"{path}/") for each in hidden):
        return [path]
    return [part for name in os.listdir(path) for part in without(hidden, f"{path}/{name}")]


def prepare(config: dict[str, Any]) -> Stage:
    """Give up rights and make the root that every run will see. Raises OSError."""
    root = os.geteuid() == 0
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY) if os.path.isdir("/proc/self") else -1
    readable, hidden = outermost([*sys.path, *libraries()]), packages()
    isolate = bool(config["namespaces"])
    if not isolate and proc < 0:
        raise OSError("there is no /proc in which to find what a run left alive")
    if not isolate and not os.path.isdir(config["folder"]):
        raise OSError(f"there is no folder {config['folder']}")
    if isolate:
        if root:
            kernel.unshare(kernel.NEWNS)
        else:
            namespaces.enter_user()
        namespaces.build_root(readable, hidden)
        readable = (*readable, *namespaces.DEVICES)
    else:
        readable = (*(p for path in readable for p in without(hidden, path)), *namespaces.DEVICES)
    if root and config["uid"]:
        os.setgroups([])
        os.setresgid(config["uid"], config["uid"], config["uid"])
        os.setresuid(config["uid"], config["uid"], config["uid"])
    elif not root:
        kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    return Stage(
        proc=proc,
        uid=os.geteuid(),
        gid=os.getegid(),
        folder=namespaces.SCRATCH if isolate else f"{config['folder']}/scratch",
        readable=readable,
        namespaces=isolate,
        rlimits=True,
        seccomp=True,
        landlock=landlock.version(),
        counts_apart=release >= (5, 14),
        cgroup=config["cgroup"],
    )


def start(stage: Stage, off: list[str], run: int, control: socket.socket) -> int:
    """Fork the warden of one run; return its process id."""
    stage = replace(
        stage,
        rlimits="rlimits" not in off,
        seccomp="seccomp" not in off,
        landlock=0 if "landlock" in off else stage.landlock,
        cgroup=-1 if "cgroup" in off else stage.cgroup,
    )
    pid = kernel.clone(namespaces.RUN) if stage.namespaces else os.fork()
    if pid:
        return pid
    code = 1
    try:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        control.close()
        warden.serve(stage, run)
        code = 0
    finally:
        os._exit(code)


def wait(pid: int, control: socket.socket, parent: int, seconds: float) -> None:
    """Wait for a warden; kill it when the parent hangs up or ends, or it outlasts every limit."""
    poller = select.poll()
    end = os.pidfd_open(pid)
    poller.register(end, select.POLLIN)
    poller.register(control, 0)
    poller.register(parent, select.POLLIN)
    if end not in [ready for ready, _ in poller.poll(seconds * 1000)]:
        os.kill(pid, signal.SIGKILL)
    os.close(end)
    os.waitpid(pid, 0)


def sweep(stage: Stage) -> None:
    """End what a run without namespaces left alive: it all became this process's child."""
    while True:
        for pid in watch.descendants(stage.proc, os.getpid()) if stage.proc >= 0 else ():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def remove(folder: str) -> None:
    """Remove a folder however deep and whatever its modes; nothing may be running in it."""
    os.chmod(folder, 0o700)
    os.chdir(folder)
    above: list[str] = []
    while True:
        inner = ""
        for entry in list(os.scandir(".")):
            if entry.is_dir(follow_symlinks=False):
                inner = entry.name
                break
            os.unlink(entry.name)
        if inner:
            os.chmod(inner, 0o700)
            os.chdir(inner)
            above.append(inner)
        elif above:
            os.chdir("..")
            os.rmdir(above.pop())
        else:
            break
    os.chdir("/")
    os.rmdir(folder)


def serve(stage: Stage, control: socket.socket, parent: int) -> None:
    """Run what the parent orders, one at a time, until it hangs up or ends."""
    poller = select.poll()
    poller.register(control, select.POLLIN)
    poller.register(parent, select.POLLIN)
    while parent not in [ready for ready, _ in poller.poll()]:
        message, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
        if not message:
            return
        problem = run(stage, json.loads(message), descriptors[0], control, parent)
        control.send(json.dumps({"problem": problem}).encode())


def run(stage: Stage, order: dict[str, Any], own: int, control: socket.socket, parent: int) -> str:
    """Have one run done, from a clean folder to a clean folder; return what went wrong with it.

    ``own`` is the run's own socket. It is closed here whatever happens: who waits at its other end
    would wait for ever.
    """
    try:
        if not stage.namespaces:
            if os.path.lexists(stage.folder):  # left by a launcher that was killed
                remove(stage.folder)
            os.mkdir(stage.folder, 0o700)
        try:
            pid = start(stage, order["off"], own, control)
        finally:
            os.close(own)
        wait(pid, control, parent, order["seconds"])
        if not stage.namespaces:
            sweep(stage)
            remove(stage.folder)
    except OSError as error:
        return str(error) or type(error).__name__
    return ""


def main() -> None:
    """Be a launcher: the control socket's descriptor and the settings are the arguments."""
    control = socket.socket(fileno=int(sys.argv[1]))
    config = json.loads(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # who ignores it hands that down, and never waits
    os.environ.clear()
    sys.path.pop(0)  # where this package lies
    sys.argv = sys.orig_argv = []
    try:
        for name in PRELOADED:
            importlib.import_module(name)
        stage = prepare(config)
    except OSError as error:
        control.send(json.dumps({"problem": str(error)}).encode())
        return
    gc.collect()
    gc.freeze()
    control.send(json.dumps({"problem": "", "landlock": stage.landlock}).encode())
    with suppress(BrokenPipeError, ConnectionResetError):
        serve(stage, control, config["parent"])
    if not stage.namespaces:
        with suppress(OSError):  # its parent does it, unless it was killed
            remove(os.path.dirname(stage.folder))
            os.rmdir(os.path.dirname(os.path.dirname(stage.folder)))
