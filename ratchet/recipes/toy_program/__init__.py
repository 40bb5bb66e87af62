"""A program that is rewritten by random mutation."""
