"""From the command line's words to a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, make_dataclass
from typing import Annotated, Any

import tyro

from ratchet.cli.catalogue import List
from ratchet.cli.compare import Compare
from ratchet.cli.diagnose import Diagnose
from ratchet.cli.diff import Diff
from ratchet.cli.doctor import Doctor
from ratchet.cli.laws import Laws
from ratchet.cli.models import Models
from ratchet.cli.replay import Replay
from ratchet.cli.reply import Command
from ratchet.cli.reproduce import Reproduce
from ratchet.cli.runs import Resume, RunOptions, WriteReport
from ratchet.cli.verify import Verify
from ratchet.cli.versions import RollbackRun, Versions

_ABOUT = "Recursive self-improvement of language models that only moves forward on evidence."
_sub = tyro.conf.subcommand
_Any = (
    Annotated[List, _sub("list")]
    | Annotated[RunOptions, _sub("run")]
    | Annotated[Resume, _sub("resume")]
    | Annotated[WriteReport, _sub("report")]
    | Annotated[Compare, _sub("compare")]
    | Annotated[Verify, _sub("verify")]
    | Annotated[Versions, _sub("versions")]
    | Annotated[RollbackRun, _sub("rollback")]
    | Annotated[Diff, _sub("diff")]
    | Annotated[Replay, _sub("replay")]
    | Annotated[Laws, _sub("laws")]
    | Annotated[Reproduce, _sub("reproduce")]
    | Annotated[Diagnose, _sub("diagnose")]
    | Annotated[Models, _sub("models")]
    | Annotated[Doctor, _sub("doctor")]
)


def parse(arguments: Sequence[str]) -> Command:
    """Return the command; raises RatchetError, or SystemExit after printing help or a mistake."""
    if not arguments:
        arguments = ["--help"]
    if len(arguments) > 1 and arguments[0] == "run" and not arguments[1].startswith("-"):
        return _parse_run(arguments[1:])
    command: Command = tyro.cli(_Any, args=arguments, prog="ratchet", description=_ABOUT)
    return command


def _parse_run(arguments: Sequence[str]) -> Command:
    """Read ``run`` with every setting of its recipe as an option, its tier's values as defaults."""
    from ratchet.recipes.launch import find_method

    method = find_method(arguments[0])
    tier, profile = _value_of("--tier", arguments), _value_of("--profile", arguments)
    chosen = (
        {"profile": profile} if profile and "profile" in method.config_type.model_fields else {}
    )
    config = method.configure(tier, **chosen)
    taken = {field.name for field in fields(RunOptions)}
    names = [name for name in type(config).model_fields if name not in taken]
    options = [(name, _option(config, name), getattr(config, name)) for name in names]
    named: tuple[str, Any, Any] = ("recipe", tyro.conf.Suppress[str], arguments[0])
    kind = make_dataclass(
        "Run",
        [named, *options],
        bases=(RunOptions,),
        frozen=True,
        kw_only=True,
        namespace={
            "settings": lambda self: {name: getattr(self, name) for name in names},
            "__doc__": RunOptions.__doc__,
        },
    )
    command: Command = tyro.cli(kind, args=arguments[1:], prog=f"ratchet run {method.name}")
    return command


def _option(config: Any, name: str) -> Any:
    field = type(config).model_fields[name]
    return Annotated[field.annotation, tyro.conf.arg(help=field.description)]


def _value_of(option: str, arguments: Sequence[str]) -> str | None:
    """Return the value of an option that must be known before the others can be read."""
    for place, word in enumerate(arguments):
        if word == option and place + 1 < len(arguments):
            return arguments[place + 1]
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None
