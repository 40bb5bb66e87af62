"""An engine without torch: scripted policies for tests of wiring, tabular ones that really learn."""

from ratchet.engine.fake.bases import Scripted, Tabular
from ratchet.engine.fake.engine import FakeEngine

__all__ = ["FakeEngine", "Scripted", "Tabular"]
