"""Running programs that a model wrote: isolation in levels, probes, outcomes, and judges."""
