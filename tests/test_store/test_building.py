"""Building, verifying and inspecting stores."""

import json

import noisy_runs  # noqa: F401
import pytest
from click.testing import CliRunner
from runs import convnet, separate_runs  # noqa: F401
from stored_runs import TERMS, build, settings

# isort: split
import torch

from mmkd.cli.store import store as command
from mmkd.randomness import Position
from mmkd.store import Manifest, Shards, StoreError, verify_store
from mmkd.store.building import StoreBuilder
from mmkd.store.shards import write_shard


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("shard_*")}


def test_a_build_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    whole = build(tmp_path / "build", tmp_path / "whole", shard_records=8)
    written = []

    def interrupted(path, key, columns):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(key)
        write_shard(path, key, columns)

    with monkeypatch.context() as patch:
        patch.setattr("mmkd.store.recording.write_shard", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path / "build", tmp_path / "parts", shard_records=8)
    builder = StoreBuilder(settings(tmp_path / "build"), tmp_path / "parts", shard_records=8)
    assert builder.build() == 20 * 2 - 2 * 8
    assert files(tmp_path / "parts") == files(whole)
    assert not list(tmp_path.rglob("*.part"))


def test_views_are_added(tmp_path):
    grown = build(tmp_path / "build", tmp_path / "grown", views=1)
    before = files(grown)
    builder = StoreBuilder(settings(tmp_path / "build"), grown, views=3)
    assert builder.build() == 20 * 2
    assert Manifest.read(str(grown)).views == 3
    assert before.items() < files(grown).items()
    again = StoreBuilder(settings(tmp_path / "build"), grown, views=1)
    assert again.build() == 0
    assert Manifest.read(str(grown)).views == 3


def test_another_config_is_not_built_into_a_store(tmp_path):
    build(tmp_path / "build", tmp_path / "store", views=1)
    with pytest.raises(StoreError, match=r"values\.dtype: float32 there, float16 here"):
        build(tmp_path / "build", tmp_path / "store", views=1, dtype="float16")


def test_a_store_holds_what_the_teacher_gives(tmp_path):
    out = build(tmp_path / "build", tmp_path / "store", views=2, shard_records=6)
    builder = StoreBuilder(settings(tmp_path / "build"), out, views=2, shard_records=6)
    records = Shards(str(out), builder.manifest).read([19, 3, 7, 3], [0, 1, 1, 0])
    recorder = builder.recorder
    batch = [recorder.loading.load(position) for position in (Position(19, 0), Position(3, 1))]
    data = recorder.model.data_preprocessor(recorder.loader.collate_fn(batch * 4), True)
    outputs = recorder._outputs(data["inputs"], data["data_samples"])
    [logits] = outputs["teacher"].values()
    torch.testing.assert_close(records["teacher.logits"][:2], logits[:2], rtol=0, atol=1e-6)
    assert not torch.equal(records["teacher.logits"][1], records["teacher.logits"][3])
    expected = recorder._encode(outputs, (0, 0))["teacher.entropies"][:2]
    torch.testing.assert_close(records["teacher.entropies"][:2], expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda run: run.model.teacher.pop("checkpoint"), "has no checkpoint that is a file"),
        (lambda run: run.model.teacher.update(class_map=[0, 1, 2, 3, 4]), "has a class_map"),
        (
            lambda run: run.train_dataloader.update(dataset=dict(type="UnseededImages")),
            "no store of",
        ),
        (
            lambda run: run.model.student.update(
                train_cfg=dict(augments=dict(type="Mixup", alpha=0.8))
            ),
            "batch augmentations",
        ),
        (lambda run: run.model.teacher.update(released_code=True), "statistics of each batch"),
        (lambda run: setattr(run, "model", convnet()), "no mmkd.Distiller with teachers"),
    ],
    ids=["weights", "classes", "generator", "mixup", "statistics", "plain"],
)
def test_what_cannot_be_stored_is_refused(tmp_path, change, words):
    run = settings(tmp_path / "build")
    change(run)
    with pytest.raises(StoreError, match=words):
        StoreBuilder(run, tmp_path / "store")


def test_a_part_of_the_logits_needs_one_temperature(tmp_path):
    two = dict(TERMS, other=dict(loss=dict(type="mmkd.KDLoss", temperature=2.0)))
    with pytest.raises(StoreError, match=r"at one temperature.*4\.0, 2\.0"):
        StoreBuilder(settings(tmp_path / "build", two), tmp_path / "store", top_k=2)


def test_the_commands(tmp_path):
    run = settings(tmp_path / "build")
    run.dump(tmp_path / "run.py")
    call = CliRunner().invoke
    out = str(tmp_path / "store")
    built = call(command, ["build", str(tmp_path / "run.py"), "--out", out, "--top-k", "2"])
    assert built.exit_code == 0, built.output
    # 2 indices, 2 values, the mass of the others, 1 entropy
    assert "10 bytes a record, 0.0 MB in all" in built.output
    assert "This process computed 40 records" in built.output
    seen = call(command, ["inspect", out])
    assert "20 samples x 2 views, seed 0" in seen.output
    assert "logits: k 2, temperature 4.0, kind top_k" in seen.output
    assert "entropies: T=3, eps=1e-10" in seen.output
    assert "2 shards, all as they were written" in call(command, ["verify", out]).output
    again = ["build", str(tmp_path / "run.py"), "--out", out, "--top-k", "2", "--json"]
    assert json.loads(call(command, again).stdout) == dict(path=out, computed=0)
    assert json.loads(call(command, ["verify", out, "--json"]).stdout) == dict(path=out, shards=2)
    shard = tmp_path / "store/view_0001/shard_00000.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1])
    damaged = call(command, ["verify", out])
    assert damaged.exit_code == 1
    assert "view_0001/shard_00000.safetensors of the store" in damaged.output
    nothing = call(command, ["inspect", str(tmp_path)])
    assert "There is no teacher store at" in nothing.output


def test_a_manifest_of_another_format_is_refused(tmp_path):
    out = build(tmp_path / "build", tmp_path / "store", views=1)
    fields = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps(dict(fields, schema=9)))
    with pytest.raises(StoreError, match="has format 9, and this version of mmkd reads format 2"):
        verify_store(str(out))
    (out / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match="is damaged"):
        verify_store(str(out))
