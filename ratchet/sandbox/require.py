"""What a level takes: whether a sandbox reaches it, why not, and what would mend that."""

from __future__ import annotations

from typing import Any

from ratchet.core.errors import SandboxError
from ratchet.sandbox.protocol import Capability, Level, Sandbox

REMEDIES = {
    "namespaces": "sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, "
    "kernel.apparmor_restrict_unprivileged_userns=0, or install bubblewrap",
    "seccomp": "a kernel with CONFIG_SECCOMP_FILTER",
    "landlock": "a kernel from 5.13 on with landlock in its list of security modules",
    "rlimits": "a start from a shell without lower hard limits",
    "uid": "a start as an ordinary user",
}
"""What brings a layer that is not there."""


def require(sandbox: Sandbox, level: Level) -> None:
    """Raise SandboxError, with the reason and the remedy, if a sandbox is below this level."""
    if sandbox.capability.level < level:
        raise refusal(level, sandbox.capability)


def refusal(level: Level, found: Capability) -> SandboxError:
    """Return the error that names the layers missing for a level and what would bring them."""
    missing = [x for x in found.layers if not x.holds and x.name in REMEDIES]
    if level is Level.VIRTUAL:
        reason = "no provider here gives a program a kernel of its own"
        return SandboxError(f"level VIRTUAL cannot be had: {reason}", "level=Level.ISOLATED")
    reason = "; ".join(f"{x.name}: {x.detail}" for x in missing)
    return SandboxError(
        f"level {level.name} cannot be had, only {found.level.name}: {reason}",
        " or ".join(f"{x.name}: {REMEDIES[x.name]}" for x in missing) or "ratchet doctor",
    )


def describe(sandbox: Sandbox | None) -> dict[str, Any] | None:
    """Return what a run's record keeps of its sandbox, as plain data; None if it has none."""
    if sandbox is None:
        return None
    found = sandbox.capability
    return {
        "provider": found.provider,
        "level": found.level.name,
        "layers": [{"name": x.name, "holds": x.holds, "detail": x.detail} for x in found.layers],
    }
