# Three epochs, so that a CPU can compare methods on all images: the rate falls along a half cosine
# from the first iteration to the last. The test images are evaluated once, at the end.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),
)
param_scheduler = dict(type="CosineAnnealingLR", convert_to_iter_based=True, T_max=3)

# Faster than the default format on a CPU without bfloat16 instructions.
custom_hooks = [dict(type="mmkd.MemoryFormatHook")]

train_cfg = dict(by_epoch=True, max_epochs=3, val_interval=3)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=128)
