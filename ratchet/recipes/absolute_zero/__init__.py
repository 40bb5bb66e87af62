"""Absolute Zero (arXiv 2505.03335): one model proposes and solves tasks on programs."""
