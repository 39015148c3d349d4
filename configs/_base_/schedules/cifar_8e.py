# Eight epochs, so that a CPU can compare methods on all images: the rate falls along a half cosine
# from the first iteration to the last. The test images are evaluated once, at the end.
optim_wrapper = dict(
    # On a processor with instructions for bfloat16 this halves the time. On one without them
    # training takes several times as long: give `--cfg-options optim_wrapper.type=OptimWrapper`
    # there.
    type="mmkd.CPUAmpOptimWrapper",
    optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),
)
param_scheduler = dict(type="CosineAnnealingLR", convert_to_iter_based=True, T_max=8)

custom_hooks = [dict(type="mmkd.MemoryFormatHook")]

train_cfg = dict(by_epoch=True, max_epochs=8, val_interval=8)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=128)
