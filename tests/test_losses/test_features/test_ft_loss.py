"""Factor transfer."""

import numpy as np
import pytest
import torch
from feature_cases import built, features

from mmkd.losses import FTLoss


def parts(name: str):
    """The factors and the reconstruction error of each sample, from the modules by themselves."""
    [student], [teacher] = features("FTLoss")
    loss = built("FTLoss", form=name, reconstruction_weight=0.3)
    [part] = loss.parts
    theirs, own = part.encoder(teacher), part.translator(student)
    assert own.shape == theirs.shape == (4, 2, 8, 8)
    error = (part.decoder(theirs) - teacher).square().mean((1, 2, 3)).detach().numpy()
    each = loss.train()(student, teacher, reduction_override="none")
    return own.detach().numpy(), theirs.detach().numpy(), error, each.detach().numpy()


def test_the_papers_form_compares_factors_of_unit_length():
    own, theirs, error, each = parts("factor")
    vectors = [x.reshape(4, -1) for x in (own, theirs)]
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in vectors]
    expected = np.abs(unit[0] - unit[1]).mean(1) + 0.3 * error
    np.testing.assert_allclose(each, expected, rtol=1e-10)


def test_repdistillers_form_compares_where_factors_are_large():
    own, theirs, error, each = parts("attention")
    vectors = [(x**2).mean(1).reshape(4, -1) for x in (own, theirs)]
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in vectors]
    expected = np.abs(unit[0] - unit[1]).mean(1) + 0.3 * error
    np.testing.assert_allclose(each, expected, rtol=1e-10)


def test_the_paraphraser_learns_nothing_from_the_student():
    """Or it would learn factors that are easy, and not ones that tell of the teacher's map."""
    gradients = []
    for scale in (1.0, 3.0):
        [student], [teacher] = features("FTLoss")
        loss = built("FTLoss")
        loss(student.detach() * scale + 1, teacher).backward()
        gradients.append([p.grad.clone() for p in loss.parts[0].encoder.parameters()])
        assert all(p.grad.abs().sum() > 0 for p in loss.parts[0].translator.parameters())
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))


def test_the_paraphraser_comes_to_reconstruct():
    loss, [teacher] = built("FTLoss", reconstruction_weight=1.0), features("FTLoss")[1]
    [part], teacher = loss.parts, teacher.detach().abs()
    before = (part.decoder(part.encoder(teacher)) - teacher).square().mean()
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        loss(features("FTLoss")[0], teacher).backward()
        optimizer.step()
    after = (part.decoder(part.encoder(teacher)) - teacher).square().mean()
    assert after < before / 2


def test_bad_use_is_refused():
    for settings in (dict(reconstruction_weight=0.0), dict(rate=0.0)):
        with pytest.raises(ValueError, match="paraphraser would not learn"):
            FTLoss(**settings)
    with pytest.raises(ValueError, match="form is one of"):
        FTLoss(form="whole")
    with pytest.raises(ValueError, match="feature maps"):
        FTLoss().adapt([(2, 3)], [(2, 3)])


def test_a_paraphraser_of_before_has_no_error_in_the_loss():
    [student], [teacher] = features("FTLoss")
    loss = built("FTLoss", released_code=True)
    loss.paraphrased.fill_(True)
    loss(student, teacher).backward()
    assert all(weight.grad is None for weight in loss.paraphrasers())
    torch.testing.assert_close(
        loss(student, teacher),
        _same_parts(loss, reconstruction_weight=1e-12)(student, teacher),
    )
    assert "paraphrased" in loss.state_dict()
    assert "paraphrased" not in built("FTLoss").state_dict()


def _same_parts(loss, **settings):
    """A loss that trains its paraphraser, with the weights of another."""
    other = built("FTLoss", **settings)
    other.parts.load_state_dict(loss.parts.state_dict())
    return other
