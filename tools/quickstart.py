"""Distil a small network on handwritten digits: about two minutes on two CPU cores, no download.

The tool trains one teacher. For each seed it then trains a student without a teacher, one with KD
and one with ER-KD, by tools/train.py and the configs in configs/quickstart/. It prints a table of
the results, draws them in a figure, and writes the model card of an ER-KD student.

Examples:
  python tools/quickstart.py
  python tools/quickstart.py --quick --jobs 1
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmkd.benchmark.runs import Outcome, Run, RunFailedError, read_outcome
from mmkd.benchmark.training import train_all

TOOLS = Path(__file__).resolve().parent
CONFIGS = TOOLS.parent / "configs" / "quickstart"
STUDENTS = {"student": "Student alone", "kd": "Student with KD", "erkd": "Student with ER-KD"}
TEACHER = "Teacher"
COLORS = {
    TEACHER: "#555555",
    "Student alone": "#4477AA",
    "Student with KD": "#EE7733",
    "Student with ER-KD": "#228833",
}
COLUMNS = {  # metric: title, factor, digits
    "accuracy/top1": ("accuracy %", 1, 2),
    "calibration/ece": ("ECE %", 100, 2),
    "calibration/overconfidence": ("over-confidence %", 100, 2),
    "calibration/wrong_confidence": ("confidence when wrong %", 100, 1),
}
Outcomes = dict[str, list[Outcome]]


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/quickstart"))
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds the students get")
    parser.add_argument("--jobs", type=int, help="processes at a time, by default one a core")
    parser.add_argument("--quick", action="store_true", help="one seed and two epochs, as a check")
    return parser.parse_args()


def plan(arguments: Namespace) -> tuple[Run, dict[str, list[Run]]]:
    """Return the run of the teacher, and the runs of the students by method."""
    common = {"train_cfg.max_epochs": 2} if arguments.quick else {}
    folder, count = arguments.work_dir, 1 if arguments.quick else arguments.seeds
    teacher = Run(
        TEACHER,
        str(CONFIGS / "teacher_digits.py"),
        folder / "teacher",
        {"randomness.seed": arguments.seed, **common},
    )
    checkpoint = folder / "teacher" / f"epoch_{teacher.read_config().train_cfg.max_epochs}.pth"
    students = {}
    for method, title in STUDENTS.items():
        options = {} if method == "student" else {"model.teacher.checkpoint": str(checkpoint)}
        inputs = () if method == "student" else (checkpoint,)
        students[title] = [
            Run(
                f"{title}, seed {seed}",
                str(CONFIGS / f"{method}_digits.py"),
                folder / f"{method}_seed{seed}",
                {"randomness.seed": seed, **common, **options},
                inputs,
            )
            for seed in range(arguments.seed, arguments.seed + count)
        ]
    return teacher, students


def spread(values: list[float], factor: float, digits: int) -> str:
    """Return the mean, and the standard deviation if there are several values."""
    scaled = [value * factor for value in values]
    text = f"{mean(scaled):.{digits}f}"
    return text if len(scaled) < 2 else f"{text} ± {stdev(scaled):.{digits}f}"


def table(outcomes: Outcomes) -> str:
    """Return the table of the last epoch's metrics."""
    header = ["", *(title for title, _, _ in COLUMNS.values()), "seconds a run"]
    rows = [header]
    for name, runs in outcomes.items():
        row = [name]
        for metric, (_, factor, digits) in COLUMNS.items():
            found = [run.metrics[metric][-1] for run in runs if metric in run.metrics]
            row.append(spread(found, factor, digits) if found else "none wrong")
        rows.append([*row, spread([run.seconds for run in runs], 1, 0)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def seeds_in_words(count: int) -> str:
    return "a single seed" if count == 1 else f"mean ± standard deviation of {count} seeds"


def draw(outcomes: Outcomes, path: Path) -> None:
    """Draw the accuracy by epoch, and accuracy and calibration at the end."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 10})
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(13, 4.4), width_ratios=(1.7, 1, 1), layout="constrained"
    )
    for name, runs in outcomes.items():
        curves = [run.metrics["accuracy/top1"] for run in runs]
        averages = [mean(values) for values in zip(*curves, strict=True)]
        style = "--" if name == TEACHER else "-"
        left.plot(runs[0].epochs, averages, style, color=COLORS[name], label=name, lw=1.8)
        for curve in curves if len(curves) > 1 else []:
            left.plot(runs[0].epochs, curve, color=COLORS[name], lw=0.6, alpha=0.35)
    left.set(xlabel="epoch", ylabel="test accuracy (%)", title="Accuracy while training")
    left.set_ylim(0, 103)
    left.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    left.legend(frameon=False, loc="lower right")
    students = {name: runs for name, runs in outcomes.items() if name != TEACHER}
    compare(middle, students, "accuracy/top1", 1)
    middle.set(title="Accuracy after the last epoch", ylabel="% (higher is better)")
    compare(right, students, "calibration/ece", 100)
    right.set(title="Calibration error (ECE)", ylabel="% (lower is better)")
    right.set_ylim(0, None)
    count = len(next(iter(students.values())))
    seeds = "a single seed"
    if count > 1:
        seeds = f"{count} seeds (bold: their mean; thin lines and dots: each of them)"
    figure.suptitle(f"Handwritten digits, 500 test images; students: {seeds}", fontsize=12)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def compare(axes: Any, students: Outcomes, metric: str, factor: float) -> None:
    """Mark a metric's mean for each method, and a dot for each seed."""
    for place, (name, runs) in enumerate(students.items()):
        values = [run.metrics[metric][-1] * factor for run in runs]
        middle = mean(values)
        axes.plot([place - 0.22, place + 0.22], [middle] * 2, color=COLORS[name], lw=4)
        axes.plot([place] * len(values), values, "o", color=COLORS[name], ms=5, mec="white")
        axes.annotate(f"{middle:.1f}", (place + 0.27, middle), va="center", color=COLORS[name])
    axes.set_xticks(range(len(students)), [name.removeprefix("Student ") for name in students])
    axes.set_xlim(-0.5, len(students) - 0.2)
    axes.margins(y=0.15)
    axes.grid(axis="y", alpha=0.25)


def write_card(students: dict[str, list[Run]], path: Path) -> None:
    """Write the model card of the first ER-KD student, beside the student alone of its seed."""
    from mmengine.logging import MMLogger

    from mmkd.benchmark.evaluated import evaluate_run
    from mmkd.visualization.model_card import model_card

    MMLogger.get_instance("mmengine", log_level="ERROR")
    folders = [students[STUDENTS[method]][0].work_dir for method in ("erkd", "student")]
    run, alone = map(evaluate_run, folders)
    path.write_text(model_card(run, alone, "ER-KD student of handwritten digits"), "utf-8")


def main() -> None:
    arguments = parse_arguments()
    missing = [name for name in ("sklearn", "matplotlib", "mmpretrain") if not find_spec(name)]
    if missing:
        sys.exit(
            f"tools/quickstart.py needs {', '.join(missing)}: `python -m mmkd doctor` helps with "
            "mmpretrain, `pip install -r requirements/quickstart.txt` installs the others."
        )
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads are slower for networks this small
    started = time.time()

    def report(line: str) -> None:
        print(f"[{time.time() - started:4.0f} s] {line}", flush=True)

    teacher, students = plan(arguments)
    jobs = arguments.jobs or len(os.sched_getaffinity(0))
    runs = [run for same_seed in zip(*students.values(), strict=True) for run in same_seed]
    try:
        report(f"Training {len(runs)} students and their teacher, {jobs} at a time.")
        alone = [run for run in runs if not run.inputs]
        train_all([teacher, *alone], TOOLS / "train.py", jobs, report)
        train_all([run for run in runs if run.inputs], TOOLS / "train.py", jobs, report)
    except RunFailedError as error:
        sys.exit(f"tools/quickstart.py: {error}")
    outcomes = {TEACHER: [read_outcome(teacher)]}
    outcomes.update({title: [read_outcome(r) for r in same] for title, same in students.items()})
    count = len(next(iter(students.values())))
    print(f"\nAfter the last epoch on 500 test images; students: {seeds_in_words(count)}.\n")
    print(table(outcomes))
    figure = arguments.work_dir / "quickstart.png"
    draw(outcomes, figure)
    card = arguments.work_dir / "model_card.html"
    write_card(students, card)
    print(f"\nFigure: {figure}\nModel card: {card}\nLogs and checkpoints: {arguments.work_dir}")


if __name__ == "__main__":
    main()
