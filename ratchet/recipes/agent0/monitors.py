"""What of an Agent0 run is watched from its first generation on."""

from __future__ import annotations

from ratchet.core.findings import Continue, Restart
from ratchet.diagnose.collapse import RolloutCollapse
from ratchet.diagnose.divergence import RewardDivergence
from ratchet.diagnose.format_drift import FormatDrift
from ratchet.diagnose.jump import CapabilityJump
from ratchet.diagnose.label_error import LabelError
from ratchet.diagnose.novelty import ProposalCollapse
from ratchet.guard.charter import Charter, find_charter
from ratchet.guard.terms import GateTerms
from ratchet.loop.monitor import Monitor
from ratchet.recipes.agent0.config import Config


def list_monitors(config: Config) -> tuple[Monitor, ...]:
    """Return the monitors, at the charter's jump limit and the recipe's band of difficulty.

    A charter without gate terms asks nobody about jumps, so there the monitor only tells: an honest
    solver's pass rate in one family may rise by 60 points between two pools.
    """
    terms = Charter.read(find_charter(config.charter)).gate
    return (
        RewardDivergence(),
        LabelError(band=(config.band_low, config.band_high)),
        RolloutCollapse(),
        ProposalCollapse(),
        FormatDrift(name="solver_format_drift"),
        FormatDrift("proposer", name="proposer_format_drift", actions=(Restart("proposer"),)),
        CapabilityJump(limit=terms.jump)
        if terms
        else CapabilityJump(limit=GateTerms().jump, actions=(Continue(),)),
    )
