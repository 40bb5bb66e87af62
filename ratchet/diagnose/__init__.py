"""When and why does the loop fail, and what to do then. Probes read records and nothing else."""
