"""Ratchet: recursive self-improvement that only moves forward on evidence."""

__version__ = "0.1.0"
