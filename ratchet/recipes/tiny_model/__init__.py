"""The tiny model: a character-level transformer of a million weights and the script that makes it."""
