from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.core.errors import EvaluatorError
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.guard.charter import find_charter
from ratchet.guard.evaluator import Evaluator
from ratchet.worlds.protocol import Stream
from tests.guard.conftest import Start, Write
from tests.guard.sums import Adder, Constant


def final(evaluator: Evaluator, sealed: str, draw: int = 0) -> Scores:
    return evaluator.measure(Adder(), Stream.FINAL, 10, draw, Seed(0), "final", sealed)


def gate(evaluator: Evaluator) -> Scores:
    return evaluator.measure(Adder(), Stream.GATE, 10, 0, Seed(0), "gate")


def test_final_opens_for_one_binding_only(start: Start, tmp_path: Path) -> None:
    opened = tmp_path / "sealed" / "final.json"
    with start() as evaluator:
        with pytest.raises(EvaluatorError, match="named states"):
            final(evaluator, "")
        gate(evaluator)
        assert not opened.exists()
        first = final(evaluator, "states a")
        assert json.loads(opened.read_text())["sealed"] == "states a"
        with pytest.raises(EvaluatorError, match="does not open again") as caught:
            final(evaluator, "states b")
        assert caught.value.hint
        with pytest.raises(EvaluatorError, match="does not open again"):
            final(evaluator, "states b", draw=1)
    with start() as resumed:
        with pytest.raises(EvaluatorError, match="does not open again"):
            final(resumed, "states b")
        assert final(resumed, "states a") == first
    with start(seed=1) as other, pytest.raises(EvaluatorError, match="does not open again"):
        final(other, "states a")


def test_final_is_bound_before_a_prompt_is_shown(start: Start, tmp_path: Path) -> None:
    class Late(Adder):
        def answer(self, prompts: object, seed: Seed) -> list[str]:
            assert (tmp_path / "sealed" / "final.json").exists()
            raise KeyboardInterrupt

    with start() as evaluator:
        with pytest.raises(KeyboardInterrupt):
            evaluator.measure(Late(), Stream.FINAL, 10, 0, Seed(0), "final", "states a")
        with pytest.raises(EvaluatorError, match="does not open again"):
            final(evaluator, "states b")


def test_a_charter_edited_during_a_run_stops_it(start: Start, write_charter: Write) -> None:
    with start() as evaluator:
        path = write_charter("sums:Sums")
        text = path.read_text()
        path.write_text(text + "# a remark\n")
        assert gate(evaluator).mean == 1.0
        for edited in (text.replace("Add.", "Win."), "no charter"):
            path.write_text(edited)
            with pytest.raises(EvaluatorError, match="charter_changed"):
                gate(evaluator)
        path.unlink()
        with pytest.raises(EvaluatorError, match="charter_changed"):
            gate(evaluator)


def test_a_charter_edited_before_the_start_stops_it(start: Start, write_charter: Write) -> None:
    evaluator = start()
    path = write_charter("sums:Sums")
    path.write_text(path.read_text().replace("Add.", "Win."))
    with pytest.raises(EvaluatorError, match="charter_changed"), evaluator:
        pass


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("large", "larger", r"'larger'.*did you mean 'large'"),
        ("{1 =", "{7 =", "ValueError: unknown level 7"),
    ],
)
def test_what_the_world_lacks_is_named_at_the_start(
    write_charter: Write, old: str, new: str, named: str
) -> None:
    path = write_charter("sums:Sums")
    path.write_text(path.read_text().replace(old, new))
    with (
        pytest.raises(EvaluatorError, match=named) as caught,
        Evaluator(path, 0, path.parent / "sealed"),
    ):
        pass
    assert caught.value.hint


def test_the_order_of_a_table_shapes_no_draw(start: Start, write_charter: Write) -> None:
    with start() as evaluator:
        plain = gate(evaluator)
    path = write_charter("sums:Sums")
    text = path.read_text()
    path.write_text(text.replace("small = 0.5, large = 0.5", "large = 0.5, small = 0.5"))
    assert path.read_text() != text
    with Evaluator(path, 0, path.parent / "other") as evaluator:
        assert gate(evaluator) == plain


def test_the_process_inherits_no_secret_and_no_torch(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_TOKEN", "not-for-the-evaluator")
    solver = Constant("1")
    with start("sums:Inside") as evaluator:
        evaluator.measure(solver, Stream.AUDIT, 1, 0, Seed(0), "look")
    seen = json.loads(solver.prompts[0])
    allowed = {"PATH", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUTF8", "LC_CTYPE"}
    assert set(seen["environment"]) <= allowed
    assert "not-for-the-evaluator" not in solver.prompts[0]
    assert seen["folder"] == str(tmp_path / "sealed")
    assert "numpy" in seen["modules"]
    assert not {"torch", "transformers", "rich", "ratchet.guard.evaluator"} & set(seen["modules"])


def test_the_folder_is_the_owners_alone(start: Start, tmp_path: Path) -> None:
    with start():
        assert (tmp_path / "sealed").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["arithmetic", "functions", "programs_standard"])
def test_shipped_charters_open_and_draw_by_their_weights(name: str, tmp_path: Path) -> None:
    with Evaluator(find_charter(name), 0, tmp_path / "sealed") as evaluator:
        scores = evaluator.measure(Constant(""), Stream.GATE, 100, 0, Seed(0), "mute")
    assert scores.mean == 0.0
    drawn = {family: len(some) / 100 for family, some in scores.by_family().items()}
    assert drawn == pytest.approx(evaluator.charter.families, abs=0.011)
