"""What to train on next: proposals, what they earn, which of them are kept."""
