"""What a method supplies to the loop, and what the loop hands to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from ratchet.core.events import Event, Listener, ignore
from ratchet.core.findings import Finding
from ratchet.core.records import Records as Records
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.core.state import Candidate, State
from ratchet.core.task import Cost
from ratchet.loop.monitor import Monitor
from ratchet.sandbox.protocol import Level, Sandbox

Parameter = float | str | bool
"""A value that a finding may set."""


@dataclass(frozen=True)
class Context:
    """What ``improve`` is told about the generation it works in."""

    generation: int
    """Number of this turn, from 1; it never goes back."""
    seed: Seed
    """Parent of every draw of this generation."""
    initial: State
    """The state of generation 0."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    """Current values of the recipe's declared parameters."""
    observe: Callable[[str, bool], None] = lambda mechanism, effect: None
    """Report that a mechanism's trigger occurred, and whether its effect was seen."""
    tell: Listener = ignore
    """Where events go."""

    def progress(self, phase: str, done: int, total: int, **numbers: float) -> None:
        """Tell how far a phase has come; ``numbers`` are shown beside it."""
        self.tell(Event("progress", {"phase": phase, "done": done, "total": total, **numbers}))


@dataclass(frozen=True)
class Mechanism:
    """A part of a method that must be alive: a reward term, filter, clip, scale or learner."""

    name: str
    """Stable name, as it stands in the report."""
    plant: Callable[[], bool]
    """Send a planted trigger through the real wiring; True if its effect was seen."""


class Probe(Protocol):
    """Looks at records and says what is wrong. A probe is a mechanism too: its planted records
    must make it fire."""

    @property
    def name(self) -> str:
        """Stable name; its findings carry it."""
        ...

    def measure(self, window: Sequence[Records], state: State) -> Finding | None:
        """Look at the last generations' records, newest last; None is silence."""
        ...

    def planted(self) -> Sequence[Records]:
        """Return a window in which the probe must fire."""
        ...


class Recipe(Protocol):
    """A method: how a state improves itself, and how a state answers prompts.

    Subclass it: what has a default here needs no word in a recipe.
    """

    probes: Sequence[Probe] = ()
    """Watch every generation."""
    monitors: Sequence[Monitor] = ()
    """Watch the whole run: what each reads of a generation is kept in the ledger."""
    parameters: Mapping[str, Parameter] = MappingProxyType({})
    """What findings may set or reweight, with the starting values."""
    sandbox: Sandbox | None = None
    """Where it runs programs that a model wrote; None if it runs none."""
    isolation: Level = Level.ISOLATED
    """Least level of that sandbox: below it a run neither starts nor goes on."""

    def initial(self, seed: Seed) -> State:
        """Make the state of generation 0."""
        ...

    def mechanisms(self, state: State, seed: Seed) -> Sequence[Mechanism]:
        """Return every mechanism with its planted trigger, wired to this state."""
        ...

    def improve(self, state: State, context: Context) -> Candidate:
        """Make a better state out of this one."""
        ...

    def solver(self, state: State) -> Solver:
        """Return what is measured: a policy with its rollout procedure, or a program."""
        ...

    def bases(self, state: State) -> Mapping[str, Solver]:
        """Return the procedures by which the untrained state may be judged; at least one."""
        return {"untrained": self.solver(state)}

    def epilogue(self, initial: State, final: State) -> Mapping[str, Any]:
        """Return what else the report shall show of before and after, as plain JSON data."""
        return {}

    def spent(self) -> Cost:
        """Return what this object has consumed so far."""
        return Cost()
