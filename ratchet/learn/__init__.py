"""Update rules: pure functions from records to a batch and a loss. Engines do the computing."""
