"""What an update rule returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ratchet.engine.losses import Batch, Loss
from ratchet.engine.protocol import Scored


@dataclass(frozen=True)
class Update:
    """A batch with its loss, ready for ``engine.forward_backward``, and what it was made from."""

    batch: Batch
    """Rows to train on. It may be empty: nothing is to be learned, and the step is left out."""
    loss: Loss
    """The loss they are for."""
    signal: int
    """Groups (or traces, if the rule looks at them one by one) that teach something."""
    dropped: int
    """Those that teach nothing, e.g. groups whose rewards are all equal."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Named numbers of the rule, for liveness checks and reports."""

    def with_reference(self, scored: Sequence[Scored]) -> Update:
        """Return the update with reference log-probabilities for a KL term, one score a row.

        Pass ``engine.score(reference, [row.tokens for row in update.batch.rows])``.
        """
        rows = [
            replace(row, reference_logprobs=(0.0, *one.logprobs))
            for row, one in zip(self.batch.rows, scored, strict=True)
        ]
        return replace(self, batch=Batch(tuple(rows)))
