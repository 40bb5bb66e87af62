"""Families of reasoning-gym as a world; needs the extra ``tasks``."""

from ratchet.worlds.gym.families import FAMILIES, LEVELS, LEVELS_OF, VERSION
from ratchet.worlds.gym.world import REASONS, ReasoningGym, designate

__all__ = ["FAMILIES", "LEVELS", "LEVELS_OF", "REASONS", "VERSION", "ReasoningGym", "designate"]
