# mmpretrain's ImageNet, with 64 images a process, in the folders that mmpretrain reads.
_base_ = "mmpretrain::_base_/datasets/imagenet_bs64.py"

val_evaluator = [dict(type="Accuracy", topk=(1, 5)), dict(type="mmkd.Calibration")]
test_evaluator = val_evaluator
