"""From a recipe's name to a finished run: find it, resolve its settings, run or resume it."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import ratchet.recipes
from ratchet.core.codec import to_data
from ratchet.core.config import nearest
from ratchet.core.errors import ConfigError, RatchetError, RunError
from ratchet.core.events import Event, Listener, ignore, log_events, tell
from ratchet.guard.charter import Charter, find_charter
from ratchet.loop.amend import amended
from ratchet.loop.config import RunConfig
from ratchet.loop.folder import RunFolder
from ratchet.loop.gates import require_effect
from ratchet.loop.halts import last_halt
from ratchet.loop.loop import Loop
from ratchet.loop.position import waiting
from ratchet.report import write_report

_TIERS = ("smol", "tiny", "toy")


@dataclass(frozen=True)
class Method:
    """A recipe found: its code and its tiers."""

    name: str
    """Name, or path of its file."""
    module: ModuleType
    """Has ``Config``, a subclass of RunConfig, and ``build(config, store) -> Recipe``."""
    folder: Path
    """Where its TOML files lie."""

    @property
    def tiers(self) -> list[str]:
        """Names of its tiers, the default first: the first of smol, tiny, toy that it has."""
        found = {path.stem for path in self.folder.glob("*.toml")}
        first = [tier for tier in _TIERS if tier in found]
        return first + sorted(found - set(first))

    @property
    def divides(self) -> bool:
        """Whether it makes several runs of one."""
        return hasattr(self.module, "split_run")

    @property
    def config_type(self) -> type[RunConfig]:
        """The type of its settings."""
        kind: type[RunConfig] = self.module.Config
        return kind

    def configure(self, tier: str | None = None, **overrides: Any) -> RunConfig:
        """Return the settings of a tier with overrides. Raises ConfigError."""
        if not self.tiers:
            raise ConfigError(f"{self.name} has no TOML file", f"write one in {self.folder}")
        tier = tier or self.tiers[0]
        if tier not in self.tiers:
            raise ConfigError(
                f"{self.name} has no tier {tier!r}{nearest(tier, self.tiers)}",
                f"choose one of: {', '.join(self.tiers)}",
            )
        fixed = {"recipe": self.name, "tier": tier}
        return self.config_type.read(self.folder / f"{tier}.toml", **{**fixed, **overrides})

    def plan(self, config: RunConfig) -> dict[str, float]:
        """Return what a run would do, need and cost. ConfigError if the recipe cannot tell."""
        if not hasattr(self.module, "plan"):
            raise ConfigError(f"{self.name} cannot tell its cost beforehand", "run it: it is small")
        planned: dict[str, float] = to_data(self.module.plan(config))
        return planned


def list_methods() -> list[str]:
    """Return the names of the built-in recipes."""
    folders = pkgutil.iter_modules(ratchet.recipes.__path__)
    return sorted(
        info.name
        for info in folders
        if info.ispkg and (Path(ratchet.recipes.__path__[0]) / info.name / "recipe.py").is_file()
    )


def find_method(name: str) -> Method:
    """Find a built-in recipe by name, or any recipe by the path of its file. Raises ConfigError."""
    if name.endswith(".py"):
        return _load_file(Path(name))
    names = list_methods()
    if name not in names:
        raise ConfigError(f"there is no recipe {name!r}{nearest(name, names)}", "ratchet list")
    module = importlib.import_module(f"ratchet.recipes.{name}.recipe")
    return Method(name, module, Path(str(module.__file__)).parent)


def launch(config: RunConfig, path: Path, listener: Listener = ignore) -> dict[str, Any]:
    """Start a run in a new folder, run it to its end and return its report."""
    require_effect(config, Charter.read(find_charter(config.charter)))
    folder = RunFolder(path)
    try:
        # A kill before the settings were whole leaves a draft of them and nothing else.
        draft = folder.config.with_name(folder.config.name + ".draft")
        if path.exists() and any(found != draft for found in path.iterdir()):
            going_on = f"ratchet resume {path}, or " if folder.config.exists() else ""
            raise RunError(f"{path} is not empty", f"{going_on}name another folder with --out")
        path.mkdir(parents=True, exist_ok=True)
        config.write(folder.config)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}", "choose another --out") from error
    try:
        return _run(config, folder, listener)
    except ConfigError:
        folder.discard_unstarted()
        raise


def launch_parts(
    method: Method, config: RunConfig, path: Path, listener: Listener = ignore
) -> tuple[dict[str, Any], str]:
    """Run a method that divides its work into runs of their own, ``split_run(config, path)``.

    A part that was begun goes on, one that has ended stays: the same command resumes. Returns what
    ``sum_up`` makes of all parts, as data and for people.
    """
    parts = method.module.split_run(config, path)
    for number, (part, folder) in enumerate(parts):
        tell_of = {"phase": "part", "what": f"{folder.name}, {number + 1} of {len(parts)}"}
        listener(Event("phase", tell_of))
        if (folder / "config.toml").is_file():
            resume(folder, listener)
        else:
            launch(part, folder, listener)
    summed: tuple[dict[str, Any], str] = method.module.sum_up(parts)
    return summed


def resume(
    path: Path, listener: Listener = ignore, approve: bool = False, finish: bool = False
) -> dict[str, Any]:
    """Go on with a run after its last finished generation and return its report.

    ``approve`` agrees to what waits for a person: a candidate is promoted, and no later one; a
    changed budget holds from now on. ``finish`` ends a run that a budget halted: the final stream
    is opened for what there is. Raises RunError.
    """
    folder = RunFolder(path)
    if not folder.config.is_file():
        raise RunError(f"{path} is not a run", "see the runs with: ls runs")
    config = read_config(folder)
    agreed: list[str | None] = []
    if approve or finish:
        with folder.reading() as ledger:
            entries = list(ledger.entries())
        if finish and last_halt(entries) is None:
            raise RunError(f"no budget has halted {path}", f"ratchet resume {path}")
        if approve:
            charter = Charter.read(find_charter(config.charter))
            agreed = [waiting(entries), amended(entries, charter)]
        if approve and not any(agreed):
            raise RunError(f"nothing in {path} waits for approval", f"ratchet resume {path}")
    return _run(config, folder, listener, [reason for reason in agreed if reason], finish)


def read_config(folder: RunFolder) -> RunConfig:
    """Read a run's settings with the type of its recipe."""
    try:
        data = tomllib.loads(folder.config.read_text(encoding="utf-8"))
        name = str(data["recipe"])
    except (OSError, KeyError, ValueError) as error:
        raise RunError(f"cannot read {folder.config}: {error}", "restore it from a copy") from error
    return find_method(name).config_type.read(folder.config)


def _run(
    config: RunConfig,
    folder: RunFolder,
    listener: Listener,
    agreed: Sequence[str] = (),
    finish: bool = False,
) -> dict[str, Any]:
    try:
        store = folder.store()
        recipe = find_method(config.recipe).module.build(config, store)
        with log_events(folder.events) as log:
            told = tell(log, listener)
            agrees = agreed.__contains__
            Loop(recipe, config, folder, store, told, approve=agrees, finish=finish).run()
        return write_report(folder)
    except KeyboardInterrupt:
        # The report is a courtesy here; that the run was stopped is what must be told.
        with suppress(OSError, RatchetError):
            write_report(folder)
        raise
    except OSError as error:
        raise RunError(
            f"the run stopped: {error}. Every finished generation is kept",
            f"make room or correct the cause, then: ratchet resume {folder.path}",
        ) from error


def _load_file(path: Path) -> Method:
    if not path.is_file():
        raise ConfigError(f"there is no recipe file {path}", "ratchet list")
    name = f"ratchet_recipe_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} cannot be imported", "give a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return Method(str(path), module, path.parent)
