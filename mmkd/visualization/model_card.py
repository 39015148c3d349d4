"""Model card of a distilled student: one HTML file without any other."""

import base64
import html
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from mmkd.benchmark.evaluated import Evaluated
from mmkd.benchmark.runs import read_scalars
from mmkd.benchmark.timing import measure
from mmkd.compat.archives import CheckpointError
from mmkd.networks.building import student_spec
from mmkd.networks.complexity import multiply_adds, parameter_count, short
from mmkd.networks.dry_run import device_of
from mmkd.visualization.card_figures import draw_changes, draw_class_gains, draw_reliability
from mmkd.visualization.curves import draw_curves
from mmkd.visualization.similarity import draw_similarity, feature_similarity, similarity_batches
from mmkd.visualization.trained import has_distiller, put_trained, untrained_distiller

Rows = Sequence[tuple[str, str]]
ROUNDS, ITERATIONS = 5, 4
STYLE = """
body { font-family: system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .8rem; text-align: left; }
img { max-width: 100%; }
"""


def model_card(run: Evaluated, alone: Evaluated | None = None, title: str | None = None) -> str:
    """Return the card of a student as HTML.

    It has results, calibration, size, speed, origin, curves, and the similarity of the student's
    features to each teacher's.

    Args:
        run: The distilled student, or any trained model.
        alone: The same network trained without a teacher. With it the card shows what distillation
            gained and lost, by class and by sample, and its features beside the teacher's.
        title: The card's title, by default the name of the run's config.
    """
    title = title or Path(run.config.filename or run.folder).stem
    body = [f"<h1>{html.escape(title)}</h1>", _section("Results", _results(run, alone))]
    body.append(_section("Network", _table(_size(run))))
    if rows := [*_origin(run)]:
        body.append(_section("Teachers and objective", _table(rows)))
    body += [_section(name, _image(name, figure)) for name, figure in _figures(run, alone)]
    for name, content in _likeness(run, alone):
        body.append(_section(f"Feature similarity to {name}", content))
    body.append(_section("How it was made", _table([*_record(run)])))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        f"</title><style>{STYLE}</style></head>\n<body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"<h2>{html.escape(title)}</h2>\n{content}"


def _table(rows: Rows) -> str:
    lines = [f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in rows]
    return "<table>" + "\n".join(lines) + "</table>"


def _image(name: str, figure: Figure) -> str:
    with io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=110)
        data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{html.escape(name)}" src="data:image/png;base64,{data}">'


def _results(run: Evaluated, alone: Evaluated | None) -> str:
    heads = ["metric", "this model"] + ([] if alone is None else ["student alone", "difference"])
    lines = ["<tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"]
    for key, value in run.metrics.items():
        cells = [key, f"{value:.4g}"]
        if alone is not None:
            other = alone.metrics.get(key)
            cells += ["", ""] if other is None else [f"{other:.4g}", f"{value - other:+.4g}"]
        lines.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    data = f"{type(run.dataset).__name__}, {len(run.dataset):,} samples, checkpoint {run.path.name}"
    return "<table>" + "\n".join(lines) + f"</table><p>On {html.escape(data)}.</p>"


def _size(run: Evaluated) -> Rows:
    preprocess: Any = run.network.data_preprocessor
    batch = preprocess(_first(run), False)["inputs"]
    image = (batch[0] if isinstance(batch, Tensor) else batch[0][0])[None].to(
        device_of(run.network)
    )
    size = "x".join(map(str, image.shape[1:]))
    count = multiply_adds(run.network, image)
    rows = [
        ("type", type(run.network).__name__),
        ("parameters", f"{parameter_count(run.network):,}"),
        ("multiply-adds", "not counted" if count is None else f"{short(count)} on {size}"),
        ("weights", f"{_bytes(run.network) / 1e6:.3g} MB"),
    ]
    device = device_of(run.network).type
    most = min(32, run.config.val_dataloader.get("batch_size", 1))
    for name, seconds in _times(run.network, image, most).items():
        threads = f", {torch.get_num_threads()} threads" if device == "cpu" else ""
        rows.append((f"time of {name}", f"{1e3 * seconds:.3g} ms ({device}{threads})"))
    return rows


def _first(run: Evaluated) -> dict[str, Any]:
    item = run.dataset[0]
    return dict(inputs=[item["inputs"]], data_samples=[item["data_samples"]])


