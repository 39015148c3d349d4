"""A dataset of one's own: COCO's form, own classes."""

from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS


@DATASETS.register_module()
class HouseholdDataset(CocoDataset):
    """Household objects under names of LVIS, in COCO's files."""

    METAINFO = dict(  # noqa: RUF012 - as mmdet has it
        classes=("alarm_clock", "bath_towel", "lampshade", "mug", "remote_control"),
        palette=[(220, 20, 60), (0, 130, 180), (250, 170, 30), (107, 142, 35), (119, 11, 32)],
    )
