_base_ = "../_base_/pairs/resnet34_resnet18_imagenet.py"

mgd = dict(
    student="backbone",
    teacher="backbone",
    loss=dict(type="mmkd.MGDLoss", alpha=7e-5, mask_ratio=0.15, masked="channels"),
)
model = dict(terms=dict(mgd=mgd))
# MGD's recipe, which is mmpretrain's: 256 images an iteration, as 8 processes with 32.
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(lr=0.1))
auto_scale_lr = dict(base_batch_size=256)
