"""The nouns everything else is written in. No torch, no numpy beyond seeds."""
