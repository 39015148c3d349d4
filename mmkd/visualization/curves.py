"""A figure of what runs logged over time."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mmkd.engine.runs import read_scalars


def draw_curves(runs: Mapping[str, Path], keys: Sequence[str]) -> Figure:
    """Draw what training runs logged, a panel for each entry and a line for each run.

    Args:
        runs: Work folders of tools/train.py, by what to call the runs.
        keys: Entries of the training or evaluation log; those joined by ``+`` share a panel.

    Raises:
        ValueError: If a run has logged none of the entries of a panel.
    """
    figure = Figure(figsize=(4.5 * len(keys), 3.5), layout="constrained")
    panels = figure.subplots(1, len(keys), squeeze=False)[0]
    records = {name: read_scalars(folder) for name, folder in runs.items()}
    for axes, panel in zip(panels, keys, strict=True):
        together = panel.split("+")
        for name, (training, evaluation) in records.items():
            shown = 0
            for key in together:
                found = [r for r in training if key in r] or [r for r in evaluation if key in r]
                label = " ".join([name] * (len(runs) > 1) + [key] * (len(together) > 1))
                axes.plot([r["step"] for r in found], [r[key] for r in found], label=label)
                shown += len(found)
            if not shown:
                known = sorted({key for record in (*training, *evaluation) for key in record})
                raise ValueError(
                    f"{runs[name]} has logged no {panel}. It has logged {', '.join(known) or '-'}."
                )
        axes.set(title=panel if len(together) == 1 else "", xlabel="step")
        if axes.get_legend_handles_labels()[1] != [""] * len(axes.lines):
            axes.legend(fontsize=8)
    return figure
