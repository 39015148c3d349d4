"""Options that make a frozen network cheaper, alone and together, on trained weights."""

from copy import deepcopy

import pytest
import tiny
import torch
from torch import nn

from mmkd.networks.taps import Tap
from mmkd.teachers import Teacher, acceleration, frozen, trial
from mmkd.teachers.acceleration import relative_error
from mmkd.teachers.trial import Agreement

FC, STAGE = Tap.parse("head.fc"), Tap.parse("backbone.layer3")
TAPS = [Tap.parse(f"backbone.layer{number}") for number in (1, 2, 3)] + [FC]
INPUTS = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def patterns() -> tuple[torch.Tensor, torch.Tensor]:
    """Images of 5 classes, each a fixed pattern under noise, and their classes."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 5, (64,), generator=generator)
    noise = torch.randn(64, 3, 16, 16, generator=generator)
    return torch.randn(5, 3, 16, 16, generator=generator)[labels] + 0.5 * noise, labels


@pytest.fixture(scope="module")
def trained(patterns) -> nn.Module:
    """A network after 40 steps, with the running statistics that came about."""
    from mmkd.networks.building import build_network, network_config

    torch.manual_seed(0)
    network = build_network(network_config(tiny.classifier(6)))
    network.init_weights()
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    images, labels = patterns
    for _ in range(40):
        loss = nn.functional.cross_entropy(network(images, mode="tensor"), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    return network.eval()


@pytest.fixture
def network(trained) -> nn.Module:
    return deepcopy(trained)


@pytest.fixture
def no_compiler(monkeypatch) -> None:
    """A processor with bfloat16, no gain in time, and no compiler, which has a test of its own."""
    monkeypatch.setattr(acceleration, "computes_bfloat16", lambda: True)
    monkeypatch.setattr(frozen, "compile_network", lambda network, options: None)
    monkeypatch.setattr(trial, "LEAST_GAIN", 0)


def logits(teacher: Teacher, images: torch.Tensor = INPUTS) -> torch.Tensor:
    return teacher(images, None, [FC])[FC]


def test_another_type_and_memory_format_are_kept_through_moves(network):
    reference = logits(Teacher(deepcopy(network)))
    teacher = Teacher(network, dtype="bfloat16", memory_format="channels_last")
    teacher._apply(lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)
    weight = network.backbone.layer1[0].conv1.weight
    assert weight.dtype == torch.bfloat16
    assert weight.is_contiguous(memory_format=torch.channels_last)
    difference = (logits(teacher).float() - reference).norm() / reference.norm()
    assert difference < 0.05


def test_folded_batch_norm_gives_the_same_with_fewer_layers(network):
    teacher = Teacher(deepcopy(network), fold_bn=True)
    teacher.accelerate(INPUTS, [FC])
    assert not any(isinstance(m, nn.BatchNorm2d) for m in teacher.network.backbone.layer1.modules())
    torch.testing.assert_close(logits(teacher), logits(Teacher(network)), rtol=1e-4, atol=1e-5)


def test_folding_what_does_not_run_in_order_is_refused():
    class PreActivation(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
            self.bn.running_mean.fill_(2.0)

        def forward(self, x):
            return self.conv(self.bn(x).relu())

    teacher, tap = Teacher(PreActivation(), fold_bn=True), Tap.parse("conv")
    with pytest.raises(ValueError, match="Set fold_bn=False"):
        teacher.accelerate(INPUTS, [tap])
    wide = Teacher("mmkd::_base_/models/cifar/wrn_16_1.py", fold_bn=True)
    with pytest.raises(ValueError, match="Set fold_bn=False"):
        wide.accelerate(INPUTS, [FC])


def test_trained_weights_are_folded_before_they_are_converted(network, patterns):
    images, _ = patterns
    exact = logits(Teacher(deepcopy(network)), images)
    teacher = Teacher(deepcopy(network), dtype="bfloat16", fold_bn=True)
    teacher.accelerate(torch.zeros(2, 3, 16, 16), TAPS)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in teacher.network.modules())
    assert {weight.dtype for weight in teacher.network.parameters()} == {torch.bfloat16}
    assert not any(weight.requires_grad for weight in teacher.network.parameters())
    both = logits(teacher, images)
    alone = logits(Teacher(deepcopy(network), dtype="bfloat16"), images)
    assert relative_error(both, exact) < 0.02
    assert relative_error(both, exact) < 2 * relative_error(alone, exact)
    assert torch.equal(both.argmax(1), exact.argmax(1))


def test_a_wrong_pair_is_found_though_it_leaves_an_image_of_zeros_unchanged():
    """The example of a dry run is zeros, for which a network without shifts gives zeros."""

    class Reversed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 3, 1, bias=False), nn.BatchNorm2d(3)
            self.bn.weight.data = torch.tensor([1.0, 2.0, 3.0])

        def forward(self, x):
            return self.conv(self.bn(x))

    teacher = Teacher(Reversed(), fold_bn=True)
    with pytest.raises(ValueError, match="do not run in the order"):
        teacher.accelerate(torch.zeros(1, 3, 8, 8), [Tap("conv")])


def fast(network: nn.Module, **options) -> Teacher:
    teacher = Teacher(deepcopy(network), speed="fast", **options)
    teacher.find_roles("big", INPUTS)
    teacher.accelerate(torch.zeros(2, 3, 16, 16), TAPS[:3])
    return teacher


def messages(monkeypatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(frozen, "print_log", lambda text, *_: found.append(text))
    return found


def test_a_fast_teacher_is_compared_with_the_exact_one_on_the_first_images(
    network, patterns, no_compiler, monkeypatch
):
    told, (images, _) = messages(monkeypatch), patterns
    exact, teacher = Teacher(deepcopy(network)), fast(network)
    assert not told
    assert teacher.weights_hash() == exact.weights_hash()
    found = teacher(images, None, TAPS)
    assert len(told) == 1
    assert "'big' runs by speed='fast'. On 64 images: the same top-1 class for 100.0%" in told[0]
    assert {tensor.dtype for tensor in found.values()} == {torch.bfloat16}
    assert all(relative_error(found[tap], exact(images, None, TAPS)[tap]) < 0.02 for tap in TAPS)
    teacher(images, None, TAPS)
    assert len(told) == 1
    assert teacher.altered_by == ["speed='fast'"]


def test_a_fast_teacher_that_disagrees_runs_exactly(network, patterns, no_compiler, monkeypatch):
    told, (images, _) = messages(monkeypatch), patterns
    teacher = fast(network)
    with torch.no_grad():
        teacher.network.head.fc.bias[0] += 20
    assert torch.equal(logits(teacher, images), logits(Teacher(network), images))
    assert "'big' runs by speed='exact', not by speed='fast'. On 64 images: the same" in told[0]
    assert teacher.altered_by == []
    assert teacher.dtype is None
    assert teacher.weights_hash() == Teacher(network).weights_hash()


def test_a_fast_teacher_that_cannot_run_runs_exactly(network, no_compiler, monkeypatch):
    told, teacher = messages(monkeypatch), fast(network)
    teacher.network.head.fc = nn.Linear(1, 1)
    assert torch.equal(logits(teacher), logits(Teacher(network)))
    assert "it cannot be run like this: RuntimeError: mat1 and mat2" in told[0]


class Masked(nn.Module):
    """Adds a tensor that it makes in float32, as Swin does with the masks of its windows."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.layer(inputs + torch.zeros(inputs.shape[-1:]))


