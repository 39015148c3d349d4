# CIFAR-100 with two views of each training image, as MLKD and its successors use it: a weak one
# (crop, flip), then a strong one (the same, then strong_view.py's changes and a cutout). 64 images
# give a batch of 128 inputs, all weak views first. A mean over this batch is half the sum of the
# two views' means, so the weight of a loss that MLKD adds over the views (cross-entropy, 0.1) is
# doubled (0.2).
_base_ = ["./cifar100.py", "./strong_view.py"]

crop_and_flip = [
    dict(type="RandomCrop", crop_size=32, padding=4),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
]
# mmpretrain's CIFAR100 yields R G B, so the channels are reversed before and after the transforms
# that depend on colours.
reverse_channels = [dict(type="NumpyToPIL", to_rgb=True), dict(type="PILToNumpy")]
cutout = dict(
    type="Cutout",
    prob=1.0,
    magnitude_range=(0, 16),  # pixels, up to half of the side
    magnitude_level=10,
    magnitude_std="inf",
    pad_val=(114, 123, 125),
)
strong = [*crop_and_flip, *reverse_channels, {{_base_.strong_view}}, cutout, *reverse_channels]

train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type="MultiView", num_views=[1, 1], transforms=[crop_and_flip, strong]),
            dict(type="PackInputs"),
        ]
    )
)
data_preprocessor = dict(type="mmkd.MultiViewDataPreprocessor", views=2)
