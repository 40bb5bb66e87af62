"""``models``: which models are here, and how to get the others."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ratchet.cli.reply import Reply, columns

if TYPE_CHECKING:
    from ratchet.cli.doctor import Check


@dataclass(frozen=True, kw_only=True)
class Models:
    """List the models, get one ready, or build the tiny one."""

    action: Annotated[Literal["list", "get", "build"], tyro.conf.Positional] = "list"
    """list: what is here. get: install or download, and convert. build: train it from nothing."""
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")] = ""
    """smollm2, tiny, or a hub id such as org/name; for get and build."""
    seed: int = 1
    """Root of the training's random draws; for build."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Where to write what was built; where Ratchet looks for it by default."""
    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """List, get or build."""
        from ratchet.core.errors import ConfigError

        if self.action == "list":
            return _list()
        if not self.name:
            raise ConfigError(f"which model to {self.action}?", "ratchet models list")
        if self.action == "get":
            return _get(self.name)
        return _build(self.name, self.seed, self.out)


def check_models() -> list[Check]:
    """Look at the built-in models, for ``doctor``."""
    from ratchet.cli.doctor import Check
    from ratchet.engine.models import list_models

    fresh = ("ready", "installed")
    mend = {"tiny": "ratchet models build tiny"}
    return [
        Check(
            f"model {model.name}",
            model.state,
            model.state in fresh,
            mend.get(model.name, f"ratchet models get {model.name}"),
        )
        for model in list_models()
    ]


def _list() -> Reply:
    from ratchet.engine.models import list_models

    models = list_models()
    rows = [[m.name, m.state, f"{m.size / 1e6:.0f} MB", m.folder] for m in models]
    text = columns([["model", "state", "size", "folder"], *rows])
    return Reply({"models": [asdict(model) for model in models]}, text)


def _get(name: str) -> Reply:
    from ratchet.engine.models import get

    folder = get(name, lambda line: print(line, file=sys.stderr))
    return Reply({"model": name, "folder": str(folder)}, f"{name} is ready in {folder}")


def _build(name: str, seed: int, out: Path | None) -> Reply:
    from ratchet.core.config import nearest
    from ratchet.core.errors import ConfigError

    if name != "tiny":
        hint = f"ratchet models get {name}"
        raise ConfigError(f"only tiny can be built, not {name!r}{nearest(name, ['tiny'])}", hint)
    from ratchet.engine.models.find import TINY
    from ratchet.recipes.tiny_model.train import build

    folder = out or TINY
    manifest = build(folder, seed, lambda line: print(line, file=sys.stderr))
    told = f"tiny: {manifest['parameters']:,} parameters, loss {manifest['loss']}, in {folder}"
    return Reply({"model": name, "folder": str(folder), "recipe": manifest}, told)