def test_a_network_in_bfloat16_may_make_tensors_in_float32(network):
    reference = logits(Teacher(deepcopy(network)))
    network.head.fc = Masked(network.head.fc)
    teacher = Teacher(network, dtype="bfloat16")
    assert relative_error(logits(teacher), reference) < 0.02
    with torch.autocast("cpu", torch.float16):
        assert logits(teacher).dtype == torch.bfloat16


def test_a_fast_teacher_without_a_right_order_keeps_its_batch_norms(no_compiler):
    """Each block of a wide ResNet normalises before it convolves."""
    teacher = Teacher("mmkd::_base_/models/cifar/wrn_16_1.py", speed="fast")
    teacher.accelerate(torch.zeros(2, 3, 16, 16), [FC])
    assert any(isinstance(part, nn.BatchNorm2d) for part in teacher.network.modules())
    assert teacher.network.head.fc.weight.dtype == torch.bfloat16


def test_the_first_prediction_also_settles_a_fast_teacher(network, patterns, no_compiler):
    from mmpretrain.structures import DataSample

    (images, labels), teacher = patterns, fast(network)
    with torch.no_grad():
        teacher.network.head.fc.bias[0] += 20
    found = teacher.predict(images, [DataSample() for _ in images])
    assert [sample.pred_label.item() for sample in found] == labels.tolist()


