"""DynamicKD's entropy controller, learned and solved."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmkd.logits import (
    EntropyController,
    FLSWTemperature,
    ProbabilityShift,
    SolvedEntropyController,
    Standardize,
    entropy,
)
from mmkd.losses import KDLoss
from mmkd.registry import MODELS

STUDENT = torch.tensor(
    [[2, 0.5, -1, 0], [0.2, 1.5, 0.3, -0.5], [-0.4, 0.1, 0.9, 1.1]], dtype=torch.float64
)
TEACHER = torch.tensor(
    [[3, 1, -2, 0.5], [1.4, 1.2, 0.1, -1], [0, 0.2, 2.5, 2.4]], dtype=torch.float64
)
LABELS = torch.tensor([0, 1, 3])
OPTIMUM, LOWEST = 1.391711, 0.152950
FORMS = [
    dict(position=position, domain=domain, num_classes=classes)
    for position in ("multiply", "divide")
    for domain in ("clamp", "exp", "softplus")
    for classes in (None, 4)
]


def controlled(controller, **arguments):
    return KDLoss(student_transforms=[controller], **arguments)


def double(**arguments):
    return EntropyController(**arguments).double()


@pytest.mark.parametrize(
    ("alpha", "value", "slope"),
    [
        (0.5, 0.433840, -0.629931),
        (1.0, 0.207075, -0.276677),
        (1.5, 0.157068, 0.075998),
        (2.0, 0.281879, 0.421522),
    ],
)
def test_loss_and_gradient_of_the_worked_example(alpha, value, slope):
    controller = double(init=alpha)
    loss = controlled(controller)(STUDENT, TEACHER)
    loss.backward()
    assert loss.item() == pytest.approx(value, abs=5e-7)
    assert controller.raw_alpha.grad.item() == pytest.approx(slope, abs=5e-7)


@settings(deadline=None, max_examples=25)
@given(alpha=st.floats(0.1, 5), temperature=st.sampled_from([1.0, 4.0]), seed=st.integers(0, 99))
def test_the_gradient_is_the_difference_of_expected_logits(alpha, temperature, seed):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64) * 3
    controller = double(init=alpha)
    controlled(controller, temperature=temperature)(student, teacher).backward()
    u = (controller.alpha.detach() * student / temperature).softmax(-1)
    p = (teacher / temperature).softmax(-1)
    expected = temperature * ((u - p) * student).sum(-1).mean()
    assert controller.raw_alpha.grad.item() == pytest.approx(expected.item(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_at_one_it_is_kd(form):
    value = controlled(double(**form))(STUDENT, TEACHER)
    assert value.item() == pytest.approx(KDLoss()(STUDENT, TEACHER).item(), rel=1e-6)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_it_starts_at_the_init(form):
    controller = EntropyController(init=0.3, **form)
    shape = () if form["num_classes"] is None else (4,)
    torch.testing.assert_close(controller.alpha.detach(), torch.full(shape, 0.3))


@settings(deadline=None, max_examples=25)
@given(low=st.floats(0.05, 4), factor=st.floats(1.01, 3), seed=st.integers(0, 99))
def test_entropy_falls_with_alpha(low, factor, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(4, 6, generator=generator, dtype=torch.float64)
    first, second = (double(init=alpha)(logits) for alpha in (low, low * factor))
    assert (entropy(second, 4.0) < entropy(first, 4.0)).all()
    divided = [double(init=alpha, position="divide")(logits) for alpha in (low, low * factor)]
    assert (entropy(divided[1], 4.0) > entropy(divided[0], 4.0)).all()


@pytest.mark.parametrize("form", [form for form in FORMS if form["num_classes"] is None], ids=str)
def test_training_reaches_the_optimum_of_a_fixed_batch(form):
    controller = double(**form)
    loss = controlled(controller)
    optimizer = torch.optim.LBFGS(
        controller.parameters(), tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        value = loss(STUDENT, TEACHER)
        value.backward()
        return value

    for _ in range(5):
        optimizer.step(closure)
    alpha = controller.alpha.item()
    alpha = 1 / alpha if form["position"] == "divide" else alpha
    assert alpha == pytest.approx(OPTIMUM, abs=2e-6)
    assert loss(STUDENT, TEACHER).item() == pytest.approx(LOWEST, abs=5e-7)


def test_a_factor_for_each_class_fits_better_than_one_for_all():
    controller = double(num_classes=4)
    optimizer = torch.optim.SGD(controller.parameters(), lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        controlled(controller)(STUDENT, TEACHER).backward()
        optimizer.step()
    assert len(controller.alpha.unique()) == 4
    assert controlled(controller)(STUDENT, TEACHER).item() < LOWEST - 1e-3


def test_the_parameter_returns_from_below_the_floor():
    controller = double(min=0.2)
    with torch.no_grad():
        controller.raw_alpha.fill_(-3.0)
    assert controller.alpha.item() == pytest.approx(0.2)
    controlled(controller)(STUDENT, TEACHER).backward()
    assert controller.raw_alpha.grad < 0


def test_the_average_follows_alpha_in_training_and_passes_its_gradient():
    controller = double(momentum=0.75)
    with torch.no_grad():
        controller.raw_alpha.fill_(2.0)
    scaled = controller(STUDENT)
    torch.testing.assert_close(scaled, STUDENT * 1.25)
    scaled.sum().backward()
    torch.testing.assert_close(controller.raw_alpha.grad, STUDENT.sum())
    controller.eval()
    torch.testing.assert_close(controller(STUDENT), STUDENT * 1.25)
    assert "average" in controller.state_dict()


def test_the_solved_factors_are_optimal_for_each_sample():
    values = controlled(SolvedEntropyController())(STUDENT, TEACHER, reduction_override="none")
    best = torch.full((3,), torch.inf, dtype=torch.float64)
    for alpha in torch.linspace(0.1, 10, 2000).tolist():
        loss = controlled(double(init=alpha))
        best = best.minimum(loss(STUDENT, TEACHER, reduction_override="none"))
    assert (values <= best + 1e-12).all()
    assert values.mean() < LOWEST
    torch.testing.assert_close(values.detach(), best.detach(), rtol=1e-3, atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(scale=st.floats(0.3, 3), temperature=st.sampled_from([1.0, 4.0]), seed=st.integers(0, 99))
def test_a_scaled_copy_of_the_target_is_solved_exactly(scale, temperature, seed):
    generator = torch.Generator().manual_seed(seed)
    teacher = torch.randn(4, 6, generator=generator, dtype=torch.float64) * 3
    log_target = (teacher / temperature).log_softmax(-1)
    alpha = SolvedEntropyController().solve(teacher / scale, log_target, temperature)
    torch.testing.assert_close(alpha, torch.full_like(alpha, scale), rtol=1e-6, atol=0)


def test_it_is_solved_for_the_adjusted_target_at_each_samples_temperature():
    """The temperatures of FLSW do not see the scale of logits, so that the losses compare."""
    arguments = dict(target=ProbabilityShift(), temperature=FLSWTemperature())

    def values(controller):
        loss = controlled(controller, **arguments)
        return loss(STUDENT, TEACHER, labels=LABELS, reduction_override="none")

    solved = values(SolvedEntropyController())
    others = torch.stack([values(double(init=a)) for a in torch.linspace(0.1, 10, 500).tolist()])
    torch.testing.assert_close(solved, others.min(0).values, rtol=1e-3, atol=1e-5)
    assert solved.mean() < values(double()).mean() - 0.1


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("kind", ["EntropyController", "SolvedEntropyController"])
def test_extremes_give_finite_values_and_gradients(kind, scale):
    generator = torch.Generator().manual_seed(0)
    for classes in (2, 100):
        signs = torch.randint(0, 2, (2, 3, classes), generator=generator) * 2.0 - 1
        student, teacher = (signs[0] * scale).requires_grad_(), signs[1] * scale
        value = controlled(MODELS.build(dict(type=f"mmkd.{kind}")))(student, teacher)
        value.backward()
        assert value.isfinite()
        assert student.grad.isfinite().all()


def test_a_fitted_transform_has_one_place():
    solved, scaled = SolvedEntropyController(), EntropyController()
    KDLoss(student_transforms=[scaled, solved])
    for misplaced in (
        dict(student_transforms=[solved, scaled]),
        dict(teacher_transforms=[solved]),
        dict(transforms=[Standardize(), solved]),
    ):
        with pytest.raises(ValueError, match="put it last in `student_transforms`"):
            KDLoss(**misplaced)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(position="add"), "position must be one of"),
        (dict(domain="relu"), "domain must be one of"),
        (dict(init=0.0), "must be positive"),
        (dict(min=0.0), "must be positive"),
        (dict(momentum=1.0), "momentum"),
        (dict(momentum=-0.1), "momentum"),
    ],
)
def test_wrong_arguments_are_refused_in_words(arguments, message):
    with pytest.raises(ValueError, match=message):
        EntropyController(**arguments)
    with pytest.raises(ValueError, match="bounds"):
        SolvedEntropyController(min=2.0)
    assert EntropyController(momentum=0.0).momentum == 0


@settings(deadline=None, max_examples=25)
@given(alpha=st.floats(0.1, 5), temperature=st.sampled_from([1.0, 4.0]), seed=st.integers(0, 99))
def test_the_slopes_are_variances_so_that_the_optimum_is_one(alpha, temperature, seed):
    """dH(u)/da = -(a / T^2) Var_u(z) <= 0, and d^2 (T^2 KL)/da^2 = Var_u(z) >= 0."""
    generator = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64) * 3
    controller = double(init=alpha)
    u = (alpha * student / temperature).softmax(-1)
    mean = (u * student).sum(-1, keepdim=True)
    variance = (u * (student - mean).square()).sum(-1)

    entropies = entropy(controller(student), temperature).mean()
    (slope,) = torch.autograd.grad(entropies, controller.raw_alpha)
    torch.testing.assert_close(slope, -(alpha / temperature**2) * variance.mean())
    loss = controlled(controller, temperature=temperature)(student, teacher)
    (first,) = torch.autograd.grad(loss, controller.raw_alpha, create_graph=True)
    (second,) = torch.autograd.grad(first, controller.raw_alpha)
    torch.testing.assert_close(second, variance.mean())


def test_a_sharper_teacher_makes_alpha_grow_and_a_softer_one_shrink():
    for scale, sign in ((3.0, -1), (0.3, 1)):
        controller = double()
        controlled(controller)(STUDENT, scale * STUDENT).backward()
        assert controller.raw_alpha.grad.sign() == sign


def test_statistics_are_of_alpha():
    assert double(init=0.7).statistics() == {"alpha": pytest.approx(0.7)}
    by_class = double(num_classes=4, momentum=0.75)
    with torch.no_grad():
        by_class.raw_alpha.copy_(torch.tensor([1.0, 2.0, 3.0, 6.0]))
    by_class(STUDENT)
    expected = {"alpha": 3.0, "alpha_min": 1.0, "alpha_max": 6.0, "alpha_average": 1.5}
    assert by_class.statistics() == pytest.approx(expected)
    solved = SolvedEntropyController()
    assert solved.statistics() == {}
    controlled(solved)(STUDENT, TEACHER)
    alpha = solved.solve(STUDENT, (TEACHER / 4).log_softmax(-1), 4.0).flatten().tolist()
    expected = {"alpha": sum(alpha) / 3, "alpha_min": min(alpha), "alpha_max": max(alpha)}
    assert solved.statistics() == pytest.approx(expected)
