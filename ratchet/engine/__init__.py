"""Policies: create, sample, score, train, save. Algorithms live in ``learn``, not here."""
