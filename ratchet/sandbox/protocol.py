"""The contract of a sandbox: a program goes in, an outcome comes out, whatever the program does.

A sandbox runs programs and says what happened. It knows nothing of tasks, tests, expected outputs
or rewards: who compares values with what was expected (``judge``) does so in a process that never
executes a candidate's code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
"""What crosses the channel: plain values. Tuples become lists, anything else is an error."""


class Level(IntEnum):
    """How far a program is kept from the machine; each level includes what stands below it."""

    PROCESS = 0
    """Own process, empty environment, resource limits. Not a boundary: the program can read files
    and open sockets as the user who started it."""
    CONFINED = 1
    """And no file of the user, no network, no dangerous system call: Landlock and seccomp, both
    probed; or namespaces alone, probed."""
    ISOLATED = 2
    """And its own view of the machine: user, mount, process, network, IPC and host-name namespaces
    with a seccomp filter. The default for code that a model wrote."""
    VIRTUAL = 3
    """And a kernel of its own: gVisor or a virtual machine, by a provider."""


class End(StrEnum):
    """The class of an outcome."""

    OK = "ok"
    """The program ran to its end and every value asked for came back."""
    ERROR = "error"
    """It raised, exited early, or returned something that is not a plain value."""
    TIMEOUT = "timeout"
    """It used up its CPU time or its wall time."""
    MEMORY = "memory"
    """It asked for more memory than it may have."""
    OUTPUT = "output"
    """It wrote more than it may."""
    KILLED = "killed"
    """A signal ended it: a crash of the interpreter, a forbidden system call, its own doing."""
    REFUSED = "refused"
    """It never ran, or nothing can be said of it: the request is out of range, the sandbox is below
    the level asked for, or the sandbox itself failed. Never a verdict on the program."""


@dataclass(frozen=True)
class Limits:
    """What one run may use. Out-of-range values make the run ``refused``, never an exception."""

    cpu_s: float = 5.0
    """CPU seconds of the whole process tree, for all inputs together."""
    wall_s: float = 15.0
    """Seconds on the clock; a backstop against sleeping, so larger than ``cpu_s``."""
    memory: int = 256 * 2**20
    """Bytes of memory of the whole process tree; files in memory count under ``scratch``."""
    output: int = 64 * 2**10
    """Bytes of standard output and of standard error, each; the rest is cut off."""
    values: int = 2**20
    """Bytes of the values that come back, encoded, all inputs together."""
    scratch: int = 16 * 2**20
    """Bytes the program may write to its folder, to /tmp and to /dev/shm, each."""
    processes: int = 1
    """Processes and threads, the program's own included."""
    open_files: int = 64
    """Open descriptors of one process."""


@dataclass(frozen=True)
class Program:
    """Python source text, and how to call it."""

    source: str
    """The text. It is data: it is never imported, compiled or executed by the caller's process."""
    entry: str = ""
    """Name of a function the source defines, called once per input with the input's values as
    arguments. Empty: the source is a script, run once per input with the input as standard input.
    """


@dataclass(frozen=True)
class Result:
    """What one input came to."""

    end: End
    """How it ended; inputs that were never reached carry the outcome's end."""
    value: Value = None
    """What the function returned, or what the script wrote to standard output."""
    error: str = ""
    """Type of the error, e.g. ``ZeroDivisionError``; empty if it ended well."""
    message: str = ""
    """Its message, cut to length."""
    line: int = 0
    """Line of the source where it was raised; 0 if unknown."""


@dataclass(frozen=True)
class Usage:
    """What a run used."""

    cpu_s: float = 0.0
    """CPU seconds of the process tree."""
    wall_s: float = 0.0
    """Seconds on the clock."""
    memory: int = 0
    """Most bytes resident at once, of the process tree as far as it was seen."""


@dataclass(frozen=True)
class Outcome:
    """What happened. Only ``end`` and ``results`` may decide anything; the rest is for people."""

    end: End
    """OK only if every input has a result whose end is OK."""
    results: tuple[Result, ...] = ()
    """One per input, in order."""
    stdout: str = ""
    """Standard output of the function's runs, cut to ``Limits.output``; invalid bytes replaced."""
    stderr: str = ""
    """The same for standard error."""
    truncated: bool = False
    """Whether either was cut."""
    reason: str = ""
    """One sentence for people: which limit, which signal, what was refused and the remedy."""
    usage: Usage = field(default=Usage(), compare=False)
    """Measured, so never part of a compared value."""


@dataclass(frozen=True)
class Layer:
    """One layer of isolation, as found by doing what it should prevent."""

    name: str
    """e.g. ``namespaces``, ``seccomp``, ``landlock``, ``rlimits``, ``cgroup``, ``uid``."""
    holds: bool
    """Whether the probe, run inside, was prevented from doing what the layer forbids."""
    detail: str
    """What was tried and what happened, or why the layer is not there and how to get it."""


@dataclass(frozen=True)
class Capability:
    """What a sandbox can promise on this machine; part of every run's config."""

    provider: str
    """``direct``, ``bubblewrap``, ``process`` (no namespaces), ``fake``, or the name of yours."""
    level: Level
    """The highest level whose layers all held."""
    layers: tuple[Layer, ...]
    """Every layer that was probed, and those forced off."""


class Sandbox(Protocol):
    """Runs programs. Closing it ends every process and removes every folder it made."""

    @property
    def capability(self) -> Capability:
        """What was found when it was opened."""
        ...

    def run(
        self,
        program: Program,
        inputs: Sequence[Sequence[Value] | str] = ((),),
        files: Mapping[str, bytes] = {},
        limits: Limits = Limits(),
    ) -> Outcome:
        """Run a program on its inputs, in one fresh sandbox for all of them.

        Never raises for anything the program, the inputs, the files or the limits are: that is an
        outcome. ``files`` are relative paths in the program's folder. Each script input, and each
        function input, is isolated from the machine but not from the inputs before it.
        """
        ...

    def close(self) -> None:
        """End it; safe to call twice."""
        ...
