"""Tools that any recipe may give a policy. A recipe's own, e.g. a calculator, stay with it."""

from __future__ import annotations

from ratchet.sandbox.protocol import Limits, Sandbox
from ratchet.sandbox.tool import TOOL_LIMITS, python_tool
from ratchet.solve.procedure import Tool


def python(sandbox: Sandbox, limits: Limits = TOOL_LIMITS) -> Tool:
    """Return the tool that runs ``<python>print(6 * 7)</python>`` and inserts ``[42]``."""
    return Tool("<python>", "</python>", python_tool(sandbox, limits), "\n[{result}]\n")
