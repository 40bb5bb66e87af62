"""The local engine on a CUDA device; skipped, and saying so, where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ratchet.core.seeds import Seed
from ratchet.engine.conformance import CHECKS, check_engine
from ratchet.engine.local import LocalEngine
from ratchet.engine.models.random_llama import write_random_llama
from ratchet.engine.protocol import Adapter, Full, Sampling

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
PROMPTS = ["12 + 3 =", "7 - 1 =", "zz", "12 + 34 ="]


@pytest.mark.parametrize("kind", [Adapter(4), Full()], ids=str)
def test_conformance_on_cuda(tmp_path: Path, kind: Adapter | Full) -> None:
    base = str(write_random_llama(tmp_path, Seed(1)))
    passed = check_engine(
        lambda: LocalEngine("cuda"), base, PROMPTS, trainable=kind, tolerance=1e-3
    )
    assert passed == [check.__name__ for check in CHECKS]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_cuda_samples_and_scores_what_the_cpu_does(tmp_path: Path, dtype: str) -> None:
    base = str(write_random_llama(tmp_path, Seed(1)))
    scores = []
    for engine in (LocalEngine("cpu"), LocalEngine("cuda", dtype)):
        engine.create("p", base, Adapter(4))
        prompts = [engine.encode("p", text) for text in PROMPTS]
        drawn = engine.sample("p", prompts, Sampling(seed=1, max_tokens=8, n=3))
        assert all(1 <= len(c.tokens) <= 8 for group in drawn for c in group)
        scores.append([s.logprobs for s in engine.score("p", prompts)])
    limit = 1e-3 if dtype == "float32" else 0.3
    for left, right in zip(*scores, strict=True):
        assert left == pytest.approx(right, abs=limit)
