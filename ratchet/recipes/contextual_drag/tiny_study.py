"""The whole protocol on the tiny model, before and after fallback fine-tuning.

    python -m ratchet.recipes.contextual_drag.tiny_study --seed 1 --out runs/drag-tiny-1

The model learns Countdown with drafts of known reliability, the study measures it, fallback
fine-tuning changes it, and it is measured again on the same problems and drafts. Weights and
answers are kept in the folder. It shows drag as a learned reliance, and says nothing of pretrained
models.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random

from ratchet.core.codec import to_data
from ratchet.core.seeds import Seed
from ratchet.diagnose.drag.card import fill_card
from ratchet.diagnose.drag.drafts import Chosen, spoil
from ratchet.diagnose.drag.measure import Measure, difference_of
from ratchet.diagnose.drag.observations import Draft, Observations
from ratchet.diagnose.drag.prompts import Format
from ratchet.diagnose.drag.speaker import EngineSpeaker
from ratchet.diagnose.drag.study import Findings, Plan, Study
from ratchet.engine.local import LocalEngine
from ratchet.engine.protocol import Engine, Full, Optim
from ratchet.learn.fallback import Drafted, fallback
from ratchet.recipes.contextual_drag.warm import END, warm_up
from ratchet.report.drag_card import headline, render_card
from ratchet.solve.retry import Asking
from ratchet.worlds.countdown import Countdown, solve_exactly

POLICY, FAMILY = "studied", "two"
FORM = Format("", (END,))
CONDITIONS = (
    "clean restart wrong_1 wrong_2 right_1 labelled excluded foreign shuffled no_verify synthetic"
)


def study(
    engine: Engine, seed: int, folder: Path, problems: int, chosen: Chosen | None = None
) -> Findings:
    """Put the conditions to the policy, on problems that are a function of the seed."""
    plan = Plan(
        tuple(CONDITIONS.split()), problems, 4 * problems, 12, 4, 5, None, FAMILY, 30, 1.0, seed
    )
    speaker = EngineSpeaker(engine, POLICY, f"tiny-{seed}-{folder.name}")
    return Study(speaker, Countdown(), FORM, plan, folder, chosen=chosen).run()


def tune(engine: Engine, seed: Seed, steps: int, rows: int, lr: float) -> None:
    """Fine-tune by fallback: a wrong draft is judged wrong and a clean solution follows."""
    world, random = Countdown(), Random(seed.child("drafts").integer())
    asking = Asking()
    for step in range(steps):
        tasks = world.tasks(seed.child(step).rng(), rows, family=FAMILY)
        examples = []
        for place, task in enumerate(tasks):
            solution = solve_exactly(task.prompt) or ""
            right = Draft(task.id, task.id, solution, solution, True)
            draft = right if place % 2 else spoil(world, task, right, random)
            if draft is None:
                continue
            told = asking.write(task.prompt, f"Draft: {draft.text}\n", "Verdict:")
            said = " right\nAnswer:" if draft.right else " wrong\nAnswer:"
            parts = (told, said, f" {solution}{END}")
            prompt, verdict, answer = (engine.encode(POLICY, part) for part in parts)
            examples.append(Drafted(prompt, verdict, answer, draft.right))
        update = fallback(examples)
        engine.forward_backward(POLICY, update.batch, update.loss)
        engine.optim_step(POLICY, Optim(lr))


def change(before: Observations, after: Observations, condition: str, seed: Seed) -> Measure:
    """Return accuracy under a condition after minus before, on the problems of both."""
    pairs = [(after.mean(condition, p), before.mean(condition, p)) for p in before.problems]
    return difference_of(pairs, seed.rng())


def measure(given: argparse.Namespace) -> dict[str, Measure]:
    """Do all three stages and return every measurement."""
    engine, root = LocalEngine(threads=given.threads), Seed(given.seed).child("tiny_study")
    out = Path(given.out)
    weights = out / "weights"
    if weights.is_dir():
        engine.load(POLICY, weights)
    else:
        engine.create(POLICY, "tiny", Full(), root.child("policy").integer())
        sizes = (given.steps, given.rows, given.reliability, given.lr)
        warm_up(engine, POLICY, Asking(), (FAMILY,), root.child("warm"), *sizes)
        out.mkdir(parents=True, exist_ok=True)
        engine.save(POLICY, weights, optimiser=False)
    if given.until == "warm":
        return {}
    found = study(engine, given.seed, out / "before", given.problems)
    card = fill_card(found, "tiny, taught Countdown", "countdown", given.seed)
    (out / "card.html").write_text(render_card(card), encoding="utf-8")
    print(headline(card))
    measures = dict(card.measures)
    if given.tune:
        tune(engine, root.child("fallback"), given.tune, given.rows, given.lr / 4)
        again = study(engine, given.seed, out / "after", given.problems, found.chosen)
        for name in ("clean", "wrong_1", "right_1"):
            at = root.child("change", name)
            measures[f"fallback_{name}"] = change(found.seen, again.seen, name, at)
    return measures


def main() -> None:
    """Read the arguments, measure and print one JSON document."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--reliability", type=float, default=0.7)
    parser.add_argument("--tune", type=int, default=60)
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--until", choices=("warm", "all"), default="all")
    given = parser.parse_args()
    measures = {name: to_data(found) for name, found in measure(given).items()}
    print(json.dumps(measures, indent=1))


if __name__ == "__main__":
    main()
