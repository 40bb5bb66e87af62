"""The local engine: torch in this process, any Llama- or Qwen-like Hugging Face model."""

from ratchet.engine.local.engine import LocalEngine

__all__ = ["LocalEngine"]
