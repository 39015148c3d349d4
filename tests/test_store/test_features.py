"""Features of teachers in a store."""

import pytest
from click.testing import CliRunner
from stored_runs import build, go, settings

# isort: split
import torch
from mmengine.runner import Runner

from mmkd.cli.store import store as command
from mmkd.networks.taps import Tap
from mmkd.store import Manifest, StoreError
from mmkd.store.building import StoreBuilder
from mmkd.store.recording import _half
from mmkd.store.stored_teacher import StoredTeacher

KD = dict(loss=dict(type="mmkd.KDLoss", temperature=4.0))
FEATURES = dict(
    hint=dict(student="backbone", teacher="backbone", loss=dict(type="mmkd.HintLoss")),
    cwd=dict(student="@map", teacher="@map", loss=dict(type="mmkd.CWDLoss")),
    pkd=dict(student="backbone.relu", teacher="backbone.relu", loss=dict(type="mmkd.PKDLoss")),
)
TERMS = dict(kd=KD, **FEATURES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="module")
def store(folder):
    return build(folder / "build", folder / "store", dict(terms=TERMS), features=True)


@pytest.fixture(scope="module")
def online(folder):
    return go(folder / "online", terms=TERMS)[0]


def test_terms_on_features_train_within_the_rounding_of_half_precision(folder, store, online):
    losses, runner = go(folder / "stored", store, terms=TERMS)
    assert losses != online
    assert losses == pytest.approx(online, rel=2e-3, abs=1e-5)
    assert not runner.model.teachers["teacher"].network.state_dict()


def test_terms_on_features_train_beside_the_greatest_logits(folder, online):
    kind = dict(features=True, top_k=4)
    most = build(folder / "build", folder / "most", dict(terms=TERMS), **kind)
    losses, _ = go(folder / "on_most", most, terms=TERMS)
    assert losses == pytest.approx(online, rel=0.05, abs=5e-3)


def test_a_store_of_features_grows(folder, store, online):
    one = build(folder / "build", folder / "one", dict(terms=TERMS), features=True, views=1)
    stored, _ = go(folder / "on_two", store, terms=TERMS)
    grown, _ = go(folder / "growing", dict(path=str(one), grow=True), terms=TERMS)
    assert grown == stored
    assert Manifest.read(str(one)).views == 2


def test_features_that_no_term_reads_are_not_read(folder, store, monkeypatch):
    online, _ = go(folder / "kd_online", terms=dict(kd=KD))
    seen = []
    read = StoredTeacher.__call__
    monkeypatch.setattr(
        StoredTeacher,
        "__call__",
        lambda self, *given: seen.append({*self._read(given[1])}) or read(self, *given),
    )
    losses, _ = go(folder / "kd", store, terms=dict(kd=KD))
    assert losses == online
    assert all(names == {"logits"} for names in seen)


def test_a_store_without_them_says_how_to_have_them(folder):
    plain = build(folder / "build", folder / "plain", dict(terms=dict(kd=KD)))
    for term in FEATURES.values():
        with pytest.raises(ValueError, match=r"holds '?head.fc'? .*store build --features"):
            go(folder / "refused", plain, terms=dict(term=term))
    with pytest.raises(StoreError, match=r"reads backbone of the teacher .*store build --features"):
        StoreBuilder(settings(folder / "build", FEATURES), folder / "without")
    with pytest.raises(StoreError, match=r"reads backbone of the teacher .*store build --features"):
        go(folder / "refused", dict(path=str(folder / "fresh"), grow=True), terms=FEATURES)


def test_features_of_another_size_are_refused(folder, store):
    run = settings(folder / "other_size", TERMS)
    run.model.update(store=dict(path=str(store)), input_shape=(3, 32, 32))
    with pytest.raises(ValueError, match=r"are those of inputs of shape \(3, 16, 16\)"):
        Runner.from_cfg(run)


def test_a_term_that_reads_layers_of_the_teacher_is_refused(folder):
    terms = dict(term=dict(student="@map", teacher="@map", loss=dict(type="mmkd.SRRLLoss")))
    with pytest.raises(StoreError, match="reads layers of the teacher's network"):
        StoreBuilder(settings(folder / "build", terms), folder / "srrl", features=True)


def test_values_beyond_half_precision_are_refused():
    assert _half("teacher", Tap("backbone"), torch.tensor([6e4])) == 6e4
    with pytest.raises(StoreError, match="that half precision cannot hold"):
        _half("teacher", Tap("backbone"), torch.tensor([1.0, 7e4]))


def test_a_shard_of_features_is_not_larger_than_memory_allows(folder, monkeypatch):
    monkeypatch.setattr("mmkd.store.recording.SHARD_BYTES", 8000)
    builder = StoreBuilder(settings(folder / "build", TERMS), folder / "small", features=True)
    assert builder.manifest.shard_records == 8000 // builder.record_bytes > 1
    assert builder.recorder.shard_records < 20
    monkeypatch.setattr("mmkd.store.recording.SHARD_BYTES", 1)
    assert builder.recorder.shard_records == 1


def test_a_tap_of_all_items_stands_for_those_in_the_store(folder):
    taps = dict(student="backbone[:]", teacher="backbone[:]")
    terms = dict(term=dict(taps, loss=dict(type="mmkd.HintLoss")))
    online, _ = go(folder / "items_online", terms=terms)
    store = build(folder / "build", folder / "items", dict(terms=terms), features=True)
    entry = Manifest.read(str(store)).teachers["teacher"]
    assert [*entry.features] == ["backbone[0]"]
    losses, _ = go(folder / "items_stored", store, terms=terms)
    assert losses == pytest.approx(online, rel=2e-3, abs=1e-5)


def test_the_size_is_said_before_building(tmp_path):
    run = settings(tmp_path / "build", TERMS)
    run.dump(tmp_path / "run.py")
    out = str(tmp_path / "store")
    call = ["build", str(tmp_path / "run.py"), "--out", out, "--features", "--views", "1"]
    built = CliRunner().invoke(command, call)
    assert built.exit_code == 0, built.output
    assert "feature backbone.relu: 8 x 8 x 8, float16, 1024 bytes" in built.output
    sizes = [int(line.split()[-2]) for line in built.output.splitlines() if "float16" in line]
    assert f"{20 + sum(sizes)} bytes a record" in built.output  # 5 logits of 4 bytes
