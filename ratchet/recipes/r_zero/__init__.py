"""R-Zero (arXiv 2508.05004): a Challenger and a Solver without tools, labels, or data."""
