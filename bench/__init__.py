"""Comparisons that print what they measured, each from one command."""
