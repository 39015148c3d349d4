# As mmpretrain's deit/deit-base-distilled_16xb32_in1k-384px.py, from its weights on ImageNet.
weights = (
    "https://mmassets.onedl.ai/mmclassification/v0/deit/"
    "deit-base-distilled_3rdparty_ft-16xb32_in1k-384px_20211216-e48d6000.pth"
)
model = dict(
    type="mmpretrain.ImageClassifier",
    _scope_="mmpretrain",
    backbone=dict(
        type="DistilledVisionTransformer",
        arch="deit-base",
        img_size=384,
        patch_size=16,
        init_cfg=dict(type="Pretrained", checkpoint=weights, prefix="backbone"),
    ),
    neck=None,
    head=dict(type="DeiTClsHead", num_classes=1000, in_channels=768),
)
