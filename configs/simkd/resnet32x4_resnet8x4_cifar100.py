_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

reused = dict(
    type="Pretrained", checkpoint="work_dirs/resnet32x4_cifar100/epoch_240.pth", prefix="head."
)
model = dict(
    student=dict(
        _delete_=True,
        type="mmpretrain.ImageClassifier",
        backbone=dict(type="mmkd.CIFARResNet", depth=8, widths=(32, 64, 128, 256)),
        neck=[
            dict(type="mmkd.SimKDNeck", in_channels=256, out_channels=256),
            dict(type="GlobalAveragePooling"),
        ],
        head=dict(
            type="LinearClsHead", num_classes=100, in_channels=256, topk=(1, 5), init_cfg=reused
        ),
    ),
    student_loss_weight=0.0,
    terms=dict(simkd=dict(student="neck.0", teacher="backbone", loss=dict(type="mmkd.SimKDLoss"))),
)
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"student.head": dict(lr_mult=0.0, decay_mult=0.0)})
)
