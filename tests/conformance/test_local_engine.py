"""The local engine passes the conformance suite on a random Llama, as adapter and as full copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.core.seeds import Seed
from ratchet.engine.conformance import CHECKS, check_engine
from ratchet.engine.local import LocalEngine
from ratchet.engine.models.random_llama import write_random_llama
from ratchet.engine.protocol import Adapter, Full


@pytest.mark.parametrize("kind", [Adapter(rank=4, alpha=8.0), Full()], ids=["adapter", "full"])
def test_local_engine_conforms(tmp_path: Path, kind: Adapter | Full) -> None:
    base = str(write_random_llama(tmp_path / "model", Seed(0)))
    passed = check_engine(
        lambda: LocalEngine(threads=1, micro_tokens=48),
        base,
        ["2+3=", "2+31=", "7-1="],
        trainable=kind,
        tolerance=1e-4,
    )
    assert passed == [check.__name__ for check in CHECKS]
