# Scenes of digits in COCO's files, as tools/dataset_tools/make_scenes_coco.py writes them. They are
# not flipped, because a mirrored digit is not that digit.
_base_ = "mmdet::_base_/datasets/coco_detection.py"

root = "data/scenes/"
labels = root + "annotations/instances_val2017.json"
names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
scene = dict(data_root=root, metainfo=dict(classes=names))
load = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations", with_bbox=True)]
resize = dict(type="Resize", scale=(128, 128), keep_ratio=True)
keys = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")
pack = dict(type="PackDetInputs", meta_keys=keys)

# The process itself loads the images: on two cores workers would only wait for each other.
process = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=4, dataset=dict(**scene, pipeline=[*load, resize, pack]), **process
)
val_dataloader = dict(
    batch_size=8, dataset=dict(**scene, pipeline=[*load, resize, pack]), **process
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=labels)
test_evaluator = val_evaluator
