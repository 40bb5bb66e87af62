"""Tools that any recipe may give a policy. A recipe's own, e.g. a calculator, stay with it."""

from __future__ import annotations

from ratchet.sandbox.protocol import Level, Limits, Sandbox
from ratchet.sandbox.require import require
from ratchet.sandbox.tool import TOOL_LIMITS, python_tool
from ratchet.solve.procedure import Tool


def python(sandbox: Sandbox, limits: Limits = TOOL_LIMITS, level: Level = Level.ISOLATED) -> Tool:
    """Return the tool that runs ``<python>print(6 * 7)</python>`` and inserts ``[42]``.

    What a policy writes is run as it stands, so a sandbox below ``level`` is refused: SandboxError.
    """
    require(sandbox, level)
    return Tool("<python>", "</python>", python_tool(sandbox, limits), "\n[{result}]\n")
