"""Language Self-Play (arXiv 2509.07414): one model writes queries and answers them, without data.

The challenger is paid -V, V the solver's mean reward at its query; the solver is paid by the
verifier. To both comes the quality that the frozen first model sees in query and answer; LSP-Zero
(``quality = 0``) does without it. Both roles take one joint step on every batch of queries, each
with a KL to its first state. The phases are those of `coevolution`, the step is in `joint`.

Deviations from the paper: the reward is an exact verifier's 0 or 1, not a reward model's; a query
that is no task has no right answer, so V = 0, the challenger's best; quality is a mean of yes/no
probabilities instead of a parsed sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from ratchet.core.findings import Restart
from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.diagnose.query_signal import QuerySignal
from ratchet.learn.self_play import self_play
from ratchet.loop.recipe import Context, Mechanism
from ratchet.loop.versions import Store
from ratchet.recipes.coevolution.ground import ARITHMETIC, GROUNDS, Ground
from ratchet.recipes.coevolution.held import held_tasks
from ratchet.recipes.coevolution.phases import CoEvolution
from ratchet.recipes.coevolution.plan import plan as plan
from ratchet.recipes.coevolution.pool import Played
from ratchet.recipes.language_self_play.config import Config as Config
from ratchet.recipes.language_self_play.joint import JointStep, sum_up, take_step
from ratchet.recipes.language_self_play.mechanisms import list_mechanisms
from ratchet.worlds.arithmetic.answers import read_integer


class LanguageSelfPlay(CoEvolution):
    """See the module."""

    config: Config
    grounds: ClassVar[Mapping[str, Ground]] = {ARITHMETIC: GROUNDS[ARITHMETIC]}
    """What the judge's rules and examples are for."""

    def __init__(self, config: Config, store: Store) -> None:
        super().__init__(config, store)
        self.rule = partial(self_play, keep_all=config.solver_kl > 0)
        self.proposer_rule = partial(self_play, baseline="role", keep_all=config.proposer_kl > 0)
        afresh = Restart(config.policy("proposer"))
        self.monitors = (*self.monitors, QuerySignal(actions=(afresh,)))

    def reads(self, answer: str) -> bool:
        """Return whether an answer can be read at all."""
        return read_integer(answer) is not None

    def references(self) -> set[str]:
        """Return the policies held to their first state, and the judge."""
        return super().references() | ({"solver"} if self.config.asks_itself else set())

    def mechanisms(self, state: State, seed: Seed) -> Sequence[Mechanism]:
        """Return the learners and their KL, the reward's terms, the judge and the filter."""
        return list_mechanisms(self, state, seed)

    def play(
        self, state: State, context: Context, seen: frozenset[str], records: list[Trace]
    ) -> Played:
        """Take the joint steps of a generation; under plain RL, teach the solver alone."""
        if not self.config.plays(context.generation):
            pool = self.fill_pool(context, seen, uniform=True)
            return Played(pool, self.teach_solver(context, pool))
        held = frozenset(task.id for task in held_tasks(self))
        found: list[JointStep] = []
        for number in range(self.config.proposer_steps):
            context.progress("play", number, self.config.proposer_steps)
            known = seen.union(*(one.ids for one in found))
            found.append(take_step(self, context, context.seed.child("play", number), held, known))
            records += found[-1].nonsense
        return Played(sum_up(found), [one.stepped for one in found if one.stepped is not None])


build = LanguageSelfPlay
