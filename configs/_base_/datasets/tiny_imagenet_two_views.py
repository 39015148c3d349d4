# Tiny-ImageNet with a weak and a strong view of each training image, as cifar100_two_views.py says.
_base_ = ["./tiny_imagenet.py", "./strong_view.py"]

crop_and_flip = [
    dict(type="RandomCrop", crop_size=64, padding=8),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
]
cutout = dict(
    type="Cutout",
    prob=1.0,
    magnitude_range=(0, 32),  # pixels, up to half of the side
    magnitude_level=10,
    magnitude_std="inf",
    pad_val=(114, 123, 125),
)
strong = [*crop_and_flip, {{_base_.strong_view}}, cutout]

train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type="LoadImageFromFile"),
            dict(type="MultiView", num_views=[1, 1], transforms=[crop_and_flip, strong]),
            dict(type="PackInputs"),
        ]
    )
)
data_preprocessor = dict(type="mmkd.MultiViewDataPreprocessor", views=2)
