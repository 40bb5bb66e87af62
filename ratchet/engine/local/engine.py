"""The local engine: named policies of Hugging Face models in this process, on CPU or one GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ratchet.core.config import nearest
from ratchet.core.errors import EngineError, ModelError
from ratchet.core.task import Cost, StopReason
from ratchet.engine import models
from ratchet.engine.local import sampler, storage, trainer
from ratchet.engine.local.base import Base, load_base
from ratchet.engine.local.foreign import Foreign
from ratchet.engine.local.halved import is_fast
from ratchet.engine.local.heap import release
from ratchet.engine.local.memory import Memory
from ratchet.engine.local.optimiser import step
from ratchet.engine.local.policy import Policy, create_policy
from ratchet.engine.local.rows import Ended, Row, Stops
from ratchet.engine.losses import Batch, Loss, LossReport
from ratchet.engine.protocol import (
    Adapter,
    Completion,
    Follow,
    Full,
    Optim,
    Sampling,
    Scored,
    StepReport,
)
from ratchet.engine.validate import check_batch, check_sampling

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_ROUNDING = {"exact": lambda: False, "bfloat16": lambda: True, "auto": is_fast}


class LocalEngine:
    """An engine in torch; see ``ratchet.engine.protocol.Engine`` for every verb.

    Adapters of one base share its frozen weights; a full policy has a copy of its own. Results are
    repeatable bit for bit on one machine with one number of threads. Not safe for several threads.
    """

    def __init__(
        self,
        device: str = "cpu",
        dtype: str = "float32",
        threads: int = 0,
        micro_tokens: int = 1024,
        recompute: bool = False,
        sampling: str = "exact",
        training: str = "exact",
    ) -> None:
        """Open a device.

        ``dtype`` is that of frozen weights and of computing: ``float32`` or ``bfloat16``; what is
        trained is kept in float32. ``threads`` sets torch's threads for the process, 0 leaves them.
        ``micro_tokens`` bounds the packed tokens trained on at once, beyond what all rows begin
        with: memory grows with both.
        ``recompute`` keeps one tensor a layer in training and computes the rest twice (arXiv
        1604.06174). ``sampling``, ``training``: with ``bfloat16`` adapters on a CPU in float32
        sample from rounded weights or are trained on them (see ``ratchet.engine.local.halved``),
        with ``auto`` where that is faster, with ``exact`` never.
        """
        if dtype not in _DTYPES:
            raise EngineError(f"dtype {dtype!r} is not supported", "use float32 or bfloat16")
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise EngineError(f"there is no device {device!r}", "use device='cpu'")
        if threads < 0 or micro_tokens < 1:
            raise EngineError("threads or micro_tokens is out of range", "use positive numbers")
        for what, how in (("sampling", sampling), ("training", training)):
            if how not in _ROUNDING:
                raise EngineError(f"{what} {how!r} is not supported", "use exact, bfloat16 or auto")
        if threads:
            torch.set_num_threads(threads)
        self._device = torch.device(device)
        self._dtype = _DTYPES[dtype]
        self._micro_tokens = micro_tokens
        self._recompute = recompute
        plain = self._device.type == "cpu" and self._dtype == torch.float32
        self._sample_halved = plain and _ROUNDING[sampling]()
        self._train_halved = plain and _ROUNDING[training]()
        self._bases: dict[str, Base] = {}
        self._policies: dict[str, Policy] = {}
        self._memory = Memory()
        self._trained_last = False
        self._pins = 0
        self._spent = Cost()

    def create(self, name: str, base: str, kind: Adapter | Full, seed: int = 0) -> None:
        """Make a trainable policy equal to its base, a name that ``models.resolve`` knows."""
        self._add(name, lambda: create_policy(self._base(base), kind, seed))

    def drop(self, name: str) -> None:
        """Forget a policy; a base stays loaded for the next one."""
        self._get(name)
        self._memory.clear()
        del self._policies[name]

    def encode(self, name: str, text: str) -> tuple[int, ...]:
        """Return the token ids of a text."""
        return self._get(name).base.encode(text)

    def decode(self, name: str, tokens: Sequence[int]) -> str:
        """Return the text of token ids, special tokens left out."""
        return self._get(name).base.decode(tokens)

    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        """Sample completions for each prompt; in a step ``follow`` is asked by place."""
        policy = self._get(name)
        check_sampling(sampling, len(prompts))
        for index, prompt in enumerate(prompts):
            policy.base.check_tokens(f"prompt {index}", prompt)
        count = len(prompts) * sampling.n
        last: dict[int, Completion] = {}

        def ended(row: Row) -> Sequence[int] | None:
            self._spent += Cost(len(row.prompt), len(row.tokens))
            last[row.slot] = _completion(policy.base, row)
            tokens = follow(row.slot, last[row.slot]) if follow else None
            row.resumes &= follow is None  # who follows goes on now or never
            if tokens:
                policy.base.check_tokens(f"what follows completion {row.slot}", tokens)
            return tokens

        self._write(policy, prompts, sampling, ended)
        done = [last[place] for place in range(count)]
        return [done[i : i + sampling.n] for i in range(0, count, sampling.n)]

    def score(self, name: str, sequences: Sequence[Sequence[int]], topk: int = 0) -> list[Scored]:
        """Return log-probabilities at temperature 1."""
        policy = self._get(name)
        if topk < 0:
            raise EngineError(f"topk = {topk} is out of range", "use 0 or more")
        for index, tokens in enumerate(sequences):
            policy.base.check_tokens(f"sequence {index}", tokens)
        found = trainer.score(policy.reading(), sequences, topk, 4 * self._micro_tokens)
        self._spent += Cost(sum(len(tokens) for tokens in sequences))
        return found

    def forward_backward(self, name: str, batch: Batch, loss: Loss) -> LossReport:
        """Add the gradient of the loss; a batch that raises adds nothing."""
        policy = self._trainable(name)
        check_batch(batch, loss)
        for index, row in enumerate(batch.rows):
            policy.base.check_tokens(f"row {index}, field tokens", row.tokens)
            for top in filter(None, row.teacher):
                policy.base.check_tokens(f"row {index}, field teacher", [t for t, _ in top])
        self._memory.clear()
        self._turn_to(training=True)
        with policy.training() as network:
            return trainer.forward_backward(network, batch, loss, self._micro_tokens)

    def optim_step(self, name: str, optim: Optim) -> StepReport:
        """Take an AdamW step and clear the gradient."""
        policy = self._trainable(name)
        return StepReport(step(policy.tensors(), policy.moments, optim))

    def pin(self, name: str) -> str:
        """Return the name of an immutable copy: of the low-rank additions, or of all weights."""
        policy = self._get(name)
        while (pinned := f"{name}@{self._pins}") in self._policies:
            self._pins += 1
        self._pins += 1
        self._add(pinned, policy.pinned)
        return pinned

    def save(self, name: str, folder: Path, optimiser: bool = True) -> None:
        """Write a policy as safetensors, weights and moments in two files."""
        self._memory.clear()
        storage.write(folder, self._get(name), optimiser)

    def load(self, name: str, folder: Path) -> None:
        """Make a policy from a saved folder, bit for bit."""
        saved = storage.read_description(folder)
        base = self._base(saved.base)
        if base.fingerprint != saved.fingerprint:
            raise EngineError(
                f"{folder} was saved from another model that was called {saved.base!r}",
                "restore that model, or start a new run",
            )

        def read() -> Policy:
            policy = create_policy(base, saved.protocol_kind(), seed=0)
            storage.read_tensors(folder, saved, policy)
            return policy

        self._add(name, read)

    def supports(self, loss: Loss) -> str | None:
        """Return None: every loss is computed exactly."""
        return None

    def spent(self) -> Cost:
        """Return the tokens read by sample and score, and those written; training is left out.

        A completion counts all that stands before it as read.
        """
        return self._spent

    def policy(self, name: str) -> Policy:
        """Return the policy itself, for exporting and for tests."""
        return self._get(name)

    def _write(
        self, policy: Policy, prompts: Sequence[Sequence[int]], sampling: Sampling, ended: Ended
    ) -> None:
        self._turn_to(training=False)
        base, network = policy.base, policy.sampling()
        stops = Stops(base.closers, base.ends, sampling.stop)
        if isinstance(network, Foreign):
            network.write(stops, prompts, sampling, ended)
        else:
            self._memory.open(policy.version)
            sampler.sample(network, stops, prompts, sampling, self._memory, ended)

    def _turn_to(self, training: bool) -> None:
        """Make room for the other kind of work."""
        if training != self._trained_last:
            release()
        self._trained_last = training

    def _add(self, name: str, make: Callable[[], Policy]) -> None:
        if name in self._policies:
            raise EngineError(f"the name {name!r} is taken", "drop it first or take another name")
        self._memory.clear()
        self._policies[name] = make()

    def _get(self, name: str) -> Policy:
        if name not in self._policies:
            raise EngineError(
                f"no policy is named {name!r}{nearest(name, list(self._policies))}",
                "create or load it first",
            )
        return self._policies[name]

    def _trainable(self, name: str) -> Policy:
        policy = self._get(name)
        if not policy.trainable:
            raise EngineError(f"{name!r} is pinned and never changes", "train the policy itself")
        return policy

    def _base(self, name: str) -> Base:
        if name not in self._bases:
            try:
                folder = models.resolve(name)
                self._bases[name] = load_base(
                    name,
                    folder,
                    self._device,
                    self._dtype,
                    recompute=self._recompute,
                    sample_halved=self._sample_halved,
                    train_halved=self._train_halved,
                )
            except ModelError as error:
                raise EngineError(error.message, error.hint) from error
        return self._bases[name]


def _completion(base: Base, row: Row) -> Completion:
    stop = row.stop or StopReason.LENGTH
    return Completion(tuple(row.tokens), tuple(row.logprobs), base.decode(row.tokens), stop)
