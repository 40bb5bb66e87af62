from __future__ import annotations

import pytest

from ratchet.research.scaling_laws.expression import ARITY
from ratchet.research.scaling_laws.form import parse_form
from ratchet.research.scaling_laws.prompt import describe_task
from ratchet.research.scaling_laws.tasks import TASKS


@pytest.mark.parametrize("name", TASKS)
def test_a_model_is_told_variables_cap_and_language(name: str) -> None:
    task = TASKS[name]
    told = describe_task(task)
    for part in (*task.variables, *task.targets, *ARITY, f"{task.cap} constants"):
        assert part in told
    example = told.partition("Example: ")[2]
    assert parse_form(example).text == example
