"""The tiny model: the shipped files fit their recipe, and the script that made them is sound."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ratchet.core.errors import ModelError
from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection, Task
from ratchet.engine.models.find import TINY
from ratchet.engine.models.folder import hash_file
from ratchet.recipes.tiny_model.data import Mixture, Text
from ratchet.recipes.tiny_model.muon import orthogonalise
from ratchet.recipes.tiny_model.tokenizer import CHARACTERS, EOS_ID, create_tokenizer
from ratchet.recipes.tiny_model.train import (
    SHAPE,
    WEIGHTS,
    Plan,
    count_parameters,
    find_questions,
    save_model,
    train,
)
from ratchet.worlds.arithmetic import Arithmetic, calculate, solve_exactly
from ratchet.worlds.protocol import Stream

MIXTURE = Mixture(pool=200)
SHORT = Plan(
    steps=3, rows=2, length=64, lr=1e-2, matrix_lr=0.02, warmup=1, threads=1, mixture=MIXTURE
)
CALL = re.compile(r"A: <calc>(.*)</calc> \[(-?\d+)\] (-?\d+)")


class Leaky(Arithmetic):
    """Yields reserved problems as if they were open."""

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        names = self.families if family is None else (family,)
        weights = dict.fromkeys(names, 1.0)
        return list(self.anchors(rng, n, Stream.FINAL, weights, dict.fromkeys(range(1, 6), 1.0)))


def draw(count: int) -> list[str]:
    return list(islice(Text(Arithmetic(), MIXTURE, Seed(3)).documents(), count))


def test_shipped_weights_are_those_of_the_recipe() -> None:
    recipe = json.loads((TINY / "recipe.json").read_text(encoding="utf-8"))
    assert hash_file(TINY / WEIGHTS) == recipe["sha256"]
    assert (TINY / WEIGHTS).stat().st_size < 4_000_000
    assert json.loads((TINY / "config.json").read_text(encoding="utf-8")) == SHAPE
    plan = json.loads((TINY / "recipe.json").read_text(encoding="utf-8"))["plan"]
    assert plan["mixture"]["tools"] == Mixture().tools and plan["steps"] == Plan().steps


def test_shipped_model_loads_as_float32_and_writes_an_exercise() -> None:
    model = LlamaForCausalLM.from_pretrained(TINY, dtype=torch.float32)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert 700_000 <= count_parameters(model) <= 1_400_000
    ids = create_tokenizer().encode("Q: 47 - 19\nQ: 6 * 13\nQ: 8 + 6\nQ:").ids
    with torch.inference_mode():
        written = model.generate(torch.tensor([ids]), max_new_tokens=24, do_sample=False)
    line = create_tokenizer().decode(written[0, len(ids) :].tolist()).partition("\n")[0]
    assert solve_exactly(line) is not None, line


def test_shipped_tokenizer_gives_every_text_back() -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(TINY)
    for text in ("".join(CHARACTERS) * 2, "Q: (1 +  2)\nA: <calc>3</calc>\n", " \n\n ", "a .b ,"):
        ids = tokenizer.encode(text)
        assert len(ids) == len(text) and tokenizer.decode(ids) == text
        assert create_tokenizer().decode(ids) == text
    assert tokenizer.encode("é€") == [tokenizer.unk_token_id] * 2
    assert tokenizer.encode("<eos>") == [EOS_ID] == [tokenizer.eos_token_id]


def test_text_is_correct_and_open_throughout() -> None:
    world, calls, lists = Arithmetic(), 0, 0
    for document in draw(400):
        lines = document.splitlines()
        if not any(line.startswith("A:") for line in lines):
            lists += 1
            assert all(isinstance(world.parse(line), Task) for line in lines)
            continue
        for question, answer in zip(lines[::2], lines[1::2], strict=True):
            task = world.parse(question)
            assert not isinstance(task, Rejection), question
            assert question == f"Q: {task.prompt}"
            assert world.check(task, answer).passed and answer.startswith("A: ")
            if call := CALL.fullmatch(answer):
                calls += 1
                assert calculate(call[1]) == call[2] and isinstance(world.parse(call[1]), Task)
            else:
                assert re.fullmatch(r"A: -?\d+", answer)
    assert calls > 100 and lists > 20


def test_text_refuses_a_reserved_problem() -> None:
    with pytest.raises(ModelError, match="not an open problem"):
        Text(Leaky(), MIXTURE, Seed(3))


def test_text_depends_on_its_seed_alone() -> None:
    assert draw(20) == draw(20)
    other = Text(Arithmetic(), MIXTURE, Seed(4)).documents()
    assert draw(20) != list(islice(other, 20))


def test_only_the_characters_of_a_question_count_for_less() -> None:
    text = "12\nQ: 3 + 4\nA: 7\nQ: 5"
    found = find_questions(torch.tensor([create_tokenizer().encode(text).ids]))[0].tolist()
    marked = "".join("?" if inside else char for char, inside in zip(text, found, strict=True))
    assert marked == "12\nQ???????\nA: 7\nQ???"


@pytest.mark.parametrize("shape", [(12, 12), (30, 12), (12, 30)])
def test_orthogonalised_update_keeps_the_directions_and_evens_out_their_lengths(
    shape: tuple[int, int],
) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(5))
    left, lengths, right = torch.linalg.svd(matrix, full_matrices=False)
    inside = left.T @ orthogonalise(matrix) @ right.T
    assert lengths.max() > 2 * lengths.min()
    assert inside.diagonal().min() > 0.6 and inside.diagonal().max() < 1.3
    assert (inside - inside.diagonal().diag()).abs().max() < 1e-4


def test_training_is_deterministic_and_lowers_the_loss(tmp_path: Path) -> None:
    hashes = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        before = torch.random.get_rng_state()
        trained = train(SHORT, Seed(seed))
        save_model(tmp_path / name, trained.model)
        hashes.append(hash_file(tmp_path / name / WEIGHTS))
        assert len(trained.losses) == 3 and trained.losses[-1] < trained.losses[0] - 0.3
        assert torch.equal(before, torch.random.get_rng_state())
        torch.rand(1)  # what the process drew before may not matter
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(("lr", "matrix_lr"), [(1e-2, 0.0), (0.0, 0.02)])
def test_both_optimisers_move_their_weights(lr: float, matrix_lr: float) -> None:
    still = train(replace(SHORT, lr=0.0, matrix_lr=0.0), Seed(1)).model.state_dict()
    moved = {
        "matrix" if "proj" in name else "other"
        for name, weight in train(replace(SHORT, lr=lr, matrix_lr=matrix_lr), Seed(1))
        .model.state_dict()
        .items()
        if not torch.equal(weight, still[name])
    }
    assert moved == ({"other"} if lr else {"matrix"})
