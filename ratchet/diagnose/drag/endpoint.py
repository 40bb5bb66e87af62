"""A model behind any endpoint that speaks the chat completions of OpenAI."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from ratchet.core.errors import EngineError
from ratchet.diagnose.drag.speaker import Request, Said


@dataclass(frozen=True)
class Endpoint:
    """A remote model. Each completion is a call of its own, with a seed of its own.

    The key is read by the caller, sent as a bearer token and kept nowhere. Whether equal seeds give
    equal texts is up to the server. A call that fails is tried again, then raises EngineError.
    """

    url: str
    """Base of the service, e.g. ``http://localhost:8000/v1``."""
    model: str
    """Name of the model there."""
    key: str = field(default="", repr=False)
    """Bearer token; empty for none."""
    timeout: float = 120.0
    """Seconds for one call."""
    retries: int = 2
    """Further tries of a call that failed."""

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model

    def complete(self, prompts: Sequence[str], request: Request) -> list[list[Said]]:
        """Ask for every completion in turn."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        with httpx.Client(
            base_url=self.url.rstrip("/") + "/", headers=headers, timeout=self.timeout
        ) as client:
            return [
                [self._ask(client, prompt, request, place, draw) for draw in range(request.n)]
                for place, prompt in enumerate(prompts)
            ]

    def _ask(
        self, client: httpx.Client, prompt: str, request: Request, place: int, draw: int
    ) -> Said:
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "seed": (request.seed + 1009 * place + draw) % 2**31,
        }
        if request.stop:
            body["stop"] = list(request.stop)[:4]
        began = time.perf_counter()
        problem = ""
        for _ in range(self.retries + 1):
            try:
                reply = client.post("chat/completions", json=body)
                reply.raise_for_status()
                return _read(reply.json(), time.perf_counter() - began)
            except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
                problem = f"{type(error).__name__}: {error}"
        raise EngineError(
            f"{self.url} gave no completion of {self.model}: {problem[:300]}",
            "check the address (it ends in /v1), the model's name and the key",
        )


def _read(data: Any, seconds: float) -> Said:
    choice = data["choices"][0]
    usage = data.get("usage") or {}
    return Said(
        str(choice["message"]["content"] or ""),
        choice.get("finish_reason") == "length",
        int(usage.get("prompt_tokens", 0)),
        int(usage.get("completion_tokens", 0)),
        seconds,
    )
