# Training takes CINIC-10's `train` and `valid` together, 180,000 images. No validation images are
# left: as with CIFAR-100, the test images are evaluated after every epoch.
_base_ = "./cinic10.py"

train_dataloader = dict(dataset=dict(split="trainval"))
val_dataloader = dict(dataset=dict(split="test"))
