"""The errors that Ratchet raises on purpose.

    RatchetError
      ConfigError       a setting, key, recipe or charter is wrong
      ModelError        a model or its files cannot be found, read or converted
      EngineError       an engine was asked for something it cannot do
      SandboxError      no sandbox of the level asked for can be had
      EvaluatorError    the evaluator process failed or refused
        TamperedError   what a run is judged by or recorded in was touched during the run
      RunError          a run on disk cannot be read, written or continued

Each carries the next command to type. The command line prints both and exits with 2; everything
else propagates as it is.
"""

from __future__ import annotations


class RatchetError(Exception):
    """Something went wrong that the user can act on."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  next: {self.hint}" if self.hint else self.message


class ConfigError(RatchetError):
    """A setting, key, recipe or charter is wrong."""


class ModelError(RatchetError):
    """A model or its files cannot be found, read or converted."""


class EngineError(RatchetError):
    """An engine was asked for something it cannot do."""


class SandboxError(RatchetError):
    """No sandbox of the level asked for can be had on this machine."""


class EvaluatorError(RatchetError):
    """The evaluator process failed or refused."""


class TamperedError(EvaluatorError):
    """What a run is judged by or recorded in was touched during the run, which makes it invalid."""

    def __init__(self, name: str, message: str, hint: str = "") -> None:
        super().__init__(f"{name}: {message}", hint)
        self.name = name
        """What happened, as one stable word, e.g. ``charter_changed``."""


class RunError(RatchetError):
    """A run on disk cannot be read, written or continued."""
