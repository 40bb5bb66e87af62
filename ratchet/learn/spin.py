"""SPIN: self-play fine-tuning, told apart from what one wrote oneself a round ago."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.core.records import Trace
from ratchet.engine.losses import Batch, Preference
from ratchet.learn.rows import row_of
from ratchet.learn.update import Update


def spin(pairs: Sequence[tuple[Trace, Trace]], *, scale: float = 0.1) -> Update:
    """Return the update of SPIN, arXiv 2401.01335, equation 4.7, with the logistic loss.

    Each pair is a trace of the target (data, or what a verifier let pass) and one of the policy's
    own, sampled at the start of the round from pi_t at the same prompt:

        -log sigmoid(r(target) - r(own)),   r = scale * log(pi / pi_t)

    Fill pi_t in by ``Update.with_reference``. It is the step of a reward player in an adversarial
    imitation (arXiv 2602.01357); its fixed point is pi = target, and r has no bound: where the
    target writes what pi_t hardly ever did, it grows with every step. ``chi_square`` bounds it.
    """
    rows = tuple(row_of(trace) for pair in pairs for trace in pair)
    return Update(Batch(rows), Preference("pairwise", scale), len(pairs), 0)
