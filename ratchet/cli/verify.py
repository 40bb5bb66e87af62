"""``verify``: whether a run is what it says it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ratchet.cli.reply import Reply, columns

if TYPE_CHECKING:
    from ratchet.loop.problem import Problem
    from ratchet.loop.proof import Proof


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Check a run's ledger, files and report against each other, and compute every number again."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of the run."""
    head: Annotated[str, tyro.conf.arg(metavar="HASH")] = ""
    """A head that you noted earlier: the ledger must still contain it."""
    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Check it; exit code 1 if anything does not match."""
        from ratchet.core.errors import RunError
        from ratchet.loop.folder import RunFolder
        from ratchet.loop.problem import Problem
        from ratchet.loop.proof import Proof, find_head
        from ratchet.report.recompute import check_report

        folder = RunFolder(self.run)
        if not folder.config.is_file() and not (self.run / "ledger.sqlite").is_file():
            raise RunError(f"{self.run} is not a run", "see the runs with: ls runs")
        proof = Proof(folder)
        found = list(proof.problems())
        if proof.entries:
            found += check_report(folder, proof.entries, proof.notes)
        if self.head:
            noted = find_head(proof.entries, self.head)
            if noted is None:
                found.insert(0, Problem("ledger", f"does not contain the head {self.head}"))
            else:
                since = len(proof.entries) - noted.seq - 1
                proof.notes.say(f"the noted head is entry {noted.seq}, {since} came after it")
        return _reply(self.run, proof, found)


def _reply(run: Path, proof: Proof, found: list[Problem]) -> Reply:
    counts, last = proof.notes.counts, proof.entries[-1] if proof.entries else None
    head = {"entries": len(proof.entries), "hash": last.hash} if last else None
    document: dict[str, Any] = {
        "run": str(run),
        "verified": not found,
        "first": asdict(found[0]) if found else None,
        "problems": [asdict(problem) for problem in found],
        "notes": proof.notes.lines,
        "checked": counts,
        "head": head,
    }
    rows = [[name, f"{count:,}"] for name, count in counts.items()]
    rows += [["head", last.hash]] if last else []
    if found:
        lines = [f"{run} does NOT verify", "", f"first: {found[0]}"]
        lines += [f"       {problem}" for problem in found[1:20]]
        lines += [f"       and {len(found) - 20} more"] if len(found) > 20 else []
        lines += ["", "next: restore what is named from a copy, and do not use its numbers"]
    else:
        lines = [f"{run} verifies", columns(rows)]
    lines += [f"note: {note}" for note in proof.notes.lines]
    return Reply(document, "\n".join(lines), int(bool(found)))
