"""The page of a recipe's claims, in Markdown, to be committed beside its figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ratchet.claims.results import ClaimResult, Results, Spent
from ratchet.report.words import duration


def render_page(results: Results, picture: str = "") -> str:
    """Return the page; ``picture`` is the figure's file name, empty where there is none."""
    parts = [
        f"# {results.recipe}: claims at tier {results.tier}",
        f"Made by this command; do not edit:\n\n    {results.command}",
        f"Claims `{results.claims_hash}`: statements, arms, metrics and thresholds were fixed "
        "under this hash before the first run.",
        _table(
            ("claim", "verdict", "effect", "seeds", "cost"),
            [_row(claim) for claim in results.claims],
        ),
    ]
    if picture:
        parts.append(f"![Effects with their intervals]({picture})")
    for claim in results.claims:
        parts += _section(results, claim)
    parts += ["## Arms", _table(("arm", "settings changed"), _arms(results))]
    parts += ["## Where", _where(results)]
    return "\n\n".join(parts) + "\n"


def _row(claim: ClaimResult) -> tuple[str, ...]:
    name = claim.claim.name.replace("_", " ")
    return name, f"**{claim.verdict}**", _effect(claim), str(claim.seeds), _cost(claim.spent)


def _effect(claim: ClaimResult) -> str:
    if claim.effect is None:
        return "–"
    return f"{claim.effect:+.3f} [{claim.low:+.3f}, {claim.high:+.3f}]"


def _cost(spent: Spent) -> str:
    tokens = f", {spent.tokens} tokens" if spent.tokens else ""
    return f"{spent.runs} runs, {duration(spent.wall_s)}{tokens}" if spent.runs else "–"


def _section(results: Results, result: ClaimResult) -> list[str]:
    claim = result.claim
    arms = " > ".join(claim.arms) if claim.comparison == "order" else " against ".join(claim.arms)
    if claim.comparison == "flip":
        arms = "{} > {}, and {} < {}".format(*claim.arms)
    if claim.share != 1.0:
        arms += f", the control times {claim.share:g}"
    word = "bound" if claim.comparison == "treatment not > bound" else "smallest effect of interest"
    counts = ", ".join(map(str, claim.seeds))
    lines = [
        f"- said by: {claim.source}",
        f"- test: `{claim.comparison}` on `{claim.metric}`, {arms}",
        f"- {word}: {claim.smallest_effect:g}",
        f"- looks at {counts} seeds, each with an interval at {100 * result.level:.1f}%",
    ]
    parts = [f"## {claim.name.replace('_', ' ')}: {result.verdict}", claim.statement]
    parts += ["\n".join(lines), f"Found: {result.reason}."]
    if len(result.looks) > 1:
        rows = [
            (str(k.seeds), f"{k.effect:+.3f} [{k.low:+.3f}, {k.high:+.3f}]", k.word)
            for k in result.looks
        ]
        parts.append(_table(("seeds", "effect", "look"), rows))
    values = _values(results, result)
    return [*parts, values] if values else parts


def _values(results: Results, result: ClaimResult) -> str:
    """Return the metric of every run that the claim looked at, a row an arm."""
    metric, seeds = result.claim.metric, range(1, result.seeds + 1)
    if not seeds:
        return ""
    known = {(r.arm, r.seed): r.values[metric] for r in results.runs if metric in r.values}
    rows = [
        (arm, *(f"{known[arm, seed]:.3f}" if (arm, seed) in known else "–" for seed in seeds))
        for arm in result.claim.arms
    ]
    return _table((f"`{metric}`, by seed", *map(str, seeds)), rows)


def _arms(results: Results) -> list[tuple[str, str]]:
    return [
        (arm.name, ", ".join(f"`{k} = {v}`" for k, v in arm.overrides.items()) or "none")
        for arm in results.arms
    ]


def _where(results: Results) -> str:
    told = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    lost = [f"- {r.arm}-seed{r.seed}: {r.problem}" for r in results.runs if r.problem]
    text = f"{_cost(results.spent)}, summed over runs. {told}."
    return text + ("\n\nRuns that count as missing:\n\n" + "\n".join(lost) if lost else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
