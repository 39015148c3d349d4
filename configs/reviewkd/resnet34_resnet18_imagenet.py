_base_ = "../_base_/pairs/resnet34_resnet18_imagenet.py"

# The stages behind their ReLU: that of ReviewKD's code overwrites what it collects before it.
stages = [f"backbone.layer{stage}" for stage in (1, 2, 3, 4)]
review = dict(
    student=[*stages, "neck"],
    teacher=[*stages, "neck"],
    connector=dict(type="mmkd.ReviewConnector"),
    loss=dict(type="mmkd.ReviewKDLoss"),
)
model = dict(terms=dict(reviewkd=review))
# ReviewKD's recipe: 256 images an iteration, as 8 processes with 32.
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(lr=0.1))
auto_scale_lr = dict(base_batch_size=256)
