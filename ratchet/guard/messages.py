"""What the loop and the evaluator process say to each other: one JSON object a line.

One reply to each request, in order. No message carries a task, a verdict or the truth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from ratchet.core.codec import from_data, to_data
from ratchet.core.errors import EvaluatorError
from ratchet.core.evidence import ItemScore
from ratchet.guard.records import Mark
from ratchet.worlds.protocol import Stream

Count = Annotated[int, Field(ge=0)]

RECORDS = "records.jsonl"
"""The evaluator's own records, in its folder."""
FINAL = "final.json"
"""What the final stream was opened for, in the evaluator's folder."""
ERRORS = "errors.txt"
"""The evaluator's standard error, in its folder."""


@dataclass(frozen=True)
class Open:
    """Take up a charter; the first request, sent once."""

    charter: str
    """Path of the charter."""
    charter_hash: str
    """Hash that the charter must have."""
    seed: int
    """The run's seed."""
    folder: str
    """The evaluator's folder."""
    kind: Literal["open"] = "open"


@dataclass(frozen=True)
class Draw:
    """Ask for the prompts of a draw."""

    stream: Stream
    """Which anchors."""
    n: Count
    """How many, or how many of each named family; fewer when the reserved space is smaller."""
    draw: Count
    """Number of the draw: equal numbers give equal anchors."""
    sealed: str = ""
    """What the final stream is opened for; read for that stream only."""
    batch: Count = 0
    """Which batch of the draw: none repeats an anchor of those before it."""
    families: tuple[str, ...] = ()
    """Families to draw from; none: the charter's mix."""
    kind: Literal["draw"] = "draw"


@dataclass(frozen=True)
class Score:
    """Ask for the scores of the answers to a draw."""

    stream: Stream
    """As in the draw."""
    n: Count
    """As in the draw."""
    draw: Count
    """As in the draw."""
    label: str
    """Who answered; for the evaluator's records."""
    answers: tuple[str, ...]
    """One per prompt, in the order of the draw."""
    sealed: str = ""
    """As in the draw."""
    batch: Count = 0
    """As in the draw."""
    families: tuple[str, ...] = ()
    """As in the draw."""
    kind: Literal["score"] = "score"


@dataclass(frozen=True)
class Inspect:
    """Ask whether training held what it must not, and whether the evaluator is untouched."""

    prompts: tuple[str, ...] = ()
    """Tasks that were trained on."""
    texts: tuple[str, ...] = ()
    """All else that was read or written in training."""
    kind: Literal["inspect"] = "inspect"


@dataclass(frozen=True)
class Close:
    """End the process."""

    kind: Literal["close"] = "close"


Request = Annotated[Open | Draw | Score | Inspect | Close, Field(discriminator="kind")]


@dataclass(frozen=True)
class Opened:
    """The charter is taken up."""

    charter_hash: str
    """Hash of the charter that was read."""
    world: str
    """Name of the world."""
    families: tuple[str, ...]
    """Families of the world, in its order."""
    source: str
    """Hash of all files that the evaluator's judgement rests on."""
    knows_reserved: bool
    """Whether the world recognises any reserved task; else only anchors of this run are known."""
    mark: Mark
    """How far the evaluator's records go."""
    kind: Literal["opened"] = "opened"


@dataclass(frozen=True)
class Prompt:
    """What a solver is shown of an anchor."""

    item: str
    """Opaque id."""
    text: str
    """The prompt."""


@dataclass(frozen=True)
class Drawn:
    """The prompts of a draw."""

    prompts: tuple[Prompt, ...]
    """In the order of the draw."""
    kind: Literal["drawn"] = "drawn"


@dataclass(frozen=True)
class Scored:
    """The scores of a draw."""

    items: tuple[ItemScore, ...]
    """In the order of the draw."""
    mark: Mark
    """How far the evaluator's records go, these scores included."""
    kind: Literal["scored"] = "scored"


@dataclass(frozen=True)
class Inspected:
    """What was found; nothing is the rule."""

    prompts: Mapping[str, int]
    """Number of prompts by reason: ``reserved``, ``anchor`` or ``benchmark``."""
    texts: Mapping[str, int]
    """Number of texts by reason."""
    kind: Literal["inspected"] = "inspected"


@dataclass(frozen=True)
class Closed:
    """The process ends now."""

    kind: Literal["closed"] = "closed"


@dataclass(frozen=True)
class Refused:
    """The request was not carried out."""

    error: str
    """What was wrong. It never quotes an anchor."""
    hint: str
    """What to do next."""
    tampered: str = ""
    """Name of what was touched, if that is why."""
    kind: Literal["refused"] = "refused"


Reply = Annotated[
    Opened | Drawn | Scored | Inspected | Closed | Refused, Field(discriminator="kind")
]


def to_line(message: Any) -> bytes:
    """Return the line of a request or a reply: ASCII, so no text can break the framing."""
    return json.dumps(to_data(message)).encode("ascii") + b"\n"


def read_request(line: bytes) -> Open | Draw | Score | Inspect | Close:
    """Read a request; raises EvaluatorError on anything else."""
    request: Open | Draw | Score | Inspect | Close = _read(Request, line)
    return request


def read_reply(line: bytes) -> Opened | Drawn | Scored | Inspected | Closed | Refused:
    """Read a reply; raises EvaluatorError on anything else."""
    reply: Opened | Drawn | Scored | Inspected | Closed | Refused = _read(Reply, line)
    return reply


def _read(kind: Any, line: bytes) -> Any:
    """Read a message; what is wrong with it is told by place and type, never by quoting it."""
    hint = "use one version of Ratchet on both sides"
    try:
        return from_data(kind, json.loads(line))
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        told = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['type']}" for p in problems[:3])
        raise EvaluatorError(f"malformed message: {told}", hint) from None
    except ValueError:
        raise EvaluatorError("malformed message: not JSON", hint) from None
