"""The tiny model: a transformer of a million weights that reads characters, and how it is made."""
