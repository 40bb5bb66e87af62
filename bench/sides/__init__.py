"""Processes that do one side's work when told to, so that two sides can be timed in turns.

A side prints ``{"ready": true}``, then for every line it reads does its work once and prints
``{"seconds": s, "peak_mb": m}``. It ends when its input does. ``trl_step`` needs nothing of Ratchet
and runs in the environment of the peers; only this file's few lines are shared by text.
"""
