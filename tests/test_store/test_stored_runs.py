"""Runs on a store compared with runs with the teacher."""

import pytest
from runs import checkpoints, convnet, equal, initialised, separate_runs  # noqa: F401
from runs import loader as tiny_loader
from stored_runs import DATA, EA, build, go, settings
from tool_runs import ROOT, run_in_two_processes

# isort: split
import torch
from mmengine.runner import Runner

from mmkd.store import StoreError

SCRIPT = ROOT / "tests/test_runs/store_in_processes.py"
KD = dict(type="mmkd.KDLoss", temperature=4.0)
LOADER = dict(tiny_loader(shuffle=True), dataset=dict(DATA))
WORKERS = dict(LOADER, num_workers=2, persistent_workers=True)
ENDLESS = dict(LOADER, sampler=dict(type="InfiniteSampler", shuffle=True))
ACCUMULATED = dict(
    type="OptimWrapper", optimizer=dict(type="SGD", lr=0.1, momentum=0.9), accumulative_counts=2
)


@pytest.mark.parametrize(
    "run",
    [
        dict(train_dataloader=WORKERS),
        dict(optim_wrapper=ACCUMULATED),
        dict(train_dataloader=ENDLESS, train_cfg=dict(by_epoch=False, max_iters=5)),
    ],
    ids=["workers", "accumulation", "iterations"],
)
def test_a_run_on_a_full_store_has_the_losses_of_one_with_the_teacher(tmp_path, run):
    online, one = go(tmp_path / "online", **run)
    store = build(tmp_path / "build", tmp_path / "store", run)
    stored, other = go(tmp_path / "stored", store, **run)
    assert stored == online
    assert equal(one.model.state_dict(), other.model.state_dict())
    assert not other.model.teachers["teacher"].network.state_dict()


def test_a_resumed_run_on_a_store_ends_as_one_with_the_teacher(tmp_path):
    _, whole = go(tmp_path / "online", epochs=3)
    store = build(tmp_path / "build", tmp_path / "store", dict(epochs=3))
    go(tmp_path / "parts", store, epochs=1)
    _, resumed = go(tmp_path / "parts", store, resume=True, epochs=3)
    assert equal(whole.model.state_dict(), resumed.model.state_dict())


