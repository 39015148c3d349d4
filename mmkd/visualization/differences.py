"""Figure of a comparison's paired differences with their intervals."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from mmkd.benchmark.statistics import Difference

# Okabe and Ito's colours, which colour-blind readers tell apart; markers tell the verdicts as well.
LOOKS = {"GO": ("#0072B2", "o"), "worse": ("#D55E00", "X"), "open": ("#555555", "s")}


def draw_differences(found: Sequence[Difference], title: str, margin: float) -> Figure:
    """Draw a line for each comparison: its mean, its interval, and a tick for each seed.

    Args:
        found: The differences, drawn from top to bottom.
        title: Name and unit of the primary metric.
        margin: The mean that a row has to exceed, drawn as a dotted line.
    """
    figure = Figure(figsize=(7.5, 1.2 + 0.36 * len(found)), layout="constrained")
    axes = figure.subplots()
    for line, one in enumerate(found):
        color, marker = LOOKS[one.verdict]
        if one.low is not None and one.high is not None:
            axes.plot([one.low, one.high], [line, line], color=color, linewidth=2)
        axes.plot(one.values, [line] * len(one.values), "|", color=color, markersize=12)
        axes.plot([one.mean], [line], marker, color=color, markersize=7)
    for verdict, (color, marker) in LOOKS.items():
        if any(one.verdict == verdict for one in found):
            axes.plot([], [], marker, color=color, label=verdict)
    axes.axvline(0, color="black", linewidth=1)
    if margin:
        axes.axvline(margin, color="black", linewidth=1, linestyle=":", label=f"margin {margin:g}")
    axes.set_yticks(range(len(found)), [f"{one.row} - {one.baseline}" for one in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlabel(f"difference in {title}: mean, 95 % interval, seeds")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure
