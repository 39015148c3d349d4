"""VkD, Proteus and SEED: losses on a foundation model's features, without labels and logits."""

import pytest
import torch
from feature_cases import random
from torch import Tensor, nn

from mmkd.losses import ProteusLoss, SEEDLoss, VkDLoss


def each(loss: nn.Module, *features: object, **extras: object) -> Tensor:
    """Return the loss of each sample."""
    return loss(*features, reduction_override="none", **extras)


def adapted(loss: nn.Module, own: list[Tensor], theirs: list[Tensor]) -> nn.Module:
    torch.manual_seed(0)
    loss.adapt([feature.shape for feature in own], [feature.shape for feature in theirs])
    return loss.double()


@pytest.mark.parametrize("width", [5, 9])
def test_vkd_is_the_reference(width: int) -> None:
    own, theirs = random(0, (4, 6, 3, 3)), random(1, (4, 7, width))
    loss = adapted(VkDLoss(), [own], [theirs])
    projection = loss.parts[0].weight
    inner = projection.T @ projection if width >= 6 else projection @ projection.T
    eye = torch.eye(len(inner), dtype=torch.float64)
    torch.testing.assert_close(inner, eye, rtol=1e-6, atol=1e-6)
    mean = theirs.mean(1)
    centred = mean - mean.mean(1, keepdim=True)
    standard = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
    apart = own.flatten(2).mean(2) @ projection.T - standard
    expected = torch.where(apart.abs() < 1, apart.square() / 2, apart.abs() - 0.5).mean(1)
    torch.testing.assert_close(each(loss, own, theirs), expected)


def test_vkd_trains_and_stays_orthogonal() -> None:
    own, theirs = random(0, (8, 6)).requires_grad_(), random(1, (8, 9))
    loss = adapted(VkDLoss(), [own], [theirs])
    optimizer = torch.optim.SGD(loss.parameters(), lr=1.0)
    first = loss(own, theirs)
    for _ in range(5):
        optimizer.zero_grad()
        loss(own, theirs).backward()
        optimizer.step()
    assert own.grad.abs().sum() > 0
    assert loss(own, theirs) < first
    projection = loss.parts[0].weight
    eye = torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(projection.T @ projection, eye, rtol=1e-5, atol=1e-5)


def normed(feature: Tensor) -> Tensor:
    centred = feature - feature.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def test_proteus_is_the_reference() -> None:
    own = [random(0, (4, 6)), random(1, (4, 9, 6))]
    theirs = [random(2, (4, 7)), random(3, (4, 9, 7))]
    loss = adapted(ProteusLoss(class_weight=2.0, token_weight=3.0), own, theirs)
    heads = loss.class_head[1], loss.token_head[1]
    apart = [
        normed(feature) @ head.weight.T + head.bias - target
        for head, feature, target in (
            (heads[0], own[0], theirs[0]),
            (heads[1], *(torch.cat([f[0][:, None], f[1]], dim=1) for f in (own, theirs))),
        )
    ]
    expected = 2 * apart[0].square().mean(1) + 3 * apart[1].square().mean((1, 2))
    torch.testing.assert_close(each(loss, own, theirs), expected)


class Patches:
    """Masked patches of a student whose output is known."""

    count, width, device = 9, 5, torch.device("cpu")

    def __init__(self, output: Tensor) -> None:
        self.output, self.seen = output, list[tuple[Tensor, Tensor]]()

    def __call__(self, inputs: Tensor, mask: Tensor, token: Tensor) -> Tensor:
        self.seen.append((inputs, mask))
        return self.output[: len(inputs)] + nn.functional.pad(token, (0, 1))


def test_proteus_masked_part_is_the_mean_over_masked_patches() -> None:
    own = [random(0, (4, 6)), random(1, (4, 9, 6))]
    theirs = [random(2, (4, 7)), random(3, (4, 9, 7))]
    settings = dict(class_weight=0.0, token_weight=0.0, mask_share=0.5, mask_ratio=1 / 3)
    loss = adapted(ProteusLoss(patch_weight=3.0, **settings), own, theirs)
    loss.mask(patches := Patches(random(4, (4, 9, 6))))
    inputs = torch.arange(4.0)[:, None].double()
    found = each(loss.double(), own, theirs, inputs=inputs)
    [(images, mask)] = patches.seen
    assert mask.sum(1).tolist() == [3, 3]
    rows = images[:, 0].long()
    head = loss.patch_head[1]
    apart = normed(patches.output[:2]) @ head.weight.T + head.bias - theirs[1][rows]
    hidden = apart.square().mean(2)[mask].reshape(2, 3)
    expected = torch.zeros(4, dtype=torch.float64).index_put((rows,), 3 * hidden.mean(1))
    torch.testing.assert_close(found, 2 * expected)
    mean = loss(own, theirs, inputs=inputs[:4])
    mean.backward()
    assert loss.mask_token.grad.abs().sum() > 0


def test_proteus_reads_a_students_map_position_by_position() -> None:
    own = [random(0, (4, 6)), random(1, (4, 6, 3, 3))]
    theirs = [random(2, (4, 7)), random(3, (4, 9, 7))]
    loss = adapted(ProteusLoss(), own, theirs)
    tokens = [own[0], own[1].flatten(2).transpose(1, 2)]
    torch.testing.assert_close(each(loss, own, theirs), each(loss, tokens, theirs))
    halved = [own[0], nn.functional.avg_pool2d(random(4, (4, 6, 6, 6)), 2)]
    larger = [own[0], random(4, (4, 6, 6, 6))]
    torch.testing.assert_close(each(loss, larger, theirs), each(loss, halved, theirs))


def test_without_tokens_proteus_trains_one_head() -> None:
    own, theirs = [random(0, (4, 6)), random(1, (4, 6, 3, 3))], [random(2, (4, 7))] * 2
    theirs[1] = random(3, (4, 9, 7))
    loss = adapted(ProteusLoss(token_weight=0.0), own, theirs)
    assert loss.token_head is None
    assert each(loss, own, theirs).shape == (4,)


def test_proteus_refuses_other_features() -> None:
    with pytest.raises(ValueError, match="a vector \\(N, D\\) and a map or tokens"):
        ProteusLoss().adapt([(2, 6), (2, 5, 3, 3)], [(2, 7), (2, 9, 7)])


KD = dict(type="mmkd.KDLoss", temperature=1.0)


def seed_loss(**settings: object) -> SEEDLoss:
    torch.manual_seed(0)
    loss = SEEDLoss(KD, size=7, student_temperature=0.2, teacher_temperature=0.1, **settings)
    loss.adapt([(4, 5)], [(4, 5)])
    return loss.double()


def unit(feature: Tensor) -> Tensor:
    return feature / feature.square().sum(1, keepdim=True).sqrt()


def test_seed_is_the_reference_and_its_entropies_weigh() -> None:
    own, theirs = random(0, (4, 5)), random(1, (4, 5))
    loss = seed_loss().eval()
    queue = loss.queue
    places = [torch.cat([one[None], queue]) for one in unit(theirs)]  # itself, then the queue
    outputs = [
        torch.stack([places[n] @ unit(z)[n] / temperature for n in range(4)]).softmax(1)
        for z, temperature in ((own, 0.2), (theirs, 0.1))
    ]
    kl = (outputs[1] * (outputs[1].log() - outputs[0].log())).sum(1)
    torch.testing.assert_close(each(loss, own, theirs), kl)
    weighed = seed_loss(sample_weight=dict(type="mmkd.EntropyWeight", temperature=1.0)).eval()
    entropy = -(outputs[1] * outputs[1].log()).sum(1)
    torch.testing.assert_close(each(weighed, own, theirs), kl * entropy)


def test_seeds_queue_holds_the_latest_teacher_features() -> None:
    loss, batches = seed_loss(), [random(number, (4, 5)) for number in range(3)]
    own = random(9, (4, 5)).requires_grad_()
    unseen = seed_loss().eval()  # a batch enters after it was compared
    torch.testing.assert_close(each(seed_loss(), own, batches[0]), each(unseen, own, batches[0]))
    total = sum(loss(own, theirs) for theirs in batches)
    total.backward()  # the queue has changed meanwhile
    latest = unit(torch.cat(batches))[-7:]
    assert len(torch.cat([loss.queue, latest]).unique(dim=0)) == 7
    before = loss.queue.clone()
    loss.eval()(own, batches[0])
    assert torch.equal(loss.queue, before)


def test_seed_refuses_losses_that_need_labels_or_compare_samples() -> None:
    for kind in ("mmkd.DKDLoss", "mmkd.DISTLoss"):
        with pytest.raises(ValueError, match="one by one and without labels"):
            SEEDLoss(dict(type=kind))
