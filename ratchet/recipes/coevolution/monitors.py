"""What of a co-evolution is watched from its first generation on."""

from __future__ import annotations

from ratchet.core.findings import AskApproval, Continue, Restart
from ratchet.diagnose.collapse import RolloutCollapse
from ratchet.diagnose.coverage import CoverageLoss
from ratchet.diagnose.divergence import RewardDivergence
from ratchet.diagnose.format_drift import FormatDrift
from ratchet.diagnose.inflow import ClosedLoop
from ratchet.diagnose.information_gain import STOP, LearnableGain
from ratchet.diagnose.jump import CapabilityJump
from ratchet.diagnose.label_error import LabelError
from ratchet.diagnose.novelty import ProposalCollapse
from ratchet.diagnose.rounds import StaleRounds
from ratchet.diagnose.signal import SignalLoss
from ratchet.guard.charter import Charter, find_charter
from ratchet.guard.terms import GateTerms
from ratchet.loop.monitor import Monitor
from ratchet.recipes.coevolution.settings import Settings


def list_monitors(config: Settings) -> tuple[Monitor, ...]:
    """Return the monitors, at the charter's limits of jumps and the recipe's band of difficulty.

    A person is asked about the jump of one capability only where the charter's gate sets a limit on
    it; elsewhere the monitor tells: an honest solver's pass rate in one family may rise by 60
    points between two pools, and a run must not wait for that.
    """
    terms = Charter.read(find_charter(config.charter)).gate or GateTerms()
    afresh = Restart(config.policy("proposer"))
    asks = terms.capability_jump is not None
    band = (config.band_low, config.band_high)
    gain = STOP if config.gain_stop == "halt" else LearnableGain(actions=(Continue(),))
    return (
        RewardDivergence(),
        LabelError(band=band),
        SignalLoss(band=band, actions=(afresh,)),
        CoverageLoss(),
        StaleRounds(actions=(afresh,)),
        ClosedLoop(band=band),
        RolloutCollapse(),
        ProposalCollapse(actions=(afresh,)),
        FormatDrift(name="solver_format_drift"),
        FormatDrift("proposer", name="proposer_format_drift", actions=(afresh,)),
        CapabilityJump(
            limit=terms.capability_jump or terms.jump,
            actions=(AskApproval() if asks else Continue(),),
        ),
        *((gain,) if config.gain_stop != "off" else ()),
    )
