"""Scaling-law discovery by program evolution, without a language model."""
