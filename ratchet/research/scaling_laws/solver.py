"""A law as a solver: it reads the features of a row from the prompt and answers its targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.core.errors import RatchetError
from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.law import Law
from ratchet.research.scaling_laws.table import GROUP, Table, find_task
from ratchet.worlds.rows import read_prompt


@dataclass(frozen=True)
class LawSolver:
    """Answers each prompt by itself, so no answer depends on what else is asked."""

    law: Law
    """With the constants of every group."""

    def answer(self, prompts: Sequence[str], seed: Seed) -> Sequence[str]:
        """Return the predictions as text; nothing for a prompt that shows no row of the task."""
        return [self._answer(prompt) for prompt in prompts]

    def _answer(self, prompt: str) -> str:
        task = find_task(self.law.task)
        shown = read_prompt(prompt)
        try:
            inputs = {
                name: np.array([float(shown[v.column]) / v.unit])
                for name, v in task.variables.items()
            }
            unknown = np.full((1, len(task.targets)), np.nan)
            row = Table(task, (shown.get(GROUP, "all"),), inputs, unknown)
            return " ".join(repr(float(value)) for value in self.law.predict(row)[0])
        except (KeyError, ValueError, RatchetError):
            return ""
