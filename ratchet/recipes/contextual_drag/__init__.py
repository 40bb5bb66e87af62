"""A loop that retries, measures contextual drag in itself, and changes its retry policy by it."""
