"""Errors tell what was wrong and the next command to type."""

from __future__ import annotations

import pytest

from ratchet.core import errors
from ratchet.core.errors import RatchetError

KINDS = [
    errors.ConfigError,
    errors.ModelError,
    errors.EngineError,
    errors.SandboxError,
    errors.EvaluatorError,
    errors.RunError,
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_hint_is_shown_and_kept(kind: type[RatchetError]) -> None:
    error = kind("the disk is full", "ratchet resume runs/a")
    assert isinstance(error, RatchetError)
    assert str(error) == "the disk is full\n  next: ratchet resume runs/a"
    assert (error.message, error.hint) == ("the disk is full", "ratchet resume runs/a")
    assert str(kind("the disk is full")) == "the disk is full"


def test_every_error_of_the_module_is_in_its_own_picture() -> None:
    defined = {k for k in vars(errors).values() if isinstance(k, type)} - {RatchetError}
    assert defined == {*KINDS, errors.TamperedError}
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in defined)


def test_tampering_is_named_before_it_is_told() -> None:
    error = errors.TamperedError("charter_changed", "it is another", "ratchet run")
    assert str(error) == "charter_changed: it is another\n  next: ratchet run"
    assert error.name == "charter_changed"
