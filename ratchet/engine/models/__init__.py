"""Models: from a name to a folder that transformers can load; nothing here imports torch."""

from ratchet.engine.models.find import Available, list_models, resolve
from ratchet.engine.models.get import get

__all__ = ["Available", "get", "list_models", "resolve"]
