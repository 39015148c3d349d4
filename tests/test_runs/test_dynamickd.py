"""DynamicKD's controller in a run: trained, saved, resumed, and no part of the student."""

import pytest
import torch
from runs import checkpoints, distiller, run, scalars

CONTROLLER = dict(type="mmkd.EntropyController")
OWN = dict(
    terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", student_transforms=[CONTROLLER]))),
)
SHARED = dict(
    terms=dict(
        kd=dict(loss=dict(type="mmkd.KDLoss", student_transforms=["controller"])),
        dkd=dict(loss=dict(type="mmkd.DKDLoss", student_transforms=["controller"])),
    ),
    shared=dict(controller=dict(CONTROLLER, momentum=0.9)),
    student_loss_transforms=["controller"],
)
KEYS = {
    "kd/alpha": "terms.kd.loss.student_transforms.0.raw_alpha",
    "controller/alpha": "shared.controller.raw_alpha",
}
OPTIMIZER = dict(
    optimizer=dict(type="SGD", lr=0.05, momentum=0.9, weight_decay=0.5),
    paramwise_cfg=dict(custom_keys=dict(raw_alpha=dict(lr_mult=4.0, decay_mult=0.0))),
)


def go(folder, model, epochs, **overrides):
    fields = dict(**checkpoints(), optim_wrapper=OPTIMIZER, **overrides)
    fields["custom_hooks"].append(dict(type="mmkd.StatisticsHook", interval=1))
    cfg = dict(by_epoch=True, max_epochs=epochs)
    return run(folder, distiller(**model), train_cfg=cfg, **fields)


@pytest.mark.parametrize(("model", "name"), [(OWN, "kd/alpha"), (SHARED, "controller/alpha")])
def test_a_resumed_run_goes_on_with_its_alpha(tmp_path, model, name):
    whole = go(tmp_path / "whole", model, 3)
    go(tmp_path / "parts", model, 2)
    resumed = go(tmp_path / "parts", model, 3, resume=True)
    for key, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[key], value), key
    curve = scalars(whole, f"train/{name}")
    assert len(set(curve)) == whole.iter == 6
    assert scalars(resumed, f"train/{name}")[-2:] == curve[-2:]
    [group] = [g for g in whole.optim_wrapper.param_groups if g["weight_decay"] == 0]
    assert group["lr"] == pytest.approx(0.2)
    assert group["params"][0] is dict(whole.model.named_parameters())[KEYS[name]]

    student = torch.load(tmp_path / "whole/epoch_3_student.pth", weights_only=False)
    assert student["state_dict"].keys() == whole.model.student.state_dict().keys()
    assert (
        KEYS[name] in torch.load(tmp_path / "whole/epoch_3.pth", weights_only=False)["state_dict"]
    )
