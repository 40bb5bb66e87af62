"""An engine without torch: scripted policies to test wiring, tabular ones that really learn."""

from ratchet.engine.fake.bases import Scripted, Tabular
from ratchet.engine.fake.engine import FakeEngine

__all__ = ["FakeEngine", "Scripted", "Tabular"]
