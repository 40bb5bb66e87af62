"""Statistics of evaluation: intervals, paired tests, pass@k, means over seeds (numpy only).

All randomness comes from a numpy Generator that is passed in.
"""

from __future__ import annotations

from ratchet.stats.bootstrap import mean_interval, paired_bootstrap
from ratchet.stats.interval import Interval
from ratchet.stats.multiseed import hierarchical_bootstrap, seed_interval
from ratchet.stats.paired import Equivalence, equivalence, mcnemar, sign_test
from ratchet.stats.pass_at_k import pass_at_k
from ratchet.stats.proportion import wilson_interval
from ratchet.stats.student_t import t_quantile

__all__ = [
    "Equivalence",
    "Interval",
    "equivalence",
    "hierarchical_bootstrap",
    "mcnemar",
    "mean_interval",
    "paired_bootstrap",
    "pass_at_k",
    "seed_interval",
    "sign_test",
    "t_quantile",
    "wilson_interval",
]
