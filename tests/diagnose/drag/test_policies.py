"""What retry policies are worth, on a script that leans on the drafts it sees."""

from __future__ import annotations

import pytest

from ratchet.core.findings import Continue, SetParameter
from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.diagnose.drag.drafts import Chosen
from ratchet.diagnose.drag.measure import Measure
from ratchet.diagnose.drag.observations import Draft
from ratchet.diagnose.drag.policies import Comparison, Worth, compare_policies, decide_retry
from ratchet.engine.fake import FakeEngine, Scripted
from ratchet.engine.protocol import Full
from ratchet.solve.retry import Asking, Retry
from ratchet.worlds.countdown import Countdown, solve_exactly

WORLD = Countdown()
TASKS = tuple(WORLD.tasks(Seed(1).rng(), 60, family="two"))


def draft(task: Task, right: bool) -> Draft:
    text = solve_exactly(task.prompt) or ""
    text = text if right else f"{text} + 0"
    return Draft(f"{task.id}/{right}", task.id, text, text, right)


CHOSEN = Chosen(
    TASKS,
    {task.id: (draft(task, False),) for task in TASKS},
    {task.id: (draft(task, True),) for task in TASKS},
)


def leaning(prompt: str, number: int) -> str:
    """Copy a draft three times of four unless it is labelled; solve half of the rest."""
    if not prompt.endswith("Answer:"):
        return " nothing\n"
    shown = [line.removeprefix("Draft: ") for line in prompt.split("\n") if "Draft: " in line]
    if shown and "Verdict: wrong" not in prompt and number % 4:
        return f" {shown[-1]}\n"
    solution = solve_exactly(prompt.partition("Problem: ")[2].split("\n")[0])
    return f" {solution}\n" if number % 8 < 5 else " 1 + 1\n"


@pytest.fixture(scope="module")
def found() -> Comparison:
    engine = FakeEngine({"script": Scripted(leaning)})
    engine.create("p", "script", Full())
    return compare_policies(engine, "p", Asking(max_tokens=40), WORLD, CHOSEN, Seed(2))


def test_each_policy_reports_recovery_lost_benefit_and_tokens(found: Comparison) -> None:
    assert set(found.worth) == set(Retry)
    assert found.drag.above_zero
    restart, append = found.worth[Retry.RESTART], found.worth[Retry.APPEND]
    assert restart.recovery.value == pytest.approx(1.0)
    assert append.recovery.value == pytest.approx(0.0)
    assert restart.lost_benefit.above_zero and append.lost_benefit.value == 0.0
    assert found.worth[Retry.LESSON].tokens.value > 1.5 * restart.tokens.value  # type: ignore[operator]
    correction = found.worth[Retry.CORRECTION].recovery
    assert correction.low is not None and correction.low > 0.0


def test_drag_sets_the_retry_policy_and_hides_failures(found: Comparison) -> None:
    retry, rendering = decide_retry(found)
    assert retry.action == SetParameter("retry", "restart")
    assert rendering.action == SetParameter("show_failures", False)
    assert retry.measures["drag.low"] > 0 and "append.after_wrong" in retry.measures


def test_a_higher_threshold_leaves_failures_in_prompts(found: Comparison) -> None:
    _, rendering = decide_retry(found, threshold=0.9)
    assert rendering.action == Continue()


def worth(per_token: float) -> Worth:
    any_ = Measure(0.5, 0.4, 0.6, 40)
    return Worth(any_, any_, any_, any_, any_, per_token)


def decide(drag: Measure, **kinds: tuple[float, Measure]) -> str:
    table = {Retry(kind): worth(per_token) for kind, (per_token, _) in kinds.items()}
    lead = {Retry(kind): measure for kind, (_, measure) in kinds.items()}
    action = decide_retry(Comparison(drag, table, lead))[0].action
    assert isinstance(action, SetParameter)
    return str(action.value)


BETTER, SAME, WORSE = (Measure(mean, mean - 0.1, mean + 0.1, 40) for mean in (0.2, 0.0, -0.2))


def test_a_policy_replaces_restart_only_if_it_is_better_for_certain() -> None:
    restart = (0.01, SAME)
    assert decide(BETTER, restart=restart, append=(0.001, WORSE), filter=(0.02, SAME)) == "restart"
    assert decide(BETTER, restart=restart, append=(0.001, WORSE), filter=(0.02, BETTER)) == "filter"
    assert (
        decide(BETTER, restart=restart, append=(0.001, WORSE), filter=(0.005, BETTER)) == "restart"
    )


def test_without_drag_appending_must_earn_its_place() -> None:
    restart = (0.01, SAME)
    assert decide(SAME, restart=restart, append=(0.005, SAME)) == "restart"
    assert decide(WORSE, restart=restart, append=(0.02, BETTER)) == "append"


def test_under_drag_nothing_that_shows_the_failure_is_chosen() -> None:
    restart = (0.01, SAME)
    assert (
        decide(BETTER, restart=restart, append=(0.001, WORSE), correction=(0.05, BETTER))
        == "restart"
    )
