# The random changes of a strong view in ER-KD's released code, which has them from FixMatch and
# calls them RandAugment(2, 10): two of these changes, each with a strength drawn from its whole
# range; the 10 has no effect there. It takes images in the order B G R, after crop and flip and
# before a cutout.
strong_view = dict(
    type="RandAugment",
    num_policies=2,
    total_level=10,
    magnitude_level=10,
    magnitude_std="inf",  # uniform in the range
    hparams=dict(pad_val=0, interpolation="nearest", prob=1.0, random_negative_prob=0.0),
    policies=[
        dict(type="AutoContrast"),
        dict(type="Equalize"),
        dict(type="Brightness", magnitude=0.0),  # leaves the image as it is
        # A factor of 0.05 to 0.95 in that code is 1 + magnitude here.
        dict(type="Brightness", magnitude_range=(-0.95, -0.05)),
        dict(type="ColorTransform", magnitude_range=(-0.95, -0.05)),
        dict(type="Contrast", magnitude_range=(-0.95, -0.05)),
        dict(type="Sharpness", magnitude_range=(-0.95, -0.05)),
        dict(type="Posterize", magnitude_range=(3, 7)),  # rounded up: 4, 5, 6 or 7 bits
        dict(type="Solarize", magnitude_range=(0, 256)),
        dict(type="Rotate", magnitude_range=(-30, 30)),
        dict(type="Shear", direction="horizontal", magnitude_range=(-0.3, 0.3)),
        dict(type="Shear", direction="vertical", magnitude_range=(-0.3, 0.3)),
        dict(type="Translate", direction="horizontal", magnitude_range=(-0.3, 0.3)),
        dict(type="Translate", direction="vertical", magnitude_range=(-0.3, 0.3)),
    ],
)
