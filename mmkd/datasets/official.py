"""Facts about complete copies of public data sets, by the type of the dataset that reads them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Official:
    """Facts about a data set.

    Attributes:
        images: Number of images of each split.
        each: Number of images of each class, for the splits whose classes are equally large.
        size: Width and height in pixels, if they are the same for all images.
        modes: Pillow's names of the allowed pixel formats; any format is allowed if there are none.
    """

    images: dict[str, int]
    each: dict[str, int]
    size: tuple[int, int] | None = None
    modes: tuple[str, ...] = ()


def equal_classes(classes: int, size: int, **each: int) -> Official:
    """Return the facts of small colour images, with equally many images of every class."""
    images = {split: classes * count for split, count in each.items()}
    # Grey images are stored with one channel; loading repeats it.
    return Official(images, each, (size, size), ("RGB", "L"))


# CIFAR: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. CINIC-10: README
# of github.com/BayesWatch/cinic-10. ImageNet: Russakovsky et al., IJCV 2015, table 2; its files mix
# modes. COCO: Lin et al., ECCV 2014, in the split of 2017 (cocodataset.org).
OFFICIAL = {
    "CIFAR10": equal_classes(10, 32, train=5000, test=1000),
    "CIFAR100": equal_classes(100, 32, train=500, test=100, train45k=450, val5k=50),
    "CINIC10": equal_classes(10, 32, train=9000, valid=9000, trainval=18000, test=9000),
    "TinyImageNet": equal_classes(200, 64, train=500, val=50),
    "FashionMNIST": equal_classes(10, 28, train=6000, test=1000),
    "Digits": Official(dict(train=1297, test=500), dict(test=50), (8, 8)),
    "ImageNet": Official(dict(train=1281167, val=50000), dict(val=50)),
    "CocoDataset": Official({"instances_train2017": 118287, "instances_val2017": 5000}, {}),
}