def test_a_fast_teacher_that_is_slower_runs_exactly(network, no_compiler, monkeypatch):
    monkeypatch.setattr(trial, "LEAST_GAIN", 1e6)
    told, teacher = messages(monkeypatch), fast(network)
    assert torch.equal(logits(teacher), logits(Teacher(network)))
    assert "times as fast" in told[0]
    assert "not by speed='fast'" in told[0]


def test_without_instructions_for_bfloat16_a_fast_teacher_stays_in_float32(network, monkeypatch):
    monkeypatch.setattr(acceleration, "computes_bfloat16", lambda: False)
    monkeypatch.setattr(frozen, "compile_network", lambda network, options: None)
    teacher = fast(network)
    assert (teacher.dtype, teacher.memory_format) == (None, None)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in teacher.network.modules())


def test_agreement_is_that_of_distributions_and_classes():
    exact = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0]])
    same = Agreement.of({FC: exact + 1}, {FC: exact}, [FC])
    assert (same.top1, same.divergence) == (1.0, pytest.approx(0.0, abs=1e-6))
    other = Agreement.of({FC: exact.flip(1)}, {FC: exact}, [FC])
    p = exact.softmax(1)
    expected = (p * (p.log() - p.flip(1).log())).sum(1).mean()
    assert (other.top1, other.divergence) == (0.0, pytest.approx(float(expected)))
    assert not other.good
    assert Agreement.of({FC: exact * 1.05}, {FC: exact}, []).good
    assert not Agreement.of({FC: exact * float("nan")}, {FC: exact}, []).good


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(dtype="int8"), "floating-point"),
        (dict(memory_format="nhwc"), "memory_format"),
        (dict(speed="faster"), "exact"),
        (dict(compile=dict(mod="reduce-overhead")), "no option mod; torch.compile takes .* mode"),
    ],
)
def test_wrong_arguments_are_refused_in_words(network, arguments, message):
    with pytest.raises(ValueError, match=message):
        Teacher(network, **arguments)


def test_options_of_the_compiler_reach_it(network):
    """The compiler calls its backend for the parts, whose taps are still read."""
    compiled = []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward

    exact = Teacher(deepcopy(network))
    teacher = Teacher(network, compile=dict(backend=backend, fullgraph=True))
    teacher.accelerate(INPUTS, TAPS)
    found, expected = teacher(INPUTS, None, TAPS), exact(INPUTS, None, TAPS)
    assert all(torch.equal(found[tap], expected[tap]) for tap in TAPS)
    assert len(compiled) == 2  # backbone and head


@pytest.mark.slow
@pytest.mark.parametrize("taps", [[FC], TAPS], ids=["logits", "stages"])
def test_compiled_code_gives_the_same_at_all_taps(network, taps):
    from torch._dynamo.utils import counters

    counters.clear()
    exact, teacher = Teacher(deepcopy(network)), Teacher(network, compile=True)
    teacher.accelerate(INPUTS, taps)
    for images in (INPUTS, INPUTS + 1, INPUTS):
        found, expected = teacher(images, None, taps), exact(images, None, taps)
        for tap in taps:
            torch.testing.assert_close(found[tap], expected[tap], rtol=1e-4, atol=1e-5)
    assert not counters["graph_break"]
    assert counters["stats"]["unique_graphs"] == 2  # backbone and head, once
    assert not any(part._forward_hooks for part in network.modules())
