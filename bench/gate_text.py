"""The gate's bench as text and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def write_text(data: Row) -> str:
    """Return the whole bench as plain text."""
    parts = [
        f"gate: {data['runs']} runs a figure, seed {data['seed']}; {_terms(data['terms'])}",
        "bars\n" + "\n".join(_bar(data, name) for name in data["bars"]),
        _table("no true gain, all tests of a run", data["useless"]),
        _table("power of one test", data["power"]),
        _table("one of eight capabilities loses, the mean gains 10 points", data["hidden"]),
        _table("the whole decision", data["all_round"]),
        _table("five generations of equal gains", data["accumulation"]),
        _table("whole runs, half of the capabilities gain", data["courses"]),
        _table("harm", data["harm"]),
        _table("bets", data["bets"]),
    ]
    small = data["small"]
    parts.append(f"small: {_terms(small['terms'])}")
    parts += [
        _table(f"small: {key.replace('_', ' ')}", small[key]) for key in small if key != "terms"
    ]
    return "\n\n".join(parts) + "\n"


def draw_power(rows: Sequence[Row], path: Path) -> None:
    """Draw the power of one test: by gain, one panel for each number of anchors."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "gate", "svg.fonttype": "none", "font.size": 9})
    panels = {"within_400": "400 anchors", "within_800": "800", "by_the_cap": "1,600"}
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.6), sharey=True, layout="constrained")
    shares = sorted({row["discordance"] for row in rows})
    for axis, (key, title) in zip(axes, panels.items(), strict=True):
        for at, share in enumerate(shares):
            line = [row for row in rows if row["discordance"] == share]
            gains, power = [100 * r["gain"] for r in line], [r[key] for r in line]
            axis.plot(gains, power, "o-", ms=3, color=f"C{at}", label=f"{share:.0%} differ")
        axis.set(title=title, xlabel="true gain, points", ylim=(0, 1.03), xticks=[2, 4, 6, 10])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("chance that it is shown")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _terms(terms: Row) -> str:
    shown = {name: value for name, value in terms.items() if value is not None}
    return ", ".join(f"{name} {value:g}" for name, value in shown.items())


def _bar(data: Row, name: str) -> str:
    bar = data["bars"][name]
    return f"  {'ok    ' if bar['met'] else 'MISSED'} {name} {data[name]:.3f} {bar['bar']}"


def _table(title: str, rows: Sequence[Row]) -> str:
    names = list(rows[0])
    cells = [names, *[[_cell(row[name]) for name in names] for row in rows]]
    widths = [max(len(line[at]) for line in cells) for at in range(len(names))]
    lines = [
        "  " + "  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells
    ]
    return "\n".join([title, *lines])


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if value >= 20 else f"{value:.3f}".rstrip("0").rstrip(".")