def _bytes(network: nn.Module) -> int:
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@torch.no_grad()
def _times(network: nn.Module, image: Tensor, most: int) -> dict[str, float]:
    """Return the median seconds of a forward of one image, and of a batch of ``most`` images."""
    batches = {f"{n} image{'s' * (n > 1)}": image.repeat(n, 1, 1, 1) for n in (1, most)}

    def step(batch: Tensor) -> Any:
        return lambda: network(batch)

    steps = {name: step(batch) for name, batch in batches.items()}
    return {name: median(found) for name, found in measure(steps, ROUNDS, ITERATIONS).items()}


def _origin(run: Evaluated) -> Iterator[tuple[str, str]]:
    """Yield the teachers and terms of a distillation config."""
    model = run.config.model.to_dict()
    if student_spec(model) is None:
        return
    single = {"teacher": model["teacher"]} if model.get("teacher") else {}
    info = (run.checkpoint.get("message_hub") or {}).get("runtime_info") or {}
    for name, settings in {**single, **(model.get("teachers") or {})}.items():
        network = settings.get("model") if isinstance(settings, Mapping) else settings
        file = settings.get("checkpoint") if isinstance(settings, Mapping) else None
        found = info.get(f"teacher_metrics/{name}") or {}
        listed = ", ".join(f"{key} {value:.4g}" for key, value in found.items())
        text = network if isinstance(network, str) else json.dumps(network, default=str)
        title = name if name == "teacher" else f"teacher {name}"
        yield title, f"{text}, weights {file}" + (f": {listed}" if listed else "")
    if "student_loss_weight" in model:
        yield "student's own losses", f"times {model['student_loss_weight']}"
    for name, term in (model.get("terms") or {}).items():
        yield f"loss_{name}", json.dumps(term, default=str)


def _figures(run: Evaluated, alone: Evaluated | None) -> Iterator[tuple[str, Figure]]:
    runs = {"this model": run} if alone is None else {"student alone": alone, "this model": run}
    folders = {name: one.folder for name, one in runs.items()}
    if keys := _logged(run):
        yield "Training", draw_curves(folders, keys)
    classified = [one for one in runs.values() if one.scores is not None]
    if len(classified) < len(runs):
        return
    yield "Calibration", draw_reliability(runs)
    if alone is None or len(run.dataset) != len(alone.dataset):
        return
    classes = run.dataset.metainfo.get("classes") or ()
    yield "Gain by class", draw_class_gains(run, alone, classes)
    if (changes := draw_changes(run, alone, classes)) is not None:
        yield "Samples gained and lost", changes


def _likeness(run: Evaluated, alone: Evaluated | None) -> Iterator[tuple[str, str]]:
    """Yield the features' similarity to each teacher's, or why it could not be measured."""
    if not has_distiller(run.config):
        return
    try:
        distiller = untrained_distiller(run.config)
    except (FileNotFoundError, CheckpointError, ValueError) as error:
        yield "the teachers", f"<p>Not measured: {html.escape(str(error))}</p>"
        return
    runs = {"this model": run} if alone is None else {"student alone": alone, "this model": run}
    for name in distiller.teachers:
        found = {}
        try:
            for title, one in runs.items():
                put_trained(distiller, one.checkpoint, one.path)
                batches = similarity_batches(run.config)
                found[title] = feature_similarity(distiller, batches, name)
        except ValueError as error:
            yield name, f"<p>Not measured: {html.escape(str(error))}</p>"
        else:
            yield name, _image(f"CKA with {name}", draw_similarity(found))


def _logged(run: Evaluated) -> list[str]:
    """Return the entries of the log that the card draws: the first metric, and the losses."""
    training, evaluation = read_scalars(run.folder)
    metrics = [key for key in (evaluation[-1] if evaluation else {}) if key in run.metrics]
    losses = sorted({key for record in training for key in record if key.startswith("loss_")})
    return [*metrics[:1], *losses]


def _record(run: Evaluated) -> Iterator[tuple[str, str]]:
    yield "folder", str(run.folder)
    path = run.folder / "run.json"
    record = json.loads(path.read_text()) if path.is_file() else {}
    for key in ("command", "commit", "seed", "started", "ended", "reason", "machine", "versions"):
        if record.get(key) is not None:
            value = record[key]
            yield key, value if isinstance(value, str) else json.dumps(value, default=str)
