"""Evolution over programs: archives with lineage, proposers, evaluation in cascades."""
