# As mmpretrain's vision_transformer/vit-large-p16_64xb64_in1k-384px.py, from its weights on
# ImageNet.
_base_ = "mmpretrain::_base_/models/vit-large-p16.py"

weights = (
    "https://mmassets.onedl.ai/mmclassification/v0/vit/finetune/"
    "vit-large-p16_in21k-pre-3rdparty_ft-64xb64_in1k-384_20210928-b20ba619.pth"
)
model = dict(
    _scope_="mmpretrain",
    backbone=dict(
        img_size=384,
        init_cfg=dict(_delete_=True, type="Pretrained", checkpoint=weights, prefix="backbone"),
    ),
)
