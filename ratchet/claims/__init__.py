"""The harness that runs a recipe's claims: arms, paired seeds, controls, and a verdict for each.

A recipe's ``claims.py`` exposes ``CLAIMS``; ``reproduce`` runs them. Nothing here knows a recipe.
"""

from __future__ import annotations

from ratchet.claims.claim import Arm, Claim, Claims
from ratchet.claims.harness import reproduce
from ratchet.claims.results import tell
from ratchet.claims.verdict import ClaimVerdict, Reading, judge

__all__ = ["Arm", "Claim", "ClaimVerdict", "Claims", "Reading", "judge", "reproduce", "tell"]
