_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

reused = dict(
    type="Pretrained", checkpoint="work_dirs/resnet20_fmnist8k/epoch_10.pth", prefix="head."
)
model = dict(
    student=dict(
        _delete_=True,
        type="mmpretrain.ImageClassifier",
        backbone=dict(type="mmkd.CIFARResNet", depth=8, widths=(8, 8, 16, 32), in_channels=1),
        neck=[
            dict(type="mmkd.SimKDNeck", in_channels=32, out_channels=64),
            dict(type="GlobalAveragePooling"),
        ],
        head=dict(type="LinearClsHead", num_classes=10, in_channels=64, topk=(1,), init_cfg=reused),
    ),
    student_loss_weight=0.0,
    terms=dict(
        _delete_=True,
        simkd=dict(student="neck.0", teacher="backbone", loss=dict(type="mmkd.SimKDLoss")),
    ),
)
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"student.head": dict(lr_mult=0.0, decay_mult=0.0)})
)
