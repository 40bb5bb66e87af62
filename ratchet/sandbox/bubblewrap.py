"""Namespaces from ``bwrap``, for machines that let it make them and not us.

That is so where it is installed setuid root, or named in an AppArmor profile. It starts one
launcher in an empty root; runs then follow each other in there, fenced off by Landlock and the
filter on system calls, and what one leaves alive is killed before the next. ``unshare`` (1) is not
used: it makes the system calls that ``namespaces`` makes, with the same rights.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from ratchet.sandbox.launcher import libraries, outermost, packages
from ratchet.sandbox.namespaces import DEVICES

FOLDER = "/box"
"""What a launcher may write to."""
CANARY = str(Path(__file__).with_name("namespaces.py"))
"""A file that the launcher needs and no program: a probe tries to read it."""
LOADERS = (
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
)
"""What the kernel starts an interpreter by, under the names that are written in it."""
_BOX = 2**31
_PACKAGE = Path(__file__).parents[1]


def find() -> str:
    """Return the path of bwrap, empty if there is none."""
    return shutil.which("bwrap") or ""


def wrap(bwrap: str) -> list[str]:
    """Return what stands before a launcher's command so that it starts in a root of its own."""
    root = os.geteuid() == 0
    # As root there is no user namespace to make, and the launcher gives its rights up itself.
    spaces = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    spaces += ["--unshare-cgroup-try", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    command = [bwrap, *(spaces if root else ["--unshare-all"]), "--die-with-parent"]
    command += ["--hostname", "sandbox", "--proc", "/proc", "--dir", "/tmp"]
    for name in ("/lib", "/lib64", "/lib32"):  # by which programs name their loader
        if os.path.islink(name):
            command += ["--symlink", os.readlink(name), name]
    shared = [path for path in libraries() if "-packages/" not in f"{path}/"]
    library = [sysconfig.get_path("stdlib"), sysconfig.get_config_var("DESTSHARED")]
    for path in outermost([os.path.realpath(p) for p in (*library, *shared) if p]):
        command += _show(path)
    for path in filter(os.path.exists, LOADERS):
        place = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        command += _show(os.path.realpath(path), place)
    for path in packages():
        command += ["--tmpfs", path, "--remount-ro", path]
    for path in (
        os.path.realpath(sys.executable),
        f"{_PACKAGE}/__init__.py",
        f"{_PACKAGE}/sandbox",
    ):
        command += _show(path)
    command += ["--dir", "/dev"]
    for path in DEVICES:
        command += ["--dev-bind", path, path]
    if not os.stat(bwrap).st_mode & stat.S_ISUID:  # which does not let its user choose sizes
        command += ["--size", str(_BOX)]
    command += ["--perms", "0777", "--tmpfs", FOLDER]
    return [*command, "--remount-ro", "/", "--chdir", "/", "--"]


def _show(path: str, place: str = "") -> list[str]:
    """Return what shows a file or folder, read-only, below folders that anyone may pass."""
    above = [str(folder) for folder in reversed(Path(place or path).parents[:-1])]
    folders = [part for folder in above for part in ("--dir", folder)]
    return [*folders, "--ro-bind", path, place or path]


def check(wrapper: Sequence[str]) -> None:
    """Start an interpreter in there that does nothing; raises OSError with what bwrap says."""
    command = [*wrapper, os.path.realpath(sys.executable), "-I", "-S", "-c", "pass"]
    done = subprocess.run(
        command, env={}, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    if done.returncode:
        raise OSError(done.stderr.decode("utf-8", "replace").strip()[-300:] or "it failed silently")
