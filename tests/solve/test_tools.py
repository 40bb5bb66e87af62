"""The Python tool asks for a level of its sandbox, and says why it is refused."""

from __future__ import annotations

import pytest

from ratchet.core.errors import SandboxError
from ratchet.sandbox.fake import FakeSandbox, returns
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.protocol import Level
from ratchet.solve.tools import python


def test_a_sandbox_below_the_level_is_refused_with_reason_and_remedy() -> None:
    with open_sandbox(Level.PROCESS, workers=1, off={"seccomp"}) as sandbox:
        with pytest.raises(SandboxError, match="ISOLATED cannot be had, only CONFINED") as error:
            python(sandbox)
        assert "seccomp: turned off" in error.value.message
        assert "CONFIG_SECCOMP_FILTER" in error.value.hint
        assert python(sandbox, level=Level.CONFINED).run("print(6 * 7)") == "42"


def test_the_level_is_asked_for_before_any_code_runs() -> None:
    sandbox = FakeSandbox([returns("42")], level=Level.PROCESS)
    with pytest.raises(SandboxError):
        python(sandbox)
    assert sandbox.runs == []