@pytest.mark.slow
@pytest.mark.parametrize("source", ["teacher", "student"])
def test_a_term_chooses_the_same_samples_on_a_store(tmp_path, source):
    """A teacher that runs on the chosen samples alone may round otherwise than on all."""
    chosen = dict(type="mmkd.SelectByEntropy", source=source, keep=0.5, temperature=2.0)
    run = dict(terms=dict(kd=dict(loss=KD, sample_weight=EA, select=chosen)))
    online, _ = go(tmp_path / "online", **run)
    store = build(tmp_path / "build", tmp_path / "store", run)
    stored, _ = go(tmp_path / "stored", store, **run)
    assert stored == pytest.approx(online, rel=1e-5)
    some = build(tmp_path / "build", tmp_path / "some", run, top_k=4)
    near, _ = go(tmp_path / "near", some, **run)
    assert near == pytest.approx(online, rel=1e-2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def online(folder):
    return go(folder / "online")[0]


@pytest.fixture(scope="module")
def store(folder):
    return build(folder / "build", folder / "store")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_run_of_another_seed_uses_the_store_too(folder, dtype):
    """Its order, its weights and its dropout are others, its samples are those of the store."""
    half = build(folder / "build", folder / dtype, dtype=dtype)
    losses, _ = go(folder / "other_seed", half, randomness=dict(seed=5))
    assert len(losses) == 2 * 2 * 3


def test_half_precision_is_as_near_as_its_rounding(folder, online):
    half = build(folder / "build", folder / "half", dtype="float16")
    losses, _ = go(folder / "on_half", half)
    assert losses != online
    assert losses == pytest.approx(online, rel=2e-3)


def test_the_greatest_logits_with_the_mass_of_the_others_are_near(folder, online):
    """Three of five classes; the weights are the entropies of all five."""
    most = build(folder / "build", folder / "most", top_k=3)
    losses, _ = go(folder / "on_most", most)
    assert losses == pytest.approx(online, rel=0.05, abs=5e-3)


def test_draws_are_right_on_average(folder, online):
    drawn = build(folder / "build", folder / "drawn", sampled=4000)
    losses, _ = go(folder / "on_drawn", drawn)
    assert losses == pytest.approx(online, rel=0.1, abs=2e-2)


def test_views_may_be_repeated(folder):
    repeated = build(folder / "build", folder / "repeated", views=1)
    hook = dict(type="mmkd.ExactResumeHook", views=1)
    hooks = dict(checkpoints()["default_hooks"], exact_resume=hook)
    online, _ = go(folder / "online_repeated", default_hooks=hooks)
    losses, _ = go(folder / "on_repeated", dict(path=str(repeated), views=1))
    assert losses == online
    with pytest.raises(StoreError, match=r"has 1 views and the run needs 2, .* --store-grow"):
        go(folder / "too_long", repeated)


def misfit(folder, store, words, **run):
    with pytest.raises(StoreError, match=words):
        go(folder / "misfit", store, **run)


def test_other_data_are_refused(folder, store):
    for words, changed in {
        "20 samples there, 16 here": dict(size=16),
        "another data set or pipeline": dict(seed=1),
    }.items():
        data = dict(LOADER, dataset=dict(DATA, **changed))
        misfit(folder, store, words, train_dataloader=data)
        misfit(folder, dict(path=str(store), grow=True), words, train_dataloader=data)


def test_other_pixels_are_refused(folder, store, monkeypatch):
    monkeypatch.setattr("mmkd.store.store.of_pixels", lambda loading: "others")
    misfit(folder, store, "other pixels of the same samples")


def test_other_preprocessing_is_refused(folder, store):
    changed = dict(mean=[1.0, 2.0, 3.0], std=[60.0, 50.0, 40.0], num_classes=5)
    misfit(folder, store, r"other preprocessing: .*mean=\(120", data_preprocessor=changed)


def test_other_teachers_are_refused(folder, store):
    run = settings(folder / "misfit")
    run.model.store = dict(path=str(store))
    for words, teacher in {
        "another network, or other settings, of the teacher 'teacher'": convnet(width=6),
        "other weights of the teacher 'teacher': teacher.pth had SHA-256": convnet(),
    }.items():
        file = str(initialised(teacher, folder / "other.pth", seed=7))
        run.model.teacher = dict(model=teacher, checkpoint=file)
        with pytest.raises(StoreError, match=words):
            build_model(run)
    run.model.teachers = dict(one=run.model.pop("teacher"))
    with pytest.raises(StoreError, match="is of the teachers teacher, and the config has one"):
        build_model(run)


def build_model(run):
    return Runner.from_cfg(run)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (dict(loss=dict(type="mmkd.DKDLoss")), "DKDLoss reads each class"),
        (dict(loss=dict(type="mmkd.KDLoss", temperature=2.0)), "its temperature is 2.0"),
        (
            dict(loss=dict(KD, transforms=[dict(type="mmkd.Standardize")])),
            "its transforms need all logits",
        ),
        (
            dict(loss=dict(KD, target=dict(type="mmkd.ProbabilityShift"))),
            "ProbabilityShift reads the probability of the true class",
        ),
        (
            dict(loss=dict(KD, temperature=dict(type="mmkd.FLSWTemperature"))),
            "FLSWTemperature computes its temperature from all logits",
        ),
        (
            dict(loss=KD, sample_weight=dict(type="mmkd.EntropyWeight", temperature=2.5)),
            r"EntropyWeight has temperature 2.5 and eps 0.0, and the store keeps .*\(3.0, 1e-10\)",
        ),
        (dict(loss=KD, sample_weight=dict(type="mmkd.WSLDWeight")), "WSLDWeight is no entropy"),
        (
            dict(loss=KD, select=dict(type="mmkd.SelectByEntropy", source="gap", temperature=2.5)),
            r"SelectByEntropy has temperature 2.5",
        ),
        (
            dict(student="backbone", teacher="backbone", loss=dict(type="mmkd.ATLoss")),
            "reads 'backbone' of",
        ),
    ],
    ids=[
        "dkd",
        "temperature",
        "transform",
        "target",
        "dtd",
        "entropy",
        "weight",
        "select",
        "feature",
    ],
)
def test_terms_that_a_part_of_the_logits_cannot_serve_are_refused(folder, terms, words):
    most = build(folder / "build", folder / "most", top_k=3)
    misfit(folder, most, words, terms=dict(term=terms))


def test_a_batch_without_positions_is_refused(folder, store):
    hooks = checkpoints()["default_hooks"]
    misfit(folder, store, "exact_resume", default_hooks=hooks)
    growing = dict(path=str(folder / "fresh"), grow=True)
    misfit(folder, growing, "cannot grow.*exact_resume", default_hooks=hooks)


def test_mixed_samples_are_refused(folder, store):
    student = convnet(train_cfg=dict(augments=dict(type="Mixup", alpha=0.8)))
    run = settings(folder / "misfit")
    run.model.update(student=student, store=dict(path=str(store)))
    with pytest.raises(StoreError, match="batch augmentations"):
        build_model(run)


@pytest.mark.parametrize("damage", ["flip", "remove", "checksum"])
def test_damaged_records_are_never_used(folder, damage):
    broken = build(folder / "build", folder / damage)
    [shard] = (broken / "view_0001").glob("*.safetensors")
    if damage == "flip":
        content = bytearray(shard.read_bytes())
        content[-5] ^= 1
        shard.write_bytes(content)
        words = "shard_00000.safetensors of the store .* is damaged"
    else:
        (shard if damage == "remove" else shard.with_suffix(".sha256")).unlink()
        words = "is not complete: view_0001/shard_00000"
    misfit(folder, broken, words)


@pytest.mark.slow
def test_two_processes_have_the_losses_of_two_with_the_teacher(tmp_path):
    """The script builds a store with two processes, lets them grow another one, and compares."""
    initialised(convnet(), tmp_path / "teacher.pth")
    run_in_two_processes(SCRIPT, tmp_path)
    losses = [torch.load(tmp_path / f"losses_{rank}.pth") for rank in range(2)]
    for own in losses:
        assert own["stored"] == own["grown"] == own["again"] == own["online"]
    assert losses[0]["online"] != losses[1]["online"]
