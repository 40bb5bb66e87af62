"""What every sandbox must do, as a suite that any provider can run against itself.

    from ratchet.sandbox.conformance import check_sandbox
    check_sandbox(lambda: MySandbox(...))

It knows a sandbox only by its contract: what a program gives comes back, whatever it does becomes
an outcome, and the level it claims is what a program meets. It is no proof of a level: whoever
ships one tests the attacks against it as well. ``channel`` and ``walls`` hold the checks.
"""

from __future__ import annotations

from collections.abc import Callable

from ratchet.sandbox.conformance import channel, walls
from ratchet.sandbox.conformance.bench import Breach, Check, ConformanceError
from ratchet.sandbox.protocol import Sandbox

__all__ = ["CHECKS", "ConformanceError", "check_sandbox"]

CHECKS: dict[str, Check] = {**channel.CHECKS, **walls.CHECKS}
"""Every check by name, in the order they run."""


def check_sandbox(open: Callable[[], Sandbox]) -> list[str]:
    """Return the names of the checks passed, in order; the first failure raises ConformanceError.

    ``open`` returns a fresh sandbox. Any exception that escapes from it during a check is a failure
    of that check. Takes about ten seconds.
    """
    passed: list[str] = []
    sandbox = open()
    try:
        for name, check in CHECKS.items():
            try:
                check(sandbox)
            except Exception as error:
                problem = str(error) if isinstance(error, Breach) else f"raised {error!r}"
                raise ConformanceError(name, _provider(sandbox), problem) from error
            passed.append(name)
    finally:
        sandbox.close()
    return passed


def _provider(sandbox: Sandbox) -> str:
    return str(getattr(getattr(sandbox, "capability", None), "provider", "?"))
