# As mmpretrain's swin_transformer/swin-large_16xb64_in1k-384px.py, from its weights on ImageNet.
_base_ = "mmpretrain::_base_/models/swin_transformer/large_384.py"

weights = (
    "https://mmassets.onedl.ai/mmclassification/v0/swin-transformer/convert/"
    "swin_large_patch4_window12_384_22kto1k-0a40944b.pth"
)
model = dict(
    _scope_="mmpretrain",
    backbone=dict(init_cfg=dict(type="Pretrained", checkpoint=weights, prefix="backbone")),
)
