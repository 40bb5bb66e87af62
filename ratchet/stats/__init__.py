"""Statistics of evaluation: intervals, paired and sequential tests, pass@k, means over seeds.

Only numpy is needed. All randomness comes from a numpy Generator that is passed in.
"""

from __future__ import annotations

from ratchet.stats.betting import adaptive_log_wealth, log_e_value, log_e_values, tally
from ratchet.stats.bootstrap import mean_interval, paired_bootstrap
from ratchet.stats.change import (
    Summary,
    log_change_evidence,
    pool,
    shift,
    spend,
    strata_weights,
)
from ratchet.stats.interval import Interval
from ratchet.stats.ladder import climbs, ladder_error, rung
from ratchet.stats.multiseed import hierarchical_bootstrap, seed_interval
from ratchet.stats.noninferiority import Noninferiority, Standing, noninferiority_power
from ratchet.stats.paired import Equivalence, equivalence, mcnemar, sign_test
from ratchet.stats.pass_at_k import pass_at_k
from ratchet.stats.proportion import wilson_interval
from ratchet.stats.ratio import ratio_interval
from ratchet.stats.sequence import anytime_interval
from ratchet.stats.student_t import t_quantile
from ratchet.stats.superiority import Reading, Superiority

__all__ = [
    "Equivalence",
    "Interval",
    "Noninferiority",
    "Reading",
    "Standing",
    "Summary",
    "Superiority",
    "adaptive_log_wealth",
    "anytime_interval",
    "climbs",
    "equivalence",
    "hierarchical_bootstrap",
    "ladder_error",
    "log_change_evidence",
    "log_e_value",
    "log_e_values",
    "mcnemar",
    "mean_interval",
    "noninferiority_power",
    "paired_bootstrap",
    "pass_at_k",
    "pool",
    "ratio_interval",
    "rung",
    "seed_interval",
    "shift",
    "sign_test",
    "spend",
    "strata_weights",
    "t_quantile",
    "tally",
    "wilson_interval",
]
