"""What the tests of the local engine share: a random Llama on disk and engines on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.core.seeds import Seed
from ratchet.engine.local import LocalEngine
from ratchet.engine.models.random_llama import write_random_llama


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_random_llama(tmp_path_factory.mktemp("llama"), Seed(1)))


@pytest.fixture
def make() -> Callable[..., LocalEngine]:
    def build(micro_tokens: int = 1024, threads: int = 1) -> LocalEngine:
        return LocalEngine(threads=threads, micro_tokens=micro_tokens)

    return build


@pytest.fixture
def engine(make: Callable[..., LocalEngine]) -> LocalEngine:
    return make()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return tmp_path / "saved"
